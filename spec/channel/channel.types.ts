/** What must not compile of channels; checked by `npm run types`. */
import {
  after,
  AtomicI32,
  bool,
  channel,
  f64,
  fromHandle,
  i32,
  i64,
  lazyStatic,
  Mutex,
  never,
  oneshot,
  OnceLock,
  select,
  selectAsync,
  spawn,
  struct,
  tick,
  toHandle,
  trySelect,
  utf8,
  type CancelFlag,
  type Infer,
  type MutexGuard,
  type Receiver,
  type Sender,
  type SendOperation,
} from "ferrous";

const is = <T>(_value: T): void => undefined;
const Point = struct("TypedPointOfChannels", { x: f64, y: f64, name: utf8(8) });
type Point = Infer<typeof Point>;
declare const flag: CancelFlag;
declare const guard: MutexGuard<number>;
declare const point: Point;

// --- making one ---

const [tx, rx] = channel<string>({ capacity: 4, maxBytes: 1024, name: "lines" });
is<[Sender<number>, Receiver<number>]>(channel<number>());
is<[Sender<number>, Receiver<number>]>(channel({ of: i32 }));
is<[Sender<bigint>, Receiver<bigint>]>(channel({ of: i64, capacity: 0 }));
is<[Sender<boolean>, Receiver<boolean>]>(channel({ of: bool }));
is<[Sender<string>, Receiver<string>]>(channel({ of: utf8(8) }));
is<[Sender<number>, Receiver<number>]>(oneshot<number>({ name: "answer" }));
// @ts-expect-error a capacity is a number
channel({ capacity: "4" });
// @ts-expect-error so is a number of bytes
channel({ maxBytes: "1k" });
// @ts-expect-error there is no such option
channel({ size: 4 });
// @ts-expect-error a type is no text
channel({ of: "i32" });
// @ts-expect-error nor a class of the platform
channel({ of: Number });
// @ts-expect-error a oneshot channel has a capacity of its own
oneshot({ capacity: 2 });

// --- sending ---

tx.send("line");
tx.send("line", { timeout: 5, signal: flag });
is<boolean>(tx.trySend("line"));
is<Promise<void>>(tx.sendAsync("line", { signal: new AbortController().signal }));
tx.sendMany(["a", "b"]);
tx.sendMany(new Set(["a"]));
// @ts-expect-error it carries texts
tx.send(3);
// @ts-expect-error so do many
tx.sendMany([1, 2]);
// @ts-expect-error a blocked thread cannot hear an AbortSignal
tx.send("line", { signal: new AbortController().signal });
// @ts-expect-error there may be no room
is<undefined>(tx.trySend("line"));
// @ts-expect-error the time to wait is in options
tx.send("line", 5);
// @ts-expect-error it is asked, not set
tx.capacity = 5;

const [numbers] = channel({ of: i32 });
numbers.sendMany(new Int32Array(4));
numbers.sendMany([1, 2]);
// @ts-expect-error a bigint is no i32
numbers.send(1n);

const [points, pointsOut] = channel({ of: Point, capacity: 4 });
points.send({ x: 1, y: 2, name: "a" });
points.send(point);
// @ts-expect-error a field is of another type
points.send({ x: "1", y: 2, name: "a" });
is<Point>(pointsOut.recv());
pointsOut.recvInto(point);

// --- what may be sent ---

channel<{ readonly at: Date; readonly by: Map<string, Set<number>> }>()[0].send({ at: new Date(), by: new Map() });
channel<Mutex>()[0].send(new Mutex());
channel<AtomicI32>()[0].send(new AtomicI32());
channel<Error>()[0].send(new TypeError("e"));
channel<undefined>()[0].send(undefined);
channel<null>()[0].send(null);
channel<Sender<string>>()[0].send(tx);
channel<{ readonly ask: string; readonly reply: Sender<number> }>()[0].send({ ask: "n?", reply: numbers });
channel<readonly [Sender<string>, Receiver<string>]>()[0].send([tx, rx]);
channel<Sender<Sender<string>>>()[0].send(channel<Sender<string>>()[0]);
// @ts-expect-error code stays in its thread
channel<() => number>()[0].send(() => 1);
// @ts-expect-error deep in it, too
channel<{ readonly list: readonly (() => number)[] }>()[0].send({ list: [() => 1] });
// @ts-expect-error a guard is this thread's proof
channel<MutexGuard<number>>()[0].send(guard);
// @ts-expect-error a promise is of its thread
channel<Promise<number>>()[0].trySend(Promise.resolve(1));
// @ts-expect-error so is a symbol
void channel<symbol>()[0].sendAsync(Symbol("s"));
// @ts-expect-error and what remembers weakly
channel<WeakMap<object, number>>()[0].send(new WeakMap());
// @ts-expect-error in a select, too
channel<() => number>()[0].sending(() => 1);

// --- receiving ---

is<string>(rx.recv());
is<string>(rx.recv({ timeout: 5, signal: flag }));
is<{ readonly value: string } | undefined>(rx.tryRecv());
is<Promise<string>>(rx.recvAsync({ signal: new AbortController().signal }));
is<Iterable<string>>(rx.recvMany(4));
is<AsyncIterable<string>>(rx);
for (const line of rx) is<string>(line);
// @ts-expect-error there may be nothing
is<string>(rx.tryRecv().value);
// @ts-expect-error a blocked thread cannot hear an AbortSignal
rx.recv({ signal: new AbortController().signal });
// @ts-expect-error how many at most?
rx.recvMany();
// @ts-expect-error numbers are not filled
channel<number>()[1].recvInto(3);
// @ts-expect-error a receiver does not send
rx.send("line");
// @ts-expect-error a sender does not receive
tx.recv();
// @ts-expect-error ends are made by channel()
is<Receiver<number>>(rx);

// --- moving ---

spawn((end: Sender<string>, other: Receiver<string>) => {
  end.send("a");
  return other.length;
}, tx, rx); // prettier-ignore
is<[Sender<string>, Receiver<string>]>(
  spawn((a: Sender<string>, b: Receiver<string>): [Sender<string>, Receiver<string>] => [a, b], tx, rx).join(),
);
// @ts-expect-error it carries other messages
spawn((end: Sender<number>) => end.length, tx);
is<Sender<string>>(fromHandle<Sender<string>>(toHandle(tx)));
new OnceLock<Sender<string>>().set(tx);
lazyStatic("spec/channel.types", () => tx);

// --- choosing ---

const two = select([rx, numbers.sending(3)], { timeout: 5 });
if (two.index === 0) is<string>(two.value);
else is<undefined>(two.value);
// @ts-expect-error there is no third operation
is<boolean>(two.index === 2);
is<number | string>(select([channel<number>()[1], rx]).value);
is<{ readonly index: 0; readonly value: string } | undefined>(trySelect([rx]));
void selectAsync([rx, after(5), tick(5), never<string>()], { signal: new AbortController().signal }).then(({ value }) => {
  is<string | number>(value);
});
is<string>(select([rx, never()]).value);
declare const list: Receiver<number>[];
is<{ readonly index: number; readonly value: number }>(select(list));
is<SendOperation>(tx.sending("a"));
is<number>(after(5).recv());
is<Receiver<string>>(never<string>());
// @ts-expect-error it must be told what to send
select([tx]);
// @ts-expect-error a number is no operation
select([rx, 5]);
// @ts-expect-error it takes one list
select(rx, rx);
// @ts-expect-error it carries texts
select([tx.sending(3)]);
// @ts-expect-error a blocked thread cannot hear an AbortSignal
select([rx], { signal: new AbortController().signal });
// @ts-expect-error it tells the time of its thread
spawn((time: ReturnType<typeof after>) => time.recv(), after(5));
