/** The classics, the right ones, on real threads. */
import { expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { promisify } from "node:util";

it("the classics run on real threads", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["examples/classics/run.js", "200"], { timeout: 50_000 });
  const names = readdirSync("examples/classics").filter((file) => file.endsWith(".ts") && file !== "classic.ts");
  for (const name of names) expect(stdout).toContain(`${name.slice(0, -3)}: `);
});
