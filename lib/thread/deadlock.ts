/**
 * Who waits for whom? From a thread that has just blocked along "is held by", back to itself.
 *
 * A wait tells who could end it: the owners in its words, and how much they may hold before they are in the way (`spare`). One lock
 * has one owner who is in the way, a writer may have several readers in its way; of a semaphore's permits, all that the others hold may have to be in blocked hands.
 *     stuck    the largest set of blocked threads of which each waits for members that hold more than is spare
 *     cycle    a way through that set, from the thread back to itself
 *
 * Sound, so that it never fires without a deadlock: a blocked thread's SEQ stays odd and the same for as long as its call lasts. A
 * first pass notes each SEQ, and what each owner holds; a second finds all SEQs unchanged, and counts only what was held both times.
 * So there was a moment at which all of the set were in their calls, and held that much. None had got by then what it waits for: at
 * the moment when the last that did so got it, the others did not hold too much, nor do they after it. And a blocked thread does not
 * release, so no call ever ends, whatever threads outside of the set do.
 *
 * A sleeper that others let in (`admits`) is in its call still, and holds already: such a one waits for nobody. (Without that, two
 * threads that read and wrote for a second were told of a deadlock that was none.)
 *
 * Complete: what closes a cycle is always a thread that blocks, never one that takes, because who takes runs on; and each thread
 * reports as soon as it has been blocked for a moment.
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

/** A wait as one pass found it. */
interface Wait {
  readonly seq: number;
  /** How much each other thread holds of what is waited for. */
  readonly held: ReadonlyMap<number, number>;
  /** What they may hold together without being in the way. */
  readonly spare: number;
}
type Reports = ReadonlyMap<number, Blocked>;

/** The threads of a cycle through `start`, in order of waiting, or undefined. */
export function findCycle(start: number, registry: Registry, blocked: Reports): number[] | undefined {
  const stuck = settle(reach(start, registry, blocked));
  const cycle = stuck.has(start) ? wayBack(start, start, stuck, new Set()) : undefined;
  if (cycle === undefined) return undefined;
  const again = new Map<number, Wait>();
  for (const [id, wait] of stuck) {
    const now = look(id, registry, blocked);
    if (now?.seq === wait.seq) again.set(id, { ...now, held: inBoth(wait.held, now.held) });
  }
  const still = settle(again);
  return cycle.every((id, at) => still.get(id)?.held.has(cycle[(at + 1) % cycle.length] as number)) ? cycle : undefined;
}

/** All waits that can be reached from `start`, as they are now. */
function reach(start: number, registry: Registry, blocked: Reports): Map<number, Wait> {
  const found = new Map<number, Wait>();
  const next = [start];
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    const wait = found.has(id) ? undefined : look(id, registry, blocked);
    if (wait === undefined) continue;
    found.set(id, wait);
    next.push(...wait.held.keys());
  }
  return found;
}

function look(id: number, registry: Registry, blocked: Reports): Wait | undefined {
  const report = blocked.get(id);
  if (report === undefined || registry.field(id, Field.SEQ).load() !== report.seq) return undefined;
  return { seq: report.seq, ...heldNow(id, report) };
}

/** Strikes out who waits for nothing but what others may still release, until nobody is left to strike out. */
function settle(waits: Map<number, Wait>): Map<number, Wait> {
  const isStuck = ({ held, spare }: Wait): boolean => {
    let inTheWay = 0;
    for (const [owner, amount] of held) if (waits.has(owner)) inTheWay += amount;
    return inTheWay > spare;
  };
  for (let before = -1; before !== waits.size;) {
    before = waits.size;
    for (const [id, wait] of waits) if (!isStuck(wait)) waits.delete(id);
  }
  return waits;
}

function wayBack(from: number, goal: number, waits: ReadonlyMap<number, Wait>, seen: Set<number>): number[] | undefined {
  seen.add(from);
  for (const to of waits.get(from)?.held.keys() ?? []) {
    if (to === goal) return [from];
    const rest = seen.has(to) || !waits.has(to) ? undefined : wayBack(to, goal, waits, seen);
    if (rest !== undefined) return [from, ...rest];
  }
  return undefined;
}

function inBoth(before: ReadonlyMap<number, number>, now: ReadonlyMap<number, number>): Map<number, number> {
  return new Map(
    [...now].map(([owner, amount]) => [owner, Math.min(amount, before.get(owner) ?? 0)] as const).filter(([, amount]) => amount > 0),
  );
}

/** What others than the sleeper hold of what it waits for, now. What it holds itself, its own attempt would have told. */
function heldNow(sleeper: number, { holders, buffer }: Blocked): Pick<Wait, "held" | "spare"> {
  if ("thread" in holders) return { held: new Map([[holders.thread, 1]]), spare: 0 };
  const groups = Array.isArray(holders) ? (holders as readonly HolderWords[]) : [holders as HolderWords];
  const held = new Map<number, number>();
  for (const group of buffer === undefined ? [] : groups) {
    for (let n = 0; n < group.count; n++) {
      const [owner, amount] = entry(buffer as SharedArrayBuffer, group.offset + n * group.stride, group);
      if (owner === sleeper && group.admits === true) return { held: new Map(), spare: 0 };
      if (owner !== 0 && owner !== sleeper && amount > 0) held.set(owner, (held.get(owner) ?? 0) + amount);
    }
  }
  return { held, spare: groups.reduce((sum, { spare = 0 }) => sum + spare, 0) };
}

/** An owner word, and how much its owner holds. */
function entry(buffer: SharedArrayBuffer, at: number, { shift, unless = 0, held, each = 1 }: HolderWords): readonly [number, number] {
  const seen = Word.at(buffer, at).load();
  const amount = held === undefined ? each : (Word.at(buffer, at + held.at).load() >>> held.shift) + ((seen & held.one) === 0 ? 0 : 1);
  return (seen & unless) === 0 ? [seen >>> shift, amount] : [0, 0];
}
