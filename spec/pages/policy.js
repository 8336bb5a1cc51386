import { spawn } from "../../dist/web/index.js";
import { double } from "./tasks.js";

const said = {
  task: await spawn(double, 21).joinAsync().catch(String),
  inline: await spawn((/** @type {number} */ n) => n * 2, 21)
    .joinAsync()
    .catch(String),
};
/** @type {HTMLElement} */ (document.querySelector("#said")).textContent = JSON.stringify(said);
document.title = "done";
