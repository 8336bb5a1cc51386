/**
 * Calls and returns: which call was over before which began, in one execution.
 *
 * Order in time is no matter of dependence between steps, so equivalent executions can have different histories. Therefore a
 * step with which a call begins and a step with which one ends are made dependent (see {@link dependent}), and a call is taken
 * to begin as late and to end as early as it can: with its first and its last step. A call without a step may have taken place at
 * any moment between the steps of its thread that are next to it, so a history is told once for each such moment.
 */
import { CheckError } from "../errors.ts";
import type { Machine } from "./machine.ts";
import { CALL, Deed, Kind, RETURN, deedOf, lostOf, type Op, type Step } from "./operation.ts";
import { SUSPEND } from "./thread.ts";

/** What a call came to. */
export type Result = { readonly returned: unknown } | { readonly threw: unknown };

/** One call of a finished execution. */
export interface Call {
  readonly thread: number;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Undefined if its thread died in it: it may or may not have had its effect. */
  readonly result: Result | undefined;
  /** Steps, or between steps for a call that had none. */
  readonly began: number;
  readonly ended: number;
}
/** A call without a step, between two steps. */
interface Floating extends Call {
  readonly from: number;
  readonly to: number;
}
const isFloating = (call: Call | Floating): call is Floating => "from" in call;

/** Tellings of one execution, at most; with more, not all orders of calls without a step are tried. */
const MOST_TELLINGS = 1000;

interface Entry {
  readonly name: string;
  readonly args: readonly unknown[];
  /** Positions in the thread's log. */
  readonly from: number;
  to: number;
  result: Result | undefined;
}

export class History {
  readonly #entries: Entry[][] = [];
  #machine: Machine | undefined;

  attach(machine: Machine): void {
    this.#machine = machine;
  }

  /** A thread begins its run. */
  restart(thread: number): void {
    this.#entries[thread] = [];
  }

  /** Runs one call of the running thread. What it throws is its result. */
  call(thread: number, name: string, args: readonly unknown[], run: () => unknown): void {
    const machine = this.#machine as Machine;
    const model = machine.state.threads[thread] as Machine["state"]["threads"][number];
    const entry: Entry = { name, args, from: model.cursor, to: Infinity, result: undefined };
    this.#entries[thread]?.push(entry);
    model.calls = CALL;
    let result: Result;
    try {
      const returned = run();
      machine.executor.requireDone(model, `, in ${name}(),`, returned);
      result = { returned };
    } catch (error) {
      if (error === SUSPEND || error instanceof CheckError) throw error;
      result = { threw: error };
    }
    if (model.mode === "suspended") return;
    entry.result = result;
    entry.to = model.cursor;
    // A run that repeats what was done has had its return noted before.
    const { pending, last, cause } = model.state;
    const step = machine.state.steps[Math.max(last, cause) - 1];
    if (model.mode === "live" && model.cursor === model.ops.length && pending === undefined && step !== undefined) step.calls |= RETURN;
  }

  /** All calls of the execution that has just ended, for every order that those without a step can have among the others. */
  *tellings(): Generator<readonly Call[]> {
    let told = 0;
    for (const calls of placed(this.#calls())) {
      yield calls;
      if (++told >= MOST_TELLINGS) return;
    }
  }

  #calls(): (Call | Floating)[] {
    const { threads, steps } = (this.#machine as Machine).state;
    return threads.flatMap(({ id, state, ops }) => {
      const death = steps.findIndex(({ thread, choice }) => thread === id && deedOf(choice) === Deed.DIE);
      const end = death < 0 ? steps.length : death;
      const done = ops.slice(0, death < 0 ? state.logged : beforeLost(ops, lostOf((steps[death] as Step).choice)));
      const spans = this.#spans(id, done);
      return (this.#entries[id] ?? [])
        .filter(({ from, to }) => to <= done.length || from < done.length)
        .map(({ name, args, from, to, result }) => {
          const over = to <= done.length;
          const own = spans.slice(from, over ? to : done.length).filter((span) => span !== undefined);
          const before = spans.slice(0, from).findLast((span) => span !== undefined)?.ended ?? -1;
          const began = own[0]?.began ?? before + 0.5;
          const ended = over ? (own.at(-1)?.ended ?? began) : Infinity;
          const call = { thread: id, name, args, result: over ? result : undefined, began, ended };
          const after = spans.slice(to).find((span) => span !== undefined)?.began ?? end;
          return over && own.length === 0 ? { ...call, from: before, to: after } : call;
        });
    });
  }

  /** For each entry of a thread's log the steps with which it began and was over; undefined for plain accesses. */
  #spans(thread: number, ops: readonly Op[]): ({ readonly began: number; readonly ended: number } | undefined)[] {
    const { steps } = (this.#machine as Machine).state;
    const own = steps.flatMap((step, at) => (step.thread === thread && deedOf(step.choice) !== Deed.DIE ? [at] : []));
    let next = 0;
    return ops.map((op) => {
      if (op.kind === Kind.READ || op.kind === Kind.WRITE) return undefined;
      const began = own[next++] ?? Infinity;
      if (op.kind !== Kind.WAIT || steps[began]?.result !== undefined) return { began, ended: began };
      // It slept: the wait is over with its own timeout, or with the step of whoever woke it.
      const ended = steps.findIndex((step, at) => at > began && (step.thread === thread || step.woke.includes(thread)));
      if (steps[ended]?.thread === thread) next++;
      return { began, ended };
    });
  }
}

/** Where the log of a thread ends if its last `lost` plain writes did not happen, nor what came after them. */
function beforeLost(ops: readonly Op[], lost: number): number {
  let at = ops.length;
  for (let left = lost; left > 0;) if ((ops[--at] as Op).kind === Kind.WRITE) left--;
  return at;
}

/** Gives calls without a step, which are in the order of their threads, each moment that makes a difference to other calls. */
function* placed(calls: readonly (Call | Floating)[]): Generator<readonly Call[]> {
  const at = calls.findIndex(isFloating);
  if (at < 0) {
    yield calls;
    return;
  }
  const { from, to, ...call } = calls[at] as Floating;
  const fixed = calls.filter((other) => !isFloating(other));
  const own = calls.slice(0, at).filter(({ thread }) => thread === call.thread);
  const earliest = Math.max(from, ...own.map(({ ended }) => ended));
  const between = fixed.flatMap(({ began, ended }) => [began, ended]).filter((moment) => earliest < moment && moment < to);
  const moments = [earliest, ...[...new Set(between)].sort((a, b) => a - b), to];
  for (const [n, next] of moments.slice(1).entries()) {
    const moment = ((moments[n] as number) + next) / 2;
    yield* placed(calls.with(at, { ...call, began: moment, ended: moment }));
  }
}
