/** A worker that a page has made itself, and of which two parts await attach(). It tells what its own listener has heard. */
import { attach } from "../../dist/web/index.js";

/** @type {unknown[]} */
const heard = [];
const all = new Promise((resolve) => {
  onmessage = ({ data }) => {
    heard.push(data);
    if (data === "last") resolve(undefined);
  };
});
await Promise.all([attach(), attach()]);
await all;
postMessage(heard);
