/** Values that the supervisor keeps, and of which each thread that asks gets a clone. */
import { NotSendableError } from "../errors.ts";
import { explainRefusal, isStackOverflow } from "../send/scan.ts";
import { encode, type Encoded } from "../send/transit.ts";
import { shelve } from "../thread/shelf.ts";

/**
 * Makes a value ready to be kept.
 * @param where  what the value is, for messages
 * @throws {NotSendableError} it cannot be sent, or not to more than one thread
 */
export function encodeForAll(value: unknown, where: string): Encoded {
  const encoded = encode(value, where);
  if (encoded.transfer.length === 0) return encoded;
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

/** By its name: what the platform throws may be of another realm. */
const isCloneError = (error: unknown): boolean => (error as { name?: unknown } | undefined)?.name === "DataCloneError";
