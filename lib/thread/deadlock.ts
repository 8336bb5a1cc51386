/**
 * Who waits for whom? A walk from a thread that has just blocked along "is held by", back to itself.
 *
 * Sound, so that it never fires without a cycle: a blocked thread's SEQ stays odd and the same for as long as its call lasts. A
 * first pass notes each SEQ and owner word on the way; a second finds all of them unchanged. So there was a moment at which every
 * thread of the cycle was blocked without a time limit, waiting for one who, being blocked too, cannot release: none ever ends.
 *
 * Complete: the last edge of a cycle is always a thread that blocks, never one that takes a lock, because who takes runs on;
 * and each thread reports as soon as it has been blocked for a moment.
 *
 * Measured in 15 million sections without any cycle: noting owners when blocking gave 48,484 false alarms, owners read live in one
 * pass 1,146, two passes 0.
 */
import { Word } from "../memory/word.ts";
import type { HolderWords, Holders } from "./protocol.ts";
import { Field, type Registry } from "./registry.ts";

/** A blocked thread's report of an untimed wait that only certain threads can end. */
export interface Blocked {
  readonly seq: number;
  /** What it waits for, as messages call it. */
  readonly what: string;
  readonly holders: Holders;
  /** Where the owner words lie. */
  readonly buffer: SharedArrayBuffer | undefined;
}

/** One step of the walk: this thread, in this call, waits for that one. */
interface Edge {
  readonly from: number;
  readonly seq: number;
  readonly to: number;
}

/** The threads of a cycle through `start`, in order of waiting, or undefined. */
export function findCycle(start: number, registry: Registry, blocked: ReadonlyMap<number, Blocked>): number[] | undefined {
  const edges = walk(start, start, registry, blocked, new Set());
  if (edges === undefined) return undefined;
  const stands = edges.every(({ from, seq, to }) => {
    const report = blocked.get(from);
    return report?.seq === seq && ownersOf(from, report).includes(to) && registry.field(from, Field.SEQ).load() === seq;
  });
  return stands ? edges.map((edge) => edge.from) : undefined;
}

function walk(
  from: number,
  goal: number,
  registry: Registry,
  blocked: ReadonlyMap<number, Blocked>,
  seen: Set<number>,
): Edge[] | undefined {
  const report = blocked.get(from);
  if (report === undefined || seen.has(from)) return undefined;
  seen.add(from);
  const { seq } = report;
  if (registry.field(from, Field.SEQ).load() !== seq) return undefined;
  for (const to of ownersOf(from, report)) {
    if (to === goal) return [{ from, seq, to }];
    const rest = walk(to, goal, registry, blocked, seen);
    if (rest !== undefined) return [{ from, seq, to }, ...rest];
  }
  return undefined;
}

/** The ids that hold what is waited for, now; never the waiting thread itself, which its own attempt would have told. */
function ownersOf(from: number, { holders, buffer }: Blocked): number[] {
  if ("thread" in holders) return [holders.thread];
  if (buffer === undefined) return [];
  const words = Array.isArray(holders) ? (holders as readonly HolderWords[]) : [holders as HolderWords];
  return words.flatMap((some) => namesIn(buffer, some)).filter((owner) => owner !== 0 && owner !== from);
}

function namesIn(buffer: SharedArrayBuffer, { offset, stride, count, shift, unless = 0 }: HolderWords): number[] {
  return Array.from({ length: count }, (_, n) => {
    const seen = Word.at(buffer, offset + n * stride).load();
    return (seen & unless) === 0 ? seen >>> shift : 0;
  });
}
