import { PacketType } from "../../games/marsh/contract.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DisconnectReason, LogoutRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { DependencyError } from "../../shared/errors.ts";
import { LOGIN_QUEUE_KEPT_MS, LOGIN_QUEUE_STATUS_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { SlowStorage } from "../support/slow_storage.ts";

const { ENTER_WORLD_RESPONSE, LOGIN_QUEUE_STATUS, LOGOUT_RESPONSE } = PacketType;

/** A full house of `count` players with a line before it. */
async function fullHouse(count: number, config: Record<string, number> = {}, storage?: Storage) {
  const harness = await LogicHarness.create({ worldCapacity: count, config: { loginQueue: 8, ...config }, storage });
  const inside: HarnessClient[] = [];
  for (let index = 0; index < count; index++) inside.push(await harness.connect({ name: `Inside${index}` }));
  return { harness, inside };
}

async function accountOf(harness: LogicHarness, name: string): Promise<number> {
  const key = name.toLowerCase();
  const known = await harness.storage.accounts.findByName(key);
  if (known !== undefined) return known.accountId;
  const account = { name, nameKey: key, passwordVerifier: "none", createdAtMs: harness.clock.unixMs() };
  const result = await harness.storage.accounts.create(account);
  assert(result.kind === "created");
  return result.accountId;
}

let addressCount = 0;

/** Asks to enter on a new connection; resolves once logic has said something. */
async function ask(
  harness: LogicHarness,
  name: string,
  address = `198.51.100.${++addressCount}`,
): Promise<HarnessClient> {
  const client = harness.open({ port: "game", name, address });
  const sessionToken = `plain:${await accountOf(harness, name)}:${name}`;
  harness.send(client, EnterWorldRequestSchema, { sessionToken });
  await harness.until(() => client.packets.length > 0);
  return client;
}

function positions(harness: LogicHarness, ...clients: HarnessClient[]): number[] {
  return clients.map((client) => harness.received(client, LOGIN_QUEUE_STATUS).at(-1)?.position ?? 0);
}

function answerOf(harness: LogicHarness, client: HarnessClient): string | undefined {
  const answer = harness.received(client, ENTER_WORLD_RESPONSE)[0];
  return answer && (answer.success ? "in" : ErrorCode[answer.errorCode]);
}

function kick(harness: LogicHarness, client: HarnessClient): void {
  harness.logic.world.replace(harness.sessionOf(client), DisconnectReason.KICKED, "makes room");
}

Deno.test("ENTER_WORLD into a full world waits in line, is told its place at once, and enters in the order it came", async () => {
  const { harness, inside } = await fullHouse(2);
  await using _ = harness;
  const line = [await ask(harness, "Anna"), await ask(harness, "Bert"), await ask(harness, "Carl")];
  assertEquals(positions(harness, ...line), [1, 2, 3]);
  kick(harness, inside[0]);
  harness.tick();
  await harness.until(() => answerOf(harness, line[0]) !== undefined);
  assertEquals(line.map((client) => answerOf(harness, client)), ["in", undefined, undefined]);
  harness.tick(2);
  assertEquals(positions(harness, line[1], line[2]), [1, 2], "Told of each change");
  kick(harness, inside[1]);
  harness.tick();
  await harness.until(() => answerOf(harness, line[1]) !== undefined);
  assertEquals(answerOf(harness, line[2]), undefined);
});

Deno.test("ENTER_WORLD does not overtake the line while somebody's turn has come and is not used yet", async () => {
  const { harness, inside } = await fullHouse(1);
  await using _ = harness;
  const anna = await ask(harness, "Anna");
  kick(harness, inside[0]);
  // Anna's turn: her account is read anew, and Bert comes meanwhile.
  harness.tick();
  const bert = await ask(harness, "Bert");
  await harness.until(() => answerOf(harness, anna) !== undefined);
  assertEquals([answerOf(harness, anna), positions(harness, bert)], ["in", [1]]);
});

Deno.test("LOGIN_QUEUE_STATUS comes every 2 s, with a time that follows how fast the line moves", async () => {
  const { harness, inside } = await fullHouse(3);
  await using _ = harness;
  const line: HarnessClient[] = [];
  for (const name of ["Anna", "Bert", "Carl", "Dora"]) line.push(await ask(harness, name));
  const last = line[3];
  harness.take(last, LOGIN_QUEUE_STATUS);
  harness.advance(3 * LOGIN_QUEUE_STATUS_MS);
  assertEquals(harness.take(last, LOGIN_QUEUE_STATUS).map(({ position }) => position), [4, 4, 4]);
  for (const [index, client] of inside.entries()) {
    harness.advance(4_000);
    kick(harness, client);
    harness.tick();
    await harness.until(() => answerOf(harness, line[index]) !== undefined);
  }
  harness.advance(LOGIN_QUEUE_STATUS_MS);
  const { position, etaMs } = harness.received(last, LOGIN_QUEUE_STATUS).at(-1)!;
  assertEquals(position, 1);
  assert(etaMs > 3_000 && etaMs < 9_000, `${etaMs} ms, where one enters every 4 to 6 s`);
});

Deno.test("RESUME and the player's own place in the world need no turn", async () => {
  const { harness, inside: [link, other] } = await fullHouse(2);
  await using _ = harness;
  const waiting = await ask(harness, "Anna");
  harness.disconnect(link);
  const back = harness.open({ port: "game" });
  harness.send(back, ResumeRequestSchema, { resumeToken: link.resumeToken, lastSequence: 0n });
  await harness.until(() => harness.received(back, PacketType.RESUME_RESPONSE).length > 0);
  assertEquals(harness.received(back, PacketType.RESUME_RESPONSE)[0].success, true);
  const again = harness.open({ port: "game", name: other.name });
  harness.send(again, EnterWorldRequestSchema, { sessionToken: `plain:${other.playerId}:${other.name}` });
  await harness.until(() => answerOf(harness, again) !== undefined);
  assertEquals([answerOf(harness, again), answerOf(harness, waiting)], ["in", undefined]);
});

Deno.test("A place in line is kept for a player who comes back, passed by meanwhile, and given up in time", async () => {
  const { harness, inside } = await fullHouse(2);
  await using _ = harness;
  const [anna, bert] = [await ask(harness, "Anna"), await ask(harness, "Bert")];
  harness.disconnect(anna);
  harness.advance(LOGIN_QUEUE_STATUS_MS);
  kick(harness, inside[0]);
  harness.tick();
  await harness.until(() => answerOf(harness, bert) !== undefined);
  const carl = await ask(harness, "Carl");
  const back = await ask(harness, "Anna");
  harness.tick(2);
  assertEquals(positions(harness, back, carl), [1, 2]);
  harness.disconnect(back);
  harness.advance(LOGIN_QUEUE_KEPT_MS + LOGIN_QUEUE_STATUS_MS);
  assertEquals(positions(harness, carl), [1]);
  assertEquals(positions(harness, await ask(harness, "Anna")), [2]);
});

Deno.test("LOGOUT gives up a place in line at once, and answers both requests in their order", async () => {
  const { harness } = await fullHouse(1);
  await using _ = harness;
  const [anna, bert] = [await ask(harness, "Anna"), await ask(harness, "Bert")];
  harness.send(anna, LogoutRequestSchema, {});
  await harness.until(() => harness.received(anna, LOGOUT_RESPONSE).length > 0);
  const answers = anna.packets.map(({ type }) => type).filter((type) => type !== LOGIN_QUEUE_STATUS);
  assertEquals(answers, [ENTER_WORLD_RESPONSE, LOGOUT_RESPONSE]);
  assertEquals(answerOf(harness, anna), "INVALID_STATE");
  assert(harness.received(anna, LOGOUT_RESPONSE)[0].success);
  harness.tick();
  assertEquals(positions(harness, bert, await ask(harness, "Carl"), await ask(harness, "Anna")), [1, 2, 3]);
  // The same connection may ask again.
  harness.send(anna, EnterWorldRequestSchema, { sessionToken: `plain:${await accountOf(harness, "Dora")}:Dora` });
  await harness.until(() => positions(harness, anna)[0] === 4);
});

Deno.test("ENTER_WORLD on a second connection takes the player's place over; the first is refused", async () => {
  const { harness } = await fullHouse(1);
  await using _ = harness;
  const first = await ask(harness, "Anna");
  await ask(harness, "Bert");
  const second = await ask(harness, "Anna");
  await harness.until(() => answerOf(harness, first) !== undefined);
  assertEquals([answerOf(harness, first), positions(harness, second)], ["ALREADY_LOGGED_IN", [1]]);
});

Deno.test("ENTER_WORLD is refused with SERVER_FULL by a full line, and by a full share of one address", async () => {
  const { harness } = await fullHouse(1);
  await using _ = harness;
  const asked: HarnessClient[] = [];
  for (let index = 0; index < 12; index++) {
    asked.push(await ask(harness, `Name${index}`, `203.0.113.${index < 4 ? 1 : index}`));
  }
  await harness.until(() => answerOf(harness, asked[1]) !== undefined);
  harness.tick();
  const answers = asked.map((client) => answerOf(harness, client) ?? positions(harness, client)[0]);
  // Of four at one address two had places, a quarter of the line; the second went to the last that fits.
  const full = "SERVER_FULL";
  assertEquals(answers, [1, full, full, full, 2, 3, 4, 5, 6, 7, 8, full]);
});

Deno.test("ENTER_WORLD at a full line takes the last place of the address that has the most, until none has twice as many", async () => {
  const { harness } = await fullHouse(1);
  await using _ = harness;
  const line: HarnessClient[] = [];
  for (let index = 0; index < 8; index++) line.push(await ask(harness, `Name${index}`, `203.0.113.${index >> 1}`));
  const comers: HarnessClient[] = [];
  for (let index = 0; index < 5; index++) comers.push(await ask(harness, `Comer${index}`));
  harness.tick();
  const answers = [...line, ...comers].map((client) => answerOf(harness, client) ?? positions(harness, client)[0]);
  const full = "SERVER_FULL";
  assertEquals(answers, [1, full, 2, full, 3, full, 4, full, 5, 6, 7, 8, full]);
});

Deno.test("A place whose turn has come is kept for a player whose connection is lost at that moment", async () => {
  const { harness, inside } = await fullHouse(1);
  await using _ = harness;
  const anna = await ask(harness, "Anna");
  await ask(harness, "Bert");
  kick(harness, inside[0]);
  harness.tick();
  harness.disconnect(anna);
  await new Promise((resolve) => setTimeout(resolve));
  const back = await ask(harness, "Anna");
  harness.tick();
  await harness.until(() => answerOf(harness, back) !== undefined);
  assertEquals(answerOf(harness, back), "in");
});

Deno.test("A place whose turn has come is kept for a player who is refused for want of the storage", async () => {
  const { harness, inside } = await fullHouse(1);
  await using _ = harness;
  const anna = await ask(harness, "Anna");
  const bert = await ask(harness, "Bert");
  const { accounts } = harness.storage as unknown as { accounts: Record<string, unknown> };
  const { findEntry } = accounts;
  accounts.findEntry = () => Promise.reject(new DependencyError("unavailable", "Cannot run accounts.findEntry"));
  kick(harness, inside[0]);
  harness.tick();
  await harness.until(() => answerOf(harness, anna) !== undefined);
  assertEquals(answerOf(harness, anna), "UNAVAILABLE");
  accounts.findEntry = findEntry;
  const link = harness.sessions.find(0, anna.slot, anna.generation)!;
  assertEquals(link.session.busy, false);
  harness.send(anna, EnterWorldRequestSchema, { sessionToken: `plain:${await accountOf(harness, "Anna")}:Anna` });
  await harness.until(() => positions(harness, anna)[0] === 1 && harness.received(anna, LOGIN_QUEUE_STATUS).length > 1);
  harness.tick();
  await harness.until(() => harness.received(anna, ENTER_WORLD_RESPONSE).length > 1);
  assertEquals([harness.received(anna, ENTER_WORLD_RESPONSE)[1].success, answerOf(harness, bert)], [true, undefined]);
});

Deno.test("A place that is given back to a line that was empty is waited for by whoever comes next", async () => {
  const slow = new SlowStorage(new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS));
  const { harness, inside: [inside] } = await fullHouse(1, {}, slow.storage);
  await using _ = harness;
  await accountOf(harness, "Bert");
  const anna = await ask(harness, "Anna");
  slow.isSlow = true;
  kick(harness, inside);
  // Her turn comes, and nobody waits behind her.
  harness.tick(2);
  await harness.until(() => slow.waitingCount > 0);
  harness.disconnect(anna);
  slow.isSlow = false;
  slow.release();
  await new Promise((resolve) => setTimeout(resolve));
  const bert = await ask(harness, "Bert");
  assertEquals([positions(harness, bert), answerOf(harness, bert)], [[2], undefined]);
  harness.tick();
  await harness.until(() => answerOf(harness, bert) !== undefined);
  assertEquals([answerOf(harness, bert), harness.log.records.filter(({ level }) => level === "error")], ["in", []]);
});

Deno.test("ENTER_WORLD on a second connection takes over a place whose turn has come", async () => {
  const { harness, inside } = await fullHouse(1);
  await using _ = harness;
  const first = await ask(harness, "Anna");
  await ask(harness, "Bert");
  const sessionToken = `plain:${await accountOf(harness, "Anna")}:Anna`;
  const second = harness.open({ port: "game", name: "Anna", address: "198.51.100.250" });
  kick(harness, inside[0]);
  harness.post(second, EnterWorldRequestSchema, { sessionToken });
  harness.tick();
  await harness.until(() => answerOf(harness, second) !== undefined);
  harness.tick();
  await harness.until(() => first.closedBy !== null || answerOf(harness, first) === "ALREADY_LOGGED_IN");
  assertEquals([answerOf(harness, second), harness.sessions.inWorld.size], ["in", 1]);
});

Deno.test("Who waits and is refused in the end is no longer taken for logged in", async () => {
  const { harness, inside } = await fullHouse(1);
  await using _ = harness;
  const anna = await ask(harness, "Anna");
  const link = harness.sessions.find(0, anna.slot, anna.generation)!;
  await harness.storage.accounts.revokeTokens({ accountId: await accountOf(harness, "Anna"), tokenEpoch: null });
  await harness.storage.accounts.remove({
    accountId: await accountOf(harness, "Anna"),
    nowMs: harness.clock.unixMs(),
    isDue: false,
  });
  kick(harness, inside[0]);
  harness.tick();
  await harness.until(() => answerOf(harness, anna) !== undefined);
  assertEquals([answerOf(harness, anna), link.session.player], ["INVALID_TOKEN", null]);
});

const TURNED_OUT = {
  "kicked": { act: "kick", reason: "spam" },
  "banned": { act: "ban", seconds: null, reason: "spam" },
  "logged out everywhere": { act: "revoke" },
  "deleted": { act: "delete", now: true },
} as const;

for (const [what, request] of Object.entries(TURNED_OUT)) {
  Deno.test(`Who waits and is ${what} is told so and closed at once, and waits no longer`, async () => {
    const { harness } = await fullHouse(1);
    await using _ = harness;
    const anna = await ask(harness, "Anna");
    const bert = await ask(harness, "Bert");
    const done = await harness.logic.moderation.run({ ...request, target: { player: "Anna" }, moderator: "eve" });
    assertEquals(done.kind, "done");
    await harness.until(() => anna.closedBy !== null);
    assertEquals(anna.closedBy?.reason, what === "banned" ? DisconnectReason.BANNED : DisconnectReason.KICKED);
    harness.advance(LOGIN_QUEUE_KEPT_MS + LOGIN_QUEUE_STATUS_MS);
    assertEquals(positions(harness, bert), [1]);
  });
}
