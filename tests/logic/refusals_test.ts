import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import * as marsh from "../../games/marsh/contract.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { type PacketRow, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/**
 * Anna leads the Wolves, with Mia, a member; Bela leads the Foxes and is alone in two rooms; Lena has neither guild nor
 * friends and is 30 units away; Dora is dead. The guest is a connection that has not logged in.
 */
interface Scene {
  readonly harness: LogicHarness;
  readonly anna: HarnessClient;
  readonly mia: HarnessClient;
  readonly bela: HarnessClient;
  readonly lena: HarnessClient;
  readonly dora: HarnessClient;
  readonly guest: HarnessClient;
}

type Who = Exclude<keyof Scene, "harness">;

/** One request that is refused. */
interface Row {
  readonly what: string;
  readonly by: Who;
  /** Name of the error's code; the reason where MOVEMENT_CORRECTION answers; null: it is done. */
  readonly code: string | null;
  readonly message: (scene: Scene) => object;
}

/** Everything wrong that one type of request can be. */
interface Wrong {
  readonly schema: DescMessage;
  readonly rows: readonly Row[];
  /** Fields that can hold anything, as they are not looked at. */
  readonly anything: readonly string[];
}

function wrong<Desc extends DescMessage>(
  schema: Desc,
  rows: readonly (readonly [
    what: string,
    code: string | null,
    message: MessageInitShape<Desc> | ((scene: Scene) => MessageInitShape<Desc>),
    by?: Who,
  ])[],
  anything: readonly string[] = [],
): Wrong {
  return {
    schema,
    anything,
    rows: rows.map(([what, code, message, by = "anna"]) => ({
      ...{ what, code, by },
      message: typeof message === "function" ? message : () => message,
    })),
  };
}

const HASH = "0".repeat(64);
const HUGE_IDS = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
const BAD_NAMES = ["", "No", "Nobody", "x".repeat(200), "Mia ", "Mïa", "'; --"];
const NOT_FINITE = [NaN, Infinity, -Infinity];

/** The same row for every name that is nobody's. */
function nobody(row: (playerName: string) => object): [string, string, object][] {
  return BAD_NAMES.map((name) => [`player "${name.slice(0, 20)}"`, "NOT_FOUND", row(name)]);
}

/** The same row for every id that is nothing's. */
function nothing(code: string, row: (id: bigint) => object): [string, string, object][] {
  return [77_777n, ...HUGE_IDS].map((id) => [`id ${id}`, code, row(id)]);
}

const WRONG: readonly Wrong[] = [
  wrong(marsh.LoginRequestSchema, [
    ["an empty name", "INVALID_CREDENTIALS", { username: "", passwordHash: HASH, clientVersion: "1.0.0" }, "guest"],
    [
      "an unknown name",
      "INVALID_CREDENTIALS",
      { username: "Nobody", passwordHash: HASH, clientVersion: "1.0.0" },
      "guest",
    ],
    ["a name that is too long", "INVALID_CREDENTIALS", {
      username: "x".repeat(400),
      passwordHash: HASH,
      clientVersion: "1.0.0",
    }, "guest"],
    ["an empty hash", "INVALID_CREDENTIALS", { username: "Anna", passwordHash: "", clientVersion: "1.0.0" }, "guest"],
    ["a hash that is none", "INVALID_CREDENTIALS", {
      username: "Anna",
      passwordHash: "z".repeat(64),
      clientVersion: "1.0.0",
    }, "guest"],
    [
      "a long hash",
      "INVALID_CREDENTIALS",
      { username: "Anna", passwordHash: "0".repeat(65), clientVersion: "1.0.0" },
      "guest",
    ],
    ["an old client", "VERSION_MISMATCH", { username: "Anna", passwordHash: HASH, clientVersion: "0.0.1" }, "guest"],
    ["a player who is logged in", "INVALID_STATE", { username: "Anna", passwordHash: HASH, clientVersion: "1.0.0" }],
  ], ["device_id"]),
  wrong(marsh.LogoutRequestSchema, [], ["player_id", "session_token"]),
  wrong(marsh.RegisterRequestSchema, [
    ...["", "a", "x".repeat(21), "with space", "Uniqu\u0435", "m\u200bira", "a\u0000b"].map((username) =>
      [`name "${username}"`, "NAME_INVALID", { username, passwordHash: HASH }, "guest"] as const
    ),
    ["a name in use", "NAME_TAKEN", { username: "ANNA", passwordHash: HASH }, "guest"],
    ["a name that looks like one in use", "NAME_TAKEN", { username: "ΑΝΝΑ", passwordHash: HASH }, "guest"],
    ["a reserved name", "NAME_TAKEN", { username: "GM_Adm1n", passwordHash: HASH }, "guest"],
    ["an empty hash", "INVALID_CREDENTIALS", { username: "Newcomer", passwordHash: "" }, "guest"],
    ["a short hash", "INVALID_CREDENTIALS", { username: "Newcomer", passwordHash: "0".repeat(63) }, "guest"],
  ]),
  wrong(marsh.ResumeRequestSchema, [
    ["an empty token", "RESUME_EXPIRED", { resumeToken: "" }, "guest"],
    ["an unknown token", "RESUME_EXPIRED", { resumeToken: "guess" }, "guest"],
    ["an unknown token once more", "RESUME_EXPIRED", { resumeToken: "guess", isRepeat: true }, "guest"],
    ["a token that is too long", "RESUME_EXPIRED", { resumeToken: "x".repeat(900) }, "guest"],
    ["an old client", "VERSION_MISMATCH", { resumeToken: "guess", clientVersion: "0.0.9" }, "guest"],
    ...HUGE_IDS.map((lastSequence) =>
      [
        `${lastSequence} packets`,
        "INVALID_PACKET",
        ({ anna }: Scene) => ({ resumeToken: anna.resumeToken, lastSequence }),
        "guest",
      ] as const
    ),
  ]),
  wrong(marsh.PasswordChangeRequestSchema, [
    ["no old hash", "INVALID_CREDENTIALS", { newPasswordHash: HASH }],
    ["a wrong old hash", "INVALID_CREDENTIALS", { passwordHash: HASH, newPasswordHash: HASH }],
    ["a new hash that is none", "INVALID_CREDENTIALS", { passwordHash: HASH, newPasswordHash: "z".repeat(64) }],
    ["a short new hash", "INVALID_CREDENTIALS", { passwordHash: HASH, newPasswordHash: "0".repeat(63) }],
  ]),
  wrong(marsh.TokensRevokeRequestSchema, [
    ["no hash", "INVALID_CREDENTIALS", {}],
    ["a wrong hash", "INVALID_CREDENTIALS", { passwordHash: HASH }],
  ]),
  wrong(marsh.AccountDeleteRequestSchema, [
    ["no hash", "INVALID_CREDENTIALS", {}],
    ["a wrong hash", "INVALID_CREDENTIALS", { passwordHash: HASH }],
  ]),
  wrong(marsh.EnterWorldRequestSchema, [
    ["no token", "NOT_AUTHENTICATED", {}, "guest"],
    ["a forged token", "INVALID_TOKEN", { sessionToken: "forged" }, "guest"],
    ["the token of nobody", "INVALID_TOKEN", { sessionToken: "plain:77777:Nobody" }, "guest"],
    [
      "an old client",
      "VERSION_MISMATCH",
      ({ anna }: Scene) => ({ clientVersion: "0.0.9", sessionToken: `plain:${anna.playerId}:Anna` }),
      "guest",
    ],
    ...[77_777n, ...HUGE_IDS].map((characterId) =>
      [
        `character ${characterId}`,
        "NOT_FOUND",
        ({ anna }: Scene) => ({ characterId, sessionToken: `plain:${anna.playerId}:Anna` }),
        "guest",
      ] as const
    ),
    [
      "another's character",
      "NOT_FOUND",
      ({ anna, mia }) => ({ characterId: BigInt(mia.characterId), sessionToken: `plain:${anna.playerId}:Anna` }),
      "guest",
    ],
    ["a player who is in the world", "INVALID_STATE", {}],
  ], ["channel_id"]),
  wrong(marsh.MovementUpdateSchema, [
    ["another's entity", "not_own_entity", ({ mia }) => ({ entityId: BigInt(mia.entityId) })],
    ...HUGE_IDS.map((entityId) => [`entity ${entityId}`, "not_own_entity", { entityId }] as const),
    ...NOT_FINITE.flatMap((bad) =>
      [
        { position: { x: bad, y: 0, z: 500 } },
        { position: { x: 500, y: bad, z: 500 } },
        { position: { x: 500, y: 0, z: bad } },
        { position: { x: 500, y: 0, z: 500 }, velocity: { x: bad } },
        { position: { x: 500, y: 0, z: 500 }, velocity: { z: bad } },
        { position: { x: 500, y: 0, z: 500 }, rotation: { y: bad } },
      ].map((message) =>
        [
          JSON.stringify(message, (_, value) => String(value) === "[object Object]" ? value : String(value)),
          "non_finite",
          message,
        ] as const
      )
    ),
    ["a place off the map", "outside_map", { position: { x: -1, y: 0, z: 500 } }],
    ["a place above the sky", "outside_map", { position: { x: 500, y: 1_001, z: 500 } }],
    ["a place far away", "too_fast", { position: { x: 600, y: 0, z: 500 } }],
    ["no place", "too_fast", {}],
    ["a step of the dead", "dead", { position: { x: 503, y: 0, z: 500 } }, "dora"],
  ], ["timestamp", "sequence_number"]),
  wrong(marsh.CombatActionSchema, [
    ...[0, 4, 99, 2 ** 32 - 1].map((skillId) =>
      [`skill ${skillId}`, "INVALID_PACKET", ({ mia }: Scene) => ({ skillId, targetId: BigInt(mia.entityId) })] as const
    ),
    ...NOT_FINITE.map((x) =>
      [`an area at ${x}`, "INVALID_PACKET", { skillId: 3, targetPosition: { x, y: 0, z: 0 } }] as const
    ),
    ["an area without a place", "INVALID_PACKET", { skillId: 3 }],
    ["an area far away", "OUT_OF_RANGE", { skillId: 3, targetPosition: { x: 540, y: 0, z: 500 } }],
    ["another as attacker", "PERMISSION_DENIED", ({ mia }) => ({ attackerId: BigInt(mia.entityId), skillId: 1 })],
    ...HUGE_IDS.map((attackerId) =>
      [`attacker ${attackerId}`, "PERMISSION_DENIED", { attackerId, skillId: 1 }] as const
    ),
    ...nothing("TARGET_INVALID", (targetId) => ({ skillId: 1, targetId })),
    ["no target", "TARGET_INVALID", { skillId: 2 }],
    ["itself", "TARGET_INVALID", ({ anna }) => ({ skillId: 2, targetId: BigInt(anna.entityId) })],
    ["the dead", "TARGET_INVALID", ({ dora }) => ({ skillId: 2, targetId: BigInt(dora.entityId) })],
    ["somebody too far away", "OUT_OF_RANGE", ({ lena }) => ({ skillId: 2, targetId: BigInt(lena.entityId) })],
    ["a blow of the dead", "INVALID_STATE", ({ mia }) => ({ skillId: 1, targetId: BigInt(mia.entityId) }), "dora"],
  ], ["cast_time", "action_sequence"]),
  wrong(marsh.ChatMessageSchema, [
    ["nothing", "INVALID_PACKET", { message: "" }],
    ["blanks", "INVALID_PACKET", { message: " \t " }],
    ["too much", "INVALID_PACKET", { message: "x".repeat(256) }],
    ["too many bytes", "INVALID_PACKET", { message: "ä".repeat(128) }],
    ["control characters", "INVALID_PACKET", { message: "a\u0007b" }],
    ["text that runs backwards", "INVALID_PACKET", { message: "a\u202eb" }],
    ...[5, 7, 8, 99, -1].map((channel) =>
      [`channel ${channel}`, "UNSUPPORTED", { channel: channel as marsh.Channel, message: "hi" }] as const
    ),
    ["guild chat without a guild", "NOT_FOUND", { channel: marsh.Channel.GUILD, message: "hi" }, "lena"],
    ["party chat without a party", "NOT_FOUND", { channel: marsh.Channel.PARTY, message: "hi" }],
    ["room chat without a room", "NOT_FOUND", { channel: marsh.Channel.ROOM, message: "hi" }],
    ...nothing("NOT_FOUND", (roomId) => ({ channel: marsh.Channel.ROOM, roomId, message: "hi" })),
    ["another's room", "PERMISSION_DENIED", { channel: marsh.Channel.ROOM, roomId: 1n, message: "hi" }],
    ...nobody((recipientName) => ({ channel: marsh.Channel.WHISPER, recipientName, message: "hi" })),
    ...nothing("NOT_FOUND", (recipientId) => ({ channel: marsh.Channel.WHISPER, recipientId, message: "hi" })),
  ], ["sender_id", "sender_name", "timestamp", "message_id", "explanation"]),
  wrong(marsh.LeaveWorldRequestSchema, []),
  wrong(marsh.RespawnRequestSchema, [["the living", "INVALID_STATE", {}], [
    "the dead too soon",
    "INVALID_STATE",
    {},
    "dora",
  ]]),
  wrong(marsh.PortalRequestSchema, [
    ["portal 0", "NOT_FOUND", {}],
    ["an unknown portal", "NOT_FOUND", { portalId: 2 ** 32 - 1 }],
    ["a portal of another map", "NOT_FOUND", { portalId: 101 }],
    ["a portal far away", "OUT_OF_RANGE", { portalId: 2 }],
    ["a portal for the dead", "INVALID_STATE", { portalId: 1 }, "dora"],
  ]),
  wrong(marsh.MapInfoRequestSchema, []),
  wrong(marsh.GuildCreateRequestSchema, [
    ["an empty name", "NAME_INVALID", { name: "", tag: "GB" }, "lena"],
    ["a long name", "NAME_INVALID", { name: "x".repeat(25), tag: "GB" }, "lena"],
    ["an empty tag", "NAME_INVALID", { name: "Bears", tag: "" }, "lena"],
    ["a long tag", "NAME_INVALID", { name: "Bears", tag: "ABCDEF" }, "lena"],
    ["a name in use", "NAME_TAKEN", { name: "WOLVES", tag: "GB" }, "lena"],
    ["a tag in use", "NAME_TAKEN", { name: "Bears", tag: "wo" }, "lena"],
    ["a member", "ALREADY_EXISTS", { name: "Bears", tag: "GB" }, "mia"],
  ]),
  wrong(marsh.GuildInviteRequestSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["oneself", "ALREADY_EXISTS", { playerName: "Anna" }],
    ["a member of another guild", "ALREADY_EXISTS", { playerName: "Bela" }],
    ["by a member", "PERMISSION_DENIED", { playerName: "Lena" }, "mia"],
    ["by nobody's", "NOT_FOUND", { playerName: "Mia" }, "lena"],
  ]),
  wrong(marsh.GuildJoinRequestSchema, [
    ...[...nothing("NOT_FOUND", (guildId) => ({ guildId, accept: true }))].map((row) => [...row, "lena"] as const),
    ["guild 0", "NOT_FOUND", { accept: false }, "lena"],
    ["uninvited", "NOT_FOUND", { guildId: 1n, accept: true }, "lena"],
    ["a member", "ALREADY_EXISTS", { guildId: 2n, accept: true }, "mia"],
  ]),
  wrong(marsh.GuildLeaveRequestSchema, [["nobody's", "NOT_FOUND", {}, "lena"]]),
  wrong(marsh.GuildKickRequestSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["oneself", "PERMISSION_DENIED", { playerName: "Anna" }],
    ["another guild's", "NOT_FOUND", { playerName: "Bela" }],
    ["by a member", "PERMISSION_DENIED", { playerName: "Anna" }, "mia"],
    ["by nobody's", "NOT_FOUND", { playerName: "Anna" }, "lena"],
  ]),
  wrong(marsh.GuildInfoRequestSchema, [
    ...nothing("NOT_FOUND", (guildId) => ({ guildId })),
    ["of nobody's", "NOT_FOUND", {}, "lena"],
  ]),
  wrong(marsh.GuildWarStartSchema, [
    ...nothing("NOT_FOUND", (enemyGuildId) => ({ enemyGuildId })),
    ...["", "Nobody", "x".repeat(200)].map((enemyName) => ["an unknown name", "NOT_FOUND", { enemyName }] as const),
    ["oneself", "TARGET_INVALID", { enemyGuildId: 1n }],
    ["by a member", "PERMISSION_DENIED", { enemyGuildId: 2n }, "mia"],
    ["by nobody's", "NOT_FOUND", { enemyGuildId: 2n }, "lena"],
  ], ["war_id", "ends_at"]),
  wrong(marsh.GuildSetRankRequestSchema, [
    ...nobody((playerName) => ({ playerName, rank: 1 })),
    ...[3, 99, -1, 2 ** 31 - 1].map((rank) => [`rank ${rank}`, "INVALID_PACKET", { playerName: "Mia", rank }] as const),
    ["the leader's own", "TARGET_INVALID", { playerName: "Anna", rank: 0 }],
    ["by a member", "PERMISSION_DENIED", { playerName: "Mia", rank: 2 }, "mia"],
    ["by nobody's", "NOT_FOUND", { playerName: "Mia", rank: 1 }, "lena"],
  ]),
  wrong(marsh.GuildInviteListRequestSchema, [
    ["by a member", "PERMISSION_DENIED", {}, "mia"],
    ["by nobody's", "NOT_FOUND", {}, "lena"],
  ]),
  wrong(marsh.GuildInviteWithdrawSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["who was not invited", "NOT_FOUND", { playerName: "Lena" }],
    ["a member", "NOT_FOUND", { playerName: "Mia" }],
    ["by a member", "PERMISSION_DENIED", { playerName: "Lena" }, "mia"],
    ["by nobody's", "NOT_FOUND", { playerName: "Lena" }, "lena"],
  ]),
  wrong(marsh.RoomCreateRequestSchema, [
    ...["", "ab", "x".repeat(33), " room", "ro\u0000om", "\u202eroom"].map((name) =>
      [`name "${name}"`, "NAME_INVALID", { name }] as const
    ),
    ["a name in use", "ALREADY_EXISTS", { name: "TAVERN" }],
    ["a name that looks like one in use", "ALREADY_EXISTS", { name: "Tavem" }],
    ["a reserved name", "ALREADY_EXISTS", { name: "System" }],
  ], ["max_members", "password"]),
  wrong(marsh.RoomJoinRequestSchema, [
    ...nothing("NOT_FOUND", (roomId) => ({ roomId })),
    ["neither id nor name", "NOT_FOUND", {}],
    ["an unknown name", "NOT_FOUND", { name: "Nowhere" }],
    ["no password", "PERMISSION_DENIED", { name: "tavern" }],
    ["a wrong password", "PERMISSION_DENIED", { name: "tavern", password: "guess" }],
    ["a very long password", "PERMISSION_DENIED", { name: "tavern", password: "x".repeat(900) }],
    ["a full room", "SERVER_FULL", { name: "closet" }],
  ]),
  wrong(marsh.RoomLeaveRequestSchema, [
    ...nothing("NOT_FOUND", (roomId) => ({ roomId })),
    ["room 0", "NOT_FOUND", {}],
    ["a room one is not in", "NOT_FOUND", { roomId: 1n }],
  ]),
  wrong(marsh.RoomListRequestSchema, []),
  wrong(marsh.FriendRequestSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["oneself", "TARGET_INVALID", { playerName: "anna" }],
    ["a friend", "ALREADY_EXISTS", { playerName: "Mia" }],
    ["who was asked", "ALREADY_EXISTS", { playerName: "Bela" }],
  ]),
  wrong(marsh.FriendAnswerSchema, [
    ...nobody((playerName) => ({ playerName, accept: true })),
    ["oneself", "TARGET_INVALID", { playerName: "Anna", accept: false }],
    ["who has not asked", "NOT_FOUND", { playerName: "Lena", accept: true }],
  ]),
  wrong(marsh.FriendRemoveSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["oneself", "TARGET_INVALID", { playerName: "Anna" }],
    ["a stranger", "NOT_FOUND", { playerName: "Lena" }],
  ]),
  wrong(marsh.FriendListRequestSchema, []),
  wrong(marsh.IgnoreAddSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["oneself", "TARGET_INVALID", { playerName: "Anna" }],
  ]),
  wrong(marsh.IgnoreRemoveSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["oneself", "TARGET_INVALID", { playerName: "Anna" }],
    ["who is heard", "NOT_FOUND", { playerName: "Mia" }],
  ]),
  wrong(marsh.IgnoreListRequestSchema, []),
  wrong(marsh.PartyInviteRequestSchema, [
    ...nobody((playerName) => ({ playerName })),
    ["oneself", "TARGET_INVALID", { playerName: "Anna" }],
  ]),
  wrong(marsh.PartyAnswerSchema, [
    ...nothing("NOT_FOUND", (partyId) => ({ partyId, accept: true })),
    ...nothing("NOT_FOUND", (partyId) => ({ partyId, accept: false })),
  ]),
  wrong(marsh.PartyLeaveRequestSchema, [["without a party", "NOT_FOUND", {}]]),
  wrong(marsh.PartyKickRequestSchema, [["without a party", "NOT_FOUND", { playerName: "Mia" }]]),
  wrong(marsh.PartyLeadRequestSchema, [["without a party", "NOT_FOUND", { playerName: "Mia" }]]),
  wrong(marsh.PartyDisbandRequestSchema, [["without a party", "NOT_FOUND", {}]]),
  wrong(marsh.LeaderboardRequestSchema, [
    ...[3, 99, -1].map((board) => [`board ${board}`, "INVALID_PACKET", { board }] as const),
    ...[2, 99, -1].map((period) => [`period ${period}`, "INVALID_PACKET", { period }] as const),
    ...[101, 2 ** 32 - 1].map((limit) => [`${limit} entries`, "OUT_OF_RANGE", { limit }] as const),
  ]),
];

const CLIENT_ROWS = contract.packets.rows.filter(({ states, handledBy }) => states !== 0 && handledBy === "logic");

Deno.test("PACKET_TABLE: every request has rows here, and so has every field that is looked at", () => {
  for (const { name, type } of CLIENT_ROWS) {
    const schema = contract.schemaOf(type)!;
    const wrongs = WRONG.find((wrong) => wrong.schema.typeName === schema.typeName);
    assert(wrongs !== undefined, `${name} has no rows: add what it is refused for`);
    const tried = new Set(wrongs.rows.flatMap(({ message }) => Object.keys(message(NAMES_ONLY))));
    for (const field of schema.fields) {
      const isTried = tried.has(field.localName) !== wrongs.anything.includes(field.name);
      assert(isTried, `${name} needs either a row with a wrong ${field.name}, or it among the fields nobody looks at`);
    }
  }
});

/** Enough of a scene to see which fields a row fills. */
const NAMES_ONLY = new Proxy({} as Scene, {
  get: () => ({ playerId: 1, characterId: 1, entityId: 1, resumeToken: "" }),
});

for (const { schema, rows } of WRONG) {
  const row = contract.rowOf(schema);
  Deno.test(`${row.name} refuses everything that is wrong with the code of the contract`, async () => {
    await using scene = await openScene();
    const { harness } = scene;
    for (const { what, by, code, message } of rows) {
      // A guest may be taken for somebody else by now.
      const client = by === "guest" ? harness.open() : scene[by];
      client.packets = [];
      const payload = toBinary(schema, create(schema, message(scene) as MessageInitShape<DescMessage>));
      const answer = await answerOf(harness, client, row, payload);
      assertEquals([what, answer], [what, code]);
      if (by === "guest") harness.disconnect(client);
    }
    assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
  });
}

Deno.test("Requests that cannot be parsed are answered with INVALID_PACKET, whatever the type", async () => {
  await using scene = await openScene();
  for (const row of CLIENT_ROWS) {
    const client = row.states & STATE_IN_WORLD ? scene.anna : scene.guest;
    client.packets = [];
    const answer = await answerOf(scene.harness, client, row, new Uint8Array([0xff, 0xff]));
    assertEquals([row.name, answer], [row.name, "INVALID_PACKET"]);
  }
});

/** What a request is answered with: the code's name, or the reason of MOVEMENT_CORRECTION. */
async function answerOf(
  harness: LogicHarness,
  client: HarnessClient,
  { type, refusal }: PacketRow,
  payload: Uint8Array,
): Promise<string> {
  const types = [refusal?.type ?? PacketType.UNSPECIFIED, PacketType.ERROR_RESPONSE];
  if (type === PacketType.MOVEMENT_UPDATE) types.push(PacketType.MOVEMENT_CORRECTION);
  harness.sendRaw(client, type, payload);
  const isAnswer = (packet: { type: PacketType }) =>
    types.includes(packet.type) && contract.packets.row(packet.type) !== undefined;
  await harness.until(() => client.packets.some(isAnswer));
  const { type: answerType } = client.packets.find(isAnswer)!;
  if (answerType === PacketType.MOVEMENT_CORRECTION) return harness.take(client, answerType)[0].reason;
  const [{ errorCode }] = harness.take(client, answerType as PacketType.ERROR_RESPONSE);
  if (answerType === PacketType.ERROR_RESPONSE) {
    assert(
      refusal === null,
      `${PacketType[type]} was answered with ERROR_RESPONSE ${errorCode}`,
    );
  }
  return ErrorCode[errorCode];
}

async function openScene(): Promise<Scene & AsyncDisposable> {
  const harness = await LogicHarness.create({ config: { clientVersionMin: "0.1.0", floodControl: false } });
  const connect = (name: string, x: number) => harness.connect({ name, at: { x, z: 500 } });
  const [anna, mia, bela, lena] = [
    await connect("Anna", 500),
    await connect("Mia", 501),
    await connect("Bela", 502),
    await connect("Lena", 530),
  ];
  const dora = await connect("Dora", 503);
  harness.tick();
  harness.send(anna, marsh.GuildCreateRequestSchema, { name: "Wolves", tag: "WO" });
  await until(harness, anna, PacketType.GUILD_CREATE_RESPONSE);
  harness.send(bela, marsh.GuildCreateRequestSchema, { name: "Foxes", tag: "FO" });
  await until(harness, bela, PacketType.GUILD_CREATE_RESPONSE);
  harness.send(anna, marsh.GuildInviteRequestSchema, { playerName: "Mia" });
  await until(harness, anna, PacketType.GUILD_INVITE_RESPONSE);
  harness.send(mia, marsh.GuildJoinRequestSchema, { guildId: 1n, accept: true });
  await until(harness, mia, PacketType.GUILD_ACTION_RESPONSE);
  harness.send(bela, marsh.RoomCreateRequestSchema, { name: "Tavern", password: "sesame" });
  harness.send(bela, marsh.RoomCreateRequestSchema, { name: "Closet", maxMembers: 1 });
  for (const [one, other] of [[anna, "Mia"], [mia, "Anna"], [anna, "Bela"]] as const) {
    harness.send(one, marsh.FriendRequestSchema, { playerName: other });
    await until(harness, one, PacketType.FRIEND_RESPONSE);
  }
  // Bela's blow is Dora's last.
  while (harness.health.hpOf(dora.entityId) > 0) {
    harness.health.set(dora.entityId, { hp: 1, hpMax: 100 });
    harness.send(bela, marsh.CombatActionSchema, { skillId: 1, targetId: BigInt(dora.entityId) });
    harness.advance(500);
  }
  harness.forget();
  const guest = harness.open();
  const players = { anna, mia, bela, lena, dora, guest };
  return { harness, ...players, [Symbol.asyncDispose]: () => harness.close() };
}

async function until(harness: LogicHarness, client: HarnessClient, type: PacketType): Promise<void> {
  await harness.until(() => client.packets.some((packet) => packet.type === type));
  client.packets = [];
}
