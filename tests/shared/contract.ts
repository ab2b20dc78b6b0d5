/**
 * The wire contract once more, by hand: what the tests hold `proto/`, the packet table and the io workers to.
 *
 * @module
 */

/** A state of the contract: connected, authenticated, in world. */
export type StateLetter = "C" | "A" | "W";
/** A port of the server. */
export type PortName = "login" | "game" | "gateway";

/** What the contract says of one packet type. */
export interface ContractRow {
  readonly type: number;
  readonly name: string;
  readonly isFromClient: boolean;
  readonly isFromServer: boolean;
  /** States a client may send it in. */
  readonly states: readonly StateLetter[];
  /** Ports a client may send it on. */
  readonly ports: readonly PortName[];
  readonly delivery: "RELIABLE" | "LATEST" | "DROPPABLE";
  /** The type that answers it with `success` and `error_code`; `ERROR_RESPONSE` where it has none. */
  readonly answer: string;
  /** `name number type` of each field; repeated ones with `[]`. */
  readonly fields: readonly string[];
}

/** number · name · direction · states · answer · fields */
const ROWS = `
1000 LOGIN_REQUEST          >  C   LOGIN_RESPONSE | username 1 string, password_hash 2 string, client_version 3 string, device_id 4 string
1001 LOGIN_RESPONSE         <  -   - | success 1 bool, error_code 2 ErrorCode, error_message 3 string, session_token 4 string, player_id 5 uint64, game_servers 6 ServerInfo[], deletion_cancelled 7 bool, server_id 8 uint32, explanation 9 Explanation
1002 LOGOUT_REQUEST         >  AW  LOGOUT_RESPONSE | player_id 1 uint64, session_token 2 string
1003 LOGOUT_RESPONSE        <  -   - | success 1 bool, error_code 2 ErrorCode
1004 HEARTBEAT_REQUEST      >  CAW ERROR_RESPONSE | player_id 1 uint64, timestamp 2 uint64, server_timestamp_echo 3 uint64
1005 HEARTBEAT_RESPONSE     <  -   - | server_timestamp 1 uint64, latency_ms 2 uint32, client_timestamp 3 uint64
1006 REGISTER_REQUEST       >  C   REGISTER_RESPONSE | username 1 string, password_hash 2 string
1007 REGISTER_RESPONSE      <  -   - | success 1 bool, error_code 2 ErrorCode, error_message 3 string, player_id 4 uint64
1008 RESUME_REQUEST         >  C   RESUME_RESPONSE | resume_token 1 string, last_sequence 2 uint64, is_repeat 3 bool, client_version 4 string
1009 RESUME_RESPONSE        <  -   - | success 1 bool, error_code 2 ErrorCode, last_sequence 3 uint64, resume_token 4 string, gap 5 bool, entity_id 6 uint64, resume_at 7 ServerInfo, retry_after_ms 8 uint32
1010 DISCONNECT_NOTICE      <  -   - | reason 1 DisconnectReason, message 2 string, retry_after_ms 3 uint32, resume_at 4 ServerInfo, explanation 5 Explanation
1011 ERROR_RESPONSE         <  -   - | error_code 1 ErrorCode, message 2 string, request_type 3 int32, request_sequence 4 uint64, explanation 5 Explanation
1012 ECHO_REQUEST           >  CAW ERROR_RESPONSE | data 1 bytes, route 2 uint32
1013 ECHO_RESPONSE          <  -   - | data 1 bytes, route 2 uint32
1014 LOGIN_QUEUE_STATUS     <  -   - | position 1 uint32, eta_ms 2 uint32
1015 PASSWORD_CHANGE_REQUEST > AW PASSWORD_CHANGE_RESPONSE | password_hash 1 string, new_password_hash 2 string
1016 PASSWORD_CHANGE_RESPONSE < - - | success 1 bool, error_code 2 ErrorCode, error_message 3 string, session_token 4 string
1017 TOKENS_REVOKE_REQUEST  >  AW  TOKENS_REVOKE_RESPONSE | password_hash 1 string
1018 TOKENS_REVOKE_RESPONSE <  -   - | success 1 bool, error_code 2 ErrorCode, error_message 3 string, session_token 4 string
1019 ACCOUNT_DELETE_REQUEST >  AW  ACCOUNT_DELETE_RESPONSE | password_hash 1 string
1020 ACCOUNT_DELETE_RESPONSE < -   - | success 1 bool, error_code 2 ErrorCode, error_message 3 string, deletes_at 4 uint64
2000 ENTER_WORLD_REQUEST    >  CA  ENTER_WORLD_RESPONSE | character_id 1 uint64, channel_id 2 uint32, session_token 3 string, client_version 4 string
2001 ENTER_WORLD_RESPONSE   <  -   - | success 1 bool, error_code 2 ErrorCode, spawn_position 3 Vector3, map_id 4 uint32, entity_id 5 uint64, resume_token 6 string, tick_interval_ms 7 uint32, interest_radius 8 float, max_speed 9 float, map_width 10 float, map_height 11 float, explanation 12 Explanation
2002 MOVEMENT_UPDATE        >  W   ERROR_RESPONSE | entity_id 1 uint64, position 2 Vector3, velocity 3 Vector3, rotation 4 Vector3, timestamp 5 uint64, sequence_number 6 uint32
2003 ENTITY_UPDATE          <  -   - | entity_id 1 uint64, movement 2 MovementUpdate, health 3 HealthUpdate, status 4 StatusUpdate, spawn 5 EntitySpawn, despawn 6 EntityDespawn, components 7 ComponentUpdate[]
2004 COMBAT_ACTION          >  W   ERROR_RESPONSE | attacker_id 1 uint64, target_id 2 uint64, skill_id 3 uint32, target_position 4 Vector3, cast_time 5 float, action_sequence 6 uint32
2005 COMBAT_RESULT          <  -   - | attacker_id 1 uint64, target_id 2 uint64, skill_id 3 uint32, damage 4 float, is_critical 5 bool, is_dodged 6 bool, is_blocked 7 bool, applied_effects 8 StatusEffect[], target_died 9 bool
2006 CHAT_MESSAGE           <> AW  ERROR_RESPONSE | sender_id 1 uint64, sender_name 2 string, channel 3 Channel, message 4 string, timestamp 5 uint64, recipient_id 6 uint64, recipient_name 7 string, room_id 8 uint64, message_id 9 uint64, explanation 10 Explanation
2007 WORLD_SNAPSHOT         <  -   - | tick 1 uint64, server_timestamp 2 uint64, updates 3 EntityUpdate[], last_movement_sequence 4 uint32, moves 5 EntityMove[]
2008 MOVEMENT_CORRECTION    <  -   - | position 1 Vector3, sequence_number 2 uint32, reason 3 string
2009 LEAVE_WORLD_REQUEST    >  W   ERROR_RESPONSE |
2010 RESPAWN_REQUEST        >  W   ERROR_RESPONSE |
2011 PORTAL_REQUEST         >  W   MAP_ENTERED | portal_id 1 uint32
2012 MAP_ENTERED            <  -   - | success 1 bool, error_code 2 ErrorCode, entity_id 3 uint64, position 4 Vector3, map 5 MapInfo
2013 MAP_INFO_REQUEST       >  W   MAP_INFO_RESPONSE |
2014 MAP_INFO_RESPONSE      <  -   - | success 1 bool, error_code 2 ErrorCode, map 3 MapInfo
3000 GUILD_CREATE_REQUEST   >  AW  GUILD_CREATE_RESPONSE | name 1 string, tag 2 string
3001 GUILD_CREATE_RESPONSE  <  -   - | success 1 bool, error_code 2 ErrorCode, guild_id 3 uint64
3002 GUILD_INVITE_REQUEST   >  AW  GUILD_INVITE_RESPONSE | player_name 1 string
3003 GUILD_INVITE_RESPONSE  <  -   - | success 1 bool, error_code 2 ErrorCode
3004 GUILD_INVITE_NOTICE    <  -   - | guild_id 1 uint64, guild_name 2 string, inviter_name 3 string
3005 GUILD_JOIN_REQUEST     >  AW  GUILD_ACTION_RESPONSE | guild_id 1 uint64, accept 2 bool
3006 GUILD_LEAVE_REQUEST    >  AW  GUILD_ACTION_RESPONSE |
3007 GUILD_KICK_REQUEST     >  AW  GUILD_ACTION_RESPONSE | player_name 1 string
3008 GUILD_INFO_REQUEST     >  AW  GUILD_INFO_RESPONSE | guild_id 1 uint64
3009 GUILD_INFO_RESPONSE    <  -   - | success 1 bool, error_code 2 ErrorCode, guild_id 3 uint64, name 4 string, tag 5 string, members 6 GuildMember[], wars 7 GuildWar[]
3010 GUILD_WAR_START        <> AW  GUILD_ACTION_RESPONSE | enemy_guild_id 1 uint64, enemy_name 2 string, war_id 3 uint64, ends_at 4 uint64
3011 GUILD_WAR_END          <  -   - | war_id 1 uint64, winner_guild_id 2 uint64, own_kills 3 uint32, enemy_kills 4 uint32
3012 GUILD_ACTION_RESPONSE  <  -   - | success 1 bool, error_code 2 ErrorCode, request_type 3 int32
3013 GUILD_SET_RANK_REQUEST >  AW  ERROR_RESPONSE | player_name 1 string, rank 2 GuildRank
3014 GUILD_INVITE_LIST_REQUEST >  AW  GUILD_INVITE_LIST_RESPONSE |
3015 GUILD_INVITE_LIST_RESPONSE <  -   - | success 1 bool, error_code 2 ErrorCode, invites 3 GuildInvite[]
3016 GUILD_INVITE_WITHDRAW  >  AW  GUILD_ACTION_RESPONSE | player_name 1 string
4000 ROOM_CREATE_REQUEST    >  AW  ROOM_RESPONSE | name 1 string, max_members 2 uint32, password 3 string
4001 ROOM_JOIN_REQUEST      >  AW  ROOM_RESPONSE | room_id 1 uint64, name 2 string, password 3 string
4002 ROOM_LEAVE_REQUEST     >  AW  ROOM_RESPONSE | room_id 1 uint64
4003 ROOM_LIST_REQUEST      >  AW  ERROR_RESPONSE |
4004 ROOM_RESPONSE          <  -   - | success 1 bool, error_code 2 ErrorCode, request_type 3 int32, room 4 RoomInfo, history 5 ChatMessage[]
4005 ROOM_LIST_RESPONSE     <  -   - | rooms 1 RoomInfo[]
4006 ROOM_EVENT             <  -   - | room_id 1 uint64, player_id 2 uint64, player_name 3 string, kind 4 RoomEventKind
5000 FRIEND_REQUEST         >  AW  FRIEND_RESPONSE | player_name 1 string
5001 FRIEND_ANSWER          >  AW  FRIEND_RESPONSE | player_name 1 string, accept 2 bool
5002 FRIEND_REMOVE          >  AW  FRIEND_RESPONSE | player_name 1 string
5003 FRIEND_RESPONSE        <  -   - | success 1 bool, error_code 2 ErrorCode, request_type 3 int32, player 4 PlayerRef, is_friend 5 bool
5004 FRIEND_LIST_REQUEST    >  AW  FRIEND_LIST_RESPONSE |
5005 FRIEND_LIST_RESPONSE   <  -   - | success 1 bool, error_code 2 ErrorCode, friends 3 Friend[], incoming 4 PlayerRef[], outgoing 5 PlayerRef[]
5006 FRIEND_NOTICE          <  -   - | kind 1 FriendNoticeKind, player 2 PlayerRef
5007 IGNORE_ADD             >  AW  IGNORE_RESPONSE | player_name 1 string
5008 IGNORE_REMOVE          >  AW  IGNORE_RESPONSE | player_name 1 string
5009 IGNORE_RESPONSE        <  -   - | success 1 bool, error_code 2 ErrorCode, request_type 3 int32, player 4 PlayerRef
5010 IGNORE_LIST_REQUEST    >  AW  IGNORE_LIST_RESPONSE |
5011 IGNORE_LIST_RESPONSE   <  -   - | success 1 bool, error_code 2 ErrorCode, players 3 PlayerRef[]
6000 LEADERBOARD_REQUEST    >  AW  LEADERBOARD_RESPONSE | board 1 LeaderboardBoard, period 2 LeaderboardPeriod, limit 3 uint32
6001 LEADERBOARD_RESPONSE   <  -   - | success 1 bool, error_code 2 ErrorCode, board 3 LeaderboardBoard, period 4 LeaderboardPeriod, entries 5 LeaderboardEntry[], own 6 LeaderboardEntry, ends_at 7 uint64
8000 PARTY_INVITE_REQUEST   >  AW  PARTY_RESPONSE | player_name 1 string
8001 PARTY_ANSWER           >  AW  PARTY_RESPONSE | party_id 1 uint64, accept 2 bool
8002 PARTY_LEAVE_REQUEST    >  AW  PARTY_RESPONSE |
8003 PARTY_KICK_REQUEST     >  AW  PARTY_RESPONSE | player_name 1 string
8004 PARTY_LEAD_REQUEST     >  AW  PARTY_RESPONSE | player_name 1 string
8005 PARTY_DISBAND_REQUEST  >  AW  PARTY_RESPONSE |
8006 PARTY_RESPONSE         <  -   - | success 1 bool, error_code 2 ErrorCode, request_type 3 int32, error_message 4 string
8007 PARTY_INVITE           <  -   - | party_id 1 uint64, inviter_id 2 uint64, inviter_name 3 string, lifetime_ms 4 uint32
8008 PARTY_STATE            <  -   - | party_id 1 uint64, leader_id 2 uint64, members 3 PartyMember[], change 4 PartyChange, player_name 5 string
`;

const LATEST = ["MOVEMENT_UPDATE", "ENTITY_UPDATE", "WORLD_SNAPSHOT"];
const DROPPABLE = ["HEARTBEAT_REQUEST", "HEARTBEAT_RESPONSE", "ECHO_REQUEST", "ECHO_RESPONSE"];

/** Every packet type of the contract, ascending. */
export const CONTRACT: readonly ContractRow[] = ROWS.trim().split("\n").map((line) => {
  const [head, fields] = line.split("|");
  const [type, name, direction, states, answer] = head.trim().split(/\s+/);
  const isFromClient = direction.includes(">");
  return {
    type: Number(type),
    name,
    isFromClient,
    isFromServer: direction.includes("<"),
    states: states === "-" ? [] : [...states] as StateLetter[],
    ports: isFromClient ? portsOf(Number(type), name) : [],
    delivery: LATEST.includes(name) ? "LATEST" : DROPPABLE.includes(name) ? "DROPPABLE" : "RELIABLE",
    answer,
    fields: fieldList(fields),
  };
});

/** Login port: 1000-1099 only, RESUME aside. Game port: everything but LOGIN and REGISTER. Gateway: both. */
function portsOf(type: number, name: string): PortName[] {
  const ports: PortName[] = ["gateway"];
  if (type >= 1000 && type <= 1099 && name !== "RESUME_REQUEST") ports.push("login");
  if (name !== "LOGIN_REQUEST" && name !== "REGISTER_REQUEST") ports.push("game");
  return ports;
}

/** The fields of messages that are in no packet by themselves, and of the envelope. */
export const CONTRACT_PARTS: Readonly<Record<string, readonly string[]>> = {
  Packet: fieldList("header 1 PacketHeader, payload 2 bytes"),
  PacketHeader: fieldList(
    "type 1 int32, size 2 uint32, sequence 3 uint64, timestamp 4 uint64, is_compressed 5 bool, ack 6 uint64, request_key 7 uint64",
  ),
  Vector3: fieldList("x 1 float, y 2 float, z 3 float"),
  ServerInfo: fieldList(
    "server_id 1 uint32, server_name 2 string, ip_address 3 string, port 4 uint32, current_players 5 uint32, " +
      "max_players 6 uint32, load_factor 7 float, gateway_url 8 string",
  ),
  Explanation: fieldList("cause 1 Cause, reason 2 string, remaining_ms 3 uint64, deletes_at 4 uint64"),
  HealthUpdate: fieldList("current_hp 1 float, max_hp 2 float, shield 3 float"),
  StatusUpdate: fieldList("buff_ids 1 uint32[], debuff_ids 2 uint32[], is_stunned 3 bool, is_silenced 4 bool"),
  StatusEffect: fieldList("effect_id 1 uint32, duration 2 float, value 3 float"),
  EntitySpawn: fieldList(
    "name 1 string, kind 2 EntityKind, movement 3 MovementUpdate, health 4 HealthUpdate, guild_id 5 uint64, " +
      "guild_tag 6 string",
  ),
  ComponentUpdate: fieldList("component_id 1 uint32, content 2 bytes"),
  EntityMove: fieldList(
    "entity_id 1 uint64, x 2 sint32, y 3 sint32, z 4 sint32, vx 5 sint32, vz 6 sint32, yaw 7 uint32",
  ),
  EntityDespawn: fieldList("reason 1 DespawnReason"),
  GuildMember: fieldList("player_id 1 uint64, name 2 string, rank 3 GuildRank, online 4 bool"),
  GuildInvite: fieldList("player_id 1 uint64, player_name 2 string, inviter_name 3 string, expires_at 4 uint64"),
  GuildWar: fieldList(
    "war_id 1 uint64, enemy_guild_id 2 uint64, enemy_name 3 string, own_kills 4 uint32, enemy_kills 5 uint32, " +
      "ends_at 6 uint64",
  ),
  RoomInfo: fieldList(
    "room_id 1 uint64, name 2 string, member_count 3 uint32, max_members 4 uint32, has_password 5 bool",
  ),
  PartyMember: fieldList("player_id 1 uint64, name 2 string, link_dead 3 bool"),
  PlayerRef: fieldList("player_id 1 uint64, name 2 string"),
  Portal: fieldList(
    "portal_id 1 uint32, position 2 Vector3, radius 3 float, target_map_id 4 uint32, target_map_name 5 string",
  ),
  MapInfo: fieldList(
    "map_id 1 uint32, name 2 string, width 3 float, height 4 float, interest_radius 5 float, portals 6 Portal[], " +
      "theme 7 string, safe_areas 8 SafeArea[]",
  ),
  SafeArea: fieldList("position 1 Vector3, radius 2 float"),
  Friend: fieldList("player_id 1 uint64, name 2 string, online 3 bool"),
  LeaderboardEntry: fieldList(
    "rank 1 uint32, player_id 2 uint64, name 3 string, kills 4 uint32, deaths 5 uint32, monster_kills 6 uint32",
  ),
};

function fieldList(text: string): string[] {
  return text.trim() === "" ? [] : text.trim().split(/,\s*/);
}

/** The values of the contract's enums, in the order of their numbers from 0. */
export const CONTRACT_ENUMS: Readonly<Record<string, readonly string[]>> = {
  ErrorCode: (
    "NONE INVALID_CREDENTIALS SERVER_FULL VERSION_MISMATCH BANNED MAINTENANCE INTERNAL TIMEOUT ALREADY_LOGGED_IN " +
    "INVALID_PACKET RATE_LIMITED NOT_AUTHENTICATED INVALID_STATE INVALID_TOKEN TOKEN_EXPIRED NAME_TAKEN NAME_INVALID " +
    "NOT_FOUND PERMISSION_DENIED ALREADY_EXISTS OUT_OF_RANGE ON_COOLDOWN TARGET_INVALID MUTED RESUME_EXPIRED " +
    "SHUTTING_DOWN UNSUPPORTED UNAVAILABLE"
  ).split(" "),
  DisconnectReason: (
    "UNSPECIFIED MALFORMED_FRAME MALFORMED_PACKET FLOOD IDLE SLOW_READER LOGGED_IN_ELSEWHERE KICKED BANNED SHUTDOWN " +
    "SERVER_FULL HANDSHAKE_TIMEOUT SERVER_ERROR PROTOCOL_VIOLATION"
  ).split(" "),
  Cause: (
    "UNSPECIFIED BANNED MUTED KICKED CHAT_FLOOD MAINTENANCE PASSWORD_CHANGED LOGGED_OUT_EVERYWHERE ACCOUNT_DELETION " +
    "PASSWORD_RESET TOKENS_REVOKED ACCOUNT_DELETED MAINTENANCE_PLANNED"
  ).split(" "),
  Channel: "GLOBAL AREA GUILD PARTY WHISPER TRADE ROOM SYSTEM".split(" "),
  PartyChange: "NONE FOUNDED JOINED LEFT KICKED LED DISBANDED DECLINED".split(" "),
  GuildRank: "MEMBER OFFICER LEADER".split(" "),
  EntityKind: "PLAYER MONSTER".split(" "),
  DespawnReason: "LEFT_INTEREST LEFT_WORLD DIED".split(" "),
  RoomEventKind: "JOINED LEFT CLOSED".split(" "),
  LeaderboardBoard: "KILLS DEATHS MONSTER_KILLS".split(" "),
  LeaderboardPeriod: "ALL_TIME DAY".split(" "),
  FriendNoticeKind: "REQUESTED ACCEPTED ONLINE OFFLINE REMOVED".split(" "),
};
