import {
  array,
  AtomicBool,
  AtomicI32,
  AtomicI64,
  AtomicU32,
  AtomicU64,
  bool,
  f32,
  f64,
  i16,
  i32,
  i64,
  i8,
  Mutex,
  struct,
  u16,
  u32,
  u64,
  u8,
  utf8,
} from "../ferrous.js";
import { codeOf, describe, equal, ok } from "../suite.js";

const atomics = describe("atomics");
for (const [name, make, two] of /** @type {const} */ ([
  ["AtomicI32", () => new AtomicI32(5), 2],
  ["AtomicU32", () => new AtomicU32(5), 2],
  ["AtomicI64", () => new AtomicI64(5n), 2n],
  ["AtomicU64", () => new AtomicU64(5n), 2n],
])) {
  /** @type {() => any} */
  const fresh = make;
  const n = (/** @type {number} */ x) => (typeof two === "bigint" ? BigInt(x) : x);
  atomics.both(`${name} loads, stores and swaps`, () => {
    const cell = fresh();
    equal([cell.load(), cell.swap(n(7)), cell.load()], [n(5), n(5), n(7)]);
    cell.store(n(1));
    equal(cell.load(), n(1));
  });
  atomics.both(`${name} computes, and gives the old value`, () => {
    const cell = fresh();
    equal([cell.fetchAdd(two), cell.fetchSub(n(1)), cell.fetchMax(n(9)), cell.fetchMin(n(3)), cell.load()], [n(5), n(7), n(6), n(9), n(3)]);
    equal([cell.fetchAnd(n(2)), cell.fetchOr(n(4)), cell.fetchXor(n(1)), cell.load()], [n(3), n(2), n(6), n(7)]);
  });
  atomics.both(`${name} compares and exchanges`, () => {
    const cell = fresh();
    equal([cell.compareExchange(n(4), n(1)), cell.compareExchange(n(5), n(1)), cell.load()], [n(5), n(5), n(1)]);
  });
}
atomics.both("AtomicBool is true or false", () => {
  const flag = new AtomicBool(false);
  equal([flag.swap(true), flag.load(), flag.compareExchange(true, false), flag.load()], [false, true, true, false]);
});
atomics.here("arithmetic wraps around", () => {
  const [signed, unsigned] = [new AtomicI32(0x7fff_ffff), new AtomicU32(0)];
  signed.fetchAdd(1);
  unsigned.fetchSub(1);
  equal([signed.load(), unsigned.load()], [-0x8000_0000, 0xffff_ffff]);
});
atomics.here("a value out of range is refused", () => {
  equal(
    codeOf(() => new AtomicI32(0.5)),
    "RangeError",
  );
  equal(
    codeOf(() => new AtomicU32(0).store(-1)),
    "RangeError",
  );
});
atomics.here("waitAsync ends when the value is another one", async () => {
  const cell = new AtomicI32(0);
  const waiting = cell.waitAsync(0);
  cell.store(1);
  cell.notify();
  equal(await waiting, "ok");
  equal(await cell.waitAsync(0), "not-equal");
});
atomics.inThread("wait blocks for so long", () => {
  const cell = new AtomicI32(0);
  equal([cell.wait(0, { timeout: 10 }), cell.wait(1)], ["timed-out", "not-equal"]);
});

const structs = describe("structs");
for (const [name, field, values] of /** @type {[string, any, any[]][]} */ ([
  ["i8", i8, [-128, 127]],
  ["u8", u8, [0, 255]],
  ["i16", i16, [-32768, 32767]],
  ["u16", u16, [0, 65535]],
  ["i32", i32, [-2147483648, 2147483647]],
  ["u32", u32, [0, 4294967295]],
  ["i64", i64, [-(2n ** 63n), 2n ** 63n - 1n]],
  ["u64", u64, [0n, 2n ** 64n - 1n]],
  ["f32", f32, [0.5, -1.5]],
  ["f64", f64, [Math.PI, -0]],
  ["bool", bool, [true, false]],
  ["utf8", utf8(12), ["", "käse 🦀"]],
])) {
  structs.here(`a field of ${name} keeps its values`, () => {
    const One = struct(`Everywhere_${name}`, { before: u8, it: field, after: u8 });
    const one = /** @type {any} */ (One.create({ before: 1, after: 2 }));
    for (const value of values) {
      one.it = value;
      equal([one.before, one.it, one.after], [1, value, 2]);
    }
  });
}
structs.here("structs and arrays lie in structs", () => {
  const Point = struct("EverywherePoint", { x: f64, y: f64 });
  const Path = struct("EverywherePath", { from: Point, tags: array(u8, 3) });
  const path = Path.create({ from: { x: 1, y: 2 }, tags: [7, 8, 9] });
  path.from.x += 1;
  path.tags[1] = 80;
  equal([path.from.x, path.from.y, [...path.tags]], [2, 2, [7, 80, 9]]);
});
structs.here("a value out of range is refused", () => {
  const One = struct("EverywhereRange", { small: u8 });
  equal(
    codeOf(() => One.create({ small: 256 })),
    "RangeError",
  );
  equal(
    codeOf(() => One.create({ small: 0.5 })),
    "RangeError",
  );
});
structs.here("locks lie in structs, and in arrays of them", () => {
  const Account = struct("EverywhereAccount", { lock: Mutex, hits: AtomicU32, balance: f64 });
  const accounts = Account.array(100);
  const last = accounts.at(99);
  const guard = last.lock.lock();
  equal(last.lock.tryLock(), undefined);
  guard.release();
  last.hits.fetchAdd(3);
  equal([accounts.length, accounts.at(99).hits.load(), accounts.at(98).hits.load()], [100, 3, 0]);
});
structs.here("a place outside of the buffer is refused", () => {
  const One = struct("EverywherePlace", { it: i32 });
  const buffer = new SharedArrayBuffer(16);
  One.at(buffer, 12).it = 5;
  equal(One.at(buffer, 12).it, 5);
  equal(
    [codeOf(() => One.at(buffer, 16)), codeOf(() => One.at(buffer, 2)), codeOf(() => One.at(/** @type {any} */ (new ArrayBuffer(16)), 0))],
    ["RangeError", "RangeError", "TypeError"],
  );
  ok(One.byteLength === 4, "it has 4 bytes");
});
