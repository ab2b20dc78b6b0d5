import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { PacketType } from "../../games/marsh/contract.ts";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { marshWith } from "../../games/marsh/game.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { IgnoreAddSchema } from "../../games/parts/friends/friends_pb.ts";
import {
  PartyAnswerSchema,
  PartyChange,
  PartyDisbandRequestSchema,
  PartyInviteRequestSchema,
  PartyKickRequestSchema,
  PartyLeadRequestSchema,
  PartyLeaveRequestSchema,
  type PartyState,
} from "../../games/parts/parties/parties_pb.ts";
import { LogoutRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { NOTICES_TO_ONE_BURST } from "../../games/parts/chat/limits.ts";
import {
  PARTY_INVITE_LIFETIME_MS,
  PARTY_INVITES_MAX,
  PARTY_INVITES_PER_PLAYER_MAX,
} from "../../games/parts/parties/limits.ts";
import { LINK_DEAD_MS } from "../../shared/limits.ts";
import { answerTo, gather, heard, say, settle } from "../social/company.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** Sends a request of parties and gives the code it is answered with. */
async function ask<Desc extends DescMessage>(
  harness: LogicHarness,
  client: HarnessClient,
  schema: Desc,
  message: MessageInitShape<Desc>,
): Promise<string> {
  harness.send(client, schema, message);
  return ErrorCode[(await answerTo(harness, client, PacketType.PARTY_RESPONSE)).errorCode];
}

const invite = (harness: LogicHarness, from: HarnessClient, playerName: string) =>
  ask(harness, from, PartyInviteRequestSchema, { playerName });

/** Has a player invite another who accepts; gives the party's id. */
async function join(harness: LogicHarness, leader: HarnessClient, member: HarnessClient): Promise<bigint> {
  assertEquals(await invite(harness, leader, member.name), "NONE");
  const { partyId } = await answerTo(harness, member, PacketType.PARTY_INVITE);
  assertEquals(await ask(harness, member, PartyAnswerSchema, { partyId, accept: true }), "NONE");
  return partyId;
}

/** `CHANGE who: members`, the leader marked with `*`, whose connection is lost with `?`. */
function text({ change, playerName, members, leaderId }: PartyState): string {
  const list = members.map(({ name, playerId, linkDead }) =>
    `${name}${playerId === leaderId ? "*" : ""}${linkDead ? "?" : ""}`
  );
  return `${PartyChange[change]} ${playerName}: ${list.join(" ")}`.trim();
}

function states(harness: LogicHarness, client: HarnessClient): string[] {
  return harness.take(client, PacketType.PARTY_STATE).map(text);
}

Deno.test("PartyService: a player invites, another joins, they talk, and it ends when one is left", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid, dee } = await gather(harness, "ann", "bob", "cid", "dee");
  assertEquals(await invite(harness, ann, "bob"), "NONE");
  assertEquals(states(harness, ann), ["FOUNDED ann: ann*"]);
  const { partyId, inviterName, lifetimeMs } = await answerTo(harness, bob, PacketType.PARTY_INVITE);
  assertEquals([inviterName, lifetimeMs], ["ann", PARTY_INVITE_LIFETIME_MS]);
  assertEquals(await ask(harness, cid, PartyAnswerSchema, { partyId, accept: true }), "NOT_FOUND");
  assertEquals(await ask(harness, bob, PartyAnswerSchema, { partyId, accept: true }), "NONE");
  await join(harness, ann, cid);
  assertEquals(states(harness, ann), ["JOINED bob: ann* bob", "JOINED cid: ann* bob cid"]);
  assertEquals(states(harness, cid), ["JOINED cid: ann* bob cid"]);

  say(harness, bob, Channel.PARTY, "to the gate");
  say(harness, dee, Channel.PARTY, "hello?");
  await settle(harness);
  assertEquals([ann, bob, cid, dee].map((client) => heard(harness, client)), [
    ["to the gate"],
    ["to the gate"],
    ["to the gate"],
    [],
  ]);
  assertEquals(harness.take(dee, PacketType.ERROR_RESPONSE).map(({ errorCode }) => errorCode), [ErrorCode.NOT_FOUND]);

  states(harness, bob);
  assertEquals(await ask(harness, ann, PartyLeaveRequestSchema, {}), "NONE");
  assertEquals(states(harness, ann), ["LEFT ann:"]);
  assertEquals(states(harness, bob), ["LEFT ann: bob* cid"]);
  assertEquals(await ask(harness, cid, PartyLeaveRequestSchema, {}), "NONE");
  assertEquals(states(harness, bob), ["LEFT cid: bob*", "DISBANDED bob:"]);
  assertEquals(harness.marsh.parties.count, 0);
});

Deno.test("PartyService: a member that is cut off keeps its place, is shown so, and leaves when its session ends", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const partyId = await join(harness, ann, bob);
  harness.forget(ann, bob);
  harness.disconnect(bob);
  harness.advance(1_100);
  assertEquals(states(harness, ann), ["NONE : ann* bob?"]);
  say(harness, ann, Channel.PARTY, "wait for bob");
  const back = harness.open({ name: "bob" });
  harness.send(back, ResumeRequestSchema, { resumeToken: bob.resumeToken, lastSequence: 0n });
  harness.advance(1_100);
  assertEquals(states(harness, ann), ["NONE : ann* bob"]);
  assertEquals([states(harness, back).at(-1), heard(harness, back)], ["NONE : ann* bob", ["wait for bob"]]);
  // However often it comes and goes, it is told once a second.
  let again = back;
  for (let index = 0; index < 20; index++) {
    const { resumeToken } = harness.received(again, PacketType.RESUME_RESPONSE).at(-1)!;
    harness.disconnect(again);
    again = harness.open({ name: "bob" });
    harness.send(again, ResumeRequestSchema, { resumeToken, lastSequence: 0n });
  }
  harness.advance(1_100);
  assertEquals(states(harness, ann), ["NONE : ann* bob"]);
  harness.disconnect(again);
  harness.advance(LINK_DEAD_MS + 2_000);
  await settle(harness);
  assertEquals(states(harness, ann).slice(-2), ["LEFT bob: ann*", "DISBANDED ann:"]);
  assertEquals(await ask(harness, ann, PartyLeaveRequestSchema, {}), "NOT_FOUND");
  assert(partyId > 0n);
});

Deno.test("PartyService: a leader that enters elsewhere keeps its place and its lead", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  await join(harness, ann, bob);
  await join(harness, ann, cid);
  harness.forget();
  const again = await harness.connect({ name: "ann" });
  harness.advance(1_100);
  for (const client of [again, bob]) assertEquals(states(harness, client), ["NONE : ann* bob cid"]);
  assertEquals(await ask(harness, again, PartyKickRequestSchema, { playerName: "cid" }), "NONE");
  say(harness, bob, Channel.PARTY, "hi");
  await settle(harness);
  assertEquals(heard(harness, again), ["hi"]);
});

Deno.test("PartyService: only the leader kicks, hands over, invites and disbands", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  await join(harness, ann, bob);
  await join(harness, ann, cid);
  harness.forget();
  const asked = [
    await ask(harness, bob, PartyKickRequestSchema, { playerName: "cid" }),
    await ask(harness, bob, PartyLeadRequestSchema, { playerName: "bob" }),
    await ask(harness, bob, PartyDisbandRequestSchema, {}),
    await invite(harness, bob, "cid"),
    await ask(harness, ann, PartyKickRequestSchema, { playerName: "ann" }),
    await ask(harness, ann, PartyLeadRequestSchema, { playerName: "ann" }),
    await ask(harness, ann, PartyLeadRequestSchema, { playerName: "nobody" }),
  ];
  const denied = "PERMISSION_DENIED", invalid = "TARGET_INVALID";
  assertEquals(asked, [denied, denied, denied, denied, invalid, invalid, "NOT_FOUND"]);
  assertEquals(await ask(harness, ann, PartyLeadRequestSchema, { playerName: "BOB" }), "NONE");
  assertEquals(await ask(harness, bob, PartyKickRequestSchema, { playerName: "ann" }), "NONE");
  assertEquals(states(harness, cid), ["LED bob: ann bob* cid", "KICKED ann: bob* cid"]);
  assertEquals(states(harness, ann).at(-1), "KICKED ann:");
  assertEquals(await ask(harness, bob, PartyDisbandRequestSchema, {}), "NONE");
  for (const client of [bob, cid]) assertEquals(states(harness, client).at(-1), "DISBANDED bob:");
});

Deno.test("PartyService: invitations are declined, withdrawn, run out, and end with the lead of who made them", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  await invite(harness, ann, "bob");
  const first = await answerTo(harness, bob, PacketType.PARTY_INVITE);
  assertEquals(await ask(harness, bob, PartyAnswerSchema, { partyId: first.partyId, accept: false }), "NONE");
  assertEquals(states(harness, ann), ["FOUNDED ann: ann*", "DECLINED bob: ann*", "DISBANDED ann:"]);
  await invite(harness, ann, "bob");
  await ask(harness, ann, PartyKickRequestSchema, { playerName: "bob" });
  assertEquals(states(harness, ann).at(-1), "DISBANDED ann:");
  await invite(harness, ann, "bob");
  harness.advance(PARTY_INVITE_LIFETIME_MS + 1_100);
  assertEquals(states(harness, ann).at(-1), "DISBANDED ann:");
  await join(harness, ann, cid);
  harness.forget();
  await invite(harness, ann, "bob");
  const { partyId } = await answerTo(harness, bob, PacketType.PARTY_INVITE);
  await ask(harness, ann, PartyLeadRequestSchema, { playerName: "cid" });
  assertEquals(await ask(harness, bob, PartyAnswerSchema, { partyId, accept: true }), "NOT_FOUND");
});

for (const how of ["leaves", "logs out"] as const) {
  Deno.test(`PartyService: invitations end when who made them ${how}, and the next who leads has not made them`, async () => {
    await using harness = await LogicHarness.create();
    const { ann, bob, cid, dan } = await gather(harness, "ann", "bob", "cid", "dan");
    for (const member of [cid, dan]) await join(harness, ann, member);
    await invite(harness, ann, "bob");
    const { partyId } = await answerTo(harness, bob, PacketType.PARTY_INVITE);
    if (how === "leaves") await ask(harness, ann, PartyLeaveRequestSchema, {});
    else harness.send(ann, LogoutRequestSchema, {});
    await settle(harness);
    assertEquals(states(harness, cid).at(-1), "LEFT ann: cid* dan");
    assertEquals(await ask(harness, bob, PartyAnswerSchema, { partyId, accept: true }), "NOT_FOUND");
  });
}

Deno.test("PartyService: who founded a party for nothing may join another, who is in one with others may not", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  await invite(harness, bob, "cid");
  await join(harness, ann, bob);
  assertEquals(states(harness, bob).slice(-2), ["DISBANDED bob:", "JOINED bob: ann* bob"]);
  await invite(harness, cid, "ann");
  const { partyId } = await answerTo(harness, ann, PacketType.PARTY_INVITE);
  assertEquals(await ask(harness, ann, PartyAnswerSchema, { partyId, accept: true }), "ALREADY_EXISTS");
});

Deno.test("PartyService: members and invitations are bounded", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false } });
  const { ann, bob, ...others } = await gather(harness, "ann", "bob", "c1", "c2", "c3", "c4", "c5");
  for (const member of [others.c1, others.c2, others.c3, others.c4]) await join(harness, ann, member);
  for (const member of [bob, others.c5]) await invite(harness, ann, member.name);
  const { partyId } = await answerTo(harness, bob, PacketType.PARTY_INVITE);
  assertEquals(await ask(harness, bob, PartyAnswerSchema, { partyId, accept: true }), "NONE");
  assertEquals(await ask(harness, others.c5, PartyAnswerSchema, { partyId, accept: true }), "SERVER_FULL");
  assertEquals(await invite(harness, ann, "c5"), "ALREADY_EXISTS");
  assertEquals(await invite(harness, ann, "c1"), "ALREADY_EXISTS");
  assertEquals([await invite(harness, ann, "ann"), await invite(harness, ann, "nobody")], [
    "TARGET_INVALID",
    "NOT_FOUND",
  ]);

  const names = Array.from({ length: PARTY_INVITES_MAX + 2 }, (_, index) => `absent${index}`);
  await harness.storage.accounts.createMany(
    names.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 })),
  );
  const codes: string[] = [];
  for (const name of names) codes.push(await invite(harness, others.c5, name));
  assertEquals(codes, names.map((_, index) => index < PARTY_INVITES_MAX ? "NONE" : "OUT_OF_RANGE"));
});

Deno.test("PartyService: who ignores an inviter hears nothing, the inviter learns nothing, and nobody is kept out", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false } });
  const { ann, bob } = await gather(harness, "ann", "bob");
  const trolls: HarnessClient[] = [];
  for (let index = 0; index <= PARTY_INVITES_PER_PLAYER_MAX; index++) {
    const troll = await harness.connect({ name: `troll${index}` });
    harness.send(bob, IgnoreAddSchema, { playerName: troll.name });
    trolls.push(troll);
  }
  await settle(harness);
  harness.forget();
  for (const troll of trolls) assertEquals(await invite(harness, troll, "bob"), "NONE");
  assertEquals(harness.take(bob, PacketType.PARTY_INVITE), []);
  assertEquals(await invite(harness, ann, "bob"), "NONE");
  assertEquals((await answerTo(harness, bob, PacketType.PARTY_INVITE)).inviterName, "ann");
});

Deno.test("PartyService: an absent player is invited as one who does not answer, and told when it comes online in time", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  harness.send(bob, LogoutRequestSchema, {});
  await settle(harness);
  assertEquals(await invite(harness, ann, "bob"), "NONE");
  const back = await harness.connect({ name: "bob" });
  assertEquals((await answerTo(harness, back, PacketType.PARTY_INVITE)).inviterName, "ann");
});

Deno.test("PartyService: invitations, parties founded for them and the lead handed to and fro share the budget of notices", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const codes: string[] = [];
  for (let index = 0; index < 2 * NOTICES_TO_ONE_BURST; index++) {
    codes.push(await invite(harness, ann, "bob"));
    await ask(harness, ann, PartyLeaveRequestSchema, {});
  }
  assertEquals(codes.filter((code) => code === "NONE").length, NOTICES_TO_ONE_BURST);
  assertEquals(harness.take(bob, PacketType.PARTY_INVITE).length, NOTICES_TO_ONE_BURST);
  harness.advance(3_600_000);
  await join(harness, ann, bob);
  harness.forget();
  let leads = 0;
  for (let index = 0; index < 200; index++) {
    const [from, to] = index % 2 === 0 ? [ann, bob] : [bob, ann];
    if (await ask(harness, from, PartyLeadRequestSchema, { playerName: to.name }) === "NONE") leads++;
  }
  assert(leads < 100, `${leads} times`);
});

Deno.test("PartyService: parties stay while the game is reloaded, and go on", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  const partyId = await join(harness, ann, bob);
  assertEquals(await invite(harness, ann, "cid"), "NONE");
  harness.disconnect(bob);
  harness.tick();
  await harness.reload(marshWith(loadGameData()));
  const party = harness.marsh.parties.find(bob.playerId)!;
  assertEquals([party.partyId, party.leader.name], [Number(partyId), "ann"]);
  assertEquals(party.members.map(({ name, isLinkDead }) => [name, isLinkDead]), [["ann", false], ["bob", true]]);
  say(harness, ann, Channel.PARTY, "still here?");
  await settle(harness);
  assertEquals(heard(harness, ann), ["still here?"]);
  const dan = await harness.connect({ name: "dan" });
  assertEquals(await invite(harness, dan, "bob"), "NONE");
  assert(harness.marsh.parties.find(dan.playerId)!.partyId > Number(partyId), "Its number is new");
  // The invitation from before is still good.
  assertEquals(await ask(harness, cid, PartyAnswerSchema, { partyId, accept: true }), "NONE");
  assertEquals(harness.marsh.parties.find(cid.playerId)?.partyId, Number(partyId));
});
