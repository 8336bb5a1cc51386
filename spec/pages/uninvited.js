/** A worker that nobody has invited, and that wants to start a thread all the same. */
import { fromHandle, spawn } from "../../dist/web/index.js";
import { double } from "./tasks.js";

onmessage = ({ data }) => {
  fromHandle(data);
  try {
    spawn(double, 1);
    postMessage("spawned");
  } catch (error) {
    postMessage(String(error));
  }
};
