/**
 * The door `ferrous/worker`: what a thread runs first, as an entry of its own for bundlers that do not follow
 * `new Worker(new URL(...))` into a package.
 */
import "./boot.ts";
