/** The matrix of deaths at channels, on real threads: in each scene one kind of waiter, in the long run all. */
import { describeDeaths, type Fate } from "../support/describe-deaths.ts";
import type { Way } from "../support/deaths.js";

const title = "while having its only sender, ends the receiver (%s)";
const sends = "in the middle of what it sends, ends the receiver (%s), who has all that was sent once and in order";
const receives = "in the middle of what it receives, ends the sender (%s), who has the unsent value again";
const sleeps = "while waiting, lets the others (%s) go on, and takes no message with it";

/** The others in the long run. */
const FEW: readonly Way[] = ["exit"];
const isCommon = ({ title }: Fate): boolean => !/encoded|select|rendezvous/.test(title);

const fates: Fate[] = [
  { scene: "a channel's only sender is held, unbounded", title: `${title}, unbounded`, told: "DISCONNECTED", kinds: ["main"] },
  { scene: "a channel's only sender is held, bounded", title: `${title}, encoded`, told: "DISCONNECTED", kinds: ["three"] },
  { scene: "a channel's only sender is held, rendezvous", title: `${title}, rendezvous`, told: "DISCONNECTED", kinds: ["awaiting"] },
  {
    scene: "a channel's only sender sends, unbounded",
    title: `${sends}, unbounded`,
    told: "DISCONNECTED",
    left: "each came once",
    kinds: ["three"],
  },
  {
    scene: "a channel's only sender sends, bounded",
    title: `${sends}, bounded`,
    told: "DISCONNECTED",
    left: "each came once",
    kinds: ["main"],
  },
  {
    scene: "a channel's only sender sends, rendezvous",
    title: `${sends}, rendezvous`,
    told: "DISCONNECTED",
    left: "each came once",
    kinds: ["awaiting"],
  },
  { scene: "a channel's only sender is held, and a select waits", title: `${title}, in select`, told: "DISCONNECTED", kinds: ["main"] },
  {
    scene: "a channel's only sender is held, and a select waits, rendezvous",
    title: `${title}, in select, rendezvous`,
    told: "DISCONNECTED",
    kinds: ["three"],
  },
  { scene: "a channel's only receiver receives, bounded", title: `${receives}, bounded`, told: "has its value again", kinds: ["three"] },
  { scene: "a channel's only receiver receives, encoded", title: `${receives}, encoded`, told: "has its value again", kinds: ["awaiting"] },
  {
    scene: "a channel's only receiver receives, rendezvous",
    title: `${receives}, rendezvous`,
    told: "has its value again",
    kinds: ["main"],
  },
  {
    scene: "a channel's only receiver is held, and a select waits",
    title: "while having its only receiver, ends the sender (%s), in select",
    told: "DISCONNECTED",
    kinds: ["main"],
  },
  {
    scene: "a channel's only receiver is held, and a select waits, rendezvous",
    title: "while having its only receiver, ends the sender (%s), in select, rendezvous",
    told: "DISCONNECTED",
    kinds: ["three"],
  },
  { scene: "an empty channel is slept on, unbounded", title: `${sleeps} to receive, unbounded`, told: "got in", kinds: ["three"] },
  { scene: "an empty channel is slept on, bounded", title: `${sleeps} to receive, encoded`, told: "got in", kinds: ["main"] },
  { scene: "an empty channel is slept on, rendezvous", title: `${sleeps} to receive, rendezvous`, told: "got in", kinds: ["three"] },
  { scene: "an empty channel is slept on by a select", title: `${sleeps} to receive, itself in select`, told: "got in", kinds: ["three"] },
  { scene: "a full channel is slept on, bounded", title: `${sleeps} to send, bounded`, told: "got in", kinds: ["three"] },
  { scene: "a full channel is slept on, rendezvous", title: `${sleeps} to send, rendezvous`, told: "got in", kinds: ["main"] },
  {
    scene: "a channel's senders' gate is passed",
    title: "inside the senders' gate, lets the sender (%s) in",
    told: "got in",
    kinds: ["main"],
  },
  {
    scene: "a channel's receivers' gate is passed",
    title: "inside the receivers' gate, lets the receiver (%s) in",
    told: "got in",
    kinds: ["three"],
  },
];
describeDeaths(
  "a channel",
  fates.map((fate) => (isCommon(fate) ? fate : { ...fate, ways: FEW })),
);
