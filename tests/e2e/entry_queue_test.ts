import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { LOGIN_QUEUE_STATUS_MS } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit } from "../support/browser.ts";
import { registerOnPage, untilInWorld } from "../support/game_page.ts";
import { onEachBackend, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

onEachBackend({ players: 3, flags: ["--max-players", "1", "--login-queue", "10"] }, (backend, server) => {
  Deno.test(`serve (${backend}) lets TCP and browser players wait for room in the world, longer than a request may take, and in turn`, async () => {
    const { game, gateway } = server().ports;
    const inside = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: game, signal }) });
    // A request of theirs may take less than they will wait, and a heartbeat must be answered sooner still.
    const timing = { requestTimeoutMs: 8_000, heartbeatIntervalMs: 300, deadAfterMs: 7_500, reconnect: false } as const;
    const statusCount = 2 + Math.ceil(timing.requestTimeoutMs / LOGIN_QUEUE_STATUS_MS);
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
      await until(
        "both have waited longer than a request may",
        () => told.every(({ length }) => length >= statusCount),
      );
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

onEachBackend({ players: 4, flags: ["--max-players", "1", "--login-queue", "10"] }, (backend, server) => {
  Deno.test(`serve (${backend}) gives a place in the queue up at once when its client is closed, and keeps it when the connection is lost`, async () => {
    const { game } = server().ports;
    const clients: DrawbridgeClient[] = [];
    /** Asks to enter; gives the place that is told first, 0 inside. */
    const enter = async () => {
      const client = new DrawbridgeClient({
        connect: (signal) => connectTcp({ port: game, signal }),
        reconnect: false,
      });
      clients.push(client);
      await client.open();
      const place = Promise.withResolvers<number>();
      client.on(PacketType.LOGIN_QUEUE_STATUS, ({ position }) => place.resolve(position));
      client.enterWorld({ token: server().takePlayer().token }).then(() => place.resolve(0), () => {});
      return { client, place: await place.promise };
    };
    try {
      assertEquals((await enter()).place, 0);
      const leaving = await enter();
      assertEquals(leaving.place, 1);
      await leaving.client.close();
      // Sooner than a lost connection's place would be given up. The next one may come by another io worker.
      await until("the place is free", async () => await server().metric("drawbridge_login_queue_players") === 0);
      const lost = await enter();
      assertEquals(lost.place, 1);
      await lost.client.close({ linkDead: true });
      assertEquals((await enter()).place, 2);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });
});

/** The place that the page tells, with how much of it is cut off or beside the screen. */
async function untilQueued(page: Page, place: number): Promise<void> {
  await page.locator("#queue-place", { hasText: new RegExp(`^${place}$`) }).waitFor();
  const outside = await page.evaluate(() =>
    [...document.querySelectorAll(".card, #queue > *")].filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width === 0 || left < 0 || right > innerWidth || element.scrollWidth > element.clientWidth + 1;
    }).map(({ id, className }) => id || className)
  );
  assertEquals(outside, []);
  assertEquals(await page.locator("#login-submit").isVisible(), false);
}

browserTest(
  "The page shows the place in the login queue, leaves it when told to, and enters in turn",
  async (browser) => {
    await using server = await ServerProcess.start({ flags: ["--max-players", "1", "--login-queue", "10"] });
    const url = `http://127.0.0.1:${server.ports.gateway}/`;
    const inside = await visit(browser, url);
    await registerOnPage(inside.page, "Alice");
    const english = await visit(browser, url, { width: 1_280, height: 800 });
    const korean = await visit(browser, url, { width: 375, height: 740, hasTouch: true, locale: "ko-KR" });
    for (const [index, { page }] of [english, korean].entries()) {
      await page.locator('#login-form label:has(input[value="register"])').click();
      await page.locator("#login-name").fill(["Bert", "홍길동"][index]);
      await page.locator("#login-password").fill("correct horse");
      await page.locator("#login-submit").click();
      await untilQueued(page, index + 1);
    }
    await english.page.locator("#queue", { hasText: "About a minute to go." }).waitFor();
    await korean.page.locator("#queue", { hasText: "예상 대기 시간" }).waitFor();

    // Whoever made an account and did not get in logs in with it.
    await korean.page.locator("#queue-leave", { hasText: "대기 취소" }).click();
    await korean.page.locator("#login-submit", { hasText: "로그인" }).waitFor();
    assertEquals(await korean.page.locator("#login-error").innerText(), "");
    // Sooner than a lost connection's place would be given up.
    await until("the place is free", async () => await server.metric("drawbridge_login_queue_players") === 1);
    await korean.page.locator("#login-password").fill("correct horse");
    await korean.page.locator("#login-submit").click();
    await untilQueued(korean.page, 2);
    await english.page.reload();
    await untilQueued(english.page, 1);

    await inside.page.locator("#leave").click();
    await untilInWorld(english.page);
    await untilQueued(korean.page, 1);
    await english.page.locator("#leave").click();
    await untilInWorld(korean.page);
    assertEquals([inside, english, korean].flatMap(({ errors }) => errors), []);
    await server.stop();
  },
);
