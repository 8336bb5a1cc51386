/**
 * What the places in shared memory are called: by the path on which the state leads to them.
 */
import { wordsOf, type ThreadNamer } from "../memory/word-names.ts";
import { isShareable, type Handle } from "../send/handle.ts";
import { addressOf, type Memory } from "./memory.ts";
import type { Op } from "./operation.ts";
import { BYTES_PER } from "./real.ts";
import type { Views } from "./views.ts";
import { entriesOf } from "./witness.ts";

/** What is named: the state of a world and what it leads to, and the world's own record of its threads. See world.ts. */
export interface Nameable {
  readonly shared: unknown;
  readonly views: Views;
  readonly memory: Memory;
  handleOf(object: object): Handle;
  /** The modelled thread of a ferrous id. */
  nameOf(id: number): string;
  isRegistry(buffer: number): boolean;
  /** What a word of the registry is called. */
  recordName(word: number): string;
}

/** A named piece of memory. */
interface Region {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** Bytes of an element; 0 if it has no elements of its own. */
  readonly step: number;
  /** How its values are read. */
  readonly show?: ((value: number, threadOf: ThreadNamer) => string) | undefined;
}

/** How deep into the state names are looked for. */
const DEPTH = 4;

export class Names {
  readonly #regions: Region[] = [];
  readonly #world: Nameable;

  constructor(world: Nameable) {
    this.#world = world;
    this.#visit(world.shared, "", 0, new Set());
  }

  /** `lock`, `slots[2]`; a place that nothing in the state leads to is called by its buffer's number. */
  of({ start, buffer, element, index }: Pick<Op, "start" | "buffer" | "element" | "index">): string {
    const within = this.#regions.filter((region) => region.start <= start && start < region.end);
    const best = within.sort((a, b) => a.end - a.start - (b.end - b.start))[0];
    if (best === undefined && this.#world.isRegistry(buffer)) return this.#world.recordName(index);
    if (best === undefined) return `buffer${String(buffer)}[${String(index)}]`;
    if (best.end - best.start <= best.step) return best.name;
    const size = best.step === 0 ? (BYTES_PER[element] as number) : best.step;
    return `${best.name}[${String(Math.floor((start - best.start) / size))}]`;
  }

  /** A value of that place, as the object there means it. */
  show({ start }: Pick<Op, "start">, value: unknown): string {
    const region = this.#regions.find((some) => some.show !== undefined && some.start === start);
    if (region?.show !== undefined && typeof value === "number") return region.show(value, (id) => this.#world.nameOf(id));
    return typeof value === "bigint" ? `${String(value)}n` : String(value);
  }

  #visit(value: unknown, path: string, depth: number, seen: Set<unknown>): void {
    if (typeof value !== "object" || value === null || depth > DEPTH || seen.has(value)) return;
    seen.add(value);
    const behind = this.#world.views.shown(value);
    if (behind !== undefined) {
      const start = addressOf(behind.buffer, behind.element, behind.first);
      this.#regions.push({
        name: path === "" ? "memory" : path,
        start,
        end: start + behind.raw.byteLength,
        step: BYTES_PER[behind.element] as number,
      });
      return;
    }
    if (isShareable(value)) {
      const { kind, buffer, byteOffset, name, type } = this.#world.handleOf(value);
      const start = this.#world.memory.of(buffer).base + byteOffset;
      const words = wordsOf(kind, type);
      const title = name ?? (path === "" ? kind.replace(/@.*/, "").toLowerCase() : path);
      words.forEach((word, at) =>
        this.#regions.push({ name: `${title}.${word.name}`, start: start + 4 * at, end: start + 4 * at + 4, step: 4, show: word.show }),
      );
      if (words.length === 0) this.#regions.push({ name: title, start, end: start + 4, step: 0 });
    }
    for (const [key, inner] of entriesOf(value)) this.#visit(inner, path === "" ? String(key) : `${path}.${String(key)}`, depth + 1, seen);
  }
}
