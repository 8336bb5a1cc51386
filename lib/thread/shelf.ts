/**
 * Values that lie in shared bytes as numbers: the supervisor keeps them, and gives whoever reads the number a clone. So a handle can
 * lie in a static, or in a channel while nobody has it.
 */
import { host } from "#host";
import { BlockingNotAllowedError, HandleError } from "../errors.ts";
import type { Port } from "../host/host.ts";
import { ownField } from "./current.ts";
import { hear, line, newNumber, poll, send } from "./lifeline.ts";
import type { FromSupervisor } from "./protocol.ts";
import { Field } from "./registry.ts";
import { supervise } from "./supervision.ts";

/** Why a blocking call of a browser's thread may come to nothing. */
export const NO_MAIL = "in a browser, shared memory reaches a thread only while it awaits";

/** What the supervisor gives from its shelf. */
type Fetched = Extract<FromSupervisor, { readonly type: "fetched" }>;

/** What came for a blocking call, and who awaits what. */
const fetched = new Map<number, Fetched>();
const askers = new Map<number, ((answer: Fetched) => void)[]>();

hear("fetched", (answer) => {
  const waiting = askers.get(answer.number);
  askers.delete(answer.number);
  if (waiting === undefined) fetched.set(answer.number, answer);
  else for (const tell of waiting) tell(answer);
});

/** Gives the supervisor a value that may be cloned, to hand to whoever reads its number from shared bytes. */
export function shelve(value: unknown): number {
  supervise();
  const number = newNumber();
  send({ type: "shelve", number, value });
  return number;
}

/** Another value for the same number. */
export function reshelve(number: number, value: unknown): void {
  send({ type: "shelve", number, value });
}

/** The value is in no shared bytes any more. */
export function unshelve(number: number): void {
  send({ type: "unshelve", number });
}

/**
 * A fresh clone of the value with that number, blocking this thread until it has come: about 90 us.
 * @throws {HandleError} nothing has that number, or what had it died with a supervisor that a worker started
 * @throws {BlockingNotAllowedError} shared memory comes by messages only, and a blocking thread receives none here
 */
export function fetchShelved(number: number, what: string, verb: string): unknown {
  if (!host.polls) throw new BlockingNotAllowedError(what, verb, NO_MAIL);
  const bell = ownField(Field.BELL);
  for (let asked: Port | undefined; ;) {
    asked = ask(number, asked);
    const rung = bell.load();
    poll();
    const got = fetched.get(number);
    fetched.delete(number);
    if (got !== undefined) return valueOf(got, number);
    bell.wait(rung, 100);
  }
}

/** Asks the supervisor that there is, unless that one was asked already. */
function ask(number: number, asked: Port | undefined): Port | undefined {
  supervise();
  if (line() !== asked) send({ type: "fetch", number });
  return line();
}

function valueOf({ found, value }: Fetched, number: number): unknown {
  if (found) return value;
  throw new HandleError(`nothing is known by its number ${String(number)}: it was taken already, or whoever kept it has died`);
}

/** As {@link fetchShelved}, awaiting instead. */
export function fetchShelvedAsync(number: number): Promise<unknown> {
  let asked = ask(number, undefined);
  const alive = host.every(1000, () => {
    asked = ask(number, asked);
  });
  return new Promise<Fetched>((tell) => {
    askers.set(number, [...(askers.get(number) ?? []), tell]);
  }).then((got) => {
    alive.stop();
    return valueOf(got, number);
  });
}
