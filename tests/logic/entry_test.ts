import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { type TokenPlayer, tokenPlayerOf } from "../../server/auth/token.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import type { SavedCharacter } from "../../server/storage/storage.ts";
import {
  DisconnectReason,
  LoginRequestSchema,
  LogoutRequestSchema,
  ResumeRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  EnterWorldRequestSchema,
  type EnterWorldResponse,
  LeaveWorldRequestSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { STATE_CONNECTED } from "../../shared/packet_table.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";

const HASH = "ab".repeat(32);

/** Tokens that say in plain text what they carry. */
const TOKENS = {
  sign: (player: TokenPlayer) => Promise.resolve(JSON.stringify(player)),
  verify: (token: string) => Promise.resolve({ ok: true as const, ...JSON.parse(token) as TokenPlayer }),
};

interface Asked {
  readonly clientVersion?: string;
  readonly characterId?: bigint;
}

async function enter(
  harness: LogicHarness,
  client: HarnessClient,
  sessionToken: string,
  asked: Asked = {},
): Promise<EnterWorldResponse> {
  harness.take(client, PacketType.ENTER_WORLD_RESPONSE);
  harness.send(client, EnterWorldRequestSchema, { sessionToken, ...asked });
  await harness.until(() => harness.received(client, PacketType.ENTER_WORLD_RESPONSE).length > 0);
  return harness.take(client, PacketType.ENTER_WORLD_RESPONSE)[0];
}

/** An account and a token for it that names it by its id alone. */
async function account(harness: LogicHarness, name: string): Promise<{ playerId: number; token: string }> {
  const result = await harness.storage.accounts.create({
    name,
    nameKey: name.toLowerCase(),
    passwordVerifier: `plain:${HASH}`,
    createdAtMs: harness.clock.unixMs(),
  });
  assert(result.kind === "created");
  return { playerId: result.accountId, token: `plain:${result.accountId}:${name}` };
}

function linkOf(harness: LogicHarness, client: HarnessClient) {
  return harness.sessions.find(0, client.slot, client.generation)!;
}

Deno.test("ENTER_WORLD refused for a full world leaves the connection, the player and its other session as they were", async () => {
  await using harness = await LogicHarness.create({ worldCapacity: 1, config: { loginQueue: 0 } });
  await harness.connect({ name: "Holder" });
  const [anna, bert] = [await account(harness, "Anna"), await account(harness, "Bert")];
  // Anna has logged in elsewhere, and is not in the world.
  const elsewhere = harness.open({ port: "gateway" });
  harness.send(elsewhere, LoginRequestSchema, { username: "Anna", passwordHash: HASH });
  await harness.until(() => harness.sessions.isPlayerOnline(anna.playerId));
  const told: string[] = [];
  harness.sessions.onPresence(({ name }, isOnline) => told.push(`${name} ${isOnline}`));

  const client = harness.open({ port: "game" });
  assertEquals((await enter(harness, client, anna.token)).errorCode, ErrorCode.SERVER_FULL);
  assertEquals((await enter(harness, client, bert.token)).errorCode, ErrorCode.SERVER_FULL);
  assertEquals([linkOf(harness, client).session.state, linkOf(harness, client).stateDue], [STATE_CONNECTED, 0]);
  assertEquals([told, elsewhere.closedBy], [[], null]);
  assertEquals(harness.sessions.isPlayerOnline(bert.playerId), false);
});

Deno.test("ENTER_WORLD on a connection that was refused enters as whom the next token names", async () => {
  await using harness = await LogicHarness.create({ worldCapacity: 1, config: { loginQueue: 0 } });
  const holder = await harness.connect({ name: "Holder" });
  const [anna, bert] = [await account(harness, "Anna"), await account(harness, "Bert")];
  const client = harness.open({ port: "game" });
  assertEquals((await enter(harness, client, anna.token)).errorCode, ErrorCode.SERVER_FULL);
  harness.logic.world.replace(harness.sessionOf(holder), DisconnectReason.KICKED, "makes room");
  assert((await enter(harness, client, bert.token)).success);
  assertEquals(linkOf(harness, client).session.player?.name, "Bert");
  assertEquals(harness.sessions.isPlayerOnline(anna.playerId), false);
});

Deno.test("ENTER_WORLD takes the place of the player's own session in a full world, and none where it is refused", async () => {
  await using harness = await LogicHarness.create({ worldCapacity: 1, config: { loginQueue: 0 } });
  const first = await harness.connect({ name: "Anna" });
  const token = `plain:${first.playerId}:Anna`;
  const second = harness.open({ port: "game" });
  assertEquals((await enter(harness, second, token, { characterId: 999n })).errorCode, ErrorCode.NOT_FOUND);
  assertEquals([first.closedBy, harness.sessionOf(first).presence?.entityId], [null, first.entityId]);
  assert((await enter(harness, second, token)).success);
  assertEquals(first.closedBy?.reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
  assertEquals(harness.world.entityCount, 1);
});

Deno.test("ENTER_WORLD refuses the token of another player than the one who has logged in", async () => {
  await using harness = await LogicHarness.create();
  const [anna, bert] = [await account(harness, "Anna"), await account(harness, "Bert")];
  const client = harness.open({ port: "gateway" });
  harness.send(client, LoginRequestSchema, { username: "Anna", passwordHash: HASH });
  await harness.until(() => harness.received(client, PacketType.LOGIN_RESPONSE).length > 0);
  assertEquals((await enter(harness, client, bert.token)).errorCode, ErrorCode.INVALID_STATE);
  assertEquals(harness.sessions.isPlayerOnline(bert.playerId), false);
  assert((await enter(harness, client, anna.token)).success);
  assertEquals(linkOf(harness, client).session.player?.name, "Anna");
});

Deno.test("ENTER_WORLD sent twice at once is done once, and the second is refused", async () => {
  await using harness = await LogicHarness.create();
  const { token, playerId } = await account(harness, "Anna");
  const client = harness.open({ port: "game" });
  harness.send(client, EnterWorldRequestSchema, { sessionToken: token });
  harness.send(client, EnterWorldRequestSchema, { sessionToken: token });
  harness.send(client, ResumeRequestSchema, { resumeToken: "guess" });
  await harness.until(() => harness.received(client, PacketType.ENTER_WORLD_RESPONSE).length === 2);
  const codes = harness.received(client, PacketType.ENTER_WORLD_RESPONSE).map(({ errorCode }) => errorCode);
  assertEquals(codes, [ErrorCode.INVALID_STATE, ErrorCode.NONE]);
  assertEquals([harness.world.entityCount, harness.sessions.isPlayerOnline(playerId)], [1, true]);
});

Deno.test("ENTER_WORLD on two connections at once leaves one of them in the world", async () => {
  await using harness = await LogicHarness.create();
  const { token } = await account(harness, "Anna");
  const [first, second] = [harness.open({ port: "game" }), harness.open({ port: "game" })];
  for (const client of [first, second]) harness.send(client, EnterWorldRequestSchema, { sessionToken: token });
  await harness.until(() => [first, second].every((client) => client.packets.length > 0));
  assertEquals(first.closedBy?.reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
  assertEquals([second.closedBy, harness.world.entityCount, harness.sessions.inWorld.size], [null, 1, 1]);
});

Deno.test("ENTER_WORLD believes a token only where account, moment of creation and epoch are those it names", async () => {
  await using harness = await LogicHarness.create({ tokens: TOKENS });
  const { playerId } = await account(harness, "Anna");
  const found = await harness.storage.accounts.find(playerId);
  assert(found !== undefined);
  const code = async (change: Partial<typeof found>) => {
    const client = harness.open({ port: "game" });
    const token = await TOKENS.sign(tokenPlayerOf({ ...found, ...change }, null));
    return (await enter(harness, client, token)).errorCode;
  };
  assertEquals(await code({ createdAtMs: found.createdAtMs - 1 }), ErrorCode.INVALID_TOKEN);
  assertEquals(await code({ tokenEpoch: 1 }), ErrorCode.INVALID_TOKEN);
  assertEquals(await code({ accountId: 77_777 }), ErrorCode.INVALID_TOKEN);
  assertEquals(harness.sessions.isPlayerOnline(playerId), false);
  assertEquals(await code({}), ErrorCode.NONE);
});

Deno.test("ENTER_WORLD and RESUME tell a client that is too old, by its own word or by that of the login", async () => {
  await using harness = await LogicHarness.create({ tokens: TOKENS, config: { clientVersionMin: "1.4" } });
  const { playerId } = await account(harness, "Anna");
  const found = await harness.storage.accounts.find(playerId);
  const sign = (version: string | null) => TOKENS.sign(tokenPlayerOf(found!, version));
  const rows: [login: string | null, entry: string, code: ErrorCode][] = [
    ["1.3.9", "", ErrorCode.VERSION_MISMATCH],
    ["", "", ErrorCode.VERSION_MISMATCH],
    ["1.4", "1.3", ErrorCode.VERSION_MISMATCH],
    [null, "1.3", ErrorCode.VERSION_MISMATCH],
    ["1.3.9", "1.4", ErrorCode.NONE],
    ["1.4", "", ErrorCode.NONE],
    [null, "", ErrorCode.NONE],
  ];
  let resumeToken = "";
  for (const [login, clientVersion, code] of rows) {
    const answer = await enter(harness, harness.open({ port: "game" }), await sign(login), { clientVersion });
    assertEquals(answer.errorCode, code, `${login} ${clientVersion}`);
    resumeToken = answer.resumeToken;
  }
  const client = harness.open({ port: "game" });
  for (const [clientVersion, code] of [["1.3", ErrorCode.VERSION_MISMATCH], ["1.4.1", ErrorCode.NONE]] as const) {
    harness.send(client, ResumeRequestSchema, { resumeToken, clientVersion });
    assertEquals(harness.take(client, PacketType.RESUME_RESPONSE)[0].errorCode, code);
  }
});

Deno.test("LOGIN_REQUEST gives a token with the client's version, and none of what is no version", async () => {
  await using harness = await LogicHarness.create({ tokens: TOKENS });
  await account(harness, "Anna");
  for (const [clientVersion, claimed] of [["1.4.2", "1.4.2"], ["x".repeat(900), ""], ["", ""]]) {
    const client = harness.open({ port: "login" });
    harness.send(client, LoginRequestSchema, { username: "Anna", passwordHash: HASH, clientVersion });
    await harness.until(() => harness.received(client, PacketType.LOGIN_RESPONSE).length > 0);
    const [{ sessionToken }] = harness.received(client, PacketType.LOGIN_RESPONSE);
    const { name, clientVersion: signed } = await TOKENS.verify(sessionToken);
    assertEquals([name, signed], ["Anna", claimed]);
  }
});

Deno.test("LOGOUT_REQUEST waits for the character to be saved, also after LEAVE_WORLD_REQUEST", async () => {
  const storage = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS);
  const released = Promise.withResolvers<void>();
  const saveMany = async (characters: readonly SavedCharacter[]) => {
    await released.promise;
    return await storage.characters.saveMany(characters);
  };
  const slow = storageWith(storage, { characters: { saveMany } });
  await using harness = await LogicHarness.create({ storage: slow });
  const clients = [await harness.connect(), await harness.connect()];
  harness.send(clients[0], LeaveWorldRequestSchema, {});
  for (const client of clients) harness.send(client, LogoutRequestSchema, {});
  for (let turn = 0; turn < 50; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    harness.turn();
  }
  const answers = () => clients.map((client) => harness.received(client, PacketType.LOGOUT_RESPONSE).length);
  assertEquals(answers(), [0, 0]);
  released.resolve();
  await harness.until(() => answers().every((count) => count === 1));
});

Deno.test("LOGOUT leaves no session behind whose connection is lost in the same turn", async () => {
  await using harness = await LogicHarness.create();
  const client = await harness.connect();
  harness.send(client, LogoutRequestSchema, {}, { sequence: 1 });
  harness.disconnect(client);
  await harness.until(() => harness.sessions.sessionCount === 0);
});

Deno.test("ENTER_WORLD of who has gone while its token is looked at fails nowhere", async () => {
  const looked = Promise.withResolvers<void>();
  const tokens = { ...TOKENS, verify: (token: string) => looked.promise.then(() => TOKENS.verify(token)) };
  await using harness = await LogicHarness.create({ tokens });
  const { playerId } = await account(harness, "Anna");
  const client = harness.open({ port: "gateway" });
  harness.send(client, LoginRequestSchema, { username: "Anna", passwordHash: HASH });
  await harness.until(() => harness.sessions.isPlayerOnline(playerId));
  harness.send(client, EnterWorldRequestSchema, { sessionToken: JSON.stringify({ playerId }) });
  harness.disconnect(client);
  await harness.until(() => harness.sessions.sessionCount === 0);
  looked.resolve();
  let turns = 0;
  await harness.until(() => ++turns > 10);
  assertEquals([harness.log.records.filter(({ level }) => level !== "info"), harness.world.entityCount], [[], 0]);
});
