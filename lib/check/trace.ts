/**
 * One execution as rows: who did what to which place, in words.
 */
import { Names } from "./names.ts";
import { Deed, KIND_NAMES, Kind, deedOf, lostOf, type Step } from "./operation.ts";
import type { Access, State } from "./state.ts";
import { Status } from "./thread.ts";
import type { ModelWorld } from "./world.ts";

export interface Row {
  /** The step's number from 1, or 0 for what is no step: a plain access, or a thread's end. */
  readonly step: number;
  readonly thread: number;
  readonly text: string;
  /** File and line. */
  readonly site: string | undefined;
  /** Threads that this row wakes. */
  readonly woke: readonly number[];
}

export interface Trace {
  readonly threads: readonly string[];
  readonly steps: number;
  readonly rows: readonly Row[];
}

export function traceOf(state: State, world: ModelWorld, failed: (thread: number) => string | undefined): Trace {
  const names = new Names(world);
  const rows: Row[] = [];
  let next = 0;
  const accessesUpTo = (at: number): void => {
    while (next < state.accesses.length && (state.accesses[next] as Access).at <= at) {
      const first = state.accesses[next] as Access;
      let last = first;
      // What a method does to one element after the other is one row.
      for (
        let other = state.accesses[++next];
        other !== undefined && other.at <= at && follows(last, other);
        other = state.accesses[++next]
      )
        last = other;
      rows.push({ step: 0, thread: first.thread, text: plain(first, last, names), site: first.op.site, woke: [] });
    }
  };
  state.steps.forEach((step, at) => {
    accessesUpTo(at);
    rows.push({
      step: at + 1,
      thread: step.thread,
      text: describe(step, names, world, lostIn(state, at)),
      site: step.op.site,
      woke: step.woke,
    });
  });
  accessesUpTo(state.steps.length);
  for (const { id, state: end } of state.threads) {
    const text = end.status === Status.ASLEEP ? "<- never woken" : end.spinsOn !== undefined ? "<- looks for ever" : failed(id);
    if (text !== undefined) rows.push({ step: 0, thread: id, text, site: undefined, woke: [] });
  }
  return { threads: world.names, steps: state.steps.length, rows };
}

/** Is this the next element, accessed by the same thread in the same way? */
const follows = ({ thread, op }: Access, next: Access): boolean =>
  thread === next.thread && op.kind === next.op.kind && op.end === next.op.start && op.site === next.op.site;

function plain({ op, result }: Access, last: Access, names: Names): string {
  const verb = op.kind === Kind.READ ? "reads" : "writes";
  if (op !== last.op) return `${verb} from ${names.of(op)} to ${names.of(last.op)}`;
  return op.kind === Kind.READ ? `reads  ${names.of(op)}: ${names.show(op, result)}` : `writes ${names.of(op)} = ${names.show(op, op.a)}`;
}

/** How many plain writes step number `at`, a death, took back. What a DataView wrote at once is one of them. */
function lostIn({ steps, accesses }: State, at: number): number {
  const { thread, choice } = steps[at] as Step;
  const lost = lostOf(choice);
  if (lost === 0) return 0;
  const writes = accesses.filter((access) => access.thread === thread && access.at <= at && access.op.kind === Kind.WRITE);
  return writes.slice(-lost).filter(({ op }) => op.b !== true).length;
}

function describe(step: Step, names: Names, world: ModelWorld, lost: number): string {
  const { op, choice, before, after, result, woke } = step;
  const deed = deedOf(choice);
  const show = (value: unknown): string => names.show(op, value);
  const wakes = woke.map((thread) => world.names[thread] ?? "").join(", ");
  if (deed === Deed.DIE) {
    const before = lost === 0 ? "" : lost === 1 ? " before its last plain write" : ` before its last ${String(lost)} plain writes`;
    return wakes === "" ? `dies${before}` : `dies${before}; told to ${wakes}`;
  }
  if (op.kind === Kind.END) return deed === Deed.GO ? "returns" : wakes === "" ? "has ended" : `has ended; told to ${wakes}`;
  if (op.kind === Kind.WAKE_ALL) return wakes === "" ? "makes every sleeper look: nobody sleeps" : `makes every sleeper look: ${wakes}`;
  const place = names.of(op);
  if (deed === Deed.TIME_OUT) return `its wait for ${place} runs out`;
  if (deed === Deed.WAKE) return step.quiet ? "is made to look, since nothing else can happen" : "wakes without cause";
  if (op.kind === Kind.WAIT) {
    if (result === "not-equal") return `stays awake: ${place} is ${show(before)}, not ${show(op.a)}`;
    if (result === "ok") return `is woken at once: told to look again`;
    return result === "timed-out" ? `waits no time while ${place} is ${show(op.a)}` : `sleeps while ${place} is ${show(op.a)}`;
  }
  if (op.kind === Kind.NOTIFY) return wakes === "" ? `notify ${place}: nobody sleeps` : `notify ${place}: wakes ${wakes}`;
  if (op.kind === Kind.LOAD) return `load   ${place}: ${show(result)}`;
  if (op.kind === Kind.CAS && !Object.is(before, op.a)) return `CAS    ${place} is ${show(before)}, not ${show(op.a)}`;
  const verb = op.kind === Kind.CAS ? "CAS" : KIND_NAMES[op.kind];
  return before === after
    ? `${verb.padEnd(6)} ${place} stays ${show(after)}`
    : `${verb.padEnd(6)} ${place} ${show(before)} -> ${show(after)}`;
}
