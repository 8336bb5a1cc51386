// As ferrous.js.
export * from "ferrous/check";
