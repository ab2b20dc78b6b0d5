import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import {
  BuyHatRequestSchema,
  BuyHatResponseSchema,
  contract,
  ErrorCode,
  Kind,
  LeaveWorldRequestSchema,
  MapEnteredSchema,
  MatchEndedSchema,
  MatchStartedSchema,
  PartyAnswerSchema,
  PartyInviteRequestSchema,
  PartyInviteSchema,
  PartyLeaveRequestSchema,
  PartyStateSchema,
  QueueJoinRequestSchema,
  QueueLeaveRequestSchema,
  QueueResponseSchema,
  QueueStatusSchema,
  RanksRequestSchema,
  RanksResponseSchema,
  RecordSchema,
  ResumeRequestSchema,
  RunnerSchema,
  TaggedSchema,
  WalletSchema,
} from "../../../games/tag/contract.ts";
import tag, { type Tag } from "../../../games/tag/game.ts";
import { documents } from "../../../server/game/game.ts";
import type { Match } from "../../../games/tag/match.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { DirectStorage } from "../../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../../server/storage/document_store.ts";
import type { Storage } from "../../../server/storage/storage.ts";
import { DependencyError } from "../../../shared/errors.ts";
import { type HarnessClient, LogicHarness } from "../../support/logic_harness.ts";
import { storageWith } from "../../support/storage_with.ts";

const RECORDS = documents("records", RecordSchema, { owner: "player" });
const NAMES = ["ann", "ben", "cid", "dee"];

/** What a client was sent of one message, oldest first. */
function heard<Desc extends DescMessage>(client: HarnessClient, schema: Desc): MessageShape<Desc>[] {
  const { type } = contract.rowOf(schema);
  return client.packets.filter((packet) => Number(packet.type) === type)
    .map(({ payload }) => fromBinary(schema, payload));
}

/** The arena with so many players in the queue. */
class Arena implements AsyncDisposable {
  readonly tag: Tag;

  private constructor(readonly harness: LogicHarness, readonly clients: readonly HarnessClient[]) {
    this.tag = harness.logic.parts as Tag;
  }

  static async open(players: number, seed = 1, storage?: Storage): Promise<Arena> {
    const harness = await LogicHarness.create({ game: tag, seed, storage });
    const clients: HarnessClient[] = [];
    for (const name of NAMES.slice(0, players)) clients.push(await harness.connect({ name }));
    const arena = new Arena(harness, clients);
    for (const client of clients) harness.send(client, QueueJoinRequestSchema, {});
    return arena;
  }

  /** The only match. */
  get match(): Match {
    const [match] = this.tag.matches;
    assert(match !== undefined, "There is no match");
    return match;
  }

  entity(client: HarnessClient) {
    return this.tag.game.entities.find(client.entityId)!;
  }

  /** Who is it, and the others. */
  sides(): readonly [it: HarnessClient, ...others: HarnessClient[]] {
    const isIt = (client: HarnessClient) => this.entity(client).get(RunnerSchema).isIt;
    const its = this.clients.filter(isIt);
    assertEquals(its.length, 1, "One is it");
    return [its[0], ...this.clients.filter((client) => !isIt(client))];
  }

  /** Puts players where nobody touches anybody, and one of them beside another. */
  place(client: HarnessClient, beside: HarnessClient): void {
    for (const [index, other] of this.clients.entries()) {
      this.entity(other).teleport({ x: 2 + 10 * index, y: 0, z: 38, yaw: 0 });
    }
    const { x, z } = this.entity(beside);
    this.entity(client).teleport({ x: x + 1, y: 0, z, yaw: 0 });
  }

  /** Has the operator end a match; gives what it is told. */
  async endMatch(match: string): Promise<string> {
    const input = { match };
    const outcome = await this.harness.logic.moderation.run({
      act: "game",
      action: "end-match",
      input,
      moderator: "m",
    });
    return outcome.kind === "done" ? outcome.text : outcome.kind;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.harness[Symbol.asyncDispose]();
  }
}

Deno.test("tag: four players in the queue play at once, two when one has waited for 10 s, one never", async () => {
  for (const [players, at, later] of [[4, 1, 1], [2, 0, 1], [1, 0, 0]]) {
    await using arena = await Arena.open(players);
    arena.harness.tick(2);
    assertEquals(arena.tag.matches.count, at, `${players} at once`);
    arena.harness.advance(10_100);
    assertEquals(arena.tag.matches.count, later, `${players} after a while`);
    for (const client of arena.clients) assertEquals(heard(client, MatchStartedSchema).length, later);
  }
});

Deno.test("tag: a match is a map of its own, and everybody hears who is it", async () => {
  await using arena = await Arena.open(4);
  // Time passes within a tick, too.
  arena.harness.clock.perLookMs = 0.01;
  arena.harness.tick(2);
  assertEquals(arena.harness.log.records.filter(({ level }) => level === "error"), []);
  const [it, ...others] = arena.sides();
  for (const client of arena.clients) {
    assertEquals(heard(client, MapEnteredSchema).map(({ map }) => map?.mapId), [arena.match.id]);
    assertEquals(heard(client, TaggedSchema).map(({ toEntityId }) => Number(toEntityId)), [it.entityId]);
  }
  assertEquals(arena.match.players.length, 1 + others.length);
});

Deno.test("tag: a touch passes it on, once, and not back at once", async () => {
  await using arena = await Arena.open(4);
  arena.harness.tick(2);
  const [it, runner] = arena.sides();
  arena.place(it, runner);
  arena.harness.tick(10);
  assertEquals(arena.sides()[0], runner);
  assertEquals(heard(it, TaggedSchema).map(({ toEntityId }) => Number(toEntityId)), [it.entityId, runner.entityId]);
  arena.harness.advance(2_000);
  assertEquals(arena.sides()[0], it, "2 s later it is given back");
});

Deno.test("tag: whoever was it and leaves passes it on, and the last one wins", async () => {
  await using arena = await Arena.open(3);
  arena.harness.advance(10_100);
  const [it] = arena.sides();
  arena.harness.send(it, LeaveWorldRequestSchema, {});
  const left = arena.clients.filter((client) => client !== it);
  assertEquals(arena.match.players.map(({ name }) => name).sort(), left.map(({ name }) => name).sort());
  assertEquals(left.filter((client) => arena.entity(client).get(RunnerSchema).isIt).length, 1);
  arena.harness.send(left[0], LeaveWorldRequestSchema, {});
  arena.harness.tick(2);
  assertEquals(heard(left[1], MatchEndedSchema)[0].scores.map(({ name }) => name), [left[1].name]);
  assertEquals([arena.tag.matches.count, arena.tag.game.instances.count], [0, 0]);
});

Deno.test("tag: a shield keeps from being it, ice holds whoever is it, for a while", async () => {
  const seen = new Set<Kind>();
  for (let seed = 1; seen.size < 2; seed++) {
    await using arena = await Arena.open(4, seed);
    arena.harness.advance(12_100);
    const [it, runner] = arena.sides(), [{ kind, entity: powerUp }] = arena.match.powerUps;
    const { score } = arena.entity(runner).get(RunnerSchema);
    arena.entity(runner).teleport({ x: powerUp.x, y: 0, z: powerUp.z, yaw: 0 });
    arena.harness.tick(2);
    assertEquals([powerUp.isOver, arena.match.powerUps.length], [true, 0]);
    assert(arena.entity(runner).get(RunnerSchema).score >= score + 5);
    if (kind === Kind.SHIELD) arena.place(it, runner);
    arena.harness.tick(2);
    const { isShielded } = arena.entity(runner).get(RunnerSchema), { isFrozen } = arena.entity(it).get(RunnerSchema);
    assertEquals([isShielded, isFrozen, arena.sides()[0]], [kind === Kind.SHIELD, kind === Kind.FREEZE, it]);
    arena.harness.advance(6_100);
    if (kind === Kind.SHIELD) assertEquals(arena.sides()[0], runner);
    else assertEquals(arena.entity(it).get(RunnerSchema).isFrozen, false);
    seen.add(kind);
  }
});

Deno.test("tag: after 120 s all are told the scores, are in the lobby again, and what they have earned is kept", async () => {
  await using arena = await Arena.open(2);
  const [ann, ben] = arena.clients;
  arena.harness.advance(10_100);
  const [it, runner] = arena.sides();
  arena.entity(it).teleport({ x: 1, y: 0, z: 1, yaw: 0 });
  arena.entity(runner).teleport({ x: 39, y: 0, z: 39, yaw: 0 });
  arena.harness.advance(121_000);
  const [{ scores }] = heard(ann, MatchEndedSchema);
  assertEquals(scores.map(({ name }) => name), [runner.name, it.name]);
  assert(scores[0].score >= 118 && scores[1].score < 20, `${scores[0].score} and ${scores[1].score}`);
  for (const client of [ann, ben]) assertEquals(arena.entity(client).map.name, "Lobby");
  await arena.harness.until(() => arena.entity(runner).get(WalletSchema).coins === scores[0].coins);
  arena.harness.send(it, RanksRequestSchema, {});
  await arena.harness.until(() => heard(it, RanksResponseSchema).length === 1);
  const [{ records, own, ownRank }] = heard(it, RanksResponseSchema);
  assertEquals(records.map(({ name, wins, matches }) => [name, wins, matches]), [[runner.name, 1, 1], [it.name, 0, 1]]);
  assertEquals([own?.best, ownRank], [scores[1].score, 2]);
  assertEquals(arena.tag.game.instances.count, 0);
});

Deno.test("tag: a hat is bought once, also by a request that comes again, and never for more coins than there are", async () => {
  await using arena = await Arena.open(2);
  arena.harness.advance(10_100);
  const [it, runner] = arena.sides();
  arena.entity(it).teleport({ x: 1, y: 0, z: 1, yaw: 0 });
  arena.entity(runner).teleport({ x: 39, y: 0, z: 39, yaw: 0 });
  arena.harness.advance(121_000);
  const { coins } = heard(runner, MatchEndedSchema)[0].scores[0];
  await arena.harness.until(() => arena.entity(runner).get(WalletSchema).coins === coins);
  for (const [index, [hatId, requestKey]] of [[1, 7], [1, 7], [1, 8], [3, 9], [4, 10]].entries()) {
    arena.harness.send(runner, BuyHatRequestSchema, { hatId }, { requestKey });
    await arena.harness.until(() => heard(runner, BuyHatResponseSchema).length === index + 1);
  }
  const answers = heard(runner, BuyHatResponseSchema);
  assertEquals(answers.map(({ success, errorCode, coins }) => [success, errorCode, coins]), [
    [true, ErrorCode.NONE, coins - 10],
    [true, ErrorCode.NONE, coins - 10],
    [false, ErrorCode.ALREADY_EXISTS, 0],
    [false, ErrorCode.INVALID_STATE, 0],
    [false, ErrorCode.NOT_FOUND, 0],
  ]);
  const { hatId } = arena.entity(runner).get(RunnerSchema);
  assertEquals([hatId, arena.entity(runner).get(WalletSchema).coins], [1, coins - 10]);
  arena.harness.send(runner, LeaveWorldRequestSchema, {});
  const again = await arena.harness.connect({ name: runner.name });
  await arena.harness.until(() => arena.entity(again).get(WalletSchema).coins === coins - 10);
  assertEquals(arena.entity(again).get(RunnerSchema).hatId, 1);
});

Deno.test("matchmaking: a player waits once, leaves when it wants to, and is told where it stands after a resume", async () => {
  await using arena = await Arena.open(1);
  const [ann] = arena.clients;
  arena.harness.send(ann, QueueJoinRequestSchema, {});
  assertEquals(heard(ann, QueueResponseSchema).map(({ success }) => success), [true, false]);
  arena.harness.advance(3_000);
  arena.harness.disconnect(ann);
  const back = arena.harness.open({ name: "ann" });
  arena.harness.send(back, ResumeRequestSchema, { resumeToken: ann.resumeToken, lastSequence: 0n });
  const status = heard(back, QueueStatusSchema).at(-1)!;
  assertEquals([status.isWaiting, status.waiting, status.wanted], [true, 1, 4]);
  assert(status.waitedMs >= 3_000, `${status.waitedMs} ms`);
  arena.harness.send(back, QueueLeaveRequestSchema, {});
  assertEquals(heard(back, QueueStatusSchema).at(-1)!.isWaiting, false);
  arena.harness.send(back, QueueLeaveRequestSchema, {});
  assertEquals(heard(back, QueueResponseSchema).at(-1)!.errorCode, ErrorCode.INVALID_STATE);
});

/** A storage that fails each commit in turn as it is told, from now on; then it works. */
function failingStorage() {
  const direct = new DirectStorage({ path: ":memory:" }, { game: "tag", stores: [] });
  const base = direct.of(DOCUMENTS), failures: ("before" | "behind")[] = [];
  const commit: typeof base.commit = async (commit) => {
    const failure = failures.shift();
    if (failure === "before") throw new DependencyError("unavailable", "planted");
    const outcome = await base.commit(commit);
    // It is on disk, and nobody hears of it.
    if (failure === "behind") throw new DependencyError("timeout", "planted");
    return outcome;
  };
  return { failures, storage: storageWith(direct, {}, { documents: { commit } }) };
}

/** Coins and matches of a player, as they are on disk. */
async function saved({ tag }: Arena, client: HarnessClient) {
  const { coins } = tag.game.entities.find(client.entityId)!.get(WalletSchema);
  return [coins, (await tag.game.store.get(RECORDS, client.playerId))?.matches];
}

Deno.test("tag: whoever is left alone wins for what was played, so that coming and going earns nothing", async () => {
  for (const [playedMs, coins] of [[0, 0], [60_000, 5]]) {
    await using arena = await Arena.open(4);
    arena.harness.tick(2);
    const [it, ...others] = arena.sides();
    // Nobody touches anybody, and whoever is it gets no points.
    arena.place(it, it);
    arena.harness.advance(playedMs);
    for (const client of others) arena.harness.send(client, LeaveWorldRequestSchema, {});
    arena.harness.advance(1_000);
    const [{ scores }] = heard(it, MatchEndedSchema);
    assertEquals(scores, [{ ...scores[0], name: it.name, coins: coins + Math.floor(scores[0].score / 5) }]);
    assert(scores[0].score <= 1 || playedMs > 0);
  }
});

Deno.test("tag: results are saved once, whether the storage fails before or behind the commit, and for how long", async () => {
  const { failures, storage } = failingStorage();
  await using arena = await Arena.open(2, 1, storage);
  arena.harness.advance(10_100);
  failures.push("before", "before", "before", "before", "behind", "behind");
  await arena.endMatch("0");
  const [{ scores }] = heard(arena.clients[0], MatchEndedSchema);
  for (let index = 0; index < 60; index++) {
    arena.harness.advance(1_000);
    let turns = 0;
    await arena.harness.until(() => ++turns > 3);
  }
  assertEquals([failures, arena.tag.game.unsavedCount], [[], 0]);
  for (const client of arena.clients) {
    assertEquals(await saved(arena, client), [scores.find(({ name }) => name === client.name)!.coins, 1]);
  }
});

Deno.test("tag: a server that stops ends matches and saves their results, also those that wait to be tried again", async () => {
  const { failures, storage } = failingStorage();
  const arena = await Arena.open(2, 1, storage);
  arena.harness.advance(10_100);
  failures.push("before", "before");
  await arena.harness.logic.stop();
  for (const { playerId } of arena.clients) {
    assertEquals((await arena.tag.game.store.get(RECORDS, playerId))?.matches, 1);
  }
  await arena[Symbol.asyncDispose]();
});

Deno.test("tag: the operator ends one match or all, and is told how many", async () => {
  await using arena = await Arena.open(4);
  arena.harness.tick(2);
  const { id } = arena.match;
  assertEquals(await arena.endMatch(String(id + 1)), "0 ended");
  assertEquals(arena.tag.matches.count, 1);
  assertEquals(await arena.endMatch(String(id)), "1 ended");
  assertEquals(arena.tag.matches.count, 0);
  for (const client of arena.clients) assertEquals(heard(client, MatchEndedSchema).length, 1);
  assertEquals(await arena.endMatch("0"), "0 ended");
  assertEquals(await arena.endMatch("-1"), "conflict");
});

Deno.test("tag: a party waits as one ticket, which its leader takes, and plays together", async () => {
  await using arena = await Arena.open(0);
  const { harness } = arena;
  const [ann, ben, cid, dee, eve] = await Promise.all(
    ["ann", "ben", "cid", "dee", "eve"].map((name) => harness.connect({ name })),
  );
  const join = async (leader: HarnessClient, member: HarnessClient) => {
    harness.send(leader, PartyInviteRequestSchema, { playerName: member.name });
    await harness.until(() => heard(member, PartyInviteSchema).length > 0);
    const { partyId } = heard(member, PartyInviteSchema).at(-1)!;
    harness.send(member, PartyAnswerSchema, { partyId, accept: true });
    await harness.until(() => heard(member, PartyStateSchema).length > 0);
  };
  const answer = (client: HarnessClient) => ErrorCode[heard(client, QueueResponseSchema).at(-1)!.errorCode];
  const ask = (client: HarnessClient) => harness.send(client, QueueJoinRequestSchema, {});
  await join(ann, ben);
  await join(ann, cid);
  ask(ben);
  assertEquals(answer(ben), "PERMISSION_DENIED");
  ask(ann);
  for (const client of [ann, ben, cid]) assertEquals(heard(client, QueueStatusSchema).at(-1)?.isWaiting, true);
  // Whoever comes into the party has not asked to wait: all of it leaves the line.
  await join(ann, dee);
  for (const client of [ann, ben, cid]) assertEquals(heard(client, QueueStatusSchema).at(-1)?.isWaiting, false);
  ask(eve);
  ask(ann);
  harness.tick(2);
  assertEquals(arena.match.players.map(({ name }) => name).sort(), ["ann", "ben", "cid", "dee"]);
  assertEquals(heard(eve, MatchStartedSchema), [], "Five do not fit, and a party is not taken apart");
  ask(ann);
  assertEquals(answer(ann), "INVALID_STATE");
  harness.send(dee, PartyLeaveRequestSchema, {});
  assertEquals(arena.match.players.length, 4, "Who leaves the party goes on playing");
});

Deno.test("tag: the whole game is at most 600 lines of TypeScript and proto, without page, tests and what is generated", async () => {
  const folder = new URL("../../../games/tag/", import.meta.url);
  const files: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && /\.(ts|proto)$/.test(name) && !/^contract\.ts$|_(pb|test)\.ts$/.test(name)) files.push(name);
  }
  assertEquals(files.sort(), ["game.ts", "load.ts", "match.ts", "tag.proto"]);
  const texts = await Promise.all(files.map((name) => Deno.readTextFile(new URL(name, folder))));
  const lines = texts.join("").split("\n").length - 1;
  assert(lines <= 600, `${lines} lines`);
});

Deno.test("tag: the script of its page is less than 300 lines", async () => {
  const script = await Deno.readTextFile(new URL("../../../games/tag/web/page.ts", import.meta.url));
  const lines = script.split("\n").length - 1;
  assert(lines < 300, `${lines} lines`);
});
