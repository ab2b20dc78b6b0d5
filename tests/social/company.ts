/** Players in the harness, and what they say to each other. @module */

import { LoginRequestSchema, RegisterRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, type ChatMessage, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { MessageByType, MessageType } from "../../client/browser.ts";
import { assert } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

const PASSWORD_HASH = "0".repeat(64);

/** Players of these names, all in the world and in sight of each other. */
export async function gather<Name extends string>(
  harness: LogicHarness,
  ...names: Name[]
): Promise<Record<Name, HarnessClient>> {
  const clients = {} as Record<Name, HarnessClient>;
  for (const [index, name] of names.entries()) {
    clients[name] = await harness.connect({ name, at: { x: 500 + index, z: 500 } });
  }
  harness.tick();
  harness.forget();
  return clients;
}

/** A player who is logged in, and not in the world. */
export async function logIn(harness: LogicHarness, name: string): Promise<HarnessClient> {
  const client = harness.open({ name });
  harness.send(client, RegisterRequestSchema, { username: name, passwordHash: PASSWORD_HASH });
  await harness.until(() => harness.take(client, PacketType.REGISTER_RESPONSE).length > 0);
  harness.send(client, LoginRequestSchema, { username: name, passwordHash: PASSWORD_HASH, clientVersion: "1.0" });
  const { success, playerId } = await answerTo(harness, client, PacketType.LOGIN_RESPONSE);
  assert(success, `${name} cannot log in`);
  client.playerId = Number(playerId);
  return client;
}

/** Waits for the next message of a type, and takes it. */
export async function answerTo<T extends MessageType>(
  harness: LogicHarness,
  client: HarnessClient,
  type: T,
): Promise<MessageByType[T]> {
  let messages: MessageByType[T][] = [];
  await harness.until(() => (messages = harness.take(client, type)).length > 0);
  assert(messages.length === 1, `${messages.length} messages instead of one`);
  return messages[0];
}

/** Lets everything be done that is under way. */
export async function settle(harness: LogicHarness): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    let isOver = false;
    await harness.until(() => isOver || !(isOver = true));
  }
}

export function say(
  harness: LogicHarness,
  client: HarnessClient,
  channel: Channel,
  message: string,
  to: { readonly recipientName?: string; readonly recipientId?: bigint; readonly roomId?: bigint } = {},
): void {
  harness.send(client, ChatMessageSchema, { channel, message, ...to });
}

/** What a client heard since it was last asked, as texts. */
export function heard(harness: LogicHarness, client: HarnessClient): string[] {
  return harness.take(client, PacketType.CHAT_MESSAGE).map(({ message }: ChatMessage) => message);
}
