/** How threads prove in a page that they live: apart from the host, since a page without threads needs none of it. */
import type { Life } from "./host.ts";

const forever = new Promise<never>(() => undefined);

/** Web Locks are released when their holder has ended: at once if it was idle, and in Chromium after 2 s if it was busy or asleep. */
export const life: Life = {
  hold: (name) =>
    new Promise((held, denied) => {
      const granted = (): Promise<never> => {
        held();
        return forever;
      };
      navigator.locks.request(name, granted).catch(denied);
    }),
  onEnd: (name, ended, neverHeld) => {
    // Kept, so that a thread that was ended before it held its life can never hold it.
    const keep = (): Promise<never> => {
      ended();
      return forever;
    };
    // Where they are denied, nobody ever holds one.
    navigator.locks.request(name, neverHeld ? keep : () => undefined).then(ended, ended);
  },
};
