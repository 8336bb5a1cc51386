/**
 * Values that lie in shared bytes as numbers: the supervisor keeps them, and gives whoever reads the number a clone. So a handle can
 * lie in a static, or in a channel while nobody has it.
 */
import { host } from "#host";
import { BlockingNotAllowedError, HandleError } from "../errors.ts";
import { ownField } from "./current.ts";
import { hear, lookAfterSupervisor, newNumber, poll, send } from "./lifeline.ts";
import type { FromSupervisor } from "./protocol.ts";
import { Field } from "./registry.ts";
import { LOOK_EVERY, supervise, supervisorFailure, watchSupervisor } from "./supervision.ts";

/** Why a blocking call of a browser's thread may come to nothing. */
export const NO_MAIL = "in a browser, shared memory reaches a thread only while it awaits";

/** What the supervisor gives from its shelf. */
type Fetched = Extract<FromSupervisor, { readonly type: "fetched" }>;

/** What came for a blocking call, and who awaits what: each question has one answer. */
const fetched = new Map<number, Fetched>();
const askers = new Map<number, Set<(answer: Fetched) => void>>();

hear("fetched", (answer) => {
  const [tell] = askers.get(answer.number) ?? [];
  if (tell === undefined) fetched.set(answer.number, answer);
  else tell(answer);
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
 * @throws {HandleError} nothing has that number, or what had it died with its supervisor
 * @throws {BlockingNotAllowedError} shared memory comes by messages only, and a blocking thread receives none here
 */
export function fetchShelved(number: number, what: string, verb: string): unknown {
  if (!host.polls) throw new BlockingNotAllowedError(what, verb, NO_MAIL);
  const bell = ownField(Field.BELL);
  const isLost = ask(number);
  for (;;) {
    const rung = bell.load();
    poll();
    const got = fetched.get(number);
    fetched.delete(number);
    if (got !== undefined) return valueOf(got);
    if (isLost()) throw lostWithSupervisor(number);
    if (bell.wait(rung, LOOK_EVERY) === "timed-out") lookAfterSupervisor();
  }
}

/** As {@link fetchShelved}, awaiting instead. */
export async function fetchShelvedAsync(number: number): Promise<unknown> {
  const isLost = ask(number);
  const others = askers.get(number) ?? new Set();
  askers.set(number, others);
  const answer = await new Promise<Fetched>((resolve, reject) => {
    const leave = (): void => {
      looking.stop();
      others.delete(tell);
      if (others.size === 0) askers.delete(number);
    };
    const tell = (got: Fetched): void => {
      leave();
      resolve(got);
    };
    const looking = host.every(LOOK_EVERY, () => {
      if (!isLost()) return;
      leave();
      reject(lostWithSupervisor(number));
    });
    others.add(tell);
  });
  return valueOf(answer);
}

/** Asks the supervisor that there is; returns whether it is gone, and the value with it, whenever that is called. */
function ask(number: number): () => boolean {
  supervise();
  send({ type: "fetch", number });
  return watchSupervisor();
}

function valueOf({ number, found, value }: Fetched): unknown {
  if (found) return value;
  throw new HandleError(`nothing is known by its number ${String(number)}: it was taken already, or whoever kept it has died`);
}

/** The next one does not know it, and would perhaps not start either. */
function lostWithSupervisor(number: number): HandleError {
  const why = supervisorFailure()?.message ?? "the supervisor has ended, most likely with the worker that had started it.";
  return new HandleError(why, `what was kept by the number ${String(number)} is lost with its supervisor: ${why}`);
}
