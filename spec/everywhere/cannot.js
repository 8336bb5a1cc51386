/**
 * What a runtime cannot do, and why. These cases are run there all the same: the table counts them apart as long as they fail, and the run fails when
 * one of them passes, so that nobody is told of a limit that is gone. For users: docs/runtimes.md.
 *
 * @type {{ runtime: RegExp, cases: RegExp, reason: string }[]}
 */
export const cannot = [
  {
    runtime: /^chromium$/,
    cases: /^a thread that ends with a lock: by terminate\(\) while it is busy is told of within a second/,
    reason: "it needs 2 s to end a thread that is busy",
  },
  {
    runtime: /^(chromium|firefox)$/,
    cases: /^a OnceLock: gives (each thread the value that one of them made|the value that another thread made, to who blocks)/,
    reason: "what another thread put into a OnceLock reaches a thread of a page only while it awaits",
  },
];
