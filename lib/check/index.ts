/** ferrous/check: every interleaving of ordinary synchronous code. Re-exports only. */
export { check } from "./check.ts";
export { programs, schedules } from "./arbitraries.ts";
export { checkOperations, type ArgumentsOf, type Operation, type OperationsOptions, type OperationsScenario } from "./operations.ts";
export type { ArbitraryLike, OperationsProgram } from "./generate.ts";
export { explore, type Execution } from "./explore.ts";
export { expectPassed, type Failure, type FailureKind, type Report } from "./report.ts";
export type { Row } from "./trace.ts";
export type { Body, CheckOptions, Results, Scenario } from "./scenario.ts";
