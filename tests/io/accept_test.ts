/** Connections that their peers give up before they are accepted. @module */

import { DenoBackend } from "../../server/io/deno_backend.ts";
import { assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";

/** So many are reset while the thread that should accept them stands still. */
const RESETS = 20;

/** Connects and resets, and wakes who waits for it. */
const RESETTER = `
import net from "node:net";
self.onmessage = async ({ data: { port, done, count } }) => {
  for (let at = 0; at < count; at++) {
    await new Promise((resolve) => {
      const socket = net.connect({ host: "127.0.0.1", port }, () => socket.resetAndDestroy());
      socket.on("close", resolve);
    });
  }
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
};
self.postMessage("ready");
`;

Deno.test("DenoBackend accepts at once whoever comes behind connections that were reset in the queue", async () => {
  let accepted = 0, errors = 0;
  const backend = new DenoBackend();
  backend.start({
    nowMs: 0,
    pendingPromises: 0,
    onWake: () => {},
    isTimeUp: () => false,
    onRound: () => {},
    onAcceptError: () => void errors++,
    beforeSleep: () => true,
    afterSleep: () => {},
  });
  const listener = backend.listen(
    { hostname: "127.0.0.1", port: 0, backlog: 2 * RESETS, noDelay: true, reusePort: false },
    () => {
      accepted++;
      return null;
    },
  );
  const resetter = new Worker(`data:application/javascript,${encodeURIComponent(RESETTER)}`, { type: "module" });
  await new Promise((resolve) => resetter.onmessage = resolve);
  const done = new Int32Array(new SharedArrayBuffer(4));
  resetter.postMessage({ port: listener.port, done, count: RESETS });
  Atomics.wait(done, 0, 0, 20_000);
  assertEquals(done[0], 1);
  resetter.terminate();
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await until("the accept", () => accepted > 0);
  client.close();
  listener.close();
  backend.stop();
  assertEquals(errors, 0);
});
