/**
 * Everything a client of the marsh is written with, for browsers: the client, the WebSocket transport, packet types and
 * messages. Clients of another game use {@linkcode GameClient} with that game's contract.
 *
 * @module
 */

import type { DescMessage, Message } from "@bufbuild/protobuf";
import { contract, type Packets } from "../games/marsh/contract.ts";
import { GameClient } from "./client.ts";
import type * as client from "./client.ts";

/** A client of one server of the marsh. */
export class DrawbridgeClient extends GameClient<Packets> {
  /**
   * Makes a client; {@linkcode GameClient.open} connects it.
   *
   * @throws {RangeError} when an interval is out of its bounds.
   */
  constructor(options: client.ClientOptions) {
    super({ ...options, contract });
  }
}

/** The packet types of the marsh. */
export type MessageType = keyof Packets;
/** The message that a packet of a type carries. */
export type MessageByType = {
  readonly [T in MessageType]: Packets[T] extends { client: infer M } | { server: infer M } ? M : Message;
};
/** The packet types that clients send. */
export type SendType = { [T in MessageType]: Packets[T] extends { client: Message } ? T : never }[MessageType];
/** The schemas that clients may send. */
export type SendSchema = client.SendSchema<Packets>;
/** The schemas that clients may send and await an answer to. */
export type RequestSchema = client.RequestSchema<Packets>;
/** The answer to a request with schema `D`. */
export type ResponseOf<D extends DescMessage> = client.ResponseOf<Packets, D>;

export {
  type ClientEvents,
  type ClientOptions,
  type ClientState,
  type CloseOptions,
  type Connect,
  type EnterWorldOptions,
  GameClient,
  type GameClientOptions,
  hashPassword,
  type OutgoingQueueMax,
  type PacketHeader,
  type ReceivedMessage,
  type ReceiveType,
  type ReconnectOptions,
  RequestError,
  type RequestErrorReason,
  type RequestOptions,
  type SendResult,
  type SessionLoss,
  type StateChange,
  type Timers,
  type Transport,
  type TransportHandler,
  type Unsubscribe,
} from "./client.ts";
export * from "./websocket_transport.ts";
export * from "../games/marsh/contract.ts";
export { DeliveryClass } from "../shared/gen/options_pb.ts";
