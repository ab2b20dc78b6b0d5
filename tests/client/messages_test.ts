import { MESSAGE_SCHEMAS, RESPONSE_TYPES, type SendType } from "../../client/messages.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { PACKET_TABLE, packetRow } from "../../shared/packet_table.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Answered by a response whose first fields are not `success` and `error_code`, which the packet table does not name. */
const OTHER_RESPONSES: ReadonlySet<number> = new Set([
  PacketType.HEARTBEAT_REQUEST,
  PacketType.ECHO_REQUEST,
  PacketType.ROOM_LIST_REQUEST,
]);

/** The type checker holds this list to be complete; the test holds it to be right. */
const SEND_TYPES: Record<SendType, true> = {
  [PacketType.LOGIN_REQUEST]: true,
  [PacketType.LOGOUT_REQUEST]: true,
  [PacketType.HEARTBEAT_REQUEST]: true,
  [PacketType.REGISTER_REQUEST]: true,
  [PacketType.RESUME_REQUEST]: true,
  [PacketType.ECHO_REQUEST]: true,
  [PacketType.PASSWORD_CHANGE_REQUEST]: true,
  [PacketType.TOKENS_REVOKE_REQUEST]: true,
  [PacketType.ACCOUNT_DELETE_REQUEST]: true,
  [PacketType.ENTER_WORLD_REQUEST]: true,
  [PacketType.MOVEMENT_UPDATE]: true,
  [PacketType.COMBAT_ACTION]: true,
  [PacketType.CHAT_MESSAGE]: true,
  [PacketType.LEAVE_WORLD_REQUEST]: true,
  [PacketType.RESPAWN_REQUEST]: true,
  [PacketType.PORTAL_REQUEST]: true,
  [PacketType.MAP_INFO_REQUEST]: true,
  [PacketType.GUILD_CREATE_REQUEST]: true,
  [PacketType.GUILD_INVITE_REQUEST]: true,
  [PacketType.GUILD_JOIN_REQUEST]: true,
  [PacketType.GUILD_LEAVE_REQUEST]: true,
  [PacketType.GUILD_KICK_REQUEST]: true,
  [PacketType.GUILD_INFO_REQUEST]: true,
  [PacketType.GUILD_WAR_START]: true,
  [PacketType.GUILD_SET_RANK_REQUEST]: true,
  [PacketType.GUILD_INVITE_LIST_REQUEST]: true,
  [PacketType.GUILD_INVITE_WITHDRAW]: true,
  [PacketType.ROOM_CREATE_REQUEST]: true,
  [PacketType.ROOM_JOIN_REQUEST]: true,
  [PacketType.ROOM_LEAVE_REQUEST]: true,
  [PacketType.ROOM_LIST_REQUEST]: true,
  [PacketType.FRIEND_REQUEST]: true,
  [PacketType.FRIEND_ANSWER]: true,
  [PacketType.FRIEND_REMOVE]: true,
  [PacketType.FRIEND_LIST_REQUEST]: true,
  [PacketType.IGNORE_ADD]: true,
  [PacketType.IGNORE_REMOVE]: true,
  [PacketType.IGNORE_LIST_REQUEST]: true,
  [PacketType.LEADERBOARD_REQUEST]: true,
};

Deno.test("MESSAGE_SCHEMAS has the packet table's schema for every packet type", () => {
  const types = PACKET_TABLE.map(({ type }) => String(type));
  assertEquals(Object.keys(MESSAGE_SCHEMAS).sort(), types.sort());
  for (const { type, name, schema } of PACKET_TABLE) {
    assert((MESSAGE_SCHEMAS as Record<number, unknown>)[type] === schema, `${name} differs`);
  }
});

Deno.test("RESPONSE_TYPES names the packet table's response type of every request", () => {
  for (const { type, name, responseType } of PACKET_TABLE) {
    const response = (RESPONSE_TYPES as Record<number, PacketType>)[type];
    if (OTHER_RESPONSES.has(type)) {
      assertEquals(responseType, PacketType.UNSPECIFIED, name);
      assertEquals(PacketType[response], name.replace("_REQUEST", "_RESPONSE"));
    } else {
      assertEquals(response ?? PacketType.UNSPECIFIED, responseType, name);
    }
  }
});

Deno.test("SendType is every type the packet table lets a client send", () => {
  const types = PACKET_TABLE.filter(({ states }) => states !== 0).map(({ type }) => type);
  assertEquals(Object.keys(SEND_TYPES).map(Number), types);
  for (const type of types) assert(packetRow(type)!.direction !== "server");
});
