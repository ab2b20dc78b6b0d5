import type { Message } from "@bufbuild/protobuf";
import {
  type ChatMessage,
  ChatMessageSchema,
  DrawbridgeClient,
  type GuildActionResponse,
  GuildJoinRequestSchema,
  LeaveWorldRequestSchema,
  type MessageByType,
  MovementUpdateSchema,
  type Packets,
  PacketType,
  RoomListRequestSchema,
  type RoomListResponse,
  type RoomResponse,
  type SendType,
  WorldSnapshotSchema,
} from "../../client/browser.ts";
import { contract } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CONTRACT } from "../shared/contract.ts";

/** `true` where both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** Never called: the compiler judges it. A line that it should refuse and does not is an error. */
export async function typed(client: DrawbridgeClient): Promise<void> {
  const list = await client.request(RoomListRequestSchema, {});
  const isList: Same<typeof list, RoomListResponse> = true;
  const joined = await client.request(GuildJoinRequestSchema, { guildId: 1n, accept: true });
  const isAction: Same<typeof joined, GuildActionResponse> = true;
  // @ts-expect-error: the server sends it
  client.send(WorldSnapshotSchema, {});
  // @ts-expect-error: nothing answers it
  await client.request(LeaveWorldRequestSchema, {});
  // @ts-expect-error: no such field
  client.send(ChatMessageSchema, { text: "hi" });
  // @ts-expect-error: only clients send it
  client.on(MovementUpdateSchema, () => {});
  // @ts-expect-error: only clients send it
  client.on(PacketType.MOVEMENT_UPDATE, () => {});
  client.on(ChatMessageSchema, (chat) => {
    const isChat: Same<typeof chat, ChatMessage> = true;
    return isChat;
  });
  client.on(PacketType.ROOM_RESPONSE, (response) => {
    const isRoom: Same<typeof response, RoomResponse> = true;
    return isRoom;
  });
  const isSent: Same<Extract<SendType, PacketType.CHAT_MESSAGE | PacketType.ROOM_EVENT>, PacketType.CHAT_MESSAGE> =
    true;
  const isByType: Same<MessageByType[PacketType.CHAT_MESSAGE], ChatMessage> = true;
  const isMessage: Packets[keyof Packets] extends { client: Message } | { server: Message } ? true : false = true;
  assert(isList && isAction && isSent && isByType && isMessage);
}

Deno.test("PacketType has every packet type of the contract by its name, and the other way round", () => {
  for (const { type, name } of contract.packets.rows) {
    assertEquals([PacketType[type], PacketType[name as keyof typeof PacketType]], [name, type]);
  }
  assertEquals(Object.values(PacketType).filter((value) => typeof value === "number").length, CONTRACT.length + 1);
});

/** What clients await that says nothing of success: the second opinion knows only replies that can refuse. */
const PLAIN_REPLIES: Readonly<Record<string, string>> = {
  HEARTBEAT_REQUEST: "HEARTBEAT_RESPONSE",
  ECHO_REQUEST: "ECHO_RESPONSE",
  ROOM_LIST_REQUEST: "ROOM_LIST_RESPONSE",
};

Deno.test("PacketRow.replyType is what the contract says answers the request", () => {
  for (const { type, name, answer, isFromClient } of CONTRACT) {
    const expected = answer !== "ERROR_RESPONSE" && isFromClient ? answer : PLAIN_REPLIES[name] ?? "UNSPECIFIED";
    assertEquals(PacketType[contract.packets.row(type)!.replyType], expected, name);
  }
});
