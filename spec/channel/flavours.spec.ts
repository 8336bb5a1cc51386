/** Channels of every flavour, of every kind of messages: what they have in common. */
import { channel, type Receiver, type Sender } from "ferrous";
import { describeChannel } from "../support/describe-channel.ts";
import { TYPES, type Kind } from "../support/channels.js";

const CAPACITIES = [
  ["an unbounded channel", Infinity],
  ["a channel of capacity 1", 1],
  ["a channel of capacity 1024", 1024],
  ["a channel without capacity", 0],
] as const;
const KINDS: readonly (readonly [string, Kind])[] = [
  ["any values", "encoded"],
  ["i32", "i32"],
  ["f64", "f64"],
  ["structs", "struct"],
];

for (const [title, capacity] of CAPACITIES) {
  for (const [what, kind] of KINDS) {
    // As i32, but for its length.
    if (kind === "f64" && capacity < 2) continue;
    describeChannel(`${title}, of ${what}`, {
      capacity,
      kind,
      make: (name) =>
        channel({
          ...(capacity === Infinity ? {} : { capacity }),
          ...(name === undefined ? {} : { name }),
          of: TYPES[kind] as never,
        }) as [Sender<unknown>, Receiver<unknown>],
    });
  }
}
