/** A channel beside a plain queue: in random programs, some order of the calls explains every history. */
import fc from "fast-check";
import { describe, expect, it } from "@jest/globals";
import { checkOperations, type OperationsProgram } from "../../lib/check/index.ts";
import type { Receiver } from "../../lib/channel/receiver.ts";
import type { Sender } from "../../lib/channel/sender.ts";
import { FerrousError } from "../../lib/errors.ts";
import { explored } from "../support/executions.ts";
import { bounded, encoded, setup, unbounded, type Make, type Shared } from "../support/streams.ts";

/** In its long form so many times the programs; with another preemption each of them would take ten times as long. */
const TIMES = process.env["FERROUS_LONG"] === undefined ? 1 : 4;
const OPTIONS = { preemptions: 1, time: 50_000 * TIMES };

/** What one thread does to its sender and its receiver; `n` is a number that is sent once only. */
interface Queue {
  trySend(thread: number, n: number): unknown;
  send(thread: number, n: number): unknown;
  sendMany(thread: number, n: number): unknown;
  tryRecv(thread: number): unknown;
  recv(thread: number): unknown;
  recvMany(thread: number): unknown;
  isHeard(thread: number): unknown;
  isFed(thread: number): unknown;
  closeSender(thread: number): unknown;
  closeReceiver(thread: number): unknown;
}

/** What a call never comes to: it would wait, so another order must explain what it came to. */
const WAITS = "waits";

/** A plain queue; errors by their codes. */
class Plain implements Queue {
  readonly #capacity: number;
  readonly #queue: number[] = [];
  /** By thread. */
  readonly #senders: Set<number>;
  readonly #receivers: Set<number>;

  constructor(capacity: number, senders: readonly number[], receivers: readonly number[]) {
    this.#capacity = capacity;
    this.#senders = new Set(senders);
    this.#receivers = new Set(receivers);
  }
  #put(thread: number, values: readonly number[], full: unknown): unknown {
    if (!this.#senders.has(thread)) return "RELEASED";
    if (this.#receivers.size === 0) return "DISCONNECTED";
    if (this.#queue.length + values.length > this.#capacity) return full;
    this.#queue.push(...values);
    return true;
  }
  #take(thread: number, most: number, empty: unknown): unknown {
    if (!this.#receivers.has(thread)) return "RELEASED";
    if (this.#queue.length > 0) return this.#queue.splice(0, most);
    return this.#senders.size === 0 ? "DISCONNECTED" : empty;
  }
  trySend(thread: number, n: number): unknown {
    return this.#put(thread, [n], false);
  }
  send(thread: number, n: number): unknown {
    return this.#put(thread, [n], WAITS);
  }
  sendMany(thread: number, n: number): unknown {
    return this.#put(thread, [n, n + 1], WAITS);
  }
  tryRecv(thread: number): unknown {
    return this.#take(thread, 1, undefined);
  }
  recv(thread: number): unknown {
    return this.#take(thread, 1, WAITS);
  }
  recvMany(thread: number): unknown {
    return this.#take(thread, 2, WAITS);
  }
  isHeard(thread: number): unknown {
    return this.#senders.has(thread) ? this.#receivers.size > 0 : "RELEASED";
  }
  isFed(thread: number): unknown {
    return this.#receivers.has(thread) ? this.#senders.size > 0 : "RELEASED";
  }
  closeSender(thread: number): void {
    this.#senders.delete(thread);
  }
  closeReceiver(thread: number): void {
    this.#receivers.delete(thread);
  }
}

/** Calls the real one. Each thread sees its own ends only. */
const call = <E>(ends: readonly E[], run: (end: E) => unknown): unknown => {
  try {
    return run(ends.find((end) => (end as unknown) !== undefined) as E);
  } catch (error) {
    if (error instanceof FerrousError) return error.code;
    throw error;
  }
};
const tx = (run: (tx: Sender<number>, n: number) => unknown) => ({
  run: ({ txs }: Shared, _thread: number, n: number) => call(txs, (end) => run(end, n)),
});
const rx = (run: (rx: Receiver<number>) => unknown) => ({ run: ({ rxs }: Shared) => call(rxs, run) });
const operations = {
  trySend: tx((end, n) => end.trySend(n)),
  send: tx((end, n) => {
    end.send(n);
    return true;
  }),
  sendMany: tx((end, n) => {
    end.sendMany([n, n + 1]);
    return true;
  }),
  isHeard: tx((end) => !end.disconnected),
  closeSender: tx((end) => {
    end.close();
  }),
  tryRecv: rx((end) => {
    const got = end.tryRecv();
    return got && [got.value];
  }),
  recv: rx((end) => [end.recv()]),
  recvMany: rx((end) => [...end.recvMany(2)]),
  isFed: rx((end) => !end.disconnected),
  closeReceiver: rx((end) => {
    end.close();
  }),
} satisfies { readonly [Name in keyof Queue]: { run(shared: Shared, thread: number, n: number): unknown } };

type Name = keyof Queue;
const TRIES: readonly Name[] = ["trySend", "isHeard", "closeSender", "tryRecv", "isFed", "closeReceiver"];
const SENDS: readonly Name[] = ["trySend", "send", "sendMany", "isHeard", "closeSender"];
const RECEIVES: readonly Name[] = ["tryRecv", "recv", "recvMany", "isFed", "closeReceiver"];
/** Several go in one step only where they lie side by side, and never wait for room. */
const single = (names: readonly Name[]): readonly Name[] => names.filter((name) => !name.endsWith("Many"));

/** Who has which ends. Whoever may wait has one only: so somebody else can end every wait. */
interface Cast {
  readonly senders: readonly number[];
  readonly receivers: readonly number[];
  /** By thread, what it calls. */
  readonly calls: readonly (readonly Name[])[];
}
const apart = (senders: number, receivers: number): Cast => ({
  senders: Array.from({ length: senders }, (_, at) => at),
  receivers: Array.from({ length: receivers }, (_, at) => senders + at),
  calls: [...Array.from({ length: senders }, () => SENDS), ...Array.from({ length: receivers }, () => RECEIVES)],
});
const MIXED: Cast = { senders: [0, 1], receivers: [0, 1], calls: [TRIES, TRIES] };

/** Those of three threads take ten times as long. */
const programsFor = (threads: number): number => TIMES * (threads === 2 ? 5 : 1);

/** Each thread closes its ends in the end, so that nothing happens that is no call. */
function programsOf({ senders, receivers, calls }: Cast, canMany: boolean): readonly OperationsProgram[] {
  const threads = calls.map((names) => fc.array(fc.constantFrom(...(canMany ? names : single(names))), { minLength: 1, maxLength: 3 }));
  return fc
    .sample(fc.tuple(...threads), { numRuns: programsFor(calls.length), seed: 5 })
    .map((program) =>
      program.map((names, thread) =>
        [...names, ...(senders.includes(thread) ? ["closeSender"] : []), ...(receivers.includes(thread) ? ["closeReceiver"] : [])].map(
          (name, at) => ({ name, args: [thread, 100 * thread + 10 * at] }),
        ),
      ),
    );
}

function explain(title: string, make: Make, capacity: number, cast: Cast): void {
  const { senders, receivers, calls } = cast;
  for (const program of programsOf(cast, make === unbounded)) {
    const report = checkOperations(
      {
        setup: setup(make, senders.length, receivers.length),
        moves: ({ txs, rxs }: Shared) =>
          calls.map((_, thread) => [
            ...txs.filter((_tx, at) => senders[at] === thread),
            ...rxs.filter((_rx, at) => receivers[at] === thread),
          ]),
        model: () => new Plain(capacity, senders, receivers) as unknown as Record<Name, (...args: never[]) => unknown>,
        operations: operations as Record<Name, { run(shared: Shared, ...args: unknown[]): unknown }> as never,
      },
      { ...OPTIONS, program },
    );
    explored(`${title}: ${program.map((some) => some.map(({ name }) => name).join()).join(" | ")}`, OPTIONS, report);
  }
}

describe("in random programs, a plain queue explains a channel that is", () => {
  const casts: readonly (readonly [string, Cast])[] = [
    ["whose threads have both ends, and never wait", MIXED],
    ["with a sender and a receiver", apart(1, 1)],
    ["with two senders", apart(2, 1)],
    ["with two receivers", apart(1, 2)],
  ];
  it.each(
    (
      [
        ["bounded(1)", bounded(1), 1],
        ["bounded(2)", bounded(2), 2],
        ["unbounded", unbounded, Infinity],
        ["encoded and bounded(1)", encoded(1), 1],
        ["encoded and unbounded", encoded(), Infinity],
      ] as const
    ).flatMap(([kind, make, capacity]) => casts.map(([who, cast]) => ({ title: `${kind}, ${who}`, make, capacity, cast }))),
  )("$title", ({ title, make, capacity, cast }) => {
    explain(title, make, capacity, cast);
  });
});

it("the checker finds a queue that is told of as longer than it is", () => {
  expect(() => {
    explain("bounded(1)", bounded(1), 2, MIXED);
  }).toThrow("no sequential order explains");
});
