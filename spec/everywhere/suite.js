/**
 * Cases that run wherever ferrous does: in Node, Bun and Deno, and in pages. So they know no test runner and no `node:` module.
 *
 * A case runs `here`, on the main thread, where a page may only await; or `inThread`, in a thread that the group has for itself, where it may
 * block. Where a case can do both, `both` runs it twice; one that must block, `blocking` runs on the main thread too where that may block.
 */

/** @typedef {{ group: string, name: string, where: "here" | "thread", run: () => unknown }} Case */

/** @type {Case[]} */
export const cases = [];

const mayBlock = !("document" in globalThis);

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
    /** @param {string} name @param {() => unknown} run */
    blocking(name, run) {
      if (mayBlock) here(`${name}, on the main thread`, run);
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
export function ok(holds, what = "it is so") {
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

/** @typedef {Error & { code: unknown, reason: unknown, value: unknown, index: unknown, variables: unknown }} Thrown what a case looks at in an error */

/** The error that this throws. @param {() => unknown} run @param {string} kind  its code, or the name of its class */
export function throws(run, kind) {
  let result;
  try {
    result = run();
  } catch (error) {
    return expected(error, kind);
  }
  throw new Error(`it gave ${show(result)}, and should throw ${kind}`);
}

/** The error with which this rejects. @param {PromiseLike<unknown>} promise @param {string} kind */
export async function rejects(promise, kind) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    return expected(error, kind);
  }
  throw new Error(`it gave ${show(result)}, and should reject with ${kind}`);
}

/** @param {unknown} error @param {string} kind */
function expected(error, kind) {
  const { code, name } = /** @type {Thrown} */ (error ?? {});
  if (code !== kind && name !== kind) throw new Error(`it throws ${String(error)}, and should throw ${kind}`);
  return /** @type {Thrown} */ (error);
}

/** @param {unknown} text @param {RegExp} pattern */
export function matches(text, pattern) {
  if (!pattern.test(String(text))) throw new Error(`${String(text)} does not match ${String(pattern)}`);
}

/** An error's code, or what it says. @param {unknown} error @returns {unknown} */
export const told = (error) => /** @type {Partial<Thrown> | undefined} */ (error)?.code ?? String(error);

/** What a promise gives, or what is told of its error. @param {PromiseLike<unknown>} promise */
export const fateOf = (promise) => promise.then((value) => value, told);

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
