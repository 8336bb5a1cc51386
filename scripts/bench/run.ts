/** `npm run bench -- NAME`: runs scripts/bench/NAME.ts, which prints one table. Without a name, lists what there is. */
import { readdirSync } from "node:fs";

const here = new URL(".", import.meta.url);
const names = readdirSync(here)
  .filter((file) => file.endsWith(".ts") && !["run.ts", "measure.ts", "others.ts"].includes(file))
  .map((file) => file.slice(0, -3));
const name = process.argv[2];
if (name === undefined || !names.includes(name)) {
  console.log(`npm run bench -- NAME, where NAME is one of: ${names.join(", ")}`);
  process.exitCode = name === undefined ? 0 : 1;
} else {
  const bench = (await import(new URL(`${name}.ts`, here).href)) as { run: () => void | Promise<void> };
  await bench.run();
}
