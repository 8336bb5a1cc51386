/**
 * Runs a failing execution once more, slowly, and tells what happened in it.
 */
import { isAssertion } from "./failure.ts";
import type { Finding } from "./machine.ts";
import { renderText } from "./render.ts";
import type { Failure } from "./report.ts";
import type { Program } from "./scenario.ts";
import { Replay, encode, type Schedule } from "./schedule.ts";
import type { Limits } from "./limits.ts";
import { renderSvg } from "./svg.ts";
import { traceOf } from "./trace.ts";
import { inWorld } from "./world.ts";

export function record(program: Program, limits: Limits, finding: Finding, schedule: Schedule): Failure {
  const chooser = new Replay(schedule.choices);
  const trace = inWorld(program, limits, chooser, true, (machine, world) => {
    machine.begin();
    machine.run();
    const thrower = machine.finding?.thread;
    return traceOf(machine.state, world, (thread) => {
      if (thread !== thrower) return undefined;
      return isAssertion(finding.error) ? "<- its assertion fails" : finding.kind === "exception" ? "<- throws" : undefined;
    });
  });
  const replay = encode(schedule);
  const { kind, message, error } = finding;
  return {
    kind,
    message,
    ...(error === undefined ? {} : { error }),
    trace: renderText(trace, kind, replay),
    svg: renderSvg(trace, `${kind}: ${message}`),
    replay,
  };
}
