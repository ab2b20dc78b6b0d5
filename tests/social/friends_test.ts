import { SOCIAL, type SocialStore } from "../../games/parts/friends/social_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { LogoutRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  type FriendListResponse,
  FriendNoticeKind,
  FriendRemoveSchema,
  FriendRequestSchema,
  type FriendResponse,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
  IgnoreRemoveSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { LINK_DEAD_MS } from "../../shared/limits.ts";
import { FRIENDS_MAX, IGNORED_PLAYERS_MAX } from "../../games/parts/friends/limits.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";
import { fc } from "../support/property.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { answerTo, gather, logIn, settle } from "./company.ts";

function ask(harness: LogicHarness, client: HarnessClient, playerName: string): Promise<FriendResponse> {
  harness.send(client, FriendRequestSchema, { playerName });
  return answerTo(harness, client, PacketType.FRIEND_RESPONSE);
}

function answer(
  harness: LogicHarness,
  client: HarnessClient,
  playerName: string,
  accept = true,
): Promise<FriendResponse> {
  harness.send(client, FriendAnswerSchema, { playerName, accept });
  return answerTo(harness, client, PacketType.FRIEND_RESPONSE);
}

function remove(harness: LogicHarness, client: HarnessClient, playerName: string): Promise<FriendResponse> {
  harness.send(client, FriendRemoveSchema, { playerName });
  return answerTo(harness, client, PacketType.FRIEND_RESPONSE);
}

async function befriend(harness: LogicHarness, client: HarnessClient, other: HarnessClient): Promise<void> {
  assert((await ask(harness, client, other.name)).success);
  assert((await answer(harness, other, client.name)).success);
  harness.forget(client, other);
}

/** A client's lists as names; who is online has a star. */
async function listsOf(harness: LogicHarness, client: HarnessClient): Promise<Record<string, string>> {
  harness.send(client, FriendListRequestSchema, {});
  const lists: FriendListResponse = await answerTo(harness, client, PacketType.FRIEND_LIST_RESPONSE);
  assert(lists.success);
  return {
    friends: lists.friends.map(({ name, online }) => online ? `${name}*` : name).join(" "),
    incoming: lists.incoming.map(({ name }) => name).join(" "),
    outgoing: lists.outgoing.map(({ name }) => name).join(" "),
  };
}

/** What a client was told, as `kind name`. */
function notices(harness: LogicHarness, client: HarnessClient): string[] {
  return harness.take(client, PacketType.FRIEND_NOTICE)
    .map(({ kind, player }) => `${FriendNoticeKind[kind]} ${player?.name}`);
}

Deno.test("SocialService: players ask, accept, see each other come and go, and part", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const asked = await ask(harness, ann, "BOB");
  assertEquals(
    [asked.success, asked.requestType, asked.player?.playerId, asked.player?.name, asked.isFriend],
    [true, PacketType.FRIEND_REQUEST, BigInt(bob.playerId), "bob", false],
  );
  assertEquals([notices(harness, ann), notices(harness, bob)], [[], ["REQUESTED ann"]]);
  assertEquals(await listsOf(harness, ann), { friends: "", incoming: "", outgoing: "bob" });
  assertEquals(await listsOf(harness, bob), { friends: "", incoming: "ann", outgoing: "" });

  const answered = await answer(harness, bob, "ann");
  assertEquals([answered.requestType, answered.isFriend], [PacketType.FRIEND_ANSWER, true]);
  assertEquals([notices(harness, ann), notices(harness, bob)], [["ACCEPTED bob"], []]);
  assertEquals(await listsOf(harness, ann), { friends: "bob*", incoming: "", outgoing: "" });

  harness.send(bob, LogoutRequestSchema, {});
  await settle(harness);
  assertEquals(notices(harness, ann), ["OFFLINE bob"]);
  assertEquals(await listsOf(harness, ann), { friends: "bob", incoming: "", outgoing: "" });
  const again = await harness.connect({ name: "bob" });
  assertEquals([notices(harness, ann), notices(harness, again)], [["ONLINE bob"], []]);

  assertEquals((await remove(harness, again, "ann")).requestType, PacketType.FRIEND_REMOVE);
  assertEquals(notices(harness, ann), ["REMOVED bob"]);
  assertEquals(await listsOf(harness, ann), { friends: "", incoming: "", outgoing: "" });
  harness.send(again, LogoutRequestSchema, {});
  await settle(harness);
  assertEquals(notices(harness, ann), []);
});

/** What is refused; dan is friends with ann, bob was asked by ann, cid nothing, off offline. */
const REFUSED: readonly {
  readonly what: string;
  readonly code: ErrorCode;
  readonly ask: (harness: LogicHarness, clients: Record<"ann" | "bob" | "cid" | "dan", HarnessClient>) => Promise<
    { readonly success: boolean; readonly errorCode: ErrorCode }
  >;
}[] = [
  { what: "a request to nobody", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => ask(h, ann, "nobody") },
  { what: "a request to an empty name", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => ask(h, ann, "") },
  { what: "a request to no name", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => ask(h, ann, "' OR 1=1 --") },
  { what: "a request to oneself", code: ErrorCode.TARGET_INVALID, ask: (h, { ann }) => ask(h, ann, "ann") },
  { what: "a request to a friend", code: ErrorCode.ALREADY_EXISTS, ask: (h, { ann }) => ask(h, ann, "dan") },
  { what: "a second request", code: ErrorCode.ALREADY_EXISTS, ask: (h, { ann }) => ask(h, ann, "bob") },
  { what: "an answer to nobody", code: ErrorCode.NOT_FOUND, ask: (h, { bob }) => answer(h, bob, "nobody") },
  { what: "an answer to who has not asked", code: ErrorCode.NOT_FOUND, ask: (h, { bob }) => answer(h, bob, "cid") },
  { what: "an answer to the own request", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => answer(h, ann, "bob") },
  {
    what: "a refusal of who has not asked",
    code: ErrorCode.NOT_FOUND,
    ask: (h, { bob }) => answer(h, bob, "cid", false),
  },
  { what: "the removal of nobody", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => remove(h, ann, "nobody") },
  { what: "the removal of a stranger", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => remove(h, ann, "cid") },
  { what: "the removal of another's request", code: ErrorCode.NOT_FOUND, ask: (h, { bob }) => remove(h, bob, "ann") },
  { what: "ignoring nobody", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => ignore(h, ann, "nobody") },
  { what: "ignoring oneself", code: ErrorCode.TARGET_INVALID, ask: (h, { ann }) => ignore(h, ann, "ann") },
  { what: "hearing who was not ignored", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => ignore(h, ann, "bob", false) },
];

function ignore(harness: LogicHarness, client: HarnessClient, playerName: string, on = true) {
  harness.send(client, on ? IgnoreAddSchema : IgnoreRemoveSchema, { playerName });
  return answerTo(harness, client, PacketType.IGNORE_RESPONSE);
}

for (const { what, code, ask: act } of REFUSED) {
  Deno.test(`SocialService refuses ${what} with ${ErrorCode[code]} and changes nothing`, async () => {
    await using harness = await LogicHarness.create();
    const clients = await gather(harness, "ann", "bob", "cid", "dan");
    const { ann, bob, cid, dan } = clients;
    await befriend(harness, ann, dan);
    await ask(harness, ann, "bob");
    harness.forget();
    const response = await act(harness, clients);
    assertEquals([response.success, response.errorCode], [false, code]);
    for (const client of [ann, bob, cid, dan]) assertEquals(notices(harness, client), []);
    assertEquals(await listsOf(harness, ann), { friends: "dan*", incoming: "", outgoing: "bob" });
    assertEquals(await listsOf(harness, bob), { friends: "", incoming: "ann", outgoing: "" });
    assertEquals(await listsOf(harness, cid), { friends: "", incoming: "", outgoing: "" });
  });
}

Deno.test("SocialService refuses friends and ignored players beyond their bounds with OUT_OF_RANGE", async () => {
  await using harness = await LogicHarness.create();
  const { ann } = await gather(harness, "ann", "bob");
  const names = Array.from({ length: Math.max(FRIENDS_MAX, IGNORED_PLAYERS_MAX) }, (_, index) => `pal${index}`);
  const accounts = names.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 }));
  for (const { accountId: otherId } of await harness.storage.accounts.createMany(accounts)) {
    await harness.storage.of(SOCIAL).requestFriend({ playerId: ann.playerId, otherId, atMs: 0 });
    await harness.storage.of(SOCIAL).addIgnored({ playerId: ann.playerId, otherId });
  }
  assertEquals((await ask(harness, ann, "bob")).errorCode, ErrorCode.OUT_OF_RANGE);
  assertEquals((await ignore(harness, ann, "bob")).errorCode, ErrorCode.OUT_OF_RANGE);
  await remove(harness, ann, "pal1");
  await ignore(harness, ann, "pal1", false);
  assert((await ask(harness, ann, "bob")).success);
  assert((await ignore(harness, ann, "bob")).success);
});

Deno.test("SocialService makes friends of two who ask each other", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  await ask(harness, ann, "bob");
  harness.forget();
  assertEquals((await ask(harness, bob, "ann")).isFriend, true);
  assertEquals([notices(harness, ann), notices(harness, bob)], [["ACCEPTED bob"], []]);
  assertEquals(await listsOf(harness, ann), { friends: "bob*", incoming: "", outgoing: "" });
});

Deno.test("SocialService lets a player decline without telling, and take back a request with a notice", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  await ask(harness, ann, "bob");
  harness.forget();
  const declined = await answer(harness, bob, "ann", false);
  assertEquals([declined.success, declined.isFriend, notices(harness, ann)], [true, false, []]);
  await ask(harness, ann, "bob");
  harness.forget();
  assert((await remove(harness, ann, "bob")).success);
  assertEquals(notices(harness, bob), ["REMOVED ann"]);
  assertEquals(await listsOf(harness, bob), { friends: "", incoming: "", outgoing: "" });
});

Deno.test("SocialService serves players who are not in the world, and asks players who are offline", async () => {
  await using harness = await LogicHarness.create();
  const { ann } = await gather(harness, "ann", "bob");
  const dora = await logIn(harness, "dora");
  await ask(harness, ann, "dora");
  assertEquals(notices(harness, dora), ["REQUESTED ann"]);
  harness.disconnect(dora);
  await ask(harness, ann, "bob");
  const again = await harness.connect({ name: "dora" });
  assertEquals(await listsOf(harness, again), { friends: "", incoming: "ann", outgoing: "" });
});

Deno.test("SocialService tells nobody of a link-dead friend until its time is over", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  await befriend(harness, ann, bob);
  harness.disconnect(bob);
  harness.advance(LINK_DEAD_MS / 2);
  assertEquals(await listsOf(harness, ann), { friends: "bob*", incoming: "", outgoing: "" });
  const back = harness.open({ name: "bob" });
  harness.send(back, ResumeRequestSchema, { resumeToken: bob.resumeToken, lastSequence: 0n });
  harness.advance(LINK_DEAD_MS);
  assertEquals(notices(harness, ann), []);
  harness.disconnect(back);
  harness.advance(LINK_DEAD_MS + 1_000);
  assertEquals(notices(harness, ann), ["OFFLINE bob"]);
});

Deno.test("SocialService finds friends and ignored players again after a restart", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    {
      await using harness = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
      const { ann, bob } = await gather(harness, "ann", "bob", "cid");
      await befriend(harness, ann, bob);
      await ignore(harness, ann, "cid");
    }
    await using harness = await LogicHarness.create({ storage: new DirectStorage({ path }, MARSH_RECORDS) });
    const { ann, bob } = await gather(harness, "bob", "ann");
    assertEquals(await listsOf(harness, ann), { friends: "bob*", incoming: "", outgoing: "" });
    assertEquals(await listsOf(harness, bob), { friends: "ann*", incoming: "", outgoing: "" });
    harness.send(ann, IgnoreListRequestSchema, {});
    const { players } = await answerTo(harness, ann, PacketType.IGNORE_LIST_RESPONSE);
    assertEquals(players.map(({ name }) => name), ["cid"]);
  });
});

Deno.test("SocialService reads the lists of a player later where the storage was down at the login", async () => {
  const storage = new DirectStorage({ path: ":memory:" }, MARSH_RECORDS);
  let isDown = true;
  const load: SocialStore["load"] = (playerId) =>
    isDown ? Promise.reject(new Error("down")) : storage.of(SOCIAL).load(playerId);
  const flaky = storageWith(storage, {}, { social: { load } });
  await using harness = await LogicHarness.create({ storage: flaky });
  isDown = false;
  const { ann, bob } = await gather(harness, "ann", "bob");
  await befriend(harness, ann, bob);
  harness.send(bob, LogoutRequestSchema, {});
  await settle(harness);
  harness.forget();
  isDown = true;
  const again = await harness.connect({ name: "bob" });
  assertEquals(notices(harness, ann), []);
  isDown = false;
  harness.advance(2_000);
  await settle(harness);
  assertEquals(notices(harness, ann), ["ONLINE bob"]);
  harness.advance(5_000);
  await settle(harness);
  assertEquals([notices(harness, ann), notices(harness, again)], [[], []]);
});
const NAMES = ["ann", "bob", "cid"];
const deed = fc.record({
  kind: fc.constantFrom("ask", "ask", "accept", "accept", "decline", "remove", "relogin"),
  by: fc.nat(NAMES.length - 1),
  on: fc.nat(NAMES.length - 1),
});

Deno.test("SocialService keeps friendship mutual and tells of each change once, whatever anyone does", async () => {
  const property = fc.asyncProperty(fc.array(deed, { maxLength: 30 }), async (deeds) => {
    await using harness = await LogicHarness.create();
    const company = await gather(harness, ...NAMES);
    const pairOf = (one: string, two: string) => [one, two].sort().join(" ");
    const friends = new Set<string>(), requests = new Set<string>();
    for (const { kind, by, on } of deeds) {
      const name = NAMES[by], other = NAMES[on], client = company[name];
      const pair = pairOf(name, other), own = `${name}>${other}`, theirs = `${other}>${name}`;
      const expected = new Map<string, string[]>(NAMES.map((each) => [each, []]));
      if (kind === "relogin") {
        harness.send(client, LogoutRequestSchema, {});
        await settle(harness);
        company[name] = await harness.connect({ name });
        for (const each of NAMES) {
          if (friends.has(pairOf(name, each))) expected.get(each)!.push(`OFFLINE ${name}`, `ONLINE ${name}`);
        }
      } else if (by !== on && kind === "ask") {
        const { success, isFriend } = await ask(harness, client, other);
        assertEquals(success, !friends.has(pair) && !requests.has(own));
        assertEquals(isFriend, requests.has(theirs));
        if (success) expected.get(other)!.push(`${isFriend ? "ACCEPTED" : "REQUESTED"} ${name}`);
        if (isFriend) requests.delete(theirs), friends.add(pair);
        else if (success) requests.add(own);
      } else if (by !== on && kind === "remove") {
        const { success } = await remove(harness, client, other);
        const had = friends.delete(pair) || requests.delete(own);
        assertEquals(success, had);
        if (had) expected.get(other)!.push(`REMOVED ${name}`);
      } else if (by !== on) {
        const { success, isFriend } = await answer(harness, client, other, kind === "accept");
        const had = requests.delete(theirs);
        assertEquals([success, isFriend], [had, had && kind === "accept"]);
        if (isFriend) friends.add(pair), expected.get(other)!.push(`ACCEPTED ${name}`);
      }
      for (const each of NAMES) {
        assertEquals(notices(harness, company[each]), expected.get(each)!);
        const others = NAMES.filter((one) => one !== each);
        assertEquals(await listsOf(harness, company[each]), {
          friends: others.filter((one) => friends.has(pairOf(one, each))).map((one) => `${one}*`).join(" "),
          incoming: others.filter((one) => requests.has(`${one}>${each}`)).join(" "),
          outgoing: others.filter((one) => requests.has(`${each}>${one}`)).join(" "),
        });
      }
    }
  });
  await fc.assert(property, { numRuns: 25 });
});

for (
  const [name, schema] of Object.entries({
    FriendAnswerSchema,
    FriendRemoveSchema,
    IgnoreAddSchema,
    IgnoreRemoveSchema,
  })
) {
  Deno.test(`SocialService refuses a ${name} that comes again when the other's account has gone, and fails nowhere`, async () => {
    await using harness = await LogicHarness.create();
    const anna = await harness.connect({ name: "Anna" }), bert = await harness.connect({ name: "Bert" });
    if (schema === FriendAnswerSchema) await ask(harness, bert, "Anna");
    if (schema === FriendRemoveSchema) await befriend(harness, anna, bert);
    if (schema === IgnoreRemoveSchema) harness.send(anna, IgnoreAddSchema, { playerName: "Bert" });
    await settle(harness);
    harness.forget(anna);
    const codes: string[] = [];
    for (let times = 0; times < 2; times++) {
      harness.send(anna, schema, { playerName: "Bert" }, { requestKey: 7 });
      await settle(harness);
      for (const type of [PacketType.FRIEND_RESPONSE, PacketType.IGNORE_RESPONSE] as const) {
        for (const { success, errorCode } of harness.take(anna, type)) {
          codes.push(success ? "done" : ErrorCode[errorCode]);
        }
      }
      await harness.logic.moderation.run({ act: "delete", target: { player: "Bert" }, now: true, moderator: "root" });
    }
    assertEquals([codes, harness.log.records.filter(({ level }) => level === "error")], [["done", "NOT_FOUND"], []]);
  });
}
