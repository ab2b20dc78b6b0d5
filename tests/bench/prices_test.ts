import { arenaTable, measureArena } from "../../bench/arena_prices.ts";
import { countRefusals, measurePrices, priceTable, workTable } from "../../bench/prices.ts";
import { measureWork, WEB } from "../../bench/work_prices.ts";
import { Opcode } from "../../gateway/websocket.ts";
import { loadWebAssets } from "../../server/process/web_assets.ts";
import { contract } from "../../games/marsh/contract.ts";
import { contract as arena } from "../../games/tag/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("bench/prices.ts has a row for every packet type that clients send", async () => {
  const rows = await measurePrices({ packets: 2, rounds: 1 });
  const sent = contract.packets.rows.filter(({ direction }) => direction !== "server");
  assertEquals(rows.map(({ name }) => name), sent.map(({ name }) => name));
  rows.forEach(({ ioUs, logicUs, name, storageUs }, index) => {
    assert(Number.isFinite(ioUs) && ioUs > 0, name);
    assert(sent[index].handledBy === "logic" ? logicUs > 0 && storageUs >= 0 : logicUs + storageUs === 0, name);
  });
  assertEquals(priceTable(rows).split("\n").length, rows.length + 2);
});

Deno.test("bench/prices.ts has a row for every packet type that clients of the arena alone send, and measures none refused", async () => {
  const rows = await measureArena({ packets: 2 });
  const sent = arena.packets.rows.filter(({ direction, type }) =>
    direction !== "server" && contract.packets.row(type) === undefined
  );
  assertEquals(rows.map(({ name, refused }) => [name, refused]), sent.map(({ name }) => [name, 0]));
  for (const { logicUs, name, storageUs } of rows) assert(logicUs > 0 && storageUs >= 0, name);
  assertEquals(arenaTable(rows).split("\n").length, rows.length + 1);
});

// A right password would end the session, and hashes are other threads' work.
const WITH_PASSWORD = ["LOGIN_REQUEST", "PASSWORD_CHANGE_REQUEST", "TOKENS_REVOKE_REQUEST", "ACCOUNT_DELETE_REQUEST"];

Deno.test("bench/prices.ts measures what is done, not what is refused", async () => {
  for (const row of contract.packets.rows) {
    if (row.direction === "server" || row.handledBy !== "logic" || WITH_PASSWORD.includes(row.name)) continue;
    assertEquals(await countRefusals(row, 2), 0, row.name);
  }
});

Deno.test("bench/prices.ts has a row for every path of the gateway and every frame of a WebSocket, each charged for", async () => {
  const rows = await measureWork({ items: 1 });
  const names = rows.map(({ name }) => name);
  const source = await Deno.readTextFile(new URL("../../gateway/app.ts", import.meta.url));
  const routes = [...source.matchAll(/app\.get\("(\/[^"]*)"/g)].map(([, path]) => path);
  assert(routes.length >= 4, `Routes found: ${routes}`);
  for (const path of [...routes, ...(await loadWebAssets(WEB)).keys()]) {
    assert(names.includes(`GET ${path}`), `${path} has no price`);
  }
  for (const opcode of Object.keys(Opcode)) {
    assert(names.some((name) => name.startsWith(`WebSocket ${opcode}`)), `${opcode} has no price`);
  }
  for (const { chargedUs, name, tookUs } of rows) assert(chargedUs > 0 && tookUs > 0, name);
  assertEquals(workTable(rows).split("\n").length, rows.length + 1);
});
