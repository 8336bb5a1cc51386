// @ts-check
/** One way to die in one scene, so many rounds of every kind of waiter; prints the latencies in ms: `node die.js SCENE WAY ROUNDS`. */
import { runDeath, WAITERS } from "../../../spec/support/deaths.js";

const [scene, way, rounds] = process.argv.slice(2);
const latencies = [];
for (let round = 0; round < Number(rounds); round++) {
  for (const kind of WAITERS) {
    const { told } = await runDeath(
      /** @type {import("../../../spec/support/death-scenes.js").SceneName} */ (scene),
      /** @type {import("../../../spec/support/deaths.js").Way} */ (way),
      kind,
    );
    latencies.push(...told.map(({ latency }) => latency));
  }
}
console.log(JSON.stringify(latencies));
