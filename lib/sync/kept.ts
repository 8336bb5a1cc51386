/** Values that the supervisor keeps, and of which each thread that asks gets a clone. */
import { HandleError, NotSendableError } from "../errors.ts";
import { explainRefusal, isStackOverflow } from "../send/scan.ts";
import { MOVE } from "../send/moving.ts";
import { encode, type Encoded } from "../send/transit.ts";
import { fetchShelved, fetchShelvedAsync, shelve } from "../thread/shelf.ts";
import { supervisorFailure } from "../thread/supervision.ts";

/**
 * Makes a value ready to be kept.
 * @param where  what the value is, for messages
 * @throws {NotSendableError} it cannot be sent, or not to more than one thread
 */
export function encodeForAll(value: unknown, where: string): Encoded {
  const encoded = encode(value, where);
  if (encoded.transfer.length === 0) {
    for (const movable of encoded.movables) movable[MOVE]().keep();
    return encoded;
  }
  throw new NotSendableError(
    where,
    "there is a MessagePort in it, which moves to one thread, and each thread gets a clone of this value: " +
      "keep a channel() in it, or send the port by postMessage().",
  );
}

/**
 * Gives the supervisor what was made ready; returns its number.
 * @throws {NotSendableError} structured clone refuses it: there is a Proxy, or it is too deep
 */
export function keepForAll(value: unknown, where: string, encoded: Encoded): number {
  try {
    return shelve(encoded);
  } catch (error) {
    throw isCloneError(error) || isStackOverflow(error) ? explainRefusal([value], () => where, error) : error;
  }
}

/**
 * A fresh clone of what is kept, blocking until it has come.
 * @throws {HandleError} who kept it has ended
 * @throws {BlockingNotAllowedError} in a browser it comes only while this thread awaits
 */
export function fetchKept(number: number, what: string, verb: string): Encoded {
  try {
    return fetchShelved(number, what, verb) as Encoded;
  } catch (error) {
    throw error instanceof HandleError ? lost(what, error) : error;
  }
}
/** As {@link fetchKept}, awaiting. */
export async function fetchKeptAsync(number: number, what: string): Promise<Encoded> {
  try {
    return (await fetchShelvedAsync(number)) as Encoded;
  } catch (error) {
    throw error instanceof HandleError ? lost(what, error) : error;
  }
}

/** It is not made anew: who has fetched the old one would go on with that, and two threads hold what each takes for the only one. */
function lost(what: string, { message }: HandleError): HandleError {
  const failure = supervisorFailure()?.message;
  const why =
    failure === undefined
      ? "a supervisor that a worker had started kept it, and that worker has ended."
      : `the supervisor kept it, of which was told: ${failure}`;
  const advice =
    failure === undefined
      ? " Let the main thread await attach(), or spawn a thread, before any worker uses it; and a worker that others start await attach() first."
      : "";
  return new HandleError(
    message,
    `${what} is lost: ${why} It is not made again, because other threads may still use the old one.${advice}`,
  );
}

/** By its name: what the platform throws may be of another realm. */
const isCloneError = (error: unknown): boolean => (error as { name?: unknown } | undefined)?.name === "DataCloneError";
