/** Parts that a game uses one by one: each with what it needs, and without the others. @module */

import {
  type DescFile,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { chat } from "../../games/parts/chat/chat_handlers.ts";
import { Channel, ChatMessageSchema, file_parts_chat_chat } from "../../games/parts/chat/chat_pb.ts";
import { combat } from "../../games/parts/combat/combat_handlers.ts";
import {
  CombatActionSchema,
  CombatResultSchema,
  file_parts_combat_combat,
} from "../../games/parts/combat/combat_pb.ts";
import { COMBAT_COMPONENTS, COMBAT_HOLD_REASONS } from "../../games/parts/combat/components.ts";
import { ENTRY_CALM_MS } from "../../games/parts/combat/limits.ts";
import { SKILL_RANGED } from "../../games/parts/combat/skills.ts";
import {
  file_parts_friends_friends,
  FriendListRequestSchema,
  FriendListResponseSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { friends } from "../../games/parts/friends/social_handlers.ts";
import { STORED_SOCIAL } from "../../games/parts/friends/stored_social.ts";
import { guilds } from "../../games/parts/guilds/guild_handlers.ts";
import {
  file_parts_guilds_guilds,
  GuildCreateRequestSchema,
  GuildCreateResponseSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { STORED_GUILDS } from "../../games/parts/guilds/stored_guilds.ts";
import { GUILD } from "../../games/parts/guilds/guild_component.ts";
import { leaderboards } from "../../games/parts/leaderboards/leaderboard_handlers.ts";
import {
  file_parts_leaderboards_leaderboards,
  LeaderboardRequestSchema,
  LeaderboardResponseSchema,
} from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { STORED_SCORES } from "../../games/parts/leaderboards/stored_scores.ts";
import { matchmaking } from "../../games/parts/matchmaking/matchmaking.ts";
import {
  file_parts_matchmaking_matchmaking,
  QueueJoinRequestSchema,
  QueueResponseSchema,
} from "../../games/parts/matchmaking/matchmaking_pb.ts";
import { parties } from "../../games/parts/parties/parties.ts";
import {
  file_parts_parties_parties,
  PartyInviteRequestSchema,
  PartyResponseSchema,
} from "../../games/parts/parties/parties_pb.ts";
import { rooms } from "../../games/parts/rooms/room_handlers.ts";
import {
  file_parts_rooms_rooms,
  RoomCreateRequestSchema,
  RoomResponseSchema,
} from "../../games/parts/rooms/rooms_pb.ts";
import { contract as marsh } from "../../games/marsh/contract.ts";
import { defineGame, type Game, type GameDescription } from "../../server/game/game.ts";
import type { GameRecords } from "../../server/game/store.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { Contract, packetTypeOf } from "../../shared/contract.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { ErrorResponseSchema } from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { settle } from "../social/company.ts";

const ENGINE = marsh.files.filter(({ name }) => name.startsWith("drawbridge/"));

/** A game of a few parts. */
interface Small {
  readonly files: readonly DescFile[];
  readonly stores?: GameRecords["stores"];
  readonly entities?: Pick<GameDescription, "components" | "holdReasons">;
  readonly start: (game: Game) => unknown;
}

async function play({ files, stores = [], entities, start }: Small): Promise<LogicHarness> {
  const contract = new Contract("small", [...ENGINE, ...files]);
  const maps = () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }];
  const game = defineGame(contract, { maps, ...entities }, start);
  const storage = new DirectStorage({ path: MEMORY_PATH }, { game: "small", stores });
  return await LogicHarness.create({ game, storage });
}

/** What a client was last sent of a kind. */
function last<Desc extends DescMessage>(client: HarnessClient, schema: Desc): MessageShape<Desc> | undefined {
  const type = packetTypeOf(schema);
  const packet = client.packets.findLast((packet) => packet.type === type);
  return packet && fromBinary(schema, packet.payload);
}

const SOCIAL = [STORED_SOCIAL];

Deno.test("Chat is played without guilds, parties and rooms: their channels are none, the others reach whom they should", async () => {
  await using harness = await play({
    files: [file_parts_chat_chat, file_parts_friends_friends],
    stores: SOCIAL,
    start: (game) => game.use(chat, { friends: game.use(friends) }),
  });
  const at = { x: 10, z: 10 };
  const ann = await harness.connect({ name: "ann", at }), bob = await harness.connect({ name: "bob", at });
  const far = await harness.connect({ name: "far", at: { x: 90, z: 90 } });
  await settle(harness);
  const hears = (channel: Channel, more: MessageInitShape<typeof ChatMessageSchema> = {}) => {
    for (const client of [ann, bob, far]) client.packets.length = 0;
    // The pace of chat is not what this is about.
    harness.advance(5_000);
    harness.send(ann, ChatMessageSchema, { channel, message: `in ${Channel[channel]}`, ...more });
    return [bob, far].map((client) => last(client, ChatMessageSchema)?.message ?? null);
  };
  assertEquals(hears(Channel.GLOBAL), ["in GLOBAL", "in GLOBAL"]);
  assertEquals(hears(Channel.AREA), ["in AREA", null]);
  assertEquals(hears(Channel.WHISPER, { recipientName: "far" }), [null, "in WHISPER"]);
  for (const channel of [Channel.GUILD, Channel.PARTY, Channel.ROOM]) {
    assertEquals(hears(channel), [null, null]);
    assertEquals(last(ann, ErrorResponseSchema)?.errorCode, ErrorCode.UNSUPPORTED, Channel[channel]);
  }
});

Deno.test("Combat is played without guilds, monsters and safe areas: a blow is told to all who see it, and hurts", async () => {
  await using harness = await play({
    files: [file_parts_combat_combat],
    entities: { components: COMBAT_COMPONENTS, holdReasons: COMBAT_HOLD_REASONS },
    start: (game) => game.use(combat),
  });
  const { rules } = harness.logic.parts as ReturnType<typeof combat.start>;
  const ann = await harness.connect({ name: "ann", at: { x: 10, z: 10 } });
  const bob = await harness.connect({ name: "bob", at: { x: 12, z: 10 } });
  const far = await harness.connect({ name: "far", at: { x: 90, z: 90 } });
  harness.advance(ENTRY_CALM_MS);
  for (let blow = 0; rules.health.hpOf(bob.entityId) > 0; blow++) {
    assert(blow < 200, "Nothing hurts");
    harness.send(ann, CombatActionSchema, { skillId: SKILL_RANGED, targetId: BigInt(bob.entityId) });
    harness.advance(5_000);
  }
  for (const client of [ann, bob]) assertEquals(last(client, CombatResultSchema)?.targetDied, true);
  assertEquals(last(far, CombatResultSchema), undefined);
});

/** A part alone, with the parts that it stands on; what is asked of it is answered. */
const ALONE: readonly (Small & { readonly name: string; readonly asks: (harness: LogicHarness) => Promise<void> })[] = [
  {
    name: "friends",
    files: [file_parts_friends_friends],
    stores: SOCIAL,
    start: (game) => game.use(friends),
    asks: answered(FriendListRequestSchema, {}, FriendListResponseSchema),
  },
  {
    name: "rooms",
    files: [file_parts_chat_chat, file_parts_rooms_rooms],
    start: (game) => game.use(rooms),
    asks: answered(RoomCreateRequestSchema, { name: "Lion" }, RoomResponseSchema),
  },
  {
    name: "guilds, on friends",
    files: [file_parts_friends_friends, file_parts_guilds_guilds],
    stores: [STORED_SOCIAL, STORED_GUILDS],
    entities: { components: [GUILD] },
    start: (game) => game.use(guilds, { friends: game.use(friends), guildWarMinutes: 60 }),
    asks: answered(GuildCreateRequestSchema, { name: "Grey Lions", tag: "GL" }, GuildCreateResponseSchema),
  },
  {
    name: "leaderboards",
    files: [file_parts_leaderboards_leaderboards],
    stores: [STORED_SCORES],
    start: (game) => game.use(leaderboards),
    asks: answered(LeaderboardRequestSchema, {}, LeaderboardResponseSchema),
  },
  {
    name: "parties",
    files: [file_parts_parties_parties],
    start: (game) => game.use(parties, { membersMax: 4 }),
    asks: answered(PartyInviteRequestSchema, { playerName: "bob" }, PartyResponseSchema),
  },
  {
    name: "matchmaking",
    files: [file_parts_matchmaking_matchmaking],
    start: (game) => game.use(matchmaking, { wanted: 4, least: 2, waitMs: 10_000, ticketsMax: 10, start: () => true }),
    asks: answered(QueueJoinRequestSchema, {}, QueueResponseSchema),
  },
];

/** Asks as ann, with bob there, and waits for the answer. */
function answered<Desc extends DescMessage, Reply extends DescMessage>(
  schema: Desc,
  request: MessageInitShape<Desc>,
  reply: Reply,
): (harness: LogicHarness) => Promise<void> {
  return async (harness) => {
    const ann = await harness.connect({ name: "ann" });
    await harness.connect({ name: "bob" });
    await settle(harness);
    harness.send(ann, schema, request);
    await settle(harness);
    const answer = last(ann, reply) as { readonly success?: boolean } | undefined;
    assertEquals(answer?.success, true, reply.typeName);
  };
}

for (const { name, asks, ...small } of ALONE) {
  Deno.test(`A game uses ${name}, and no other part`, async () => {
    await using harness = await play(small);
    await asks(harness);
    assertEquals(harness.log.records.filter(({ level }) => level === "error").map(({ message }) => message), []);
  });
}
