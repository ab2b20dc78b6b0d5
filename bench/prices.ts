/**
 * What a token buys: the work of logic for each packet type with the worst content the limits allow, in microseconds for
 * each token the packet table asks for it. No row should be above five times the
 * median. Storage is in memory and in the same thread, so its work counts; password
 * hashes and signatures, which threads of their own make, do not.
 *
 * Run: `deno task bench:prices`.
 *
 * @module
 */

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { assert } from "../shared/errors.ts";
import {
  AccountDeleteRequestSchema,
  LoginRequestSchema,
  LogoutRequestSchema,
  PasswordChangeRequestSchema,
  RegisterRequestSchema,
  ResumeRequestSchema,
  TokensRevokeRequestSchema,
} from "../shared/gen/auth_pb.ts";
import {
  Channel,
  ChatMessageSchema,
  RoomCreateRequestSchema,
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
} from "../shared/gen/chat_pb.ts";
import {
  CombatActionSchema,
  EnterWorldRequestSchema,
  LeaveWorldRequestSchema,
  MapInfoRequestSchema,
  MovementUpdateSchema,
  PortalRequestSchema,
  RespawnRequestSchema,
} from "../shared/gen/game_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  GuildInviteListRequestSchema,
  GuildInviteRequestSchema,
  GuildInviteWithdrawSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  GuildSetRankRequestSchema,
  GuildWarStartSchema,
} from "../shared/gen/guild_pb.ts";
import { LeaderboardRequestSchema } from "../shared/gen/leaderboard_pb.ts";
import { contract, PacketType } from "../games/marsh/contract.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  FriendRemoveSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
  IgnoreRemoveSchema,
} from "../shared/gen/social_pb.ts";
import { FRIENDS_MAX, IGNORED_PLAYERS_MAX, ROOM_LIST_ENTRIES_MAX, ROOMS_PER_PLAYER } from "../shared/limits.ts";
import { type HarnessClient, LogicHarness } from "../tests/support/logic_harness.ts";

/** Players in one place: everybody hears and sees everybody. */
const PLAYERS = 120;
/** A row above so many times the median is too cheap. */
const TIMES_MEDIAN_MAX = 5;

/** One line of the table. */
export interface PriceRow {
  readonly name: string;
  /** Tokens a packet costs its sender. */
  readonly tokens: number;
  /** Microseconds of logic for each token. */
  readonly logicUs: number;
}

/** A full house: players in sight of each other, with full lists, rooms and guilds. */
class House {
  readonly players: HarnessClient[] = [];

  private constructor(readonly harness: LogicHarness) {}

  static async create(): Promise<House> {
    const config = { floodControl: false, addressMaxConnections: 100_000 };
    const house = new House(await LogicHarness.create({ worldCapacity: 2_048, config }));
    const { harness, players } = house;
    for (let index = 0; index < PLAYERS; index++) {
      players.push(await harness.connect({ address: `203.0.${index}.7`, at: { x: 500 + index % 10, z: 500 } }));
    }
    harness.tick(4);
    for (const player of players.slice(0, Math.ceil(ROOM_LIST_ENTRIES_MAX / ROOMS_PER_PLAYER))) {
      for (let room = 0; room < ROOMS_PER_PLAYER - 2; room++) {
        const name = `${player.playerId} ${room} ${"\u4e2d".repeat(20)}`;
        harness.post(player, RoomCreateRequestSchema, { name, maxMembers: 500 });
      }
      await house.settle();
      harness.advance(3_000);
    }
    const [ann] = players;
    harness.post(ann, GuildCreateRequestSchema, { name: "Full House", tag: "FULL" });
    for (let index = 1; index <= IGNORED_PLAYERS_MAX; index++) {
      harness.post(ann, IgnoreAddSchema, { playerName: players[1 + index % (PLAYERS - 1)].name });
    }
    for (let index = 1; index <= FRIENDS_MAX; index++) {
      harness.post(players[1], FriendRequestSchema, { playerName: players[2 + index % (PLAYERS - 2)].name });
      if (index % 20 === 0) await house.settle();
    }
    await house.settle();
    return house;
  }

  post<Desc extends DescMessage>(index: number, schema: Desc, message: MessageInitShape<Desc>): void {
    this.harness.post(this.players[index % PLAYERS], schema, message);
  }

  /** Lets everything be done that was asked for; gives how long it took, in milliseconds. */
  async settle(): Promise<number> {
    const { harness } = this;
    const startMs = performance.now();
    for (let idle = 0; idle < 4;) {
      const before = harness.packetCount;
      harness.turn();
      await new Promise((resolve) => setImmediate(resolve));
      idle = harness.packetCount === before ? idle + 1 : 0;
    }
    return performance.now() - startMs;
  }

  /** Forgets what was sent, and has everybody acknowledge it. */
  rest(): void {
    this.harness.advance(3_000);
    for (const { outbox } of this.harness.sessions.inWorld) outbox?.acknowledge(outbox.sentSequence);
    this.harness.forget();
  }
}

type Post = (house: House, index: number) => void;
const T = PacketType;
const HASH = "0".repeat(64);

function fresh(house: House): HarnessClient {
  return house.harness.open({ name: "fresh", address: `198.51.${Math.floor(Math.random() * 250)}.7` });
}

/** The worst content of each type that logic handles, by its type. */
const POSTS: Readonly<Partial<Record<PacketType, Post>>> = {
  [T.LOGIN_REQUEST]: ({ harness, players }, index) =>
    harness.post(harness.open({ port: "login", address: `198.51.${index}.9` }), LoginRequestSchema, {
      username: players[index % PLAYERS].name,
      passwordHash: HASH,
      clientVersion: "1.0",
    }),
  [T.LOGOUT_REQUEST]: (house, index) => house.post(PLAYERS - 1 - index, LogoutRequestSchema, {}),
  [T.REGISTER_REQUEST]: ({ harness }, index) =>
    harness.post(harness.open({ port: "login", address: `198.51.${index}.8` }), RegisterRequestSchema, {
      username: `new_${index}_${harness.clock.monotonicMs() % 100_000}`,
      passwordHash: HASH,
    }),
  // The password is wrong: hashes are other threads' work, and a right one would end the player's session.
  [T.PASSWORD_CHANGE_REQUEST]: (house, index) =>
    house.post(index, PasswordChangeRequestSchema, { passwordHash: HASH, newPasswordHash: HASH }),
  [T.TOKENS_REVOKE_REQUEST]: (house, index) => house.post(index, TokensRevokeRequestSchema, { passwordHash: HASH }),
  [T.ACCOUNT_DELETE_REQUEST]: (house, index) => house.post(index, AccountDeleteRequestSchema, { passwordHash: HASH }),
  [T.RESUME_REQUEST]: (house, index) =>
    house.harness.post(fresh(house), ResumeRequestSchema, {
      resumeToken: house.harness.sessionOf(house.players[index % PLAYERS]).resumeToken,
      lastSequence: 0n,
    }),
  [T.ENTER_WORLD_REQUEST]: (house, index) => {
    const { playerId, name } = house.players[PLAYERS - 1 - index % PLAYERS];
    const sessionToken = `plain:${playerId}:${name}`;
    house.harness.post(fresh(house), EnterWorldRequestSchema, { sessionToken });
  },
  [T.MOVEMENT_UPDATE]: (house, index) =>
    house.post(index, MovementUpdateSchema, { position: { x: 501, y: 0, z: 501 }, sequenceNumber: 9 }),
  [T.COMBAT_ACTION]: (house, index) =>
    house.post(index, CombatActionSchema, {
      skillId: 3,
      targetId: BigInt(house.players[(index + 1) % PLAYERS].entityId),
      targetPosition: { x: 505, y: 0, z: 500 },
    }),
  [T.CHAT_MESSAGE]: (house, index) =>
    house.post(index, ChatMessageSchema, { channel: Channel.GLOBAL, message: `${index} ${"x".repeat(250)}` }),
  [T.LEAVE_WORLD_REQUEST]: (house, index) => house.post(index, LeaveWorldRequestSchema, {}),
  [T.RESPAWN_REQUEST]: (house, index) => house.post(index, RespawnRequestSchema, {}),
  [T.PORTAL_REQUEST]: (house, index) => house.post(index, PortalRequestSchema, { portalId: 1 }),
  [T.MAP_INFO_REQUEST]: (house) => house.post(0, MapInfoRequestSchema, {}),
  [T.GUILD_CREATE_REQUEST]: (house, index) =>
    house.post(index + 1, GuildCreateRequestSchema, { name: `Guild ${index} ${"y".repeat(10)}`, tag: `G${index}` }),
  [T.GUILD_INVITE_REQUEST]: (house, index) =>
    house.post(0, GuildInviteRequestSchema, { playerName: house.players[index % PLAYERS].name }),
  [T.GUILD_JOIN_REQUEST]: (house, index) => house.post(index, GuildJoinRequestSchema, { guildId: 1n, accept: true }),
  [T.GUILD_LEAVE_REQUEST]: (house, index) => house.post(index + 1, GuildLeaveRequestSchema, {}),
  [T.GUILD_KICK_REQUEST]: (house, index) =>
    house.post(0, GuildKickRequestSchema, { playerName: house.players[index % PLAYERS].name }),
  [T.GUILD_INFO_REQUEST]: (house) => house.post(0, GuildInfoRequestSchema, { guildId: 1n }),
  [T.GUILD_WAR_START]: (house, index) => house.post(0, GuildWarStartSchema, { enemyGuildId: BigInt(index + 2) }),
  [T.GUILD_SET_RANK_REQUEST]: (house, index) =>
    house.post(0, GuildSetRankRequestSchema, { playerName: house.players[index % PLAYERS].name, rank: 2 }),
  [T.GUILD_INVITE_LIST_REQUEST]: (house) => house.post(0, GuildInviteListRequestSchema, {}),
  [T.GUILD_INVITE_WITHDRAW]: (house, index) =>
    house.post(0, GuildInviteWithdrawSchema, { playerName: house.players[index % PLAYERS].name }),
  [T.ROOM_CREATE_REQUEST]: (house, index) =>
    house.post(index + 20, RoomCreateRequestSchema, {
      name: `room ${index} ${"\u4e2d".repeat(20)}`,
      password: "secret",
    }),
  [T.ROOM_JOIN_REQUEST]: (house, index) => house.post(index, RoomJoinRequestSchema, { roomId: 1n }),
  [T.ROOM_LEAVE_REQUEST]: (house, index) => house.post(index, RoomLeaveRequestSchema, { roomId: 1n }),
  [T.ROOM_LIST_REQUEST]: (house, index) => house.post(index, RoomListRequestSchema, {}),
  [T.FRIEND_REQUEST]: (house, index) =>
    house.post(index, FriendRequestSchema, { playerName: house.players[(index + 7) % PLAYERS].name }),
  [T.FRIEND_ANSWER]: (house, index) =>
    house.post(index, FriendAnswerSchema, { playerName: house.players[1].name, accept: true }),
  [T.FRIEND_REMOVE]: (house, index) =>
    house.post(1, FriendRemoveSchema, { playerName: house.players[index % PLAYERS].name }),
  [T.FRIEND_LIST_REQUEST]: (house) => house.post(1, FriendListRequestSchema, {}),
  [T.IGNORE_ADD]: (house, index) =>
    house.post(index, IgnoreAddSchema, { playerName: house.players[(index + 5) % PLAYERS].name }),
  [T.IGNORE_REMOVE]: (house, index) =>
    house.post(0, IgnoreRemoveSchema, { playerName: house.players[(index + 5) % PLAYERS].name }),
  [T.IGNORE_LIST_REQUEST]: (house) => house.post(0, IgnoreListRequestSchema, {}),
  [T.LEADERBOARD_REQUEST]: (house, index) => house.post(index, LeaderboardRequestSchema, { limit: 100 }),
};

/** Prices every packet type that logic handles: the median of `rounds` rounds of `packets` packets each. */
export async function measurePrices({ packets, rounds }: { packets: number; rounds: number }): Promise<PriceRow[]> {
  const rows: PriceRow[] = [];
  for (const { type, name, cost, direction, handledBy } of contract.packets.rows) {
    if (direction === "server" || handledBy !== "logic") continue;
    const post = POSTS[type as PacketType];
    assert(post !== undefined, `${name} has no price`);
    const us: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const house = await House.create();
      house.rest();
      for (let index = 0; index < packets; index++) post(house, index);
      us.push(await house.settle() * 1_000 / packets / Math.max(1, cost));
      await house.harness.close();
    }
    us.sort((one, other) => one - other);
    rows.push({ name, tokens: contract.packets.row(type)!.cost, logicUs: us[us.length >> 1] });
  }
  return rows;
}

/** The table of prices; who is too cheap is marked. */
export function priceTable(rows: readonly PriceRow[]): string {
  const sorted = rows.map(({ logicUs }) => logicUs).sort((one, other) => one - other);
  const median = sorted[sorted.length >> 1];
  const lines = rows.map(({ name, tokens, logicUs }) => {
    const mark = logicUs > TIMES_MEDIAN_MAX * median ? `  ${(logicUs / median).toFixed(1)} x the median` : "";
    return `${name.padEnd(24)} ${String(tokens).padStart(6)} ${logicUs.toFixed(1).padStart(10)}${mark}`;
  });
  const head = `${"Packet".padEnd(24)} ${"tokens".padStart(6)} ${"us/token".padStart(10)}`;
  return [head, ...lines, `${"median".padEnd(31)} ${median.toFixed(1).padStart(10)}`].join("\n");
}

if (import.meta.main) console.log(priceTable(await measurePrices({ packets: 60, rounds: 3 })));
