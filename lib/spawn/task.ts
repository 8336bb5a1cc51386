/** Tasks: functions that another thread finds by the URL of their module and a name. */
import { TaskError } from "../errors.ts";
import { messageOf } from "../send/words.ts";
import { refuseGenerator } from "../sync/section.ts";

/** How another thread finds a task again. */
export interface TaskOrigin {
  readonly url: string;
  readonly name: string;
}

type AnyFunction = (...args: never[]) => unknown;

const origins = new WeakMap<AnyFunction, TaskOrigin>();
const tasks = new Map<string, AnyFunction>();
const keyOf = ({ url, name }: TaskOrigin): string => `${url}#${name}`;

/**
 * Makes a function one that {@link spawn} can start in another thread: there its module is imported and the function found by its name.
 * It can still be called in place, and need not be exported; but its module must get as far as this call when it is imported.
 *
 * @param url   `import.meta.url` of the module that calls this; where a bundler puts that module into several files, which have several
 *              addresses, one of your own, such as `"app:tasks"`
 * @param name  unique in that module
 * @throws {TaskError} that module has another task of that name
 * @throws {TypeError} the URL is none, or what it is given is no function, or a generator function
 * @example export const double = task(import.meta.url, "double", (n: number) => n * 2);
 */
export function task<F extends AnyFunction>(url: string, name: string, fn: F): F {
  if (typeof url !== "string" || !URL.canParse(url)) {
    throw new TypeError(
      `task() needs the URL of its module, import.meta.url, or in CommonJS pathToFileURL(__filename).href; it was given ${String(url)}.`,
    );
  }
  if (typeof name !== "string" || name === "") throw new TypeError("task() needs a name that is unique in its module.");
  if (typeof fn !== "function") throw new TypeError(`task "${name}" needs a function.`);
  refuseGenerator(fn, "task");
  const origin = { url, name };
  const known = tasks.get(keyOf(origin));
  if (known !== undefined && known !== fn) {
    throw new TaskError(
      `${url} has two tasks called "${name}", and another thread could not tell which is meant: give each a name of its own.`,
    );
  }
  origins.set(fn, origin);
  tasks.set(keyOf(origin), fn);
  expected.get(keyOf(origin))?.();
  return fn;
}

/** Where a function was registered as a task, undefined for any other. */
export const originOf = (fn: AnyFunction): TaskOrigin | undefined => origins.get(fn);

/** The module whose evaluation a starting thread waits for, while it does. */
let evaluating: string | undefined;
export const evaluatedModule = (): string | undefined => evaluating;

/** What waits for a task to be registered. */
const expected = new Map<string, () => void>();
/** In ms. */
const REGISTERED_WITHIN = 10_000;

/** In a bundle a module may still be evaluated, awaiting something, when the thread starts. */
const untilRegistered = (origin: TaskOrigin): Promise<void> =>
  new Promise((resolve) => {
    // While its URL was looked for, perhaps.
    if (tasks.has(keyOf(origin))) resolve();
    expected.set(keyOf(origin), resolve);
    setTimeout(resolve, REGISTERED_WITHIN);
  });

/** A program may run as TypeScript, behind a loader of its main thread, where its workers cannot. */
const adviceOn = (error: unknown): string =>
  /Unknown file extension "\.[cm]?tsx?"/.test(messageOf(error))
    ? ` A worker loads no TypeScript of that kind here: compile it, or start node with --import and a file that calls register() of "tsx/esm/api", which each thread runs too.`
    : "";

/** Is that no address of a file, but a URL of the user's own, such as `"app:tasks"`? */
const isInvented = ({ url }: TaskOrigin): boolean => !/^(?:https?|file|data|blob):/.test(url);

/**
 * Imports the task's module and finds the task.
 * @throws {TaskError} the module cannot be loaded, or registers no task of that name
 */
export async function loadTask(origin: TaskOrigin): Promise<AnyFunction> {
  // In a file that a bundler made, the task's module lies beside this one, and its URL may lead nowhere.
  const bundled = tasks.get(keyOf(origin));
  if (bundled !== undefined) return bundled;
  evaluating = origin.url;
  try {
    await import(/* @vite-ignore */ /* webpackIgnore: true */ origin.url);
  } catch (error) {
    if (error instanceof TaskError) throw error;
    if (isInvented(origin)) {
      await untilRegistered(origin);
      const late = tasks.get(keyOf(origin));
      if (late !== undefined) return late;
      throw new TaskError(
        `nothing registers the task "${origin.name}" of ${origin.url} in this thread: ` +
          `import the module that calls task("${origin.url}", "${origin.name}", ...) beside "ferrous/worker" in its worker's file.`,
        { cause: error },
      );
    }
    throw new TaskError(
      `the module of task "${origin.name}" could not be loaded in the new thread: ${origin.url}. Its error is the cause.${adviceOn(error)}`,
      { cause: error },
    );
  } finally {
    evaluating = undefined;
  }
  const found = tasks.get(keyOf(origin));
  if (found !== undefined) return found;
  const others = [...tasks.values()].map((fn) => originOf(fn)).filter((other) => other?.url === origin.url);
  const known = others.map((other) => `"${other?.name ?? ""}"`).join(", ");
  throw new TaskError(
    `the module ${origin.url} has no task "${origin.name}" when a new thread imports it; it registers ${known === "" ? "none" : known}. ` +
      `Call task(import.meta.url, "${origin.name}", ...) at the top level of that module, with the same copy of ferrous.`,
  );
}
