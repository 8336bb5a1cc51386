/**
 * Readers and writers (P. J. Courtois, F. Heymans, D. L. Parnas, 1971): any number may read at once, or one may write.
 *
 *     broken   "who only looks needs no lock": the reader sees half of what is being written
 *     right    an RwLock
 */
import { RwLock, struct, u32, type Infer } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual } from "./classic.ts";

const Account = struct("ClassicAccount", { debit: u32, credit: u32 });
type Account = Infer<typeof Account>;

interface Bank {
  readonly rounds: number;
  readonly account: Account;
  readonly lock: RwLock<Account>;
}

/** Both sides change together. */
function book({ lock, rounds }: Bank): void {
  for (let round = 0; round < rounds; round++) {
    lock.withWrite((account) => {
      account.debit += 1;
      account.credit += 1;
    });
  }
}

const difference = ({ debit, credit }: Readonly<Pick<Account, "debit" | "credit">>): number => debit - credit;

function audit({ lock, rounds }: Bank): void {
  for (let round = 0; round < rounds; round++) expectEqual("the difference", lock.withRead(difference), 0);
}

function auditUnlocked({ account, rounds }: Bank): void {
  for (let round = 0; round < rounds; round++) expectEqual("the difference", difference(account), 0);
}

const work = (rounds: number, auditor: typeof audit): Scenario<Bank> => ({
  setup: () => {
    const account = Account.create();
    return { rounds, account, lock: new RwLock(account, { name: "account", readers: 2 }) };
  },
  threads: { writer: book, first: auditor, second: auditor },
  after: ({ account }) => {
    expectEqual("debits", account.debit, rounds);
  },
});

export const right = (rounds = 1): Scenario<Bank> => work(rounds, audit);
export const broken = (rounds = 1): Scenario<Bank> => work(rounds, auditUnlocked);
