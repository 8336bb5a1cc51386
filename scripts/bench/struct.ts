/** What does a field of a struct cost, against the element of a typed array that it stands for? */
import { f64, struct, u32, u8, type FixedArray, type Infer } from "ferrous";
import { inTurns, median, nanoseconds, print, ratio, type Row } from "./measure.ts";

const ROUNDS = 25;
const COUNT = 10_000;
const REPEAT = 1000;

const Account = struct("Account", { id: u32, kind: u8, total: f64, rate: f64 });
type Account = Infer<typeof Account>;
const Small = struct("Small", { kind: u8 });

const accounts = Account.array(COUNT);
const doubles = new Float64Array(accounts.buffer);
const words = new Uint32Array(accounts.buffer);
const STRIDE = Account.byteLength / 8;
const [TOTAL, RATE] = [1, 2];
const ONE = 7;
interface Element<A> {
  readonly array: A;
  readonly at: number;
}
/** So that the engine has seen more than one struct, as in any real program. */
let sink = Small.array(3).at(1).kind;

/** One loop over `n`, of a subject that it is given: of a constant the engine would know the address, which real programs' loops don't. */
type Loop<S> = (subject: S, n: number) => void;
interface Subject {
  readonly name: string;
  readonly measure: () => number;
}
interface Pair {
  readonly what: string;
  readonly plain: Subject;
  readonly ours: Subject;
  readonly bar?: string;
}

const addToOne: Loop<Element<Float64Array>> = ({ array, at }, n) => {
  for (let i = 0; i < n; i++) array[at] = (array[at] as number) + 1;
};
const addToField: Loop<Account> = (account, n) => {
  for (let i = 0; i < n; i++) account.total += 1;
};
const readOne: Loop<Element<Float64Array>> = ({ array, at }, n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += array[at] as number;
  sink += sum;
};
const readField: Loop<Account> = (account, n) => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += account.total;
  sink += sum;
};
const writeOne: Loop<Element<Uint32Array>> = ({ array, at }, n) => {
  for (let i = 0; i < n; i++) array[at] = i;
};
const writeField: Loop<Account> = (account, n) => {
  for (let i = 0; i < n; i++) account.id = i;
};
const addToAll: Loop<Float64Array> = (array, n) => {
  for (let i = 0; i < n; i++) array[i * STRIDE + TOTAL] = (array[i * STRIDE + TOTAL] as number) + 1;
};
const addToFields: Loop<FixedArray<Account>> = (array, n) => {
  for (let i = 0; i < n; i++) array.at(i).total += 1;
};
const payAll: Loop<Float64Array> = (array, n) => {
  for (let i = 0; i < n; i++) {
    const at = i * STRIDE;
    array[at + TOTAL] = (array[at + TOTAL] as number) * (1 + (array[at + RATE] as number)) + 1;
  }
};
const payFields: Loop<FixedArray<Account>> = (array, n) => {
  for (let i = 0; i < n; i++) {
    const account = array.at(i);
    account.total = account.total * (1 + account.rate) + 1;
  }
};

const one = accounts.at(ONE);
/** One function calls them all, so that none is compiled into it together with its subject. */
const subject = <S>(name: string, loop: Loop<S>, of: S): Subject => ({
  name,
  measure: () =>
    nanoseconds(COUNT * REPEAT, () => {
      for (let i = 0; i < REPEAT; i++) loop(of, COUNT);
    }),
});
const plain = <S>(loop: Loop<S>, of: S): Subject => subject("typed array", loop, of);
const ours = <S>(loop: Loop<S>, of: S): Subject => subject("struct", loop, of);
const pairs: readonly Pair[] = [
  {
    what: "account.total += 1",
    plain: plain(addToOne, { array: doubles, at: ONE * STRIDE + TOTAL }),
    ours: ours(addToField, one),
    bar: "<= 1.2",
  },
  {
    what: "read account.total",
    plain: plain(readOne, { array: doubles, at: ONE * STRIDE + TOTAL }),
    ours: ours(readField, one),
    bar: "<= 1.2",
  },
  {
    what: "account.id = i, checked",
    plain: plain(writeOne, { array: words, at: ONE * STRIDE * 2 }),
    ours: ours(writeField, one),
    bar: "<= 1.2",
  },
  { what: "accounts.at(i).total += 1", plain: plain(addToAll, doubles), ours: ours(addToFields, accounts) },
  { what: "accounts.at(i), 2 reads, 1 write", plain: plain(payAll, doubles), ours: ours(payFields, accounts) },
];

export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const { what, plain, ours, bar } of pairs) {
    const subjects = [plain, ours];
    // The optimising compiler is done after a few rounds.
    await inTurns(subjects, 3);
    const figures = await inTurns(subjects, ROUNDS);
    const figure = (name: string): string => `${median(figures.get(name) ?? []).toFixed(2)} ns`;
    const row = {
      what,
      figure: figure("struct"),
      against: `typed array ${figure("typed array")}`,
      ratio: ratio(figures, "struct", "typed array"),
    };
    rows.push(bar === undefined ? row : { ...row, bar });
  }
  print("Fields of structs", rows);
  if (Number.isNaN(sink)) console.log("a sum was lost");
}
