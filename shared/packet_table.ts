/**
 * One row per packet type: what it carries, who may send it when, where it is handled, what it costs. Loading this
 * module fails when a type has no row.
 *
 * To add a type: its number in `proto/packet.proto`, its message beside it, `deno task generate`, a row here, a
 * handler where {@linkcode PacketRow.handledBy} says.
 *
 * @module
 */

import { type DescMessage, getOption } from "@bufbuild/protobuf";
import { assert } from "./errors.ts";
import * as auth from "./gen/auth_pb.ts";
import * as chat from "./gen/chat_pb.ts";
import { delivery_class, DeliveryClass } from "./gen/common_pb.ts";
import * as game from "./gen/game_pb.ts";
import * as guild from "./gen/guild_pb.ts";
import * as leaderboard from "./gen/leaderboard_pb.ts";
import { PacketType } from "./gen/packet_pb.ts";
import * as social from "./gen/social_pb.ts";
import { ECHO_PAYLOAD_BYTES_MAX } from "./limits.ts";

/** A connection's first state, as a bit: not logged in. */
export const STATE_CONNECTED = 1;
/** A connection's state, as a bit: logged in. */
export const STATE_AUTHENTICATED = 2;
/** A connection's state, as a bit: in the world. */
export const STATE_IN_WORLD = 4;

/** The login port, as a bit. */
export const PORT_LOGIN = 1;
/** The game port, as a bit. */
export const PORT_GAME = 2;
/** The gateway's port, as a bit. */
export const PORT_GATEWAY = 4;

const C = STATE_CONNECTED;
const A = STATE_AUTHENTICATED;
const W = STATE_IN_WORLD;
const ANY_STATE = C | A | W;
const LOGIN_AND_GATEWAY = PORT_LOGIN | PORT_GATEWAY;
const GAME_AND_GATEWAY = PORT_GAME | PORT_GATEWAY;
const EVERY_PORT = PORT_LOGIN | PORT_GAME | PORT_GATEWAY;

/** What the system knows about one packet type. */
export interface PacketRow {
  /** Its number on the wire. */
  readonly type: PacketType;
  /** The type's name, as in the wire contract. */
  readonly name: string;
  /** The message its payload holds. */
  readonly schema: DescMessage;
  /** From the message's `delivery_class` option. */
  readonly delivery: DeliveryClass;
  /** Who sends it. */
  readonly direction: "client" | "server" | "both";
  /** States a client may send it in, as bits; 0 for the server's own. */
  readonly states: number;
  /** Ports a client may send it on, as bits; 0 for the server's own. */
  readonly ports: number;
  /** Where it is handled: on the io worker that reads the socket, or by the logic worker. */
  readonly handledBy: "io" | "logic" | "none";
  /** Tokens it takes from the sender's bucket. */
  readonly cost: number;
  /**
   * How many of it one connection may send, besides what its tokens allow: each second and at once. `null`: tokens
   * alone decide.
   */
  readonly rate: { readonly perSecond: number; readonly burst: number } | null;
  /** Largest payload a client may send, in bytes, after decompression. */
  readonly payloadBytesMax: number;
  /** It leads to another state: what the client sends behind it waits until it is answered. */
  readonly changesState: boolean;
  /** The type that answers it, whose first fields are `success` and `error_code`; otherwise ERROR_RESPONSE does. */
  readonly responseType: PacketType;
}

function fromClient(
  type: PacketType,
  schema: DescMessage,
  states: number,
  row: Partial<
    Pick<
      PacketRow,
      "direction" | "ports" | "handledBy" | "cost" | "rate" | "payloadBytesMax" | "changesState" | "responseType"
    >
  > = {},
): PacketRow {
  return {
    type,
    name: PacketType[type],
    schema,
    delivery: getOption(schema, delivery_class),
    direction: "client",
    states,
    ports: GAME_AND_GATEWAY,
    handledBy: "logic",
    cost: 1,
    rate: null,
    payloadBytesMax: 256,
    changesState: false,
    responseType: PacketType.UNSPECIFIED,
    ...row,
  };
}

function fromServer(type: PacketType, schema: DescMessage): PacketRow {
  return fromClient(type, schema, 0, { direction: "server", ports: 0, handledBy: "none", cost: 0, payloadBytesMax: 0 });
}

const T = PacketType;

/** Every packet type, ascending. */
export const PACKET_TABLE: readonly PacketRow[] = [
  fromClient(T.LOGIN_REQUEST, auth.LoginRequestSchema, C, {
    ports: LOGIN_AND_GATEWAY,
    cost: 10,
    rate: { perSecond: 2, burst: 30 },
    payloadBytesMax: 1_024,
    changesState: true,
    responseType: T.LOGIN_RESPONSE,
  }),
  fromServer(T.LOGIN_RESPONSE, auth.LoginResponseSchema),
  fromClient(T.LOGOUT_REQUEST, auth.LogoutRequestSchema, A | W, {
    ports: EVERY_PORT,
    payloadBytesMax: 4_096,
    changesState: true,
    responseType: T.LOGOUT_RESPONSE,
  }),
  fromServer(T.LOGOUT_RESPONSE, auth.LogoutResponseSchema),
  fromClient(T.HEARTBEAT_REQUEST, auth.HeartbeatRequestSchema, ANY_STATE, { ports: EVERY_PORT, handledBy: "io" }),
  fromServer(T.HEARTBEAT_RESPONSE, auth.HeartbeatResponseSchema),
  fromClient(T.REGISTER_REQUEST, auth.RegisterRequestSchema, C, {
    ports: LOGIN_AND_GATEWAY,
    cost: 20,
    rate: { perSecond: 1, burst: 25 },
    payloadBytesMax: 1_024,
    responseType: T.REGISTER_RESPONSE,
  }),
  fromServer(T.REGISTER_RESPONSE, auth.RegisterResponseSchema),
  fromClient(T.RESUME_REQUEST, auth.ResumeRequestSchema, C, {
    ports: GAME_AND_GATEWAY,
    cost: 5,
    rate: { perSecond: 5, burst: 50 },
    payloadBytesMax: 1_024,
    changesState: true,
    responseType: T.RESUME_RESPONSE,
  }),
  fromServer(T.RESUME_RESPONSE, auth.ResumeResponseSchema),
  fromServer(T.DISCONNECT_NOTICE, auth.DisconnectNoticeSchema),
  fromServer(T.ERROR_RESPONSE, auth.ErrorResponseSchema),
  // Free of charge: it is answered only where the operator has switched diagnostics on.
  fromClient(T.ECHO_REQUEST, auth.EchoRequestSchema, ANY_STATE, {
    ports: EVERY_PORT,
    handledBy: "io",
    cost: 0,
    payloadBytesMax: ECHO_PAYLOAD_BYTES_MAX,
  }),
  fromServer(T.ECHO_RESPONSE, auth.EchoResponseSchema),
  fromServer(T.LOGIN_QUEUE_STATUS, auth.LoginQueueStatusSchema),
  fromClient(T.PASSWORD_CHANGE_REQUEST, auth.PasswordChangeRequestSchema, A | W, {
    ports: EVERY_PORT,
    cost: 20,
    rate: { perSecond: 1, burst: 10 },
    responseType: T.PASSWORD_CHANGE_RESPONSE,
  }),
  fromServer(T.PASSWORD_CHANGE_RESPONSE, auth.PasswordChangeResponseSchema),
  fromClient(T.TOKENS_REVOKE_REQUEST, auth.TokensRevokeRequestSchema, A | W, {
    ports: EVERY_PORT,
    cost: 10,
    rate: { perSecond: 1, burst: 10 },
    responseType: T.TOKENS_REVOKE_RESPONSE,
  }),
  fromServer(T.TOKENS_REVOKE_RESPONSE, auth.TokensRevokeResponseSchema),
  fromClient(T.ACCOUNT_DELETE_REQUEST, auth.AccountDeleteRequestSchema, A | W, {
    ports: EVERY_PORT,
    cost: 10,
    rate: { perSecond: 1, burst: 10 },
    responseType: T.ACCOUNT_DELETE_RESPONSE,
  }),
  fromServer(T.ACCOUNT_DELETE_RESPONSE, auth.AccountDeleteResponseSchema),

  fromClient(T.ENTER_WORLD_REQUEST, game.EnterWorldRequestSchema, C | A, {
    cost: 5,
    rate: { perSecond: 5, burst: 50 },
    payloadBytesMax: 4_096,
    changesState: true,
    responseType: T.ENTER_WORLD_RESPONSE,
  }),
  fromServer(T.ENTER_WORLD_RESPONSE, game.EnterWorldResponseSchema),
  fromClient(T.MOVEMENT_UPDATE, game.MovementUpdateSchema, W),
  fromServer(T.ENTITY_UPDATE, game.EntityUpdateSchema),
  fromClient(T.COMBAT_ACTION, game.CombatActionSchema, W),
  fromServer(T.COMBAT_RESULT, game.CombatResultSchema),
  // Each may be a packet to everyone.
  fromClient(T.CHAT_MESSAGE, chat.ChatMessageSchema, A | W, {
    direction: "both",
    cost: 3,
    rate: { perSecond: 20, burst: 170 },
    payloadBytesMax: 1_024,
  }),
  fromServer(T.WORLD_SNAPSHOT, game.WorldSnapshotSchema),
  fromServer(T.MOVEMENT_CORRECTION, game.MovementCorrectionSchema),
  fromClient(T.LEAVE_WORLD_REQUEST, game.LeaveWorldRequestSchema, W, { cost: 5, changesState: true }),
  fromClient(T.RESPAWN_REQUEST, game.RespawnRequestSchema, W),
  fromClient(T.PORTAL_REQUEST, game.PortalRequestSchema, W, { cost: 5, responseType: T.MAP_ENTERED }),
  fromServer(T.MAP_ENTERED, game.MapEnteredSchema),
  fromClient(T.MAP_INFO_REQUEST, game.MapInfoRequestSchema, W, { cost: 5, responseType: T.MAP_INFO_RESPONSE }),
  fromServer(T.MAP_INFO_RESPONSE, game.MapInfoResponseSchema),

  fromClient(T.GUILD_CREATE_REQUEST, guild.GuildCreateRequestSchema, A | W, {
    cost: 10,
    rate: { perSecond: 2, burst: 30 },
    responseType: T.GUILD_CREATE_RESPONSE,
  }),
  fromServer(T.GUILD_CREATE_RESPONSE, guild.GuildCreateResponseSchema),
  fromClient(T.GUILD_INVITE_REQUEST, guild.GuildInviteRequestSchema, A | W, {
    cost: 5,
    responseType: T.GUILD_INVITE_RESPONSE,
  }),
  fromServer(T.GUILD_INVITE_RESPONSE, guild.GuildInviteResponseSchema),
  fromServer(T.GUILD_INVITE_NOTICE, guild.GuildInviteNoticeSchema),
  fromClient(T.GUILD_JOIN_REQUEST, guild.GuildJoinRequestSchema, A | W, {
    cost: 5,
    responseType: T.GUILD_ACTION_RESPONSE,
  }),
  fromClient(T.GUILD_LEAVE_REQUEST, guild.GuildLeaveRequestSchema, A | W, {
    cost: 5,
    responseType: T.GUILD_ACTION_RESPONSE,
  }),
  fromClient(T.GUILD_KICK_REQUEST, guild.GuildKickRequestSchema, A | W, {
    cost: 5,
    responseType: T.GUILD_ACTION_RESPONSE,
  }),
  fromClient(T.GUILD_INFO_REQUEST, guild.GuildInfoRequestSchema, A | W, {
    cost: 5,
    responseType: T.GUILD_INFO_RESPONSE,
  }),
  fromServer(T.GUILD_INFO_RESPONSE, guild.GuildInfoResponseSchema),
  fromClient(T.GUILD_WAR_START, guild.GuildWarStartSchema, A | W, {
    direction: "both",
    cost: 10,
    responseType: T.GUILD_ACTION_RESPONSE,
  }),
  fromServer(T.GUILD_WAR_END, guild.GuildWarEndSchema),
  fromServer(T.GUILD_ACTION_RESPONSE, guild.GuildActionResponseSchema),
  fromClient(T.GUILD_SET_RANK_REQUEST, guild.GuildSetRankRequestSchema, A | W, { cost: 5 }),
  fromClient(T.GUILD_INVITE_LIST_REQUEST, guild.GuildInviteListRequestSchema, A | W, {
    cost: 5,
    responseType: T.GUILD_INVITE_LIST_RESPONSE,
  }),
  fromServer(T.GUILD_INVITE_LIST_RESPONSE, guild.GuildInviteListResponseSchema),
  fromClient(T.GUILD_INVITE_WITHDRAW, guild.GuildInviteWithdrawSchema, A | W, {
    cost: 5,
    responseType: T.GUILD_ACTION_RESPONSE,
  }),

  fromClient(T.ROOM_CREATE_REQUEST, chat.RoomCreateRequestSchema, A | W, {
    cost: 10,
    rate: { perSecond: 2, burst: 30 },
    payloadBytesMax: 1_024,
    responseType: T.ROOM_RESPONSE,
  }),
  fromClient(T.ROOM_JOIN_REQUEST, chat.RoomJoinRequestSchema, A | W, {
    cost: 5,
    payloadBytesMax: 1_024,
    responseType: T.ROOM_RESPONSE,
  }),
  fromClient(T.ROOM_LEAVE_REQUEST, chat.RoomLeaveRequestSchema, A | W, { cost: 2, responseType: T.ROOM_RESPONSE }),
  fromClient(T.ROOM_LIST_REQUEST, chat.RoomListRequestSchema, A | W, { cost: 5 }),
  fromServer(T.ROOM_RESPONSE, chat.RoomResponseSchema),
  fromServer(T.ROOM_LIST_RESPONSE, chat.RoomListResponseSchema),
  fromServer(T.ROOM_EVENT, chat.RoomEventSchema),

  fromClient(T.FRIEND_REQUEST, social.FriendRequestSchema, A | W, { cost: 5, responseType: T.FRIEND_RESPONSE }),
  fromClient(T.FRIEND_ANSWER, social.FriendAnswerSchema, A | W, { cost: 5, responseType: T.FRIEND_RESPONSE }),
  fromClient(T.FRIEND_REMOVE, social.FriendRemoveSchema, A | W, { cost: 5, responseType: T.FRIEND_RESPONSE }),
  fromServer(T.FRIEND_RESPONSE, social.FriendResponseSchema),
  fromClient(T.FRIEND_LIST_REQUEST, social.FriendListRequestSchema, A | W, {
    cost: 5,
    responseType: T.FRIEND_LIST_RESPONSE,
  }),
  fromServer(T.FRIEND_LIST_RESPONSE, social.FriendListResponseSchema),
  fromServer(T.FRIEND_NOTICE, social.FriendNoticeSchema),
  fromClient(T.IGNORE_ADD, social.IgnoreAddSchema, A | W, { cost: 5, responseType: T.IGNORE_RESPONSE }),
  fromClient(T.IGNORE_REMOVE, social.IgnoreRemoveSchema, A | W, { cost: 5, responseType: T.IGNORE_RESPONSE }),
  fromServer(T.IGNORE_RESPONSE, social.IgnoreResponseSchema),
  fromClient(T.IGNORE_LIST_REQUEST, social.IgnoreListRequestSchema, A | W, {
    cost: 5,
    responseType: T.IGNORE_LIST_RESPONSE,
  }),
  fromServer(T.IGNORE_LIST_RESPONSE, social.IgnoreListResponseSchema),

  fromClient(T.LEADERBOARD_REQUEST, leaderboard.LeaderboardRequestSchema, A | W, {
    cost: 5,
    responseType: T.LEADERBOARD_RESPONSE,
  }),
  fromServer(T.LEADERBOARD_RESPONSE, leaderboard.LeaderboardResponseSchema),
];

/** Types are below this, so that a plain array can be indexed by type. */
const TYPE_MAX = 8_192;
const ROW_BY_TYPE: (PacketRow | undefined)[] = new Array(TYPE_MAX).fill(undefined);

for (const row of PACKET_TABLE) {
  assert(row.type > 0 && row.type < TYPE_MAX, `Packet type ${row.type} is out of the table's range`);
  assert(ROW_BY_TYPE[row.type] === undefined, `Packet type ${row.name} has two rows`);
  ROW_BY_TYPE[row.type] = row;
}
for (const type of Object.values(PacketType)) {
  if (typeof type !== "number" || type === PacketType.UNSPECIFIED) continue;
  assert(ROW_BY_TYPE[type] !== undefined, `Packet type ${PacketType[type]} has no row in the packet table`);
}

/**
 * The row of a packet type.
 *
 * @param type Any 32-bit integer, as it came from the wire.
 * @returns `undefined` when there is no such type.
 */
export function packetRow(type: number): PacketRow | undefined {
  return type >= 0 && type < TYPE_MAX ? ROW_BY_TYPE[type] : undefined;
}

/** The largest payload of a type, in bytes, that a client may send, compressed or not. */
export const CLIENT_PAYLOAD_BYTES_MAX: number = PACKET_TABLE.reduce(
  (max, row) => Math.max(max, row.payloadBytesMax),
  0,
);
