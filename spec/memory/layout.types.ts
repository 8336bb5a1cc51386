/** What must and must not compile; tsc alone reads this file. */
import {
  array,
  bool,
  f64,
  i64,
  slotOf,
  struct,
  u32,
  u8,
  utf8,
  type FieldType,
  type FixedArray,
  type Infer,
  type InitOf,
} from "../../lib/memory/layout.ts";
import { AtomicU32 } from "../../lib/sync/atomic.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>(): void => undefined;

const Point = struct("Point", { x: f64, y: f64 });
const Account = struct("Account", {
  id: u32,
  serial: i64,
  open: bool,
  name: utf8(32),
  tags: array(u8, 8),
  seen: array(bool, 4),
  path: array(Point, 2),
  at: Point,
  hits: AtomicU32,
});
type Account = Infer<typeof Account>;

holds<
  Same<
    Account,
    {
      id: number;
      serial: bigint;
      open: boolean;
      name: string;
      tags: Uint8Array<SharedArrayBuffer>;
      seen: FixedArray<boolean>;
      path: FixedArray<{ x: number; y: number }>;
      at: { x: number; y: number };
      readonly hits: AtomicU32;
    }
  >
>();
holds<Same<Infer<typeof AtomicU32>, AtomicU32>>();
holds<Same<Infer<typeof f64>, number>>();
holds<Same<InitOf<Infer<typeof Point>>, { readonly x?: number; readonly y?: number }>>();

const account: Account = Account.create({ id: 1, name: "a", tags: [1, 2], at: { x: 1 }, path: [{ y: 2 }], seen: [true] });
account.id += 1;
account.serial = 2n;
account.at = { x: 1, y: 2 };
account.hits.fetchAdd(1);
for (const element of Account.array(3)) element.id += 1;
const unknownValue: unknown = account;
if (unknownValue instanceof Account) unknownValue.id += 1;
slotOf(Point, account.tags.buffer, 0).value.x = 1;
const types: readonly FieldType[] = [f64, Point, AtomicU32, utf8(3), Account];
export { types };

// @ts-expect-error a number field takes no string
account.id = "1";
// @ts-expect-error a 64-bit field takes bigints
account.serial = 1;
// @ts-expect-error an atomic is not assigned
account.hits = new AtomicU32();
// @ts-expect-error no such field
account.total = 1;
// @ts-expect-error a struct is replaced whole
account.at = { x: 1 };
// @ts-expect-error an array over shared bytes is not replaced by an unshared one of another type
account.tags = [1, 2];
// @ts-expect-error no such field
Account.create({ total: 1 });
// @ts-expect-error an atomic is not initialised
Account.create({ hits: 1 });
// @ts-expect-error a bigint field takes no number
Account.create({ serial: 1 });
// @ts-expect-error only shared memory is opened
Account.at(new ArrayBuffer(8), 0);
// @ts-expect-error a struct is made by create() or at()
new Account();
// @ts-expect-error no type of a field
struct("Bad", { x: Number });
// @ts-expect-error utf8 needs its size
struct("Bad", { x: utf8 });
// @ts-expect-error an array needs its length
array(u8);
// @ts-expect-error a slot of numbers takes no string
slotOf(f64, account.tags.buffer, 0).value = "1";
