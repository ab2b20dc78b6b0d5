/**
 * The contract of marsh, generated from its protos by `deno task generate`. Do not edit.
 *
 * @module
 */

import { Contract } from "../../shared/contract.ts";
import {
  type AccountDeleteRequest,
  type AccountDeleteResponse,
  type DisconnectNotice,
  type EchoRequest,
  type EchoResponse,
  type ErrorResponse,
  file_auth,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type LoginQueueStatus,
  type LoginRequest,
  type LoginResponse,
  type LogoutRequest,
  type LogoutResponse,
  type PasswordChangeRequest,
  type PasswordChangeResponse,
  type RegisterRequest,
  type RegisterResponse,
  type ResumeRequest,
  type ResumeResponse,
  type TokensRevokeRequest,
  type TokensRevokeResponse,
} from "../../shared/gen/auth_pb.ts";
import {
  type ChatMessage,
  file_chat,
  type RoomCreateRequest,
  type RoomEvent,
  type RoomJoinRequest,
  type RoomLeaveRequest,
  type RoomListRequest,
  type RoomListResponse,
  type RoomResponse,
} from "../../shared/gen/chat_pb.ts";
import {
  type CombatAction,
  type CombatResult,
  type EnterWorldRequest,
  type EnterWorldResponse,
  type EntityUpdate,
  file_game,
  type LeaveWorldRequest,
  type MapEntered,
  type MapInfoRequest,
  type MapInfoResponse,
  type MovementCorrection,
  type MovementUpdate,
  type PortalRequest,
  type RespawnRequest,
  type WorldSnapshot,
} from "../../shared/gen/game_pb.ts";
import {
  file_guild,
  type GuildActionResponse,
  type GuildCreateRequest,
  type GuildCreateResponse,
  type GuildInfoRequest,
  type GuildInfoResponse,
  type GuildInviteListRequest,
  type GuildInviteListResponse,
  type GuildInviteNotice,
  type GuildInviteRequest,
  type GuildInviteResponse,
  type GuildInviteWithdraw,
  type GuildJoinRequest,
  type GuildKickRequest,
  type GuildLeaveRequest,
  type GuildSetRankRequest,
  type GuildWarEnd,
  type GuildWarStart,
} from "../../shared/gen/guild_pb.ts";
import {
  file_leaderboard,
  type LeaderboardRequest,
  type LeaderboardResponse,
} from "../../shared/gen/leaderboard_pb.ts";
import {
  file_social,
  type FriendAnswer,
  type FriendListRequest,
  type FriendListResponse,
  type FriendNotice,
  type FriendRemove,
  type FriendRequest,
  type FriendResponse,
  type IgnoreAdd,
  type IgnoreListRequest,
  type IgnoreListResponse,
  type IgnoreRemove,
  type IgnoreResponse,
} from "../../shared/gen/social_pb.ts";

/** Packet types, by the names of their messages. */
export enum PacketType {
  /** No type: what a packet without a header has. */
  UNSPECIFIED = 0,
  /** {@linkcode LoginRequest} */
  LOGIN_REQUEST = 1000,
  /** {@linkcode LoginResponse} */
  LOGIN_RESPONSE = 1001,
  /** {@linkcode LogoutRequest} */
  LOGOUT_REQUEST = 1002,
  /** {@linkcode LogoutResponse} */
  LOGOUT_RESPONSE = 1003,
  /** {@linkcode HeartbeatRequest} */
  HEARTBEAT_REQUEST = 1004,
  /** {@linkcode HeartbeatResponse} */
  HEARTBEAT_RESPONSE = 1005,
  /** {@linkcode RegisterRequest} */
  REGISTER_REQUEST = 1006,
  /** {@linkcode RegisterResponse} */
  REGISTER_RESPONSE = 1007,
  /** {@linkcode ResumeRequest} */
  RESUME_REQUEST = 1008,
  /** {@linkcode ResumeResponse} */
  RESUME_RESPONSE = 1009,
  /** {@linkcode DisconnectNotice} */
  DISCONNECT_NOTICE = 1010,
  /** {@linkcode ErrorResponse} */
  ERROR_RESPONSE = 1011,
  /** {@linkcode EchoRequest} */
  ECHO_REQUEST = 1012,
  /** {@linkcode EchoResponse} */
  ECHO_RESPONSE = 1013,
  /** {@linkcode LoginQueueStatus} */
  LOGIN_QUEUE_STATUS = 1014,
  /** {@linkcode PasswordChangeRequest} */
  PASSWORD_CHANGE_REQUEST = 1015,
  /** {@linkcode PasswordChangeResponse} */
  PASSWORD_CHANGE_RESPONSE = 1016,
  /** {@linkcode TokensRevokeRequest} */
  TOKENS_REVOKE_REQUEST = 1017,
  /** {@linkcode TokensRevokeResponse} */
  TOKENS_REVOKE_RESPONSE = 1018,
  /** {@linkcode AccountDeleteRequest} */
  ACCOUNT_DELETE_REQUEST = 1019,
  /** {@linkcode AccountDeleteResponse} */
  ACCOUNT_DELETE_RESPONSE = 1020,
  /** {@linkcode EnterWorldRequest} */
  ENTER_WORLD_REQUEST = 2000,
  /** {@linkcode EnterWorldResponse} */
  ENTER_WORLD_RESPONSE = 2001,
  /** {@linkcode MovementUpdate} */
  MOVEMENT_UPDATE = 2002,
  /** {@linkcode EntityUpdate} */
  ENTITY_UPDATE = 2003,
  /** {@linkcode CombatAction} */
  COMBAT_ACTION = 2004,
  /** {@linkcode CombatResult} */
  COMBAT_RESULT = 2005,
  /** {@linkcode ChatMessage} */
  CHAT_MESSAGE = 2006,
  /** {@linkcode WorldSnapshot} */
  WORLD_SNAPSHOT = 2007,
  /** {@linkcode MovementCorrection} */
  MOVEMENT_CORRECTION = 2008,
  /** {@linkcode LeaveWorldRequest} */
  LEAVE_WORLD_REQUEST = 2009,
  /** {@linkcode RespawnRequest} */
  RESPAWN_REQUEST = 2010,
  /** {@linkcode PortalRequest} */
  PORTAL_REQUEST = 2011,
  /** {@linkcode MapEntered} */
  MAP_ENTERED = 2012,
  /** {@linkcode MapInfoRequest} */
  MAP_INFO_REQUEST = 2013,
  /** {@linkcode MapInfoResponse} */
  MAP_INFO_RESPONSE = 2014,
  /** {@linkcode GuildCreateRequest} */
  GUILD_CREATE_REQUEST = 3000,
  /** {@linkcode GuildCreateResponse} */
  GUILD_CREATE_RESPONSE = 3001,
  /** {@linkcode GuildInviteRequest} */
  GUILD_INVITE_REQUEST = 3002,
  /** {@linkcode GuildInviteResponse} */
  GUILD_INVITE_RESPONSE = 3003,
  /** {@linkcode GuildInviteNotice} */
  GUILD_INVITE_NOTICE = 3004,
  /** {@linkcode GuildJoinRequest} */
  GUILD_JOIN_REQUEST = 3005,
  /** {@linkcode GuildLeaveRequest} */
  GUILD_LEAVE_REQUEST = 3006,
  /** {@linkcode GuildKickRequest} */
  GUILD_KICK_REQUEST = 3007,
  /** {@linkcode GuildInfoRequest} */
  GUILD_INFO_REQUEST = 3008,
  /** {@linkcode GuildInfoResponse} */
  GUILD_INFO_RESPONSE = 3009,
  /** {@linkcode GuildWarStart} */
  GUILD_WAR_START = 3010,
  /** {@linkcode GuildWarEnd} */
  GUILD_WAR_END = 3011,
  /** {@linkcode GuildActionResponse} */
  GUILD_ACTION_RESPONSE = 3012,
  /** {@linkcode GuildSetRankRequest} */
  GUILD_SET_RANK_REQUEST = 3013,
  /** {@linkcode GuildInviteListRequest} */
  GUILD_INVITE_LIST_REQUEST = 3014,
  /** {@linkcode GuildInviteListResponse} */
  GUILD_INVITE_LIST_RESPONSE = 3015,
  /** {@linkcode GuildInviteWithdraw} */
  GUILD_INVITE_WITHDRAW = 3016,
  /** {@linkcode RoomCreateRequest} */
  ROOM_CREATE_REQUEST = 4000,
  /** {@linkcode RoomJoinRequest} */
  ROOM_JOIN_REQUEST = 4001,
  /** {@linkcode RoomLeaveRequest} */
  ROOM_LEAVE_REQUEST = 4002,
  /** {@linkcode RoomListRequest} */
  ROOM_LIST_REQUEST = 4003,
  /** {@linkcode RoomResponse} */
  ROOM_RESPONSE = 4004,
  /** {@linkcode RoomListResponse} */
  ROOM_LIST_RESPONSE = 4005,
  /** {@linkcode RoomEvent} */
  ROOM_EVENT = 4006,
  /** {@linkcode FriendRequest} */
  FRIEND_REQUEST = 5000,
  /** {@linkcode FriendAnswer} */
  FRIEND_ANSWER = 5001,
  /** {@linkcode FriendRemove} */
  FRIEND_REMOVE = 5002,
  /** {@linkcode FriendResponse} */
  FRIEND_RESPONSE = 5003,
  /** {@linkcode FriendListRequest} */
  FRIEND_LIST_REQUEST = 5004,
  /** {@linkcode FriendListResponse} */
  FRIEND_LIST_RESPONSE = 5005,
  /** {@linkcode FriendNotice} */
  FRIEND_NOTICE = 5006,
  /** {@linkcode IgnoreAdd} */
  IGNORE_ADD = 5007,
  /** {@linkcode IgnoreRemove} */
  IGNORE_REMOVE = 5008,
  /** {@linkcode IgnoreResponse} */
  IGNORE_RESPONSE = 5009,
  /** {@linkcode IgnoreListRequest} */
  IGNORE_LIST_REQUEST = 5010,
  /** {@linkcode IgnoreListResponse} */
  IGNORE_LIST_RESPONSE = 5011,
  /** {@linkcode LeaderboardRequest} */
  LEADERBOARD_REQUEST = 6000,
  /** {@linkcode LeaderboardResponse} */
  LEADERBOARD_RESPONSE = 6001,
}

/** What each packet carries, by who sends it, and what answers it. */
export interface Packets {
  readonly [PacketType.LOGIN_REQUEST]: { client: LoginRequest; reply: LoginResponse };
  readonly [PacketType.LOGIN_RESPONSE]: { server: LoginResponse };
  readonly [PacketType.LOGOUT_REQUEST]: { client: LogoutRequest; reply: LogoutResponse };
  readonly [PacketType.LOGOUT_RESPONSE]: { server: LogoutResponse };
  readonly [PacketType.HEARTBEAT_REQUEST]: { client: HeartbeatRequest; reply: HeartbeatResponse };
  readonly [PacketType.HEARTBEAT_RESPONSE]: { server: HeartbeatResponse };
  readonly [PacketType.REGISTER_REQUEST]: { client: RegisterRequest; reply: RegisterResponse };
  readonly [PacketType.REGISTER_RESPONSE]: { server: RegisterResponse };
  readonly [PacketType.RESUME_REQUEST]: { client: ResumeRequest; reply: ResumeResponse };
  readonly [PacketType.RESUME_RESPONSE]: { server: ResumeResponse };
  readonly [PacketType.DISCONNECT_NOTICE]: { server: DisconnectNotice };
  readonly [PacketType.ERROR_RESPONSE]: { server: ErrorResponse };
  readonly [PacketType.ECHO_REQUEST]: { client: EchoRequest; reply: EchoResponse };
  readonly [PacketType.ECHO_RESPONSE]: { server: EchoResponse };
  readonly [PacketType.LOGIN_QUEUE_STATUS]: { server: LoginQueueStatus };
  readonly [PacketType.PASSWORD_CHANGE_REQUEST]: { client: PasswordChangeRequest; reply: PasswordChangeResponse };
  readonly [PacketType.PASSWORD_CHANGE_RESPONSE]: { server: PasswordChangeResponse };
  readonly [PacketType.TOKENS_REVOKE_REQUEST]: { client: TokensRevokeRequest; reply: TokensRevokeResponse };
  readonly [PacketType.TOKENS_REVOKE_RESPONSE]: { server: TokensRevokeResponse };
  readonly [PacketType.ACCOUNT_DELETE_REQUEST]: { client: AccountDeleteRequest; reply: AccountDeleteResponse };
  readonly [PacketType.ACCOUNT_DELETE_RESPONSE]: { server: AccountDeleteResponse };
  readonly [PacketType.ENTER_WORLD_REQUEST]: { client: EnterWorldRequest; reply: EnterWorldResponse };
  readonly [PacketType.ENTER_WORLD_RESPONSE]: { server: EnterWorldResponse };
  readonly [PacketType.MOVEMENT_UPDATE]: { client: MovementUpdate };
  readonly [PacketType.ENTITY_UPDATE]: { server: EntityUpdate };
  readonly [PacketType.COMBAT_ACTION]: { client: CombatAction };
  readonly [PacketType.COMBAT_RESULT]: { server: CombatResult };
  readonly [PacketType.CHAT_MESSAGE]: { client: ChatMessage; server: ChatMessage };
  readonly [PacketType.WORLD_SNAPSHOT]: { server: WorldSnapshot };
  readonly [PacketType.MOVEMENT_CORRECTION]: { server: MovementCorrection };
  readonly [PacketType.LEAVE_WORLD_REQUEST]: { client: LeaveWorldRequest };
  readonly [PacketType.RESPAWN_REQUEST]: { client: RespawnRequest };
  readonly [PacketType.PORTAL_REQUEST]: { client: PortalRequest; reply: MapEntered };
  readonly [PacketType.MAP_ENTERED]: { server: MapEntered };
  readonly [PacketType.MAP_INFO_REQUEST]: { client: MapInfoRequest; reply: MapInfoResponse };
  readonly [PacketType.MAP_INFO_RESPONSE]: { server: MapInfoResponse };
  readonly [PacketType.GUILD_CREATE_REQUEST]: { client: GuildCreateRequest; reply: GuildCreateResponse };
  readonly [PacketType.GUILD_CREATE_RESPONSE]: { server: GuildCreateResponse };
  readonly [PacketType.GUILD_INVITE_REQUEST]: { client: GuildInviteRequest; reply: GuildInviteResponse };
  readonly [PacketType.GUILD_INVITE_RESPONSE]: { server: GuildInviteResponse };
  readonly [PacketType.GUILD_INVITE_NOTICE]: { server: GuildInviteNotice };
  readonly [PacketType.GUILD_JOIN_REQUEST]: { client: GuildJoinRequest; reply: GuildActionResponse };
  readonly [PacketType.GUILD_LEAVE_REQUEST]: { client: GuildLeaveRequest; reply: GuildActionResponse };
  readonly [PacketType.GUILD_KICK_REQUEST]: { client: GuildKickRequest; reply: GuildActionResponse };
  readonly [PacketType.GUILD_INFO_REQUEST]: { client: GuildInfoRequest; reply: GuildInfoResponse };
  readonly [PacketType.GUILD_INFO_RESPONSE]: { server: GuildInfoResponse };
  readonly [PacketType.GUILD_WAR_START]: { client: GuildWarStart; server: GuildWarStart; reply: GuildActionResponse };
  readonly [PacketType.GUILD_WAR_END]: { server: GuildWarEnd };
  readonly [PacketType.GUILD_ACTION_RESPONSE]: { server: GuildActionResponse };
  readonly [PacketType.GUILD_SET_RANK_REQUEST]: { client: GuildSetRankRequest };
  readonly [PacketType.GUILD_INVITE_LIST_REQUEST]: { client: GuildInviteListRequest; reply: GuildInviteListResponse };
  readonly [PacketType.GUILD_INVITE_LIST_RESPONSE]: { server: GuildInviteListResponse };
  readonly [PacketType.GUILD_INVITE_WITHDRAW]: { client: GuildInviteWithdraw; reply: GuildActionResponse };
  readonly [PacketType.ROOM_CREATE_REQUEST]: { client: RoomCreateRequest; reply: RoomResponse };
  readonly [PacketType.ROOM_JOIN_REQUEST]: { client: RoomJoinRequest; reply: RoomResponse };
  readonly [PacketType.ROOM_LEAVE_REQUEST]: { client: RoomLeaveRequest; reply: RoomResponse };
  readonly [PacketType.ROOM_LIST_REQUEST]: { client: RoomListRequest; reply: RoomListResponse };
  readonly [PacketType.ROOM_RESPONSE]: { server: RoomResponse };
  readonly [PacketType.ROOM_LIST_RESPONSE]: { server: RoomListResponse };
  readonly [PacketType.ROOM_EVENT]: { server: RoomEvent };
  readonly [PacketType.FRIEND_REQUEST]: { client: FriendRequest; reply: FriendResponse };
  readonly [PacketType.FRIEND_ANSWER]: { client: FriendAnswer; reply: FriendResponse };
  readonly [PacketType.FRIEND_REMOVE]: { client: FriendRemove; reply: FriendResponse };
  readonly [PacketType.FRIEND_RESPONSE]: { server: FriendResponse };
  readonly [PacketType.FRIEND_LIST_REQUEST]: { client: FriendListRequest; reply: FriendListResponse };
  readonly [PacketType.FRIEND_LIST_RESPONSE]: { server: FriendListResponse };
  readonly [PacketType.FRIEND_NOTICE]: { server: FriendNotice };
  readonly [PacketType.IGNORE_ADD]: { client: IgnoreAdd; reply: IgnoreResponse };
  readonly [PacketType.IGNORE_REMOVE]: { client: IgnoreRemove; reply: IgnoreResponse };
  readonly [PacketType.IGNORE_RESPONSE]: { server: IgnoreResponse };
  readonly [PacketType.IGNORE_LIST_REQUEST]: { client: IgnoreListRequest; reply: IgnoreListResponse };
  readonly [PacketType.IGNORE_LIST_RESPONSE]: { server: IgnoreListResponse };
  readonly [PacketType.LEADERBOARD_REQUEST]: { client: LeaderboardRequest; reply: LeaderboardResponse };
  readonly [PacketType.LEADERBOARD_RESPONSE]: { server: LeaderboardResponse };
}

/** What the protos of marsh and of the engine say. */
export const contract: Contract<Packets> = new Contract("marsh", [
  file_auth,
  file_chat,
  file_game,
  file_guild,
  file_leaderboard,
  file_social,
]);
