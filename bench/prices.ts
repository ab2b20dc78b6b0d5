/**
 * What a token buys: the work of each thread for each packet type with the worst content the limits allow, in
 * microseconds for each token the type costs. No row should be above five times the median. Behind it the work that is no
 * packet, of which each microsecond charged is set against those it took; see {@linkcode measureWork}.
 *
 * Storage is in memory and in the same thread, its part is told by itself: a disk and its transactions come to it.
 * Password hashes and signatures, which threads of their own make, are left out, and so are the kernel's calls. Times are
 * those of the processor, so that what else the machine does is not counted.
 *
 * Run: `deno task bench:prices`.
 *
 * @module
 */

import { type DescMessage, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { assert } from "../shared/errors.ts";
import { readFlags, runCommand } from "./flags.ts";
import {
  AccountDeleteRequestSchema,
  LoginRequestSchema,
  LogoutRequestSchema,
  PasswordChangeRequestSchema,
  RegisterRequestSchema,
  ResumeRequestSchema,
  TokensRevokeRequestSchema,
} from "../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../games/parts/chat/chat_pb.ts";
import {
  RoomCreateRequestSchema,
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
} from "../games/parts/rooms/rooms_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../games/parts/combat/combat_pb.ts";
import { EnterWorldRequestSchema, LeaveWorldRequestSchema, MovementUpdateSchema } from "../shared/gen/world_pb.ts";
import { MapInfoRequestSchema, PortalRequestSchema } from "../games/marsh/marsh_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  GuildInviteListRequestSchema,
  GuildInviteRequestSchema,
  GuildInviteWithdrawSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  GuildRank,
  GuildSetRankRequestSchema,
  GuildWarStartSchema,
} from "../games/parts/guilds/guilds_pb.ts";
import {
  PartyAnswerSchema,
  PartyDisbandRequestSchema,
  PartyInviteRequestSchema,
  PartyKickRequestSchema,
  PartyLeadRequestSchema,
  PartyLeaveRequestSchema,
} from "../games/parts/parties/parties_pb.ts";
import { LeaderboardRequestSchema } from "../games/parts/leaderboards/leaderboards_pb.ts";
import { contract, PacketType } from "../games/marsh/contract.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  FriendRemoveSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
  IgnoreRemoveSchema,
} from "../games/parts/friends/friends_pb.ts";
import { OUTBOX_BYTES_MAX, OUTBOX_PACKETS_MAX, RING_TO_IO_BYTES, WORLD_STEPS_PER_TICK } from "../shared/limits.ts";
import { CHAT_BYTES_MAX } from "../games/parts/chat/limits.ts";
import { RESPAWN_DELAY_MS } from "../games/parts/combat/limits.ts";
import { FRIENDS_MAX, IGNORED_PLAYERS_MAX } from "../games/parts/friends/limits.ts";
import { GUILD_INVITES_PER_GUILD_MAX, GUILD_MEMBERS_MAX } from "../games/parts/guilds/limits.ts";
import { ROOM_HISTORY_MESSAGES, ROOM_LIST_ENTRIES_MAX, ROOMS_PER_PLAYER } from "../games/parts/rooms/limits.ts";
import { type PacketRow, PORT_GAME, PORT_LOGIN, STATE_AUTHENTICATED, STATE_CONNECTED } from "../shared/packet_table.ts";
import { MARSH_RECORDS } from "../games/marsh/records.ts";
import { PARTY_MEMBERS } from "../games/marsh/game.ts";
import { loadGameData } from "../games/marsh/data/game_data.ts";
import { Atlas } from "../games/marsh/maps/atlas.ts";
import { SCORES } from "../games/parts/leaderboards/score_store.ts";
import { SKILL_AREA, SKILL_MELEE, SKILLS } from "../games/parts/combat/skills.ts";
import { createRingBuffer, RingConsumer, RingProducer } from "../server/ring/byte_ring.ts";
import { RingOutput } from "../server/session/link.ts";
import { PACKET_OVERHEAD_BYTES } from "../server/session/outbox.ts";
import { IoFixture, packetFrame } from "../tests/io/io_fixture.ts";
import { type HarnessClient, LogicHarness } from "../tests/support/logic_harness.ts";
import { arenaTable, measureArena } from "./arena_prices.ts";
import { processorMs } from "./processor_time.ts";
import { TimedStorage } from "./timed_storage.ts";
import { measureWork, type WorkRow } from "./work_prices.ts";

/** Players in one place: everybody hears and sees everybody. */
const PLAYERS = 120;
/** A row above so many times the median is too cheap. */
const TIMES_MEDIAN_MAX = 5;

/** One line of the table. */
export interface PriceRow {
  readonly name: string;
  /** Tokens a packet costs its sender. */
  readonly tokens: number;
  /** Microseconds of an io worker for each token. */
  readonly ioUs: number;
  /** Of logic; 0 for what the io worker answers. */
  readonly logicUs: number;
  /** Of the storage. */
  readonly storageUs: number;
}

/** The ring to an io worker, of which everything is thrown away. */
class DrainedOutput extends RingOutput {
  readonly #consumer: RingConsumer;

  constructor(memory: SharedArrayBuffer) {
    super(new RingProducer(memory), { ring: () => {} }, () => {});
    this.#consumer = new RingConsumer(memory);
  }

  override publish(): void {
    super.publish();
    while (this.#consumer.next() >= 0);
    this.#consumer.release();
  }
}

/** A full house: players in sight of each other, with full lists, rooms and guilds. */
class House {
  readonly players: HarnessClient[] = [];
  /** Connections that have sent nothing yet: who opens one has logic make a turn. */
  readonly newcomers: HarnessClient[] = [];

  private constructor(readonly harness: LogicHarness, readonly storage: TimedStorage) {}

  /** @param newcomers Connections that are to be there, besides those of the players. */
  static async create(newcomers: number, port: "login" | "game"): Promise<House> {
    const config = { floodControl: false, addressMaxConnections: 100_000 };
    const storage = new TimedStorage(MARSH_RECORDS);
    const house = new House(
      await LogicHarness.create({ worldCapacity: 2_048, config, storage, isTimed: true }),
      storage,
    );
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
    for (let index = 0; index < ROOM_HISTORY_MESSAGES; index++) {
      const message = `${index} ${noise(CHAT_BYTES_MAX - 4)}`;
      harness.post(ann, ChatMessageSchema, { channel: Channel.ROOM, roomId: 1n, message });
    }
    for (let index = 1; index <= IGNORED_PLAYERS_MAX; index++) {
      harness.post(ann, IgnoreAddSchema, { playerName: players[1 + index % (PLAYERS - 1)].name });
    }
    for (let index = 1; index <= FRIENDS_MAX; index++) {
      harness.post(players[1], FriendRequestSchema, { playerName: players[2 + index % (PLAYERS - 2)].name });
      if (index % 20 === 0) await house.settle();
    }
    await house.settle();
    for (let index = 0; index < newcomers; index++) {
      house.newcomers.push(harness.open({ port, address: `198.51.${index % 256}.${index >> 8}` }));
    }
    return house;
  }

  post<Desc extends DescMessage>(index: number, schema: Desc, message: MessageInitShape<Desc>): void {
    this.harness.post(this.players[index % PLAYERS], schema, message);
  }

  /** Lets everything be done that was asked for; gives the processor time it took, in milliseconds. */
  async settle(): Promise<number> {
    const { harness } = this;
    const startMs = processorMs();
    for (let idle = 0; idle < 4;) {
      const before = harness.packetCount;
      harness.turn();
      await new Promise((resolve) => setImmediate(resolve));
      idle = harness.packetCount === before ? idle + 1 : 0;
    }
    return processorMs() - startMs;
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
/** A way to another map. */
const [PORTAL] = new Atlas(loadGameData().maps, { mapSize: 1_000, interestRadius: 50 }).maps[0].portals;
const HASH = "0".repeat(64);
/** Words that do not compress well. */
function noise(length: number): string {
  let text = "", state = 1;
  for (; text.length < length; state = Math.imul(state, 48_271) % 2_147_483_647) text += (state >>> 0).toString(36);
  return text.slice(0, length);
}

/** The worst content of each type that logic handles, by its type. */
const POSTS: Readonly<Partial<Record<PacketType, Post>>> = {
  [T.LOGIN_REQUEST]: ({ harness, newcomers, players }, index) =>
    harness.post(newcomers[index], LoginRequestSchema, {
      username: players[index % PLAYERS].name,
      passwordHash: HASH,
      clientVersion: "1.0",
    }),
  [T.LOGOUT_REQUEST]: (house, index) => house.post(PLAYERS - 1 - index, LogoutRequestSchema, {}),
  [T.REGISTER_REQUEST]: ({ harness, newcomers }, index) =>
    harness.post(newcomers[index], RegisterRequestSchema, {
      username: `new_${index}_${harness.clock.monotonicMs() % 100_000}`,
      passwordHash: HASH,
    }),
  // The password is wrong: hashes are other threads' work, and a right one would end the player's session.
  [T.PASSWORD_CHANGE_REQUEST]: (house, index) =>
    house.post(index, PasswordChangeRequestSchema, { passwordHash: HASH, newPasswordHash: HASH }),
  [T.TOKENS_REVOKE_REQUEST]: (house, index) => house.post(index, TokensRevokeRequestSchema, { passwordHash: HASH }),
  [T.ACCOUNT_DELETE_REQUEST]: (house, index) => house.post(index, AccountDeleteRequestSchema, { passwordHash: HASH }),
  [T.RESUME_REQUEST]: (house, index) =>
    house.harness.post(house.newcomers[index], ResumeRequestSchema, {
      resumeToken: house.harness.sessionOf(house.players[index % PLAYERS]).resumeToken,
      lastSequence: 0n,
    }),
  [T.ENTER_WORLD_REQUEST]: (house, index) => {
    const { playerId, name } = house.players[PLAYERS - 1 - index % PLAYERS];
    const sessionToken = `plain:${playerId}:${name}`;
    house.harness.post(house.newcomers[index], EnterWorldRequestSchema, { sessionToken });
  },
  [T.MOVEMENT_UPDATE]: (house, index) =>
    house.post(index, MovementUpdateSchema, { position: { x: 501, y: 0, z: 501 }, sequenceNumber: 9 }),
  [T.COMBAT_ACTION]: (house, index) =>
    house.post(index, CombatActionSchema, { skillId: SKILL_AREA, targetPosition: { x: 505, y: 0, z: 500 } }),
  [T.CHAT_MESSAGE]: (house, index) =>
    house.post(index, ChatMessageSchema, { channel: Channel.GLOBAL, message: `${index} ${"x".repeat(250)}` }),
  [T.LEAVE_WORLD_REQUEST]: (house, index) => house.post(index, LeaveWorldRequestSchema, {}),
  [T.RESPAWN_REQUEST]: (house, index) => house.post(index, RespawnRequestSchema, {}),
  [T.PORTAL_REQUEST]: (house, index) => house.post(index, PortalRequestSchema, { portalId: PORTAL.portalId }),
  [T.MAP_INFO_REQUEST]: (house) => house.post(0, MapInfoRequestSchema, {}),
  [T.GUILD_CREATE_REQUEST]: (house, index) =>
    house.post(index + 1, GuildCreateRequestSchema, { name: `Guild ${index} ${"y".repeat(10)}`, tag: `G${index}` }),
  [T.GUILD_INVITE_REQUEST]: (house, index) =>
    house.post(0, GuildInviteRequestSchema, { playerName: house.players[index + 1].name }),
  [T.GUILD_JOIN_REQUEST]: (house, index) =>
    house.post(GUILD_MEMBERS_MAX - 1 - index, GuildJoinRequestSchema, { guildId: 1n, accept: true }),
  [T.GUILD_LEAVE_REQUEST]: (house, index) => house.post(index + 1, GuildLeaveRequestSchema, {}),
  [T.GUILD_KICK_REQUEST]: (house, index) =>
    house.post(0, GuildKickRequestSchema, { playerName: house.players[index + 1].name }),
  [T.GUILD_INFO_REQUEST]: (house) => house.post(0, GuildInfoRequestSchema, { guildId: 1n }),
  [T.GUILD_WAR_START]: (house, index) => house.post(PLAYERS - 1 - index, GuildWarStartSchema, { enemyGuildId: 1n }),
  [T.GUILD_SET_RANK_REQUEST]: (house, index) =>
    house.post(0, GuildSetRankRequestSchema, { playerName: house.players[index + 1].name, rank: GuildRank.OFFICER }),
  [T.GUILD_INVITE_LIST_REQUEST]: (house) => house.post(0, GuildInviteListRequestSchema, {}),
  [T.GUILD_INVITE_WITHDRAW]: (house, index) =>
    house.post(0, GuildInviteWithdrawSchema, { playerName: house.players[index + 1].name }),
  [T.ROOM_CREATE_REQUEST]: (house, index) =>
    house.post(index + 20, RoomCreateRequestSchema, {
      name: `room ${index} ${"\u4e2d".repeat(20)}`,
      password: "secret",
    }),
  [T.ROOM_JOIN_REQUEST]: (house, index) => house.post(index + 1, RoomJoinRequestSchema, { roomId: 1n }),
  [T.ROOM_LEAVE_REQUEST]: (house, index) => house.post(index + 1, RoomLeaveRequestSchema, { roomId: 1n }),
  [T.ROOM_LIST_REQUEST]: (house, index) => house.post(index, RoomListRequestSchema, {}),
  [T.PARTY_INVITE_REQUEST]: (house, index) =>
    house.post(index, PartyInviteRequestSchema, { playerName: house.players[PLAYERS / 2 + index].name }),
  [T.PARTY_ANSWER]: (house, index) =>
    house.post(PARTY_LEADERS + index, PartyAnswerSchema, { partyId: BigInt(partyOf(index) + 1), accept: true }),
  [T.PARTY_LEAVE_REQUEST]: (house, index) => house.post(PARTY_LEADERS + index, PartyLeaveRequestSchema, {}),
  [T.PARTY_KICK_REQUEST]: (house, index) =>
    house.post(partyOf(index), PartyKickRequestSchema, { playerName: house.players[PARTY_LEADERS + index].name }),
  // From one member to the next.
  [T.PARTY_LEAD_REQUEST]: (house, index) => {
    const party = index % PARTY_LEADERS, round = Math.floor(index / PARTY_LEADERS);
    const playerName = house.players[memberOf(party, round)].name;
    house.post(round === 0 ? party : memberOf(party, round - 1), PartyLeadRequestSchema, { playerName });
  },
  [T.PARTY_DISBAND_REQUEST]: (house, index) => house.post(index, PartyDisbandRequestSchema, {}),
  [T.FRIEND_REQUEST]: (house, index) =>
    house.post(index + 2, FriendRequestSchema, { playerName: house.players[(index + 9) % PLAYERS].name }),
  [T.FRIEND_ANSWER]: (house, index) =>
    house.post(index + 3, FriendAnswerSchema, { playerName: house.players[1].name, accept: true }),
  [T.FRIEND_REMOVE]: (house, index) => house.post(1, FriendRemoveSchema, { playerName: house.players[index + 3].name }),
  [T.FRIEND_LIST_REQUEST]: (house) => house.post(1, FriendListRequestSchema, {}),
  [T.IGNORE_ADD]: (house, index) =>
    house.post(index, IgnoreAddSchema, { playerName: house.players[(index + 5) % PLAYERS].name }),
  [T.IGNORE_REMOVE]: (house, index) =>
    house.post(0, IgnoreRemoveSchema, { playerName: house.players[(index + 5) % PLAYERS].name }),
  [T.IGNORE_LIST_REQUEST]: (house) => house.post(0, IgnoreListRequestSchema, {}),
  [T.LEADERBOARD_REQUEST]: (house, index) => house.post(index, LeaderboardRequestSchema, { limit: 100 }),
};

type Preparation = (house: House, packets: number) => void | Promise<void>;

/** Every player from the second on, so many of them. */
const others = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** The first player's guild gets as many members as told. */
const fillGuild = (members: number): Preparation => async (house) => {
  inviteToGuild(house, members - 1);
  await house.settle();
  for (const index of others(members - 1)) house.post(index, GuildJoinRequestSchema, { guildId: 1n, accept: true });
};

function inviteToGuild(house: House, count: number): void {
  for (const index of others(count)) {
    house.post(0, GuildInviteRequestSchema, { playerName: house.players[index].name });
  }
}

/** The second player gets as many friends as there may be. */
const fillFriends: Preparation = (house) => {
  for (let index = 0; index < FRIENDS_MAX; index++) POSTS[T.FRIEND_ANSWER]!(house, index);
};

/** Everybody is in the first room. */
const fillRoom: Preparation = (house) => {
  for (const index of others(PLAYERS - 1)) house.post(index, RoomJoinRequestSchema, { roomId: 1n });
};

/** The first players lead parties; those behind are their members, so many each. */
const PARTY_LEADERS = PLAYERS / PARTY_MEMBERS;
const memberOf = (party: number, member: number) => PARTY_LEADERS + party * (PARTY_MEMBERS - 1) + member;
const partyOf = (index: number) => Math.floor(index / (PARTY_MEMBERS - 1));

const inviteToParties: Preparation = (house) => {
  for (let index = 0; index < PLAYERS - PARTY_LEADERS; index++) {
    house.post(partyOf(index), PartyInviteRequestSchema, { playerName: house.players[PARTY_LEADERS + index].name });
  }
};

const fillParties: Preparation = async (house, packets) => {
  await inviteToParties(house, packets);
  await house.settle();
  for (let index = 0; index < PLAYERS - PARTY_LEADERS; index++) POSTS[T.PARTY_ANSWER]!(house, index);
};

/** What must be the case before so many packets of a type are measured: that they are not refused. */
const PREPARATIONS: Readonly<Partial<Record<PacketType, Preparation>>> = {
  // Nobody dies of what is measured: the dead cannot strike. The fight has gone on for a while, as fights do.
  [T.COMBAT_ACTION]: async (house) => {
    const { harness: { health }, players } = house;
    for (const { entityId } of players) health.set(entityId, { hp: 1e6, hpMax: 1e6 });
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < PLAYERS; index++) POSTS[T.COMBAT_ACTION]!(house, index);
      await house.settle();
      house.harness.advance(SKILLS[SKILL_AREA - 1].cooldownMs);
      house.rest();
    }
  },
  // A full outbox each, which is sent again.
  [T.RESUME_REQUEST]: ({ harness: { sessions } }) => {
    const payload = new TextEncoder().encode(noise(OUTBOX_BYTES_MAX / OUTBOX_PACKETS_MAX - PACKET_OVERHEAD_BYTES));
    for (let packet = 0; packet < OUTBOX_PACKETS_MAX; packet++) sessions.broadcastToAll(T.CHAT_MESSAGE, payload);
  },
  // Dead, and for long enough.
  [T.RESPAWN_REQUEST]: (house, packets) => {
    const { harness, players } = house, { health } = harness;
    const victims = players.slice(0, packets);
    for (const { entityId } of victims) health.set(entityId, { hp: 1, hpMax: 100 });
    while (victims.some(({ entityId }) => health.hpOf(entityId) > 0)) {
      victims.forEach(({ entityId }, index) => {
        house.post(index + PLAYERS / 2, CombatActionSchema, { skillId: SKILL_MELEE, targetId: BigInt(entityId) });
      });
      harness.advance(SKILLS[SKILL_MELEE - 1].cooldownMs);
    }
    harness.advance(RESPAWN_DELAY_MS);
  },
  // At a portal, in a crowd; as many are at its other end.
  [T.PORTAL_REQUEST]: (house) => {
    const { harness, players } = house, { x, z } = PORTAL;
    for (const { entityId } of players) {
      harness.world.teleport(entityId, harness.clock.monotonicMs(), { x, y: 0, z, yaw: 0 });
    }
    for (let index = PLAYERS / 2; index < PLAYERS; index++) POSTS[T.PORTAL_REQUEST]!(house, index);
    harness.tick(WORLD_STEPS_PER_TICK);
  },
  [T.GUILD_JOIN_REQUEST]: async (house, packets) => {
    await fillGuild(GUILD_MEMBERS_MAX - packets)(house, packets);
    await house.settle();
    inviteToGuild(house, GUILD_MEMBERS_MAX - 1);
  },
  [T.GUILD_LEAVE_REQUEST]: fillGuild(GUILD_MEMBERS_MAX),
  [T.GUILD_KICK_REQUEST]: fillGuild(GUILD_MEMBERS_MAX),
  [T.GUILD_INFO_REQUEST]: fillGuild(GUILD_MEMBERS_MAX),
  [T.GUILD_SET_RANK_REQUEST]: fillGuild(GUILD_MEMBERS_MAX),
  [T.GUILD_INVITE_LIST_REQUEST]: (house) => inviteToGuild(house, GUILD_INVITES_PER_GUILD_MAX),
  [T.GUILD_INVITE_WITHDRAW]: (house) => inviteToGuild(house, GUILD_INVITES_PER_GUILD_MAX),
  // Those who declare have a guild each, of one member; all others are in the first.
  [T.GUILD_WAR_START]: async (house, packets) => {
    await fillGuild(Math.min(GUILD_MEMBERS_MAX, PLAYERS - packets))(house, packets);
    for (let index = 0; index < packets; index++) {
      house.post(PLAYERS - packets + index, GuildCreateRequestSchema, { name: `Foes ${index}`, tag: `F${index}` });
    }
  },
  [T.ROOM_JOIN_REQUEST]: (house, packets) => {
    for (let index = packets; index < PLAYERS; index++) POSTS[T.ROOM_JOIN_REQUEST]!(house, index);
  },
  [T.ROOM_LEAVE_REQUEST]: fillRoom,
  [T.PARTY_ANSWER]: inviteToParties,
  [T.PARTY_LEAVE_REQUEST]: fillParties,
  [T.PARTY_KICK_REQUEST]: fillParties,
  [T.PARTY_LEAD_REQUEST]: fillParties,
  // One each, of two.
  [T.PARTY_DISBAND_REQUEST]: async (house) => {
    for (let index = 0; index < PLAYERS / 2; index++) POSTS[T.PARTY_INVITE_REQUEST]!(house, index);
    await house.settle();
    for (let index = 0; index < PLAYERS / 2; index++) {
      house.post(PLAYERS / 2 + index, PartyAnswerSchema, { partyId: BigInt(index + 1), accept: true });
    }
  },
  [T.FRIEND_REMOVE]: fillFriends,
  [T.FRIEND_LIST_REQUEST]: fillFriends,
  [T.LEADERBOARD_REQUEST]: ({ harness, players, storage }) =>
    storage.of(SCORES).add(players.map(({ playerId }, index) => {
      const day = Math.floor(harness.clock.unixMs() / 86_400_000);
      return { killerId: playerId, victimId: players[(index + 1) % PLAYERS].playerId, day };
    })),
};

/** A house in which so many packets of a type find what they ask for. */
async function houseFor({ name, ports, type }: PacketRow, packets: number): Promise<[House, Post]> {
  const post = POSTS[type as PacketType];
  assert(post !== undefined, `${name} has no price`);
  const house = await House.create(packets, (ports & PORT_LOGIN) !== 0 ? "login" : "game");
  house.rest();
  await PREPARATIONS[type as PacketType]?.(house, packets);
  await house.settle();
  house.harness.forget();
  return [house, post];
}

/** What `packets` of a type cost logic and storage, in microseconds a packet. */
async function measureLogic(row: PacketRow, packets: number): Promise<[number, number]> {
  const [house, post] = await houseFor(row, packets);
  house.harness.sendTo(new DrainedOutput(createRingBuffer(RING_TO_IO_BYTES)));
  house.storage.workMs = 0;
  for (let index = 0; index < packets; index++) post(house, index);
  const ms = await house.settle();
  const { workMs } = house.storage;
  await house.harness.close();
  return [(ms - workMs) * 1_000 / packets, workMs * 1_000 / packets];
}

/** How many of `packets` packets of a type are refused where {@linkcode measurePrices} measures it. */
export async function countRefusals(row: PacketRow, packets: number): Promise<number> {
  const [house, post] = await houseFor(row, packets);
  const { harness } = house, { contract } = harness.logic.context;
  for (let index = 0; index < packets; index++) post(house, index);
  await house.settle();
  const received = [...house.players, ...house.newcomers].flatMap(({ packets }) => packets);
  await harness.close();
  return received.filter(({ payload, type }) => {
    if (type === T.ERROR_RESPONSE || type === T.MOVEMENT_CORRECTION && row.type !== T.RESPAWN_REQUEST) return true;
    const schema = contract.schemaOf(type);
    return schema?.field.success !== undefined && !(fromBinary(schema, payload) as { success?: boolean }).success;
  }).length;
}

/** What a type costs an io worker, in microseconds a packet: each is read by itself, as large as it may be. */
function measureIo(row: PacketRow, packets: number): number {
  const fixture = new IoFixture({ config: { floodControl: false, diagnostics: true } });
  const port = (row.ports & PORT_GAME) !== 0 ? "game" : "login";
  const state = (row.states & STATE_CONNECTED) !== 0 ? "C" : (row.states & STATE_AUTHENTICATED) !== 0 ? "A" : "W";
  const peers = Array.from({ length: packets }, () => fixture.connectIn(state, port));
  // Logic reads what it handles; what the io worker reads has fields that are as long as the rest.
  const payload = row.handledBy === "logic" ? new Uint8Array(row.payloadBytesMax) : unknownField(row.payloadBytesMax);
  const frame = packetFrame({ type: row.type, payload });
  fixture.takeRecords();
  let us = 0;
  for (const peer of peers) {
    const startMs = processorMs();
    peer.handler.onBytes(frame.slice(), 0, frame.length);
    fixture.round();
    us += (processorMs() - startMs) * 1_000;
    fixture.takeRecords();
  }
  return us / packets;
}

/** A valid message of any type: one field of bytes that no type has, of so many bytes with its header. */
function unknownField(bytes: number): Uint8Array {
  const payload = new Uint8Array(bytes);
  const contentBytes = bytes < 130 ? bytes - 3 : bytes < 16_390 ? bytes - 4 : bytes - 5;
  payload.set([0xfa, 0x7f]);
  for (let at = 2, rest = contentBytes;; rest >>>= 7) {
    payload[at++] = rest < 0x80 ? rest : (rest & 0x7f) | 0x80;
    if (rest < 0x80) return payload;
  }
}

/** What else the machine does only adds. */
const leastOf = (values: readonly number[]) => Math.min(...values);

function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1];
}

/** Prices every packet type that clients send: the least of `rounds` rounds of `packets` packets each. */
export async function measurePrices({ packets, rounds }: { packets: number; rounds: number }): Promise<PriceRow[]> {
  const rows: PriceRow[] = [];
  for (const row of contract.packets.rows) {
    if (row.direction === "server") continue;
    const tokens = Math.max(1, row.cost);
    const io: number[] = [], logic: [number, number][] = [];
    for (let round = 0; round < rounds; round++) {
      io.push(measureIo(row, packets));
      logic.push(row.handledBy === "logic" ? await measureLogic(row, packets) : [0, 0]);
    }
    rows.push({
      name: row.name,
      tokens: row.cost,
      ioUs: leastOf(io) / tokens,
      logicUs: leastOf(logic.map(([us]) => us)) / tokens,
      storageUs: leastOf(logic.map(([, us]) => us)) / tokens,
    });
  }
  return rows;
}

/** The table of prices; who is too cheap is marked. */
export function priceTable(rows: readonly PriceRow[]): string {
  const sumOf = ({ ioUs, logicUs, storageUs }: PriceRow) => ioUs + logicUs + storageUs;
  const median = medianOf(rows.map(sumOf));
  const line = (name: string, ...columns: (string | number)[]) =>
    name.padEnd(26) + columns.map((column) => String(column).padStart(9)).join("");
  const lines = rows.map((row) => {
    const { ioUs, logicUs, name, storageUs, tokens } = row;
    const sum = sumOf(row);
    // What costs no tokens is charged in microseconds, and stands in the other table.
    const mark = tokens > 0 && sum > TIMES_MEDIAN_MAX * median ? `  ${(sum / median).toFixed(1)} x the median` : "";
    return line(name, tokens, ...[ioUs, logicUs, storageUs, sum].map((us) => us.toFixed(1))) + mark;
  });
  const head = line("Microseconds a token", "tokens", "io", "logic", "storage", "all");
  return [head, ...lines, line("median", "", "", "", "", median.toFixed(1))].join("\n");
}

/** The table of work that is no packet; what takes longer than what is charged for it is marked. */
export function workTable(rows: readonly WorkRow[]): string {
  const lines = rows.map(({ chargedUs, name, tookUs }) => {
    const times = tookUs / chargedUs;
    const mark = times > 1 ? `  ${times.toFixed(1)} x the charge` : "";
    return `${name.padEnd(44)} ${chargedUs.toFixed(1).padStart(9)} ${tookUs.toFixed(1).padStart(9)}${mark}`;
  });
  return [`${"Microseconds of an io worker".padEnd(44)} ${"charged".padStart(9)} ${"took".padStart(9)}`, ...lines].join(
    "\n",
  );
}

if (import.meta.main) {
  await runCommand("Usage: deno task bench:prices", async (args) => {
    readFlags(args, {});
    console.log(priceTable(await measurePrices({ packets: 60, rounds: 3 })));
    console.log(`\n${arenaTable(await measureArena({ packets: 40 }))}`);
    console.log(`\n${workTable(await measureWork({ items: 2_000 }))}`);
  });
}
