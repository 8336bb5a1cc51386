// What stands for node:assert where a library that is bundled for pages asserts with it.
export default function assert(/** @type {unknown} */ holds, /** @type {string | undefined} */ message) {
  if (!holds) throw new Error(message ?? "an assertion does not hold");
}
