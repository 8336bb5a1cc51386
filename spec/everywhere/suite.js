/**
 * Cases that run wherever ferrous does: in Node, Bun and Deno, and in pages. So they know no test runner and no `node:` module.
 *
 * A case runs `here`, on the main thread, where a page may only await; or `inThread`, in a thread that the group has for itself, where it may
 * block. Where a case can do both, `both` runs it twice.
 */

/** @typedef {{ group: string, name: string, where: "here" | "thread", run: () => unknown }} Case */

/** @type {Case[]} */
export const cases = [];

/** @param {string} group */
export function describe(group) {
  const define = (/** @type {Case["where"]} */ where) => (/** @type {string} */ name, /** @type {() => unknown} */ run) => {
    cases.push({ group, name, where, run });
  };
  const here = define("here");
  const inThread = define("thread");
  return {
    here,
    inThread,
    /** @param {string} name @param {() => unknown} run */
    both(name, run) {
      here(`${name}, on the main thread`, run);
      inThread(`${name}, in a thread`, run);
    },
  };
}

/** @param {unknown} is @param {unknown} shouldBe */
export function equal(is, shouldBe) {
  const [a, b] = [show(is), show(shouldBe)];
  if (a !== b) throw new Error(`it is ${a}, and should be ${b}`);
}

/** @param {unknown} holds @param {string} what */
export function ok(holds, what) {
  if (holds !== true) throw new Error(`it does not hold that ${what}`);
}

/** The code of the error that this throws. @param {() => unknown} run @returns {string} */
export function codeOf(run) {
  try {
    run();
  } catch (error) {
    return nameOf(error);
  }
  return "no error";
}

/** The code of the error with which this rejects. @param {PromiseLike<unknown>} promise @returns {Promise<string>} */
export async function codeOfAsync(promise) {
  try {
    await promise;
  } catch (error) {
    return nameOf(error);
  }
  return "no error";
}

/** @param {any} error @returns {string} */
const nameOf = (error) => error?.code ?? error?.name ?? String(error);

/** @param {unknown} value @returns {string} */
function show(value) {
  return JSON.stringify(value, (_, part) => {
    if (typeof part === "bigint") return `${part}n`;
    if (part === undefined) return "undefined";
    if (Object.is(part, -0)) return "-0";
    if (typeof part === "number" && !Number.isFinite(part)) return String(part);
    if (part instanceof Map) return { map: [...part] };
    if (part instanceof Set) return { set: [...part] };
    if (ArrayBuffer.isView(part)) return { [part.constructor.name]: [.../** @type {Uint8Array} */ (part)] };
    return part;
  });
}
