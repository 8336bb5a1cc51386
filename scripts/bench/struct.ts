/** What does a field of a struct cost, against the element of a typed array that it stands for? */
import { f64, struct, u32, u8, type FixedArray, type Infer } from "ferrous";
import { inTurns, median, nanoseconds, print, ratio, type Row } from "./measure.ts";

const ROUNDS = 9;
const COUNT = 10_000;
const REPEAT = 200;

const Account = struct("Account", { id: u32, kind: u8, total: f64, rate: f64 });
type Account = Infer<typeof Account>;
const Small = struct("Small", { kind: u8 });

const accounts = Account.array(COUNT);
const doubles = new Float64Array(accounts.buffer);
const words = new Uint32Array(accounts.buffer);
const STRIDE = Account.byteLength / 8;
const [TOTAL, RATE] = [1, 2];
const ONE = 7;
/** So that the engine has seen more than one struct, as in any real program. */
let sink = Small.array(3).at(1).kind;

interface Pair {
  readonly what: string;
  readonly plain: (n: number) => void;
  readonly ours: (n: number) => void;
  readonly bar?: string;
}

/** Each takes its subject as an argument, as functions of real programs do: of a constant array the engine knows the address. */
const addToOne = (array: Float64Array, at: number, n: number): void => {
  for (let i = 0; i < n; i++) array[at] = (array[at] as number) + 1;
};
const addToField = (account: Account, n: number): void => {
  for (let i = 0; i < n; i++) account.total += 1;
};
const readOne = (array: Float64Array, at: number, n: number): void => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += array[at] as number;
  sink += sum;
};
const readField = (account: Account, n: number): void => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += account.total;
  sink += sum;
};
const writeOne = (array: Uint32Array, at: number, n: number): void => {
  for (let i = 0; i < n; i++) array[at] = i;
};
const writeField = (account: Account, n: number): void => {
  for (let i = 0; i < n; i++) account.id = i;
};
const addToAll = (array: Float64Array, n: number): void => {
  for (let i = 0; i < n; i++) array[i * STRIDE + TOTAL] = (array[i * STRIDE + TOTAL] as number) + 1;
};
const addToFields = (array: FixedArray<Account>, n: number): void => {
  for (let i = 0; i < n; i++) array.at(i).total += 1;
};
const payAll = (array: Float64Array, n: number): void => {
  for (let i = 0; i < n; i++) {
    const at = i * STRIDE;
    array[at + TOTAL] = (array[at + TOTAL] as number) * (1 + (array[at + RATE] as number)) + 1;
  }
};
const payFields = (array: FixedArray<Account>, n: number): void => {
  for (let i = 0; i < n; i++) {
    const account = array.at(i);
    account.total = account.total * (1 + account.rate) + 1;
  }
};

const one = accounts.at(ONE);
const pairs: readonly Pair[] = [
  { what: "account.total += 1", plain: (n) => addToOne(doubles, ONE * STRIDE + TOTAL, n), ours: (n) => addToField(one, n), bar: "<= 1.2" },
  { what: "read account.total", plain: (n) => readOne(doubles, ONE * STRIDE + TOTAL, n), ours: (n) => readField(one, n), bar: "<= 1.2" },
  { what: "account.id = i, checked", plain: (n) => writeOne(words, ONE * STRIDE * 2, n), ours: (n) => writeField(one, n), bar: "<= 1.2" },
  { what: "accounts.at(i).total += 1", plain: (n) => addToAll(doubles, n), ours: (n) => addToFields(accounts, n) },
  { what: "accounts.at(i), 2 reads, 1 write", plain: (n) => payAll(doubles, n), ours: (n) => payFields(accounts, n) },
];

const repeated =
  (body: (n: number) => void): (() => number) =>
  () =>
    nanoseconds(COUNT * REPEAT, () => {
      for (let i = 0; i < REPEAT; i++) body(COUNT);
    });

export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const { what, plain, ours, bar } of pairs) {
    const subjects = [
      { name: "typed array", measure: repeated(plain) },
      { name: "struct", measure: repeated(ours) },
    ];
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
