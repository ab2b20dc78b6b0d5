/**
 * Which message belongs to which packet type, and which answer to which request, for the type checker. A test holds it
 * against the packet table.
 *
 * @module
 */

import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import * as auth from "../shared/gen/auth_pb.ts";
import * as chat from "../shared/gen/chat_pb.ts";
import * as game from "../shared/gen/game_pb.ts";
import * as guild from "../shared/gen/guild_pb.ts";
import { PacketType } from "../shared/gen/packet_pb.ts";
import * as leaderboard from "../shared/gen/leaderboard_pb.ts";
import * as social from "../shared/gen/social_pb.ts";

/** A packet type that carries a message: every one but `UNSPECIFIED`. */
export type MessageType = Exclude<PacketType, PacketType.UNSPECIFIED>;

/** The schema of every packet type's message. */
export const MESSAGE_SCHEMAS = {
  [PacketType.LOGIN_REQUEST]: auth.LoginRequestSchema,
  [PacketType.LOGIN_RESPONSE]: auth.LoginResponseSchema,
  [PacketType.LOGOUT_REQUEST]: auth.LogoutRequestSchema,
  [PacketType.LOGOUT_RESPONSE]: auth.LogoutResponseSchema,
  [PacketType.HEARTBEAT_REQUEST]: auth.HeartbeatRequestSchema,
  [PacketType.HEARTBEAT_RESPONSE]: auth.HeartbeatResponseSchema,
  [PacketType.REGISTER_REQUEST]: auth.RegisterRequestSchema,
  [PacketType.REGISTER_RESPONSE]: auth.RegisterResponseSchema,
  [PacketType.RESUME_REQUEST]: auth.ResumeRequestSchema,
  [PacketType.RESUME_RESPONSE]: auth.ResumeResponseSchema,
  [PacketType.DISCONNECT_NOTICE]: auth.DisconnectNoticeSchema,
  [PacketType.ERROR_RESPONSE]: auth.ErrorResponseSchema,
  [PacketType.ECHO_REQUEST]: auth.EchoRequestSchema,
  [PacketType.ECHO_RESPONSE]: auth.EchoResponseSchema,
  [PacketType.LOGIN_QUEUE_STATUS]: auth.LoginQueueStatusSchema,
  [PacketType.PASSWORD_CHANGE_REQUEST]: auth.PasswordChangeRequestSchema,
  [PacketType.PASSWORD_CHANGE_RESPONSE]: auth.PasswordChangeResponseSchema,
  [PacketType.TOKENS_REVOKE_REQUEST]: auth.TokensRevokeRequestSchema,
  [PacketType.TOKENS_REVOKE_RESPONSE]: auth.TokensRevokeResponseSchema,
  [PacketType.ACCOUNT_DELETE_REQUEST]: auth.AccountDeleteRequestSchema,
  [PacketType.ACCOUNT_DELETE_RESPONSE]: auth.AccountDeleteResponseSchema,

  [PacketType.ENTER_WORLD_REQUEST]: game.EnterWorldRequestSchema,
  [PacketType.ENTER_WORLD_RESPONSE]: game.EnterWorldResponseSchema,
  [PacketType.MOVEMENT_UPDATE]: game.MovementUpdateSchema,
  [PacketType.ENTITY_UPDATE]: game.EntityUpdateSchema,
  [PacketType.COMBAT_ACTION]: game.CombatActionSchema,
  [PacketType.COMBAT_RESULT]: game.CombatResultSchema,
  [PacketType.CHAT_MESSAGE]: chat.ChatMessageSchema,
  [PacketType.WORLD_SNAPSHOT]: game.WorldSnapshotSchema,
  [PacketType.MOVEMENT_CORRECTION]: game.MovementCorrectionSchema,
  [PacketType.LEAVE_WORLD_REQUEST]: game.LeaveWorldRequestSchema,
  [PacketType.RESPAWN_REQUEST]: game.RespawnRequestSchema,
  [PacketType.PORTAL_REQUEST]: game.PortalRequestSchema,
  [PacketType.MAP_ENTERED]: game.MapEnteredSchema,
  [PacketType.MAP_INFO_REQUEST]: game.MapInfoRequestSchema,
  [PacketType.MAP_INFO_RESPONSE]: game.MapInfoResponseSchema,

  [PacketType.GUILD_CREATE_REQUEST]: guild.GuildCreateRequestSchema,
  [PacketType.GUILD_CREATE_RESPONSE]: guild.GuildCreateResponseSchema,
  [PacketType.GUILD_INVITE_REQUEST]: guild.GuildInviteRequestSchema,
  [PacketType.GUILD_INVITE_RESPONSE]: guild.GuildInviteResponseSchema,
  [PacketType.GUILD_INVITE_NOTICE]: guild.GuildInviteNoticeSchema,
  [PacketType.GUILD_JOIN_REQUEST]: guild.GuildJoinRequestSchema,
  [PacketType.GUILD_LEAVE_REQUEST]: guild.GuildLeaveRequestSchema,
  [PacketType.GUILD_KICK_REQUEST]: guild.GuildKickRequestSchema,
  [PacketType.GUILD_INFO_REQUEST]: guild.GuildInfoRequestSchema,
  [PacketType.GUILD_INFO_RESPONSE]: guild.GuildInfoResponseSchema,
  [PacketType.GUILD_WAR_START]: guild.GuildWarStartSchema,
  [PacketType.GUILD_WAR_END]: guild.GuildWarEndSchema,
  [PacketType.GUILD_ACTION_RESPONSE]: guild.GuildActionResponseSchema,
  [PacketType.GUILD_SET_RANK_REQUEST]: guild.GuildSetRankRequestSchema,
  [PacketType.GUILD_INVITE_LIST_REQUEST]: guild.GuildInviteListRequestSchema,
  [PacketType.GUILD_INVITE_LIST_RESPONSE]: guild.GuildInviteListResponseSchema,
  [PacketType.GUILD_INVITE_WITHDRAW]: guild.GuildInviteWithdrawSchema,

  [PacketType.ROOM_CREATE_REQUEST]: chat.RoomCreateRequestSchema,
  [PacketType.ROOM_JOIN_REQUEST]: chat.RoomJoinRequestSchema,
  [PacketType.ROOM_LEAVE_REQUEST]: chat.RoomLeaveRequestSchema,
  [PacketType.ROOM_LIST_REQUEST]: chat.RoomListRequestSchema,
  [PacketType.ROOM_RESPONSE]: chat.RoomResponseSchema,
  [PacketType.ROOM_LIST_RESPONSE]: chat.RoomListResponseSchema,
  [PacketType.ROOM_EVENT]: chat.RoomEventSchema,

  [PacketType.FRIEND_REQUEST]: social.FriendRequestSchema,
  [PacketType.FRIEND_ANSWER]: social.FriendAnswerSchema,
  [PacketType.FRIEND_REMOVE]: social.FriendRemoveSchema,
  [PacketType.FRIEND_RESPONSE]: social.FriendResponseSchema,
  [PacketType.FRIEND_LIST_REQUEST]: social.FriendListRequestSchema,
  [PacketType.FRIEND_LIST_RESPONSE]: social.FriendListResponseSchema,
  [PacketType.FRIEND_NOTICE]: social.FriendNoticeSchema,
  [PacketType.IGNORE_ADD]: social.IgnoreAddSchema,
  [PacketType.IGNORE_REMOVE]: social.IgnoreRemoveSchema,
  [PacketType.IGNORE_RESPONSE]: social.IgnoreResponseSchema,
  [PacketType.IGNORE_LIST_REQUEST]: social.IgnoreListRequestSchema,
  [PacketType.IGNORE_LIST_RESPONSE]: social.IgnoreListResponseSchema,

  [PacketType.LEADERBOARD_REQUEST]: leaderboard.LeaderboardRequestSchema,
  [PacketType.LEADERBOARD_RESPONSE]: leaderboard.LeaderboardResponseSchema,
} as const satisfies Record<MessageType, DescMessage>;

/** The type that answers a request, for those a client may await. All others answer with ERROR_RESPONSE or not at all. */
export const RESPONSE_TYPES = {
  [PacketType.LOGIN_REQUEST]: PacketType.LOGIN_RESPONSE,
  [PacketType.LOGOUT_REQUEST]: PacketType.LOGOUT_RESPONSE,
  [PacketType.HEARTBEAT_REQUEST]: PacketType.HEARTBEAT_RESPONSE,
  [PacketType.REGISTER_REQUEST]: PacketType.REGISTER_RESPONSE,
  [PacketType.RESUME_REQUEST]: PacketType.RESUME_RESPONSE,
  [PacketType.ECHO_REQUEST]: PacketType.ECHO_RESPONSE,
  [PacketType.PASSWORD_CHANGE_REQUEST]: PacketType.PASSWORD_CHANGE_RESPONSE,
  [PacketType.TOKENS_REVOKE_REQUEST]: PacketType.TOKENS_REVOKE_RESPONSE,
  [PacketType.ACCOUNT_DELETE_REQUEST]: PacketType.ACCOUNT_DELETE_RESPONSE,
  [PacketType.ENTER_WORLD_REQUEST]: PacketType.ENTER_WORLD_RESPONSE,
  [PacketType.PORTAL_REQUEST]: PacketType.MAP_ENTERED,
  [PacketType.MAP_INFO_REQUEST]: PacketType.MAP_INFO_RESPONSE,
  [PacketType.GUILD_CREATE_REQUEST]: PacketType.GUILD_CREATE_RESPONSE,
  [PacketType.GUILD_INVITE_REQUEST]: PacketType.GUILD_INVITE_RESPONSE,
  [PacketType.GUILD_JOIN_REQUEST]: PacketType.GUILD_ACTION_RESPONSE,
  [PacketType.GUILD_LEAVE_REQUEST]: PacketType.GUILD_ACTION_RESPONSE,
  [PacketType.GUILD_KICK_REQUEST]: PacketType.GUILD_ACTION_RESPONSE,
  [PacketType.GUILD_INFO_REQUEST]: PacketType.GUILD_INFO_RESPONSE,
  [PacketType.GUILD_WAR_START]: PacketType.GUILD_ACTION_RESPONSE,
  [PacketType.GUILD_INVITE_LIST_REQUEST]: PacketType.GUILD_INVITE_LIST_RESPONSE,
  [PacketType.GUILD_INVITE_WITHDRAW]: PacketType.GUILD_ACTION_RESPONSE,
  [PacketType.ROOM_CREATE_REQUEST]: PacketType.ROOM_RESPONSE,
  [PacketType.ROOM_JOIN_REQUEST]: PacketType.ROOM_RESPONSE,
  [PacketType.ROOM_LEAVE_REQUEST]: PacketType.ROOM_RESPONSE,
  [PacketType.ROOM_LIST_REQUEST]: PacketType.ROOM_LIST_RESPONSE,
  [PacketType.FRIEND_REQUEST]: PacketType.FRIEND_RESPONSE,
  [PacketType.FRIEND_ANSWER]: PacketType.FRIEND_RESPONSE,
  [PacketType.FRIEND_REMOVE]: PacketType.FRIEND_RESPONSE,
  [PacketType.FRIEND_LIST_REQUEST]: PacketType.FRIEND_LIST_RESPONSE,
  [PacketType.IGNORE_ADD]: PacketType.IGNORE_RESPONSE,
  [PacketType.IGNORE_REMOVE]: PacketType.IGNORE_RESPONSE,
  [PacketType.IGNORE_LIST_REQUEST]: PacketType.IGNORE_LIST_RESPONSE,
  [PacketType.LEADERBOARD_REQUEST]: PacketType.LEADERBOARD_RESPONSE,
} as const satisfies Partial<Record<MessageType, MessageType>>;

/** The schema of each packet type. */
export type Schemas = typeof MESSAGE_SCHEMAS;
/** The response type of each request type. */
export type ResponseTypes = typeof RESPONSE_TYPES;

/** The message that a packet of a type carries. */
export type MessageByType = { readonly [T in MessageType]: MessageShape<Schemas[T]> };

/** The packet types a client may send. */
export type SendType =
  | keyof ResponseTypes
  | PacketType.MOVEMENT_UPDATE
  | PacketType.COMBAT_ACTION
  | PacketType.CHAT_MESSAGE
  | PacketType.LEAVE_WORLD_REQUEST
  | PacketType.RESPAWN_REQUEST
  | PacketType.GUILD_SET_RANK_REQUEST;

/** The schemas a client may send. */
export type SendSchema = Schemas[SendType];
/** The schemas a client may send and await an answer to. */
export type RequestSchema = Schemas[keyof ResponseTypes];

/** The answer to a request with schema `D`. */
export type ResponseOf<D extends RequestSchema> = {
  [T in keyof ResponseTypes]: Schemas[T] extends D ? MessageByType[ResponseTypes[T]] : never;
}[keyof ResponseTypes];
