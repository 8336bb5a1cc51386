/** Gives out the example page: `npm run page`. */
import { serve } from "./browsers.ts";

const { url } = await serve(".");
console.log(`${url}examples/page/    (Ctrl-C ends it)`);
