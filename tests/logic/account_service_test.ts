import { storageWith } from "../support/storage_with.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { SessionTokens } from "../../server/auth/token.ts";
import {
  AccountDeleteRequestSchema,
  DisconnectReason,
  LoginRequestSchema,
  LogoutRequestSchema,
  PasswordChangeRequestSchema,
  RegisterRequestSchema,
  TokensRevokeRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { FriendRequestSchema } from "../../games/parts/friends/friends_pb.ts";
import {
  ACCOUNT_DELETION_GRACE_MS,
  ACCOUNT_DELETION_LOOK_INTERVAL_MS,
  LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS,
} from "../../shared/limits.ts";
import { settle } from "../guild/guild_scene.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, type HarnessOptions, LogicHarness } from "../support/logic_harness.ts";

const OLD = "ab".repeat(32);
const NEW = "cd".repeat(32);

/** A harness whose tokens are the server's own. */
async function openHarness(options: HarnessOptions = {}): Promise<LogicHarness> {
  const tokens = await SessionTokens.create({ key: new Uint8Array(32).fill(7) });
  return await LogicHarness.create({ tokens, ...options });
}

async function register(harness: LogicHarness, name: string): Promise<void> {
  const client = harness.open();
  harness.send(client, RegisterRequestSchema, { username: name, passwordHash: OLD });
  await harness.until(() => harness.received(client, PacketType.REGISTER_RESPONSE).length > 0);
  assert(harness.take(client, PacketType.REGISTER_RESPONSE)[0].success, `${name} must be free`);
  harness.disconnect(client);
}

/** Logs in on a connection of its own; gives the response with it. */
async function logIn(
  harness: LogicHarness,
  name: string,
  { passwordHash = OLD, port = "gateway" }: { passwordHash?: string; port?: "login" | "gateway" } = {},
) {
  const client = harness.open({ name, port });
  harness.send(client, LoginRequestSchema, { username: name, passwordHash, clientVersion: "1.0.0" });
  await harness.until(() => harness.received(client, PacketType.LOGIN_RESPONSE).length > 0);
  const [response] = harness.take(client, PacketType.LOGIN_RESPONSE);
  return { client, response, code: ErrorCode[response.errorCode] };
}

/** Enters by token on a connection of its own; gives the name of the code. */
async function enterBy(harness: LogicHarness, sessionToken: string): Promise<string> {
  const client = harness.open();
  const code = await enter(harness, client, sessionToken);
  harness.disconnect(client);
  return code;
}

async function enter(harness: LogicHarness, client: HarnessClient, sessionToken = ""): Promise<string> {
  harness.send(client, EnterWorldRequestSchema, { sessionToken });
  await harness.until(() => harness.received(client, PacketType.ENTER_WORLD_RESPONSE).length > 0);
  return ErrorCode[harness.take(client, PacketType.ENTER_WORLD_RESPONSE)[0].errorCode];
}

async function changePassword(harness: LogicHarness, client: HarnessClient, passwordHash: string) {
  harness.send(client, PasswordChangeRequestSchema, { passwordHash, newPasswordHash: NEW });
  await harness.until(() => harness.received(client, PacketType.PASSWORD_CHANGE_RESPONSE).length > 0);
  return harness.take(client, PacketType.PASSWORD_CHANGE_RESPONSE)[0];
}

async function requestDeletion(harness: LogicHarness, client: HarnessClient) {
  harness.send(client, AccountDeleteRequestSchema, { passwordHash: OLD });
  await harness.until(() => harness.received(client, PacketType.ACCOUNT_DELETE_RESPONSE).length > 0);
  return harness.take(client, PacketType.ACCOUNT_DELETE_RESPONSE)[0];
}

/** Lets logic look which accounts are due. */
async function look(harness: LogicHarness): Promise<void> {
  harness.clock.advance(ACCOUNT_DELETION_LOOK_INTERVAL_MS);
  harness.tick();
  await settle(harness);
}

function nameFound(storage: Storage, name: string): Promise<boolean> {
  return storage.accounts.findByName(name).then((found) => found !== undefined);
}

Deno.test("PASSWORD_CHANGE_REQUEST makes the old password and every token void but the one it answers with", async () => {
  await using harness = await openHarness();
  await register(harness, "Mira");
  const { client, response: before } = await logIn(harness, "Mira");
  const loginPort = await logIn(harness, "Mira", { port: "login" });
  // The login on the login port has taken the place of the first.
  assertEquals(client.closedBy?.reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
  const playing = harness.open({ name: "Mira" });
  assertEquals(await enter(harness, playing, loginPort.response.sessionToken), "NONE");
  const { success, sessionToken } = await changePassword(harness, playing, OLD);
  assert(success);
  assertEquals(playing.closedBy, null);
  assertEquals(loginPort.client.closedBy, {
    reason: DisconnectReason.KICKED,
    message: "The password was changed",
    retryAfterMs: 0,
  });
  assertEquals(await enterBy(harness, before.sessionToken), "INVALID_TOKEN");
  assertEquals(await enterBy(harness, loginPort.response.sessionToken), "INVALID_TOKEN");
  assertEquals((await logIn(harness, "Mira")).code, "INVALID_CREDENTIALS");
  assertEquals(await enterBy(harness, sessionToken), "NONE");
  assertEquals((await logIn(harness, "Mira", { passwordHash: NEW })).code, "NONE");
});

Deno.test("PASSWORD_CHANGE_REQUEST lets nobody guess: failures delay it as they delay logins", async () => {
  await using harness = await openHarness();
  await register(harness, "Mira");
  const { client } = await logIn(harness, "Mira");
  for (let count = 0; count < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; count++) {
    assertEquals(ErrorCode[(await changePassword(harness, client, NEW)).errorCode], "INVALID_CREDENTIALS");
  }
  assertEquals(ErrorCode[(await changePassword(harness, client, OLD)).errorCode], "RATE_LIMITED");
});

Deno.test("PASSWORD_CHANGE_REQUEST wins over a login with the old password that is under way", async () => {
  const gate = Promise.withResolvers<void>();
  let isHeld = false;
  const hasher = {
    hash: (hash: string) => Promise.resolve(`plain:${hash}`),
    verify: async (hash: string, verifier: string | null) => {
      if (isHeld) await gate.promise;
      return verifier === `plain:${hash}`;
    },
    verifyAgainstNobody: () => Promise.resolve(false as const),
  };
  await using harness = await openHarness({ hasher });
  await register(harness, "Mira");
  const { client } = await logIn(harness, "Mira");
  isHeld = true;
  const thief = harness.open({ name: "Mira" });
  harness.send(thief, LoginRequestSchema, { username: "Mira", passwordHash: OLD, clientVersion: "1.0.0" });
  await settle(harness);
  isHeld = false;
  assert((await changePassword(harness, client, OLD)).success);
  gate.resolve();
  await harness.until(() => harness.received(thief, PacketType.LOGIN_RESPONSE).length > 0);
  const [response] = harness.take(thief, PacketType.LOGIN_RESPONSE);
  assertEquals(ErrorCode[response.errorCode], "INVALID_CREDENTIALS");
  assertEquals(client.closedBy, null);
});

Deno.test("TOKENS_REVOKE_REQUEST makes the tokens of before void and gives a new one", async () => {
  await using harness = await openHarness();
  await register(harness, "Mira");
  const { client, response: before } = await logIn(harness, "Mira");
  harness.send(client, TokensRevokeRequestSchema, { passwordHash: OLD });
  await harness.until(() => harness.received(client, PacketType.TOKENS_REVOKE_RESPONSE).length > 0);
  const [{ sessionToken }] = harness.take(client, PacketType.TOKENS_REVOKE_RESPONSE);
  assertEquals(await enterBy(harness, before.sessionToken), "INVALID_TOKEN");
  assertEquals(await enterBy(harness, sessionToken), "NONE");
});

Deno.test("ACCOUNT_DELETE_REQUEST ends the session and deletes the account after the time of grace", async () => {
  await using harness = await openHarness();
  for (const name of ["Mira", "Friend"]) await register(harness, name);
  const { client, response: login } = await logIn(harness, "Mira");
  const friend = await logIn(harness, "Friend");
  for (const [who, playerName] of [[client, "Friend"], [friend.client, "Mira"]] as const) {
    harness.send(who, FriendRequestSchema, { playerName });
    await settle(harness);
  }
  const { success, deletesAt } = await requestDeletion(harness, client);
  assert(success);
  assertEquals(Number(deletesAt), harness.clock.unixMs() + ACCOUNT_DELETION_GRACE_MS);
  assertEquals(client.closedBy?.reason, DisconnectReason.KICKED);
  assertEquals(await enterBy(harness, login.sessionToken), "INVALID_TOKEN");
  await look(harness);
  assert(await nameFound(harness.storage, "mira"));
  harness.clock.advance(ACCOUNT_DELETION_GRACE_MS);
  await look(harness);
  assert(!await nameFound(harness.storage, "mira"));
  assert(await nameFound(harness.storage, "friend"));
  await register(harness, "Mira");
});

for (const isBehind of [false, true]) {
  const when = isBehind ? "what waits for room is not sent any more" : "there is no room for it";
  Deno.test(`ACCOUNT_DELETE_REQUEST and LOGOUT_REQUEST are answered while ${when}`, async () => {
    await using harness = await openHarness();
    const answers: string[] = [];
    for (
      const [name, schema, answer] of [
        ["Mira", AccountDeleteRequestSchema, PacketType.ACCOUNT_DELETE_RESPONSE],
        ["Nora", LogoutRequestSchema, PacketType.LOGOUT_RESPONSE],
      ] as const
    ) {
      await register(harness, name);
      const { client, response: { playerId } } = await logIn(harness, name);
      assertEquals(await enter(harness, client), "NONE");
      harness.send(client, schema, { passwordHash: OLD });
      harness.setFull(true);
      if (isBehind) harness.sessions.sendToPlayer(Number(playerId), PacketType.CHAT_MESSAGE, new Uint8Array(0));
      await harness.until(() => harness.received(client, answer).length > 0 || client.closedBy !== null);
      harness.setFull(false);
      harness.advance(1_000);
      answers.push(...harness.take(client, answer).map(({ success }) => `${name} ${success}`));
    }
    assertEquals(answers, ["Mira true", "Nora true"]);
  });
}

Deno.test("ACCOUNT_DELETE_REQUEST is cancelled by a login, which says so", async () => {
  await using harness = await openHarness();
  await register(harness, "Mira");
  const { client } = await logIn(harness, "Mira");
  await requestDeletion(harness, client);
  const back = await logIn(harness, "Mira");
  assertEquals([back.code, back.response.deletionCancelled], ["NONE", true]);
  assertEquals((await logIn(harness, "Mira")).response.deletionCancelled, false);
  harness.clock.advance(ACCOUNT_DELETION_GRACE_MS);
  for (let count = 0; count < 3; count++) await look(harness);
  assert(await nameFound(harness.storage, "mira"));
});

Deno.test("AccountService.sweep() deletes nothing while the clock is wrong for a moment", async () => {
  await using harness = await openHarness();
  await register(harness, "Mira");
  await requestDeletion(harness, (await logIn(harness, "Mira")).client);
  await look(harness);
  for (const ms of [ACCOUNT_DELETION_GRACE_MS * 2, -ACCOUNT_DELETION_GRACE_MS * 2]) {
    harness.clock.jump(ms);
    await look(harness);
  }
  await look(harness);
  await look(harness);
  assert(await nameFound(harness.storage, "mira"));
});

Deno.test("AccountService.sweep() leaves whom a ban stands against, so that nobody escapes it", async () => {
  await using harness = await openHarness();
  await register(harness, "Mira");
  await requestDeletion(harness, (await logIn(harness, "Mira")).client);
  const { accountId } = (await harness.storage.accounts.findByName("mira"))!;
  await harness.storage.sanctions.set({
    kind: "ban",
    playerId: accountId,
    address: null,
    reason: "cheating",
    moderator: "op",
    createdAtMs: harness.clock.unixMs(),
    endsAtMs: null,
  });
  harness.clock.advance(ACCOUNT_DELETION_GRACE_MS);
  for (let count = 0; count < 3; count++) await look(harness);
  assertEquals((await logIn(harness, "Mira")).code, "BANNED");
  assert((await harness.storage.accounts.find(accountId))?.deleteAtMs !== null, "a refused login cancels nothing");
});

Deno.test("AccountService tries again when the storage could not be reached", async () => {
  const storage = new DirectStorage({ path: ":memory:" }, MARSH_RECORDS);
  let isDown = false;
  const flaky = storageWith(storage, {
    accounts: {
      findDueDeletions: (query) =>
        isDown ? Promise.reject(new Error("down")) : storage.accounts.findDueDeletions(query),
    },
  });
  await using harness = await openHarness({ storage: flaky });
  await register(harness, "Mira");
  await requestDeletion(harness, (await logIn(harness, "Mira")).client);
  harness.clock.advance(ACCOUNT_DELETION_GRACE_MS);
  await look(harness);
  isDown = true;
  await look(harness);
  isDown = false;
  for (let count = 0; count < 2; count++) await look(harness);
  assert(!await nameFound(storage, "mira"));
});
