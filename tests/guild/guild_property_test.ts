import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInviteRequestSchema,
  GuildInviteWithdrawSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  type GuildRank,
  GuildSetRankRequestSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { fc } from "../support/property.ts";
import { GuildModel } from "./guild_model.ts";
import { settle } from "./guild_scene.ts";

const PLAYER_COUNT = 6;
const NAMES = ["Wolves", "Foxes", "Bears", "wolves"];
const WAR_MS = 60 * 60_000;
const ANSWERS: readonly PacketType[] = [
  PacketType.ERROR_RESPONSE,
  PacketType.GUILD_ACTION_RESPONSE,
  PacketType.GUILD_CREATE_RESPONSE,
  PacketType.GUILD_INFO_RESPONSE,
  PacketType.GUILD_INVITE_RESPONSE,
];

const player = fc.nat(PLAYER_COUNT - 1);
const name = fc.constantFrom(...NAMES);
const kind = <K extends string>(value: K) => fc.constant(value);
const deed = fc.oneof(
  fc.record({ kind: kind("create"), by: player, name }),
  { weight: 3, arbitrary: fc.record({ kind: kind("invite"), by: player, on: player }) },
  { weight: 1, arbitrary: fc.record({ kind: kind("withdraw"), by: player, on: player }) },
  { weight: 4, arbitrary: fc.record({ kind: kind("answer"), by: player, name, accept: fc.boolean() }) },
  fc.record({ kind: kind("leave"), by: player }),
  fc.record({ kind: kind("kick"), by: player, on: player }),
  { weight: 2, arbitrary: fc.record({ kind: kind("rank"), by: player, on: player, rank: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind("war"), by: player, name }) },
  { weight: 2, arbitrary: fc.record({ kind: kind("kill"), by: player, on: player }) },
);
/** Deeds that are done at once, before any of them is answered, and the time that passes after them. */
const batch = fc.record({
  deeds: fc.array(deed, { minLength: 1, maxLength: 6 }),
  waitMs: fc.constantFrom(0, 0, 0, WAR_MS / 2),
});

type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

/** A server and the model beside it. */
class Play {
  readonly model = new GuildModel();
  /** Ids of guilds by name, as of the end of the last batch: whoever answers an invitation knows no newer one. */
  #ids = new Map<string, number>();

  constructor(readonly harness: LogicHarness, readonly clients: readonly HarnessClient[]) {}

  /** Sends one request; gives the code that the model expects, nothing for what is not answered. */
  #perform(deed: Deed): string | undefined {
    const { harness, model } = this;
    const { by } = deed;
    const client = this.clients[by];
    const playerName = "on" in deed ? this.clients[deed.on].name : "";
    switch (deed.kind) {
      case "create":
        harness.send(client, GuildCreateRequestSchema, { name: deed.name, tag: deed.name.slice(0, 3) });
        return model.create(by, deed.name);
      case "invite":
        harness.send(client, GuildInviteRequestSchema, { playerName });
        return model.invite(by, deed.on);
      case "withdraw":
        harness.send(client, GuildInviteWithdrawSchema, { playerName });
        return model.withdraw(by, deed.on);
      case "answer": {
        const guildId = this.#ids.get(deed.name) ?? 0;
        harness.send(client, GuildJoinRequestSchema, { guildId: BigInt(guildId), accept: deed.accept });
        return model.answer(by, guildId, deed.accept);
      }
      case "leave":
        harness.send(client, GuildLeaveRequestSchema, {});
        return model.leave(by);
      case "kick":
        harness.send(client, GuildKickRequestSchema, { playerName });
        return model.kick(by, deed.on);
      case "rank":
        harness.send(client, GuildSetRankRequestSchema, { playerName, rank: deed.rank as GuildRank });
        return model.setRank(by, deed.on, deed.rank);
      case "war": {
        const enemy = model.guilds.find((guild) => guild.name.toLowerCase() === deed.name.toLowerCase());
        harness.send(client, GuildWarStartSchema, { enemyName: deed.name });
        return model.declareWar(by, enemy?.name ?? "", { nowMs: harness.clock.unixMs(), lastsMs: WAR_MS });
      }
      case "kill":
        return undefined;
    }
  }

  async run(deeds: readonly Deed[], waitMs: number): Promise<void> {
    const { clients, harness, model } = this;
    const expected: string[][] = clients.map(() => []);
    harness.forget();
    for (const deed of deeds) {
      const code = this.#perform(deed);
      if (code !== undefined) expected[deed.by].push(code);
    }
    await settle(harness);
    assertEquals(clients.map((client) => codesOf(client)), expected);
    // A kill counts in the wars that are on when it is written down, so it comes after the requests.
    for (const deed of deeds) {
      if (deed.kind !== "kill") continue;
      harness.marsh.guilds.onKill(harness.playerOf(clients[deed.by]), harness.playerOf(clients[deed.on]));
      model.kill(deed.by, deed.on);
    }
    harness.clock.advance(waitMs + 1_000);
    harness.tick();
    await settle(harness);
    model.endWars(harness.clock.unixMs());
    await this.#compare();
  }

  async #compare(): Promise<void> {
    const { clients, harness, model } = this;
    this.#ids.clear();
    for (const [index, { playerId }] of clients.entries()) {
      const stored = await harness.storage.of(GUILDS).loadOf({ playerId });
      const guild = model.guildOf(index);
      const tie = harness.marsh.guilds.find(playerId);
      assertEquals([tie?.guildId, tie?.name, tie?.tag], [stored?.guildId, stored?.name, stored?.tag]);
      assertEquals(stored?.name, guild?.name);
      if (stored === undefined || guild === undefined) continue;
      guild.id = stored.guildId;
      this.#ids.set(guild.name, guild.id);
      assertEquals(
        stored.members.map(({ name, rank }) => [name, rank as number]),
        guild.members.map(({ player, rank }) => [clients[player].name, rank]),
      );
      assertEquals(stored.members.filter(({ rank }) => rank === 2).length, 1);
      const wars = model.wars.filter(({ sides }) => sides.includes(guild)).map(({ sides, kills, endsAtMs }) => {
        const own = sides.indexOf(guild);
        return [sides[1 - own].name, kills[own], kills[1 - own], endsAtMs];
      });
      assertEquals(stored.wars.map((war) => [war.enemyName, war.ownKills, war.enemyKills, war.endsAtMs]), wars);
    }
    for (const [index, { playerId }] of clients.entries()) {
      const invites = await harness.storage.of(GUILDS).findInvites({ playerId, nowMs: harness.clock.unixMs() });
      const expected = model.guilds.filter(({ invited }) => invited.has(index)).map(({ name }) => name);
      assertEquals(invites.map(({ guildName }) => guildName).sort(), expected.sort());
    }
  }
}

/** The codes of all answers a client received, in order. */
function codesOf({ packets }: HarnessClient): string[] {
  return packets.filter(({ type }) => ANSWERS.includes(type)).map(({ type, payload }) => {
    const { errorCode } = fromBinary(contract.schemaOf(type)!, payload) as unknown as {
      errorCode: ErrorCode;
    };
    return ErrorCode[errorCode];
  });
}

Deno.test("Guilds are what the model says after any requests, however many at once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 15 }), async (batches) => {
      // They ask more of each other than people may.
      await using harness = await LogicHarness.create({ config: { floodControl: false } });
      const clients: HarnessClient[] = [];
      for (let index = 0; index < PLAYER_COUNT; index++) clients.push(await harness.connect());
      const play = new Play(harness, clients);
      for (const { deeds, waitMs } of batches) await play.run(deeds, waitMs);
    }),
    { numRuns: 60 },
  );
});
