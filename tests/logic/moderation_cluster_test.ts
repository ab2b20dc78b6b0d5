import { PacketType } from "../../games/marsh/contract.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { CHAT_REPEATS_MAX, CHAT_STRIKES_MAX } from "../../games/parts/chat/limits.ts";
import type { ModerationOutcome, ModerationRequest } from "../../server/moderation/moderation_request.ts";
import { Counter } from "../../server/ops/counters.ts";
import {
  DisconnectReason,
  LoginRequestSchema,
  LogoutRequestSchema,
  RegisterRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { BUS_SILENT_MS, DECISIONS_READ_INTERVAL_MS, SANCTIONS_RECENT_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ClusterHarness } from "../support/cluster_harness.ts";
import type { HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { say } from "../social/company.ts";

/** What a moderator of a server is told. */
async function moderate(cluster: ClusterHarness, node: LogicHarness, request: ModerationRequest): Promise<string> {
  let outcome: ModerationOutcome | undefined;
  void node.logic.moderation.run(request).then((found) => outcome = found);
  await cluster.until(() => outcome !== undefined);
  await cluster.settle();
  return "text" in outcome! ? `${outcome!.kind}: ${outcome!.text}` : outcome!.kind;
}

const by = { reason: "spam", moderator: "root" };
const against = (player: string) => ({ target: { player }, seconds: null, ...by });

function refusals(node: LogicHarness, client: HarnessClient): ErrorCode[] {
  return node.take(client, PacketType.ERROR_RESPONSE).map(({ errorCode }) => errorCode);
}

async function twoOnTwo(cluster: ClusterHarness): Promise<[HarnessClient, HarnessClient]> {
  const [one, two] = cluster.nodes;
  const clients = [await one.connect({ name: "Anna" }), await two.connect({ name: "Bert" })] as const;
  await cluster.settle();
  return [...clients];
}

Deno.test("A moderator of one server mutes and unmutes a player of another", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [, bert] = await twoOnTwo(cluster);
  assertEquals(
    await moderate(cluster, one, { act: "mute", ...against("Bert") }),
    "done: Bert is muted until it is lifted: spam",
  );
  say(two, bert, Channel.AREA, "hello");
  assertEquals(refusals(two, bert), [ErrorCode.MUTED]);
  assertEquals(
    await moderate(cluster, one, { act: "unmute", target: { player: "Bert" }, moderator: "root" }),
    "done: Bert is no longer muted",
  );
  for (let count = 0; count < CHAT_REPEATS_MAX + CHAT_STRIKES_MAX + 2; count++) say(two, bert, Channel.AREA, "same");
  refusals(two, bert);
  say(two, bert, Channel.AREA, "another");
  assertEquals(refusals(two, bert), [ErrorCode.MUTED], "By the game's own rules");
  await cluster.settle();
  assertEquals(
    await moderate(cluster, one, { act: "unmute", target: { player: "Bert" }, moderator: "root" }),
    "done: Bert is no longer muted",
  );
  say(two, bert, Channel.AREA, "yet another");
  assertEquals(refusals(two, bert), []);
  assertEquals(
    await moderate(cluster, one, { act: "unmute", target: { player: "Bert" }, moderator: "root" }),
    "not_found: Bert is not muted",
  );
});

Deno.test("A moderator of one server kicks and bans players and addresses of another", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await twoOnTwo(cluster);
  const kick = { act: "kick", target: { player: "Bert" }, ...by } as const;
  assertEquals(await moderate(cluster, one, kick), "done: Bert is kicked: spam");
  assertEquals([bert.closedBy?.reason, bert.closedBy?.message], [DisconnectReason.KICKED, "You were kicked: spam"]);
  assertEquals(await moderate(cluster, one, kick), "not_found: Bert is not online");
  const back = await two.connect({ name: "Bert" });
  await moderate(cluster, one, { act: "ban", ...against("Bert") });
  assertEquals(back.closedBy?.reason, DisconnectReason.BANNED);
  await moderate(cluster, two, { act: "ban", ...by, seconds: null, target: { address: "203.0.113.7" } });
  assertEquals(anna.closedBy?.reason, DisconnectReason.BANNED);
});

Deno.test("A moderator's announcement is heard on all servers, and the moderator told by how many", async () => {
  await using cluster = await ClusterHarness.start(3);
  const [one, two] = cluster.nodes;
  const [, bert] = await twoOnTwo(cluster);
  const announce = { act: "announce", text: "Bread is free", moderator: "root" } as const;
  assertEquals(await moderate(cluster, one, announce), "done: Announced to 2 players");
  assertEquals(two.take(bert, PacketType.CHAT_MESSAGE).map(({ message }) => message), ["Bread is free"]);
  cluster.network.isUp = false;
  assertEquals(await moderate(cluster, one, announce), "done: Announced to 1 player; other servers do not answer");
});

Deno.test("What a moderator decides while servers cannot hear each other holds everywhere once they can", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await twoOnTwo(cluster);
  await moderate(cluster, one, { act: "mute", ...against("Bert") });
  cluster.network.isUp = false;
  await cluster.settle();
  assertEquals(
    await moderate(cluster, two, { act: "ban", ...against("Anna") }),
    "done: Anna is banned until it is lifted: spam (other servers cannot be reached, and will know when they can)",
  );
  await moderate(cluster, one, { act: "unmute", target: { player: "Bert" }, moderator: "root" });
  const kick = { act: "kick", target: { player: "Anna" }, ...by } as const;
  assertEquals(
    await moderate(cluster, two, kick),
    "unavailable: Anna is not online here, and other servers do not answer",
  );
  assertEquals(anna.closedBy, null);
  cluster.network.isUp = true;
  for (let second = 0; second < 2; second++) {
    cluster.advance(1_000);
    await cluster.settle();
  }
  assertEquals(anna.closedBy?.reason, DisconnectReason.BANNED);
  say(two, bert, Channel.AREA, "hello");
  assertEquals(refusals(two, bert), []);
  for (const { counters } of cluster.nodes) assertEquals(counters.get(Counter.HANDLER_ERRORS), 0);
});

Deno.test("The list of a moderator has the players of all servers, and names the servers that do not answer", async () => {
  await using cluster = await ClusterHarness.start(3);
  const [one, two] = cluster.nodes;
  await twoOnTwo(cluster);
  const list = async () => {
    let found: ModerationOutcome | undefined;
    void one.logic.moderation.run({ act: "list" }).then((outcome) => found = outcome);
    await cluster.until(() => found !== undefined);
    assert(found!.kind === "list");
    const { players, playerCount, unanswered } = found!.list;
    return [players.map(({ name, serverId }) => `${name} on ${serverId}`), playerCount, unanswered];
  };
  assertEquals(await list(), [["Anna on 1", "Bert on 2"], 2, []]);
  cluster.network.reaches = ({ sender }) => sender !== "run 2";
  cluster.advance(BUS_SILENT_MS + 1_000, [one, cluster.nodes[2]]);
  assertEquals(await list(), [["Anna on 1"], 1, ["2 (Server 2)"]]);
  cluster.network.isUp = false;
  assertEquals(await list(), [["Anna on 1"], 1, ["2 (Server 2)", "3 (Server 3)"]]);
  assertEquals(two.sessions.onlineCount, 1);
});

/** Time passes everywhere, and what is due is done. */
async function pass(cluster: ClusterHarness, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += 1_000) {
    cluster.advance(1_000);
    await cluster.settle();
  }
}

Deno.test("What is decided while the bus is down holds for players on other servers, although nobody tells", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await twoOnTwo(cluster);
  const others = [];
  for (const name of ["Cleo", "Dora", "Ella"]) others.push(await two.connect({ name }));
  const [cleo, dora, ella] = others;
  await pass(cluster, DECISIONS_READ_INTERVAL_MS);
  cluster.network.isUp = false;
  await cluster.settle();
  await moderate(cluster, one, { act: "mute", ...against("Bert") });
  await moderate(cluster, one, { act: "ban", ...against("Cleo") });
  await moderate(cluster, one, { act: "revoke", target: { player: "Dora" }, moderator: "root" });
  await moderate(cluster, one, { act: "delete", target: { player: "Ella" }, now: true, moderator: "root" });
  assertEquals([cleo.closedBy, dora.closedBy, ella.closedBy], [null, null, null]);
  await pass(cluster, DECISIONS_READ_INTERVAL_MS);
  assertEquals(
    [bert, cleo, dora, ella].map(({ closedBy }) => closedBy?.message),
    [undefined, "You are banned: spam", "Log in again, please", "The account is deleted"],
  );
  say(two, bert, Channel.AREA, "hello");
  assertEquals(refusals(two, bert), [ErrorCode.MUTED]);
  await moderate(cluster, one, { act: "unmute", target: { player: "Bert" }, moderator: "root" });
  await pass(cluster, DECISIONS_READ_INTERVAL_MS);
  say(two, bert, Channel.AREA, "hello again");
  assertEquals(refusals(two, bert), []);
  assertEquals(anna.closedBy, null);
});

Deno.test("Tokens that other servers have made void end no session whose connection another player uses by then", async () => {
  await using cluster = await ClusterHarness.start();
  const [one] = cluster.nodes, passwordHash = "ab".repeat(32);
  const client = one.open();
  const logIn = async (username: string) => {
    one.send(client, LoginRequestSchema, { username, passwordHash });
    await cluster.until(() => one.received(client, PacketType.LOGIN_RESPONSE).length > 0);
    return Number(one.take(client, PacketType.LOGIN_RESPONSE)[0].playerId);
  };
  for (const username of ["Anna", "Bert"]) {
    one.send(client, RegisterRequestSchema, { username, passwordHash });
    await cluster.until(() => one.take(client, PacketType.REGISTER_RESPONSE).length > 0);
  }
  const accountId = await logIn("Anna");
  await cluster.storage.accounts.revokeTokens({ accountId, tokenEpoch: null });
  const open = Promise.withResolvers<void>(), { accounts } = cluster.storage;
  const { findTokenEpochs } = accounts;
  const asked: (readonly number[])[] = [];
  Object.assign(accounts, {
    findTokenEpochs: async (accountIds: readonly number[]) => {
      asked.push(accountIds);
      const epochs = await findTokenEpochs.call(accounts, accountIds);
      await open.promise;
      return epochs;
    },
  });
  cluster.advance(DECISIONS_READ_INTERVAL_MS + 1_000);
  assertEquals(asked, [[accountId]]);
  one.send(client, LogoutRequestSchema, {});
  await cluster.until(() => one.received(client, PacketType.LOGOUT_RESPONSE).length > 0);
  await logIn("Bert");
  open.resolve();
  await cluster.settle();
  assertEquals([client.closedBy, one.sessions.onlineCount], [null, 1]);
});

Deno.test("A ban set elsewhere while the bus is down keeps its player out, whatever this server knew of the player", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [, bert] = await twoOnTwo(cluster);
  for (const act of ["mute", "unmute"] as const) await moderate(cluster, two, { act, ...against("Bert") });
  two.send(bert, LogoutRequestSchema, {});
  await cluster.settle();
  cluster.network.isUp = false;
  await pass(cluster, SANCTIONS_RECENT_MS);
  await moderate(cluster, one, { act: "ban", ...against("Bert") });
  const again = two.open({ name: "Bert" });
  two.send(again, EnterWorldRequestSchema, { sessionToken: `plain:${bert.playerId}:Bert` });
  await cluster.settle();
  const [{ errorCode }] = two.take(again, PacketType.ENTER_WORLD_RESPONSE);
  assertEquals(errorCode, ErrorCode.BANNED);
});

Deno.test("Whoever has logged in before its tokens became void elsewhere does not enter on that connection", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  await twoOnTwo(cluster);
  const passwordHash = "a".repeat(64);
  const client = two.open({ name: "Cleo" });
  two.send(client, RegisterRequestSchema, { username: "Cleo", passwordHash });
  await cluster.until(() => two.received(client, PacketType.REGISTER_RESPONSE).length > 0);
  two.send(client, LoginRequestSchema, { username: "Cleo", passwordHash });
  await cluster.until(() => two.received(client, PacketType.LOGIN_RESPONSE).length > 0);
  cluster.network.isUp = false;
  await moderate(cluster, one, { act: "revoke", target: { player: "Cleo" }, moderator: "root" });
  two.send(client, EnterWorldRequestSchema, {});
  await cluster.until(() => two.received(client, PacketType.ENTER_WORLD_RESPONSE).length > 0);
  const [{ errorCode }] = two.take(client, PacketType.ENTER_WORLD_RESPONSE);
  assertEquals(errorCode, ErrorCode.INVALID_TOKEN);
});

Deno.test("Sessions on every server end when tokens become void, and no token of before lets anybody in", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [, bert] = await twoOnTwo(cluster);
  const revoke = { act: "revoke", target: { player: "Bert" }, moderator: "root" } as const;
  assertEquals(await moderate(cluster, one, revoke), "done: The sessions and tokens of Bert have ended");
  assertEquals([bert.closedBy?.reason, bert.closedBy?.message], [DisconnectReason.KICKED, "Log in again, please"]);
  assertEquals(two.logic.epochs.isCurrent({ accountId: bert.playerId, tokenEpoch: 0 }), false);
});
