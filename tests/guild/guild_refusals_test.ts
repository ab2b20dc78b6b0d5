import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  GuildInviteRequestSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  GuildRank,
  GuildSetRankRequestSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { assertEquals } from "../support/assert.ts";
import type { HarnessClient } from "../support/logic_harness.ts";
import { ask, breakableStorage, declareWar, infoOf, type Scene, twoGuilds } from "./guild_scene.ts";

type Who = { [K in keyof Scene]: Scene[K] extends HarnessClient ? K : never }[keyof Scene];

/** A request, who sends it, and what it is answered with. */
interface Case {
  readonly what: string;
  readonly by: Who;
  readonly code: string;
  readonly schema: DescMessage;
  readonly message: (scene: Scene) => Record<string, unknown>;
  readonly before?: (scene: Scene) => Promise<unknown>;
}

function cases<Desc extends DescMessage>(
  schema: Desc,
  rows: readonly (readonly [
    what: string,
    by: Who,
    code: string,
    message: (scene: Scene) => MessageInitShape<Desc> & Record<string, unknown>,
    before?: (scene: Scene) => Promise<unknown>,
  ])[],
): Case[] {
  return rows.map(([what, by, code, message, before]) => ({ what, by, code, schema, message, before }));
}

const BAD_NAMES = [
  "",
  "ab",
  "a".repeat(25),
  " Bears",
  "Bears ",
  "Grey  Bears",
  "Be\tars",
  "Bear's",
  "Beаrs",
  "Bea\u200brs",
  "Ｂears",
  "a.b",
];
const BAD_TAGS = ["", "A", "ABCDEF", "A B", "A-B", "AД", "A_", "★★"];
const BAD_PLAYERS = ["", "Nobody", "Le", "Lena ", "'; DROP TABLE guilds; --"];
const BAD_IDS = [999n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n];

const CASES: readonly Case[] = [
  ...cases(GuildCreateRequestSchema, [
    ...BAD_NAMES.map((name) => [`name "${name}"`, "lena", "NAME_INVALID", () => ({ name, tag: "GB" })] as const),
    ...BAD_TAGS.map((tag) => [`tag "${tag}"`, "lena", "NAME_INVALID", () => ({ name: "Bears", tag })] as const),
    ["a name in use", "lena", "NAME_TAKEN", () => ({ name: "iron wolves", tag: "GB" })],
    ["a name that looks like one in use", "lena", "NAME_TAKEN", () => ({ name: "Iron WoIves", tag: "GB" })],
    ["a tag that looks like one in use", "lena", "NAME_TAKEN", () => ({ name: "Grey Bears", tag: "lW" })],
    ["a reserved name", "lena", "NAME_TAKEN", () => ({ name: "The Moderators", tag: "GB" })],
    ["a reserved tag", "lena", "NAME_TAKEN", () => ({ name: "Grey Bears", tag: "ADM1N" })],
    ["a tag in use", "lena", "NAME_TAKEN", () => ({ name: "Grey Bears", tag: "iw" })],
    ["a second guild of a leader", "anna", "ALREADY_EXISTS", () => ({ name: "Grey Bears", tag: "GB" })],
    ["a second guild of a member", "mia", "ALREADY_EXISTS", () => ({ name: "Iron Wolves", tag: "IW" })],
  ]),
  ...cases(GuildInviteRequestSchema, [
    ["without a guild", "lena", "NOT_FOUND", () => ({ playerName: "Ines" })],
    ["by a member", "mia", "PERMISSION_DENIED", () => ({ playerName: "Lena" })],
    ...BAD_PLAYERS.map((name) => [`player "${name}"`, "anna", "NOT_FOUND", () => ({ playerName: name })] as const),
    ["oneself", "anna", "ALREADY_EXISTS", () => ({ playerName: "Anna" })],
    ["a member of the guild", "anna", "ALREADY_EXISTS", () => ({ playerName: "mia" })],
    ["a member of another guild", "anna", "ALREADY_EXISTS", () => ({ playerName: "Rosa" })],
    ["who is invited already", "otto", "ALREADY_EXISTS", () => ({ playerName: "INES" })],
  ]),
  ...cases(GuildJoinRequestSchema, [
    ["uninvited", "lena", "NOT_FOUND", ({ wolves }) => ({ guildId: wolves, accept: true })],
    ["declining uninvited", "lena", "NOT_FOUND", ({ wolves }) => ({ guildId: wolves, accept: false })],
    ["another guild than the one that invites", "ines", "NOT_FOUND", ({ foxes }) => ({ guildId: foxes, accept: true })],
    ["no guild", "ines", "NOT_FOUND", () => ({ accept: true })],
    ...BAD_IDS.flatMap((guildId) =>
      [true, false].map((accept) =>
        [`guild ${guildId}, ${accept}`, "ines", "NOT_FOUND", () => ({ guildId, accept })] as const
      )
    ),
    ["in a guild already", "mia", "ALREADY_EXISTS", ({ foxes }) => ({ guildId: foxes, accept: true })],
    [
      "after the invitation has expired",
      "ines",
      "NOT_FOUND",
      ({ wolves }) => ({ guildId: wolves, accept: true }),
      ({ harness }) => Promise.resolve(harness.clock.advance(7 * 24 * 3_600_000)),
    ],
  ]),
  ...cases(GuildLeaveRequestSchema, [["without a guild", "lena", "NOT_FOUND", () => ({})]]),
  ...cases(GuildKickRequestSchema, [
    ["without a guild", "lena", "NOT_FOUND", () => ({ playerName: "Mia" })],
    ["by a member", "mia", "PERMISSION_DENIED", () => ({ playerName: "Otto" })],
    ["by a member, nobody", "mia", "PERMISSION_DENIED", () => ({ playerName: "Nobody" })],
    ["the leader by an officer", "otto", "PERMISSION_DENIED", () => ({ playerName: "Anna" })],
    ["an officer by itself", "otto", "PERMISSION_DENIED", () => ({ playerName: "Otto" })],
    ["the leader by itself", "anna", "PERMISSION_DENIED", () => ({ playerName: "Anna" })],
    ["another guild's member", "anna", "NOT_FOUND", () => ({ playerName: "Rosa" })],
    ["who is only invited", "anna", "NOT_FOUND", () => ({ playerName: "Ines" })],
    ...BAD_PLAYERS.map((name) => [`player "${name}"`, "otto", "NOT_FOUND", () => ({ playerName: name })] as const),
  ]),
  ...cases(GuildSetRankRequestSchema, [
    ["without a guild", "lena", "NOT_FOUND", () => ({ playerName: "Mia", rank: GuildRank.OFFICER })],
    ["by an officer", "otto", "PERMISSION_DENIED", () => ({ playerName: "Mia", rank: GuildRank.OFFICER })],
    ["by a member for itself", "mia", "PERMISSION_DENIED", () => ({ playerName: "Mia", rank: GuildRank.LEADER })],
    ["another guild's member", "anna", "NOT_FOUND", () => ({ playerName: "Rosa", rank: GuildRank.OFFICER })],
    ["the leader's own", "anna", "TARGET_INVALID", () => ({ playerName: "Anna", rank: GuildRank.MEMBER })],
    ["rank 3", "anna", "INVALID_PACKET", () => ({ playerName: "Mia", rank: 3 as GuildRank })],
    ["rank -1", "anna", "INVALID_PACKET", () => ({ playerName: "Mia", rank: -1 as GuildRank })],
    ...BAD_PLAYERS.map((name) =>
      [`player "${name}"`, "anna", "NOT_FOUND", () => ({ playerName: name, rank: GuildRank.LEADER })] as const
    ),
  ]),
  ...cases(GuildInfoRequestSchema, [
    ["without a guild", "lena", "NOT_FOUND", () => ({})],
    ...BAD_IDS.map((guildId) => [`guild ${guildId}`, "anna", "NOT_FOUND", () => ({ guildId })] as const),
  ]),
  ...cases(GuildWarStartSchema, [
    ["without a guild", "lena", "NOT_FOUND", ({ foxes }) => ({ enemyGuildId: foxes })],
    ["by a member", "mia", "PERMISSION_DENIED", ({ foxes }) => ({ enemyGuildId: foxes })],
    ["nobody", "anna", "NOT_FOUND", () => ({})],
    ...["", "Nobody", " Red Foxes", "Red  Foxes"].map((enemyName) =>
      [`enemy "${enemyName}"`, "otto", "NOT_FOUND", () => ({ enemyName })] as const
    ),
    ...BAD_IDS.map((enemyGuildId) => [`guild ${enemyGuildId}`, "anna", "NOT_FOUND", () => ({ enemyGuildId })] as const),
    ["itself by id", "anna", "TARGET_INVALID", ({ wolves }) => ({ enemyGuildId: wolves })],
    ["itself by name", "anna", "TARGET_INVALID", () => ({ enemyName: "IRON WOLVES" })],
    ["an enemy twice", "otto", "ALREADY_EXISTS", () => ({ enemyName: "red foxes" }), declareWar],
    ["who has declared war", "bela", "ALREADY_EXISTS", ({ wolves }) => ({ enemyGuildId: wolves }), declareWar],
  ]),
  ...cases(ChatMessageSchema, [
    ["to the guild without one", "lena", "NOT_FOUND", () => ({ channel: Channel.GUILD, message: "hello?" })],
  ]),
];

for (const { what, by, code, schema, message, before } of CASES) {
  const { name } = contract.rowOf(schema);
  Deno.test(`${name} refuses ${what} with ${code}`, async () => {
    await using scene = await twoGuilds();
    const { harness, anna, bela } = scene;
    await before?.(scene);
    const guilds = async () => [await infoOf(harness, anna), await infoOf(harness, bela)];
    const guildsBefore = await guilds();
    harness.forget();
    assertEquals((await ask(harness, scene[by], schema, message(scene))).code, code);
    assertEquals(await guilds(), guildsBefore);
    for (const client of [scene.anna, scene.otto, scene.mia, scene.bela, scene.rosa, scene.ines, scene.lena]) {
      for (const type of [PacketType.GUILD_INVITE_NOTICE, PacketType.GUILD_WAR_START] as const) {
        assertEquals(harness.received(client, type), []);
      }
    }
  });
}

const REQUESTS = contract.packets.rows.filter(({ name, states }) => name.startsWith("GUILD_") && states !== 0);

for (const { name, type, refusal } of REQUESTS) {
  const schema = contract.schemaOf(type)!;
  Deno.test(`${name} answers what cannot be parsed with INVALID_PACKET`, async () => {
    await using scene = await twoGuilds();
    const { harness, anna } = scene;
    harness.sendRaw(anna, type, new Uint8Array([0xff, 0xff]));
    const answerType = refusal?.type ?? PacketType.ERROR_RESPONSE;
    assertEquals(anna.packets.map(({ type }) => type), [answerType]);
  });

  Deno.test(`${name} is answered with UNAVAILABLE while the storage is down, and nothing changes`, async () => {
    const { storage, fail } = breakableStorage();
    await using scene = await twoGuilds({ storage });
    const { harness, anna, bela, lena } = scene;
    const good: Record<string, [HarnessClient, Record<string, unknown>]> = {
      GuildCreateRequest: [lena, { name: "Grey Bears", tag: "GB" }],
      GuildInviteRequest: [anna, { playerName: "Lena" }],
      GuildJoinRequest: [scene.ines, { guildId: scene.wolves, accept: true }],
      GuildLeaveRequest: [scene.mia, {}],
      GuildKickRequest: [anna, { playerName: "Mia" }],
      GuildInfoRequest: [anna, {}],
      GuildWarStart: [anna, { enemyName: "Red Foxes" }],
      GuildInviteListRequest: [anna, {}],
      GuildInviteWithdraw: [anna, { playerName: "Ines" }],
      GuildSetRankRequest: [anna, { playerName: "Mia", rank: GuildRank.LEADER }],
    };
    const [client, message] = good[schema.name];
    // What was shown before is shown again without the storage.
    const look = async () =>
      schema.name === "GuildInfoRequest" ? [] : [await infoOf(harness, anna), await infoOf(harness, bela)];
    const guildsBefore = await look();
    const tiesBefore = [scene.mia, scene.ines, lena].map(({ playerId }) => harness.marsh.guilds.find(playerId));
    fail("unavailable");
    assertEquals((await ask(harness, client, schema, message)).code, "UNAVAILABLE");
    fail("overloaded");
    assertEquals((await ask(harness, client, schema, message)).code, "UNAVAILABLE");
    fail(null);
    assertEquals(await look(), guildsBefore);
    const ties = [scene.mia, scene.ines, lena].map(({ playerId }) => harness.marsh.guilds.find(playerId));
    assertEquals(ties, tiesBefore);
    assertEquals((await ask(harness, client, schema, message)).code, "NONE");
  });
}
