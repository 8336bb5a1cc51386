/** What takes long: a text of 100 MB, and millions of messages. */
import { expect, it } from "@jest/globals";
import { channel, i32, spawn, type Sender } from "ferrous";

it("a channel of capacity 4 carries texts of 100 MB from another thread", async () => {
  const [tx, rx] = channel<string>({ capacity: 4 });
  const thread = spawn((end: Sender<string>) => {
    for (let n = 0; n < 3; n++) end.send(String(n).repeat(100 * 2 ** 20));
  }, tx);
  for (let n = 0; n < 3; n++) {
    const text = rx.recv();
    expect(text.length).toBe(100 * 2 ** 20);
    expect(text === String(n).repeat(100 * 2 ** 20)).toBe(true);
  }
  expect([...rx]).toEqual([]);
  await thread.joinAsync();
});

it("a channel counts on when its counters wrap around: 70 million messages in their order", async () => {
  const [tx, rx] = channel({ of: i32, capacity: 65_536 });
  const COUNT = 70_000_000;
  const thread = spawn(
    (end: Sender<number>, count: number) => {
      const some = new Int32Array(10_000);
      for (let n = 0; n < count; n += some.length) {
        for (let at = 0; at < some.length; at++) some[at] = n + at;
        end.sendMany(some);
      }
    },
    tx,
    COUNT,
  );
  let expected = 0;
  let wrong = 0;
  while (expected < COUNT) for (const value of rx.recvMany(20_000)) if (value !== expected++) wrong++;
  expect(wrong).toBe(0);
  await thread.joinAsync();
});
