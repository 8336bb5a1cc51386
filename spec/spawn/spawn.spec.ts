/** Threads from their start to their result, or to the reason why there is none. */
import { describe, expect, it } from "@jest/globals";
import * as ferrous from "ferrous";
import { AtomicI32, CancelFlag, Mutex, spawn, struct, f64, ThreadBuilder, type JoinHandle } from "ferrous";
import { descend, die, double, end, fail, later, orphan, spin, unsendable, untilStarted, wait } from "../support/tasks.js";

const Point = struct("SpawnPoint", { x: f64 });

/** What joining throws, as data: in jest `instanceof` would ask the wrong realm. */
function thrownBy(
  join: () => unknown,
): Record<string, unknown> & { message: string; cause?: { name: string; message: string; code?: string } } {
  try {
    join();
  } catch (error) {
    return error as never;
  }
  throw new Error("nothing was thrown");
}

describe("a spawned thread", () => {
  it("gives what its task returned: of a task, of an async task, of an inline function", async () => {
    expect(spawn(double, 21).join()).toBe(42);
    expect(await spawn(later, "in time").joinAsync()).toBe("in time");
    expect(spawn((a: number, b: { c: number[] }) => a + (b.c[1] ?? 0), 1, { c: [2, 3] }).join()).toBe(4);
    expect(spawn(async () => Promise.resolve(new Map([[1n, new Date(5)]]))).join()).toEqual(new Map([[1n, new Date(5)]]));
    expect(spawn(() => undefined).join()).toBeUndefined();
  });

  it("shares what is shared, and gives it back as what it is", () => {
    const mutex = new Mutex(Point.create({ x: 1 }));
    const back = spawn((given: typeof mutex) => {
      given.with((point) => void (point.x += 1));
      return { deep: [given] };
    }, mutex).join();
    expect(back.deep[0]?.with((point) => point.x)).toBe(2);
    expect(mutex.with((point) => point.x)).toBe(2);
  });

  it("is joined twice, and by many tasks at once, with the same result", async () => {
    const handle = spawn((n: number) => ({ n }), 7);
    const [one, two, three] = await Promise.all([handle.joinAsync(), handle.joinAsync(), handle.joinAsync()]);
    expect(one).toEqual({ n: 7 });
    expect([two, three, handle.join()].every((result) => result === one)).toBe(true);
    const failing = spawn(fail, "an error");
    expect(thrownBy(() => failing.join())).toBe(thrownBy(() => failing.join()));
    expect(handle.isFinished).toBe(true);
  });

  it("starts and ends while the main thread is blocked", () => {
    const stage = new AtomicI32(0);
    const handle = spawn(wait, stage);
    untilStarted(stage);
    end(stage);
    expect(handle.join()).toBe(handle.thread.id);
    expect(spawn(descend, 3).join()).toBe(4);
  });

  it("outlives the thread that spawned it", () => {
    const stage = new AtomicI32(0);
    spawn(orphan, stage).join();
    untilStarted(stage);
    const witness = spawn((given: AtomicI32) => given.load(), stage);
    expect(witness.join()).toBe(1);
    end(stage);
  });

  it("ends with its task: timers that are pending then are dropped", () => {
    const start = performance.now();
    expect(spawn(() => void setTimeout(() => undefined, 60_000)).join()).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("is awaited at the end of an `await using` scope", async () => {
    const stage = new AtomicI32(0);
    const handle = spawn(wait, stage);
    untilStarted(stage);
    end(stage);
    await handle[Symbol.asyncDispose]();
    expect(handle.isFinished).toBe(true);
  });
});

describe("a task that throws", () => {
  it.each([
    ["an error", "RangeError: out of range", { name: "RangeError", message: "out of range", code: "E_RANGE" }],
    ["a rejection", "SyntaxError: rejected", { name: "SyntaxError", message: "rejected" }],
    ["an error of ours", "NotSendableError: argument 1 cannot be sent", { name: "NotSendableError", code: "NOT_SENDABLE" }],
    ["a string", "just text", "just text"],
    ["undefined", "undefined", undefined],
  ])("%s: a PanicError with that as its cause", (how, shown, cause) => {
    const error = thrownBy(() => spawn(fail, how).join());
    expect(error["code"]).toBe("PANIC");
    expect(error.message).toMatch(new RegExp(`^thread \\d+ panicked: ${shown}`));
    if (typeof cause === "object") expect(error.cause).toMatchObject(cause);
    else expect(error.cause).toBe(cause);
  });

  it.each(["a function", "a proxy"])("%s: a PanicError that says so", (how) => {
    const error = thrownBy(() => spawn(fail, how).join());
    expect([error["code"], error.cause?.message]).toEqual(["PANIC", expect.stringMatching(/^it threw something that cannot cross: /)]);
  });

  it("an error with a cause: both arrive, and the stack says where it was thrown", () => {
    const { cause } = thrownBy(() => spawn(fail, "an error").join());
    expect((cause as Error).cause).toMatchObject({ name: "TypeError", message: "why" });
    expect((cause as Error).stack).toContain("support/tasks.js");
  });
});

describe("a thread that dies: a ThreadDiedError with the reason", () => {
  const limits = { resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } };
  it.each(["exit", "unhandled-rejection", "out-of-memory", "stack-overflow"])("%s", (reason) => {
    const error = thrownBy(() => new ThreadBuilder({ name: "victim", ...limits }).spawn(die, reason).join());
    expect(error).toMatchObject({ code: "THREAD_DIED", reason });
    expect(error.message).toMatch(new RegExp(`^thread "victim" died before it had a result \\(${reason}`));
    if (reason === "unhandled-rejection") expect(error.cause).toMatchObject({ name: "EvalError", message: "nobody waits for it" });
  });

  it.each([
    ["in a busy loop", spin],
    ["in its sleep", wait],
  ])("terminated %s", async (_, task) => {
    const stage = new AtomicI32(0);
    const handle = spawn(task, stage);
    untilStarted(stage);
    await handle.terminate();
    expect(thrownBy(() => handle.join())).toMatchObject({ code: "THREAD_DIED", reason: "terminated" });
    await handle.terminate();
  });
});

describe("joining", () => {
  const withRunning = async (body: (handle: JoinHandle<number>) => void | Promise<void>): Promise<void> => {
    const stage = new AtomicI32(0);
    const handle = spawn(wait, stage);
    untilStarted(stage);
    await body(handle);
    end(stage);
    expect(handle.join()).toBe(handle.thread.id);
  };

  it("for a time: a TimeoutError, and the thread runs on", () =>
    withRunning(async (handle) => {
      expect(() => handle.join({ timeout: 5 })).toThrow(ferrous.TimeoutError);
      expect(() => handle.join({ timeout: 0 })).toThrow(/join the end of thread \d+ did not succeed within 0 ms/);
      await expect(handle.joinAsync({ timeout: 5 })).rejects.toThrow(ferrous.TimeoutError);
    }));

  it("until it is called off", () =>
    withRunning(async (handle) => {
      const flag = new CancelFlag();
      const controller = new AbortController();
      const flagged = handle.joinAsync({ signal: flag });
      const aborted = handle.joinAsync({ signal: controller.signal });
      aborted.catch(() => undefined);
      controller.abort(new Error("not any more"));
      spawn((given: CancelFlag) => {
        given.cancel("enough");
      }, flag);
      await expect(flagged).rejects.toBe("enough");
      expect(thrownBy(() => handle.join({ signal: flag }))).toBe("enough");
      await expect(aborted).rejects.toThrow("not any more");
    }));

  it("a thread that waits for this one: a DeadlockError, in the one or in the other", () => {
    const mutex = new Mutex(undefined, { name: "till" });
    const guard = mutex.lock();
    const handle = spawn((given: Mutex) => {
      given.lock().release();
    }, mutex);
    const error = thrownBy(() => handle.join());
    guard.release();
    expect([error["code"], error.cause?.code]).toContain("DEADLOCK");
    expect(`${error.message} ${error.cause?.message ?? ""}`).toMatch(/waits for mutex "till", held by thread "main"/);
  });
});

describe("what is refused before any thread starts", () => {
  const before = (): number => spawn(() => 0).thread.id;

  it("an argument that cannot be sent: a NotSendableError", () => {
    const id = before();
    expect(() => spawn((_: unknown, value: unknown) => value, 1, { deep: [() => 1] } as unknown)).toThrow(
      /^argument 2 of spawn\(\) \(deep\[0\]\) cannot be sent to another thread: it is a function/,
    );
    expect((before() & 1023) - (id & 1023)).toBe(1);
  });

  it("an inline function that captures: a CaptureError", () => {
    const [outer, other] = [1, 2];
    const id = before();
    expect(thrownBy(() => spawn(() => other + outer))).toMatchObject({ code: "CAPTURE", variables: ["other", "outer"] });
    expect((before() & 1023) - (id & 1023)).toBe(1);
  });

  it("what is no function, or no name: a TypeError", () => {
    for (const fn of [undefined, null, 1, "f", {}]) expect(() => spawn(fn as never)).toThrow(TypeError);
    expect(() => new ThreadBuilder({ name: 5 as never }).spawn(double, 1)).toThrow("the name of a thread is a string");
  });
});

describe("a result that cannot be sent", () => {
  it.each([
    ["a function", "the task's result cannot be sent to another thread: it is a function"],
    ["deep inside", "the task's result (list[0]) cannot be sent to another thread: it is a symbol"],
    ["a proxy", "the task's result ([0]) cannot be sent to another thread: #<Object> could not be cloned"],
  ])("%s: a NotSendableError from join()", (how, message) => {
    const error = thrownBy(() => spawn(unsendable, how).join());
    expect([error["code"], error.message.slice(0, message.length)]).toEqual(["NOT_SENDABLE", message]);
  });
});
