import { describe, expect, it } from "@jest/globals";
import { TimeoutError } from "../../lib/errors.ts";
import { LISTENER, Limits, abortSignalOf, isCancelSource, requireOptions, timeoutOf, type CancelSource } from "../../lib/park/limits.ts";

/** As a CancelFlag, without its shared memory. */
const source = (cancelled = false, listener?: AbortSignal): CancelSource => ({
  cancelled,
  reason: "the reason",
  signal: new AbortController().signal,
  ...(listener === undefined ? {} : { [LISTENER]: listener }),
});

describe("options", () => {
  it("are an object", () => {
    expect(() => {
      requireOptions({}, "{}");
    }).not.toThrow();
  });
  it.each([[undefined], [null], [250], ["250"], [() => 1]])("are not %p, and the message shows what they look like", (given) => {
    expect(() => {
      requireOptions(given, "{ timeout: 250 }");
    }).toThrow(/^options are an object such as \{ timeout: 250 \}; it was given /);
  });
});

describe("the timeout of options", () => {
  it.each([
    [undefined, Infinity],
    [{}, Infinity],
    [{ timeout: 0 }, 0],
    [{ timeout: 2.5 }, 2.5],
    [{ timeout: Infinity }, Infinity],
  ])("%p is %p", (opts, timeout) => {
    expect(timeoutOf(opts)).toBe(timeout);
  });
  it.each([[-1], [NaN], ["250"], [null]])("is not %p", (timeout) => {
    expect(() => timeoutOf({ timeout: timeout as number })).toThrow(RangeError);
  });
  it.each([[null], [3], ["stop"], [{}], [{ aborted: true }]])("is not told if the signal is %p", (signal) => {
    expect(() => timeoutOf({ signal: signal as unknown as AbortSignal })).toThrow(
      /^a signal is a CancelFlag, or for the awaiting forms an AbortSignal/,
    );
  });
  it("is told with a signal of either kind", () => {
    expect(timeoutOf({ timeout: 3, signal: new AbortController().signal })).toBe(3);
    expect(timeoutOf({ timeout: 3, signal: source() })).toBe(3);
  });
});

describe("what calls an awaiting wait off", () => {
  it("is nothing without a signal", () => {
    expect(abortSignalOf(undefined)).toBeUndefined();
    expect(abortSignalOf({ timeout: 1 })).toBeUndefined();
  });
  it("is the AbortSignal that was given", () => {
    const { signal } = new AbortController();
    expect(abortSignalOf({ signal })).toBe(signal);
  });
  it("is a flag's own listener, or else its signal", () => {
    const flag = source();
    expect(abortSignalOf({ signal: flag })).toBe(flag.signal);
    const listener = new AbortController().signal;
    expect(abortSignalOf({ signal: source(false, listener) })).toBe(listener);
  });
  it("is thrown as the reason if the flag is cancelled already: its signal hears of that later", () => {
    const off = (): unknown => abortSignalOf({ signal: source(true) });
    let thrown: unknown;
    try {
      off();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe("the reason");
  });
});

describe("the limits of a blocking call", () => {
  it("without options are endless", () => {
    const limits = new Limits(undefined, "lock");
    expect(limits).toMatchObject({ endless: true, timeout: Infinity, left: Infinity });
    limits.throwIfCancelled();
  });
  it("with a timeout leave less and less, and never less than nothing", () => {
    const limits = new Limits({ timeout: 1 }, "lock");
    expect(limits.endless).toBe(false);
    let least = 1;
    for (let left = limits.left; left > 0; left = limits.left) {
      expect(left).toBeLessThanOrEqual(least);
      least = left;
    }
    expect(limits.left).toBe(0);
  });
  it("with a flag are not endless, and throw its reason", () => {
    const flag = { ...source(), cancelled: false };
    const limits = new Limits({ signal: flag }, "lock");
    expect(limits.endless).toBe(false);
    expect(limits.left).toBe(Infinity);
    limits.throwIfCancelled();
    flag.cancelled = true;
    let thrown: unknown;
    try {
      limits.throwIfCancelled();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe("the reason");
  });
  it("are no AbortSignal: a blocked thread cannot hear it, and the message names who can", () => {
    const signal = new AbortController().signal as unknown as CancelSource;
    expect(() => new Limits({ signal }, "acquire")).toThrow("give a CancelFlag, or await acquireAsync() with this signal");
  });
  it("name what was waited for when the time is over", () => {
    const error = new Limits({ timeout: 5 }, "lock").timedOut('mutex "m"', "lock");
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toContain('mutex "m"');
    expect(error.message).toContain("5");
  });
});

it("a CancelFlag is told from an AbortSignal by what it has", () => {
  expect(isCancelSource(source())).toBe(true);
  expect(isCancelSource(new AbortController().signal)).toBe(false);
  expect(isCancelSource({})).toBe(false);
});
