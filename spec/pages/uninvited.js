/** A worker that nobody has invited, and that wants to start a thread all the same; it may have been sent a handle. */
import { fromHandle, spawn } from "../../dist/web/index.js";
import { double } from "./tasks.js";

onmessage = ({ data }) => {
  if (data !== undefined) fromHandle(data);
  try {
    postMessage(spawn(double, 1).join());
  } catch (error) {
    postMessage(String(error));
  }
};
