/** What must not compile of a OnceLock and a Lazy; checked by `npm run types`. */
import { Lazy, OnceLock, spawn } from "ferrous";

const lock = new OnceLock<{ port: number }>({ name: "config" });
const port: number | undefined = lock.get()?.port;
const isFirst: boolean = lock.set({ port: 80 });
// @ts-expect-error it may be empty
void lock.get().port;
// @ts-expect-error a function stays in its thread
new OnceLock<() => void>().set(() => undefined);

const lazy = new Lazy(() => 1, { name: "one" });
const one: number = lazy.get();
// @ts-expect-error a Lazy stays in its thread
spawn((it) => it, lazy);

export { isFirst, one, port };
