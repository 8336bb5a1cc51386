/** Statics, across threads that start before, after and inside one another. */
import { describe, expect, it } from "@jest/globals";
import { AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64, lazyStatic, OnceLock, spawn, staticAtomic } from "ferrous";
import {
  askDeadly,
  askMoody,
  BIG,
  bump,
  bumpNested,
  CONFIG,
  DEADLY,
  deadlyBegun,
  declare,
  hit,
  MOODY,
  PLAIN,
  redeclare,
  RUNS,
  SERVED,
  spoil,
} from "./statics.js";

const failure = (fn: () => unknown): { name: string; code?: string; message: string } => {
  try {
    fn();
  } catch (error) {
    return error as { name: string; code?: string; message: string };
  }
  throw new Error("it did not throw");
};

function detached(): ArrayBuffer {
  const buffer = new ArrayBuffer(8);
  structuredClone(buffer, { transfer: [buffer] });
  return buffer;
}
function argumentsOf(..._given: number[]): unknown {
  return arguments; // eslint-disable-line prefer-rest-params
}
function nested(depth: number): object {
  let value = {};
  for (let at = 1; at < depth; at++) value = { value };
  return value;
}

describe("staticAtomic()", () => {
  it("is the same cell in every thread, before, after and nested", () => {
    expect([SERVED.load(), BIG.load()]).toEqual([5, -(2n ** 40n)]);
    expect(spawn(bump, 10).join()).toBe(5);
    SERVED.fetchAdd(100);
    expect(spawn(bump, 1).join()).toBe(115);
    expect(spawn(bumpNested, 1000, 2).join()).toBe(116);
    expect([SERVED.load(), BIG.load()]).toEqual([1116, -(2n ** 40n) - 2n]);
    expect(staticAtomic("spec/SERVED", AtomicU32, 5).load()).toBe(1116);
  });

  it("is found by a thread that runs already when another one declares it", () => {
    const stage = new AtomicI32(0);
    const other = spawn(declare, "spec/declared by a thread", stage);
    while (stage.load() === 0) stage.wait(0);
    const here = staticAtomic("spec/declared by a thread", AtomicU32, 7);
    expect(here.load()).toBe(8);
    here.store(9);
    stage.store(2);
    stage.notify();
    expect(other.join()).toBe(9);
  });

  it("refuses another kind, and another first value, in any thread", () => {
    staticAtomic("spec/kinds", AtomicU32, 1);
    for (const declared of [
      () => staticAtomic("spec/kinds", AtomicI32, 1),
      () => staticAtomic("spec/kinds", AtomicU64, 1n),
      () => staticAtomic("spec/kinds", AtomicBool, true),
      () => staticAtomic("spec/kinds", AtomicU32, 2),
      () => lazyStatic("spec/kinds", () => 1).get(),
    ]) {
      expect(failure(declared)).toMatchObject({ code: "LAYOUT", message: expect.stringContaining("spec/kinds") as unknown as string });
    }
    expect(spawn(redeclare, "spec/kinds", 1).join()).toBe("fine");
    expect(spawn(redeclare, "spec/kinds", 2).join()).toBe("LAYOUT");
    lazyStatic("spec/lazy kind", () => 1).get();
    expect(spawn(redeclare, "spec/lazy kind", 1).join()).toBe("LAYOUT");
  });

  it("compares first values of 64 bits, of booleans and of negative numbers", () => {
    staticAtomic("spec/i64", AtomicI64, 2n ** 40n);
    expect(failure(() => staticAtomic("spec/i64", AtomicI64, 2n ** 41n)).code).toBe("LAYOUT");
    staticAtomic("spec/bool", AtomicBool, true).store(false);
    expect(staticAtomic("spec/bool", AtomicBool, true).load()).toBe(false);
    expect(failure(() => staticAtomic("spec/bool", AtomicBool, false)).code).toBe("LAYOUT");
    staticAtomic("spec/i32", AtomicI32, -1).store(3);
    expect(staticAtomic("spec/i32", AtomicI32, -1).load()).toBe(3);
  });

  it("takes names up to 92 bytes of UTF-8", () => {
    const longest = `spec/${"ü".repeat(43)}x`;
    expect(new TextEncoder().encode(longest).length).toBe(92);
    staticAtomic(longest, AtomicU32, 0).store(3);
    expect(staticAtomic(longest, AtomicU32, 0).load()).toBe(3);
    for (const tooLong of [`${longest}x`, "x".repeat(93), "ü".repeat(47)]) {
      expect(failure(() => staticAtomic(tooLong, AtomicU32, 0)).name).toBe("RangeError");
      expect(failure(() => lazyStatic(tooLong, () => 0)).name).toBe("RangeError");
    }
    for (const none of ["", undefined, 5]) {
      expect(failure(() => staticAtomic(none as string, AtomicU32, 0)).name).toBe("TypeError");
      expect(failure(() => lazyStatic(none as string, () => 0)).name).toBe("TypeError");
    }
    expect(failure(() => staticAtomic("spec/no class", Map as never, 0 as never)).name).toBe("TypeError");
  });

  it("takes a byte order mark for a letter of the name, and tells what a name with a lone surrogate lacks", () => {
    const marked = "\uFEFFspec/marked";
    staticAtomic(marked, AtomicU32, 0).store(3);
    expect(staticAtomic(marked, AtomicU32, 0).load()).toBe(3);
    expect(staticAtomic("spec/marked", AtomicU32, 0).load()).toBe(0);
    expect(spawn(redeclare, marked, 0).join()).toBe("fine");
    expect(spawn(redeclare, marked, 1).join()).toBe("LAYOUT");
    const message = expect.stringContaining('"spec/\\ud800" has a lone surrogate') as unknown;
    expect(failure(() => staticAtomic("spec/\ud800", AtomicU32, 0))).toMatchObject({ name: "RangeError", message });
    expect(failure(() => lazyStatic("spec/\ud800", () => 0))).toMatchObject({ name: "RangeError", message });
  });

  it("keeps hundreds of names apart", () => {
    const names = Array.from({ length: 300 }, (_, at) => `spec/many/${String(at)}`);
    names.forEach((name, at) => {
      staticAtomic(name, AtomicU32, 0).store(at);
    });
    expect(names.map((name) => staticAtomic(name, AtomicU32, 0).load())).toEqual(names.map((_, at) => at));
  });
});

describe("lazyStatic()", () => {
  it("is made once by four threads that race, and a Mutex in it is one lock for all", () => {
    const before = RUNS.load();
    const threads = Array.from({ length: 4 }, () => spawn(hit, 500));
    expect(threads.map((thread) => thread.join())).toEqual([true, true, true, true]);
    expect(RUNS.load() - before).toBe(1);
    const config = CONFIG.get();
    expect(config.with((value) => value.hits)).toBe(2100);
    const guard = config.lock();
    const other = spawn(hit, 1);
    expect(failure(() => other.join({ timeout: 20 })).code).toBe("TIMEOUT");
    guard.release();
    other.join();
    expect(config.with((value) => value.hits)).toBe(2101);
    expect(RUNS.load() - before).toBe(1);
  });

  it("copies a plain value once to each thread", async () => {
    expect(spawn(spoil, false).join()).toEqual({ list: [1, 2, 3], a: 1 });
    expect(spawn(spoil, true).join()).toEqual({ list: [1, 2, 3], a: 1 });
    const here = PLAIN.get();
    expect(here).toEqual({ list: [1, 2, 3], map: new Map([["a", 1]]) });
    expect(PLAIN.get()).toBe(here);
    expect(await PLAIN.getAsync()).toBe(here);
  });

  it("lets the next caller try again when its initialiser throws", async () => {
    expect(spawn(askMoody, false).join()).toBe("try 1");
    expect(failure(() => MOODY.get())).toMatchObject({ name: "RangeError", message: "try 2", code: "E_MOODY" });
    expect(spawn(askMoody, true).join()).toBe("3");
    expect(await MOODY.getAsync()).toBe(3);
    expect(spawn(askMoody, false).join()).toBe("3");
  });

  it("lets the next one try when the thread that makes it dies", async () => {
    const victim = spawn(askDeadly);
    deadlyBegun();
    const others = [spawn(askDeadly), spawn(askDeadly)];
    expect(DEADLY.get()).toBe("made by the next");
    expect(others.map((other) => other.join())).toEqual(["made by the next", "made by the next"]);
    await expect(victim.joinAsync()).rejects.toMatchObject({ code: "THREAD_DIED", reason: "exit" });
  });

  it("tells an initialiser that asks for itself of the deadlock, and can be made after that", () => {
    let asks = true;
    const itself = lazyStatic("spec/itself", (): number => (asks ? itself.get() + 1 : 1));
    expect(failure(() => itself.get())).toMatchObject({
      code: "DEADLOCK",
      message: expect.stringContaining("spec/itself") as unknown as string,
    });
    asks = false;
    expect(itself.get()).toBe(1);
  });

  it("may ask for other statics in its initialiser", () => {
    const inner = lazyStatic("spec/inner", () => 20);
    expect(lazyStatic("spec/outer", () => inner.get() + 1).get()).toBe(21);
  });

  it("is made once by tasks that await it, and its failure goes to one of them", async () => {
    let runs = 0;
    const awaited = lazyStatic("spec/awaited", () => {
      runs++;
      if (runs === 1) throw new Error("the first time");
      return { run: runs };
    });
    const got = await Promise.allSettled([awaited.getAsync(), awaited.getAsync(), awaited.getAsync()]);
    expect(got.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(runs).toBe(2);
    expect(awaited.get()).toEqual({ run: 2 });
    expect(await awaited.getAsync()).toBe(awaited.get());
  });

  it("refuses a value that cannot cross, and can be made after that", () => {
    let bad = true;
    const value = lazyStatic<unknown>("spec/unsendable", () => (bad ? { inside: [() => 1] } : "sendable"));
    expect(failure(() => value.get())).toMatchObject({
      code: "NOT_SENDABLE",
      message: expect.stringContaining("spec/unsendable") as unknown as string,
    });
    bad = false;
    expect(value.get()).toBe("sendable");
  });

  it.each([
    ["a Proxy", () => ({ list: new Proxy([1], {}) }), "(list)"],
    ["arguments", () => [argumentsOf(1, 2)], "([0])"],
    ["a detached buffer", detached, "detached"],
    ["a MessagePort", () => [new MessageChannel().port1], "MessagePort"],
    ["too many objects in each other", () => nested(20_000), "20000 deep"],
  ])("refuses %s, and can be made after that", (what, make: () => unknown, because) => {
    let bad = true;
    const value = lazyStatic<unknown>(`spec/refuses ${what}`, () => (bad ? make() : "sendable"));
    const refusal = { code: "NOT_SENDABLE", message: expect.stringContaining(because) as unknown };
    for (let time = 0; time < 2; time++) expect(failure(() => value.get())).toMatchObject(refusal);
    expect(failure(() => value.get()).message).toContain(`static "spec/refuses ${what}"`);
    bad = false;
    expect(value.get()).toBe("sendable");
  });

  it("carries undefined and false like any other value", () => {
    const nothing = lazyStatic("spec/nothing", () => undefined);
    expect([nothing.get(), lazyStatic("spec/nothing", () => 5 as unknown).get()]).toEqual([undefined, undefined]);
    lazyStatic("spec/false", () => false).get();
    expect(lazyStatic("spec/false", () => true).get()).toBe(false);
  });
});

it("a OnceLock that is sent names itself when its value turns out to be none that can be cloned", () => {
  const lock = new OnceLock<unknown>({ name: "settings" });
  lock.set({ list: new Proxy([1], {}) });
  const message = expect.stringMatching(/^the value of once-lock "settings" \(list\) cannot be sent/) as unknown;
  expect(failure(() => spawn((its: OnceLock<unknown>) => its.get() === 1, lock))).toMatchObject({ code: "NOT_SENDABLE", message });
});
