/**
 * Everything a client is written with, for browsers: the client, the WebSocket transport, packet types and messages.
 *
 * @module
 */

export * from "./client.ts";
export * from "./websocket_transport.ts";
export * from "../shared/gen/auth_pb.ts";
export * from "../shared/gen/chat_pb.ts";
export * from "../shared/gen/common_pb.ts";
export * from "../shared/gen/game_pb.ts";
export * from "../shared/gen/guild_pb.ts";
export * from "../shared/gen/leaderboard_pb.ts";
export { DeliveryClass } from "../shared/gen/options_pb.ts";
export { PacketType } from "../shared/gen/packet_pb.ts";
export * from "../shared/gen/social_pb.ts";
