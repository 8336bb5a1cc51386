/**
 * What a runtime cannot do, and why. These cases are run there all the same: the table counts them apart as long as they fail, and the run fails when
 * one of them passes, so that nobody is told of a limit that is gone. For users: docs/runtimes.md.
 *
 * @type {{ runtime: RegExp, cases: RegExp, reason: string }[]}
 */
export const cannot = [];
