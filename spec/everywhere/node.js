/** In Node, Bun and Deno: prints a line of JSON for each case. The argument chooses groups. */
import { Thread } from "./ferrous.js";
import { runAll } from "./run.js";

if (Thread.isMain) {
  const wanted = process.argv[2];
  await runAll(
    (outcome) => console.log(JSON.stringify(outcome)),
    (group, name) => wanted === undefined || `${group}: ${name}`.includes(wanted),
  );
  console.log(JSON.stringify({ done: true }));
}
