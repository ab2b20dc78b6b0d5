import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assertEquals } from "../support/assert.ts";
import { onEachBackend } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

onEachBackend({ players: 3, flags: ["--max-players", "1", "--login-queue", "10"] }, (backend, server) => {
  Deno.test(`serve (${backend}) lets TCP and browser players wait for room in the world, longer than a request may take, and in turn`, async () => {
    const { game, gateway } = server().ports;
    const inside = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: game, signal }) });
    // A request of theirs may take less than they will wait, and a heartbeat must be answered sooner still.
    const timing = { requestTimeoutMs: 1_500, heartbeatIntervalMs: 300, deadAfterMs: 1_200, reconnect: false } as const;
    const native = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: game, signal }), ...timing });
    const browser = new DrawbridgeClient({
      connect: (signal) => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`, { signal }),
      ...timing,
    });
    const clients = [inside, native, browser];
    try {
      const told: number[][] = [[], []];
      for (const [index, client] of [native, browser].entries()) {
        client.on(PacketType.LOGIN_QUEUE_STATUS, ({ position }) => told[index].push(position));
      }
      for (const client of clients) await client.open();
      await inside.enterWorld({ token: server().takePlayer().token });
      const entering: Promise<unknown>[] = [];
      const order: string[] = [];
      for (const [index, client] of [native, browser].entries()) {
        const entry = client.enterWorld({ token: server().takePlayer().token });
        entering.push(entry.then(({ success }) => order.push(`${index} ${success}`)));
        await until("a place in line", () => told[index].length > 0);
      }
      await until("both have waited longer than a request may", () => told.every(({ length }) => length >= 3));
      assertEquals([told[0].at(-1), told[1].at(-1), order], [1, 2, []]);
      assertEquals(await server().metric("drawbridge_login_queue_players"), 2);
      await inside.logout();
      await until("the first is in", () => order.length === 1);
      await until("the second is first in line", () => told[1].at(-1) === 1);
      await native.logout();
      await Promise.all(entering);
      assertEquals(order, ["0 true", "1 true"]);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });
});
