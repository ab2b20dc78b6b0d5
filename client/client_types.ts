/**
 * The shapes of what a client is told and asked for: options of its calls, and what the compiler knows of a game's
 * packets.
 *
 * @module
 */

import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import type { ReplyOf, Requests, SchemaOf, SentByClient, SentByServer } from "../shared/contract.ts";
import type { PacketView } from "../shared/packet_codec.ts";

/** The envelope of a packet, valid only during the call. */
export type PacketHeader = Readonly<
  Pick<PacketView, "type" | "size" | "sequence" | "timestamp" | "isCompressed" | "ack">
>;

/** Options of one request. */
export interface RequestOptions {
  /** How long to wait for the answer, in milliseconds. */
  timeoutMs?: number;
}

/** How to close a client. */
export interface CloseOptions {
  /**
   * Leaves the player in the world, link-dead, for the server's time of grace, as a lost connection does. Default:
   * false.
   */
  linkDead?: boolean;
}

/** How to enter the world. */
export interface EnterWorldOptions {
  /** A session token; default: the one of the last login, where it is needed. */
  token?: string;
  /** Default: the account's first. */
  characterId?: bigint;
  /** Default: 0. */
  channelId?: number;
}

/** The schemas of messages that clients send. */
export type SendSchema<P> = SchemaOf<SentByClient<P>>;
/** The schemas of messages of clients that have a reply. */
export type RequestSchema<P> = SchemaOf<Requests<P>>;
/** The message that answers a request with schema `D`. */
export type ResponseOf<P, D extends DescMessage> = ReplyOf<P, MessageShape<D>>;
/** The schemas of messages that the server sends. */
export type ReceiveSchema<P> = SchemaOf<SentByServer<P>>;
/** The packet types that the server sends. */
export type ReceiveType<P> = { [T in keyof P]: P[T] extends { server: Message } ? T : never }[keyof P];
/** The message that a packet type of the server carries. */
export type ReceivedMessage<P, T extends keyof P> = P[T] extends { server: infer M } ? M : never;
