/**
 * The reliable rules of the wire contract, as plainly as they can be written: sessions, numbers, acknowledgements,
 * resuming. Chat messages and guild requests are all it understands.
 *
 * A client that was cut off before RESUME_RESPONSE reached it holds a spent token, so the token before the present one
 * is good, too.
 *
 * @module
 */

import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import type { MessageType } from "../../../client/browser.ts";
import type { Schemas } from "./memory_server.ts";
import { ResumeRequestSchema } from "../../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { GuildInfoRequestSchema } from "../../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../../games/marsh/contract.ts";
import { frame, type MemoryServer, type Peer, type ReceivedPacket } from "./memory_server.ts";

interface Kept {
  readonly sequence: number;
  readonly bytes: (ack: number) => Uint8Array;
}

/** One admitted player. */
export class ReferenceSession {
  /** What the client sent, as applied. */
  readonly applied: string[] = [];
  /** Highest number received. */
  received = 0;
  token: string;
  previousToken: string | null = null;
  peer: Peer | null;
  #sent = 0;
  #outbox: Kept[] = [];

  constructor(peer: Peer, token: string) {
    this.peer = peer;
    this.token = token;
  }

  /** Packets not acknowledged. */
  get outboxCount(): number {
    return this.#outbox.length;
  }

  /** Sends a RELIABLE message, now or when the client is back. */
  send<T extends MessageType>(type: T, message: MessageInitShape<Schemas[T]>): void {
    const sequence = ++this.#sent;
    const kept = { sequence, bytes: (ack: number) => frame(type, message, { sequence, ack }) };
    this.#outbox.push(kept);
    this.peer?.sendBytes(kept.bytes(this.received));
  }

  acknowledge(ack: number): void {
    if (ack > this.#sent) throw new Error(`The client acknowledged ${ack}, sent were ${this.#sent}`);
    this.#outbox = this.#outbox.filter(({ sequence }) => sequence > ack);
  }

  /** Sends what is not acknowledged again. */
  replay(peer: Peer): void {
    for (const { bytes } of this.#outbox) peer.sendBytes(bytes(this.received));
  }

  /** Takes the number of a packet; gives whether it is to be applied. */
  accept(sequence: number): boolean {
    if (sequence <= this.received) return false;
    if (sequence !== this.received + 1) throw new Error(`The client sent ${sequence} after ${this.received}`);
    this.received = sequence;
    return true;
  }
}

/** Lets `server` keep the contract. */
export class ReferenceServer {
  /** Sessions, oldest first. */
  readonly sessions: ReferenceSession[] = [];
  /** Breaches of the contract by the client. */
  readonly breaches: string[] = [];
  /** Whether RESUME_REQUEST's `last_sequence` is overlooked, so that the client gets again what it has. */
  isForgetful = false;
  #tokenCount = 0;

  constructor(server: MemoryServer) {
    server.script = (peer, packet) => {
      try {
        this.#handle(peer, packet);
      } catch (error) {
        this.breaches.push(String(error));
      }
    };
  }

  /** The newest session. */
  get session(): ReferenceSession {
    return this.sessions.at(-1)!;
  }

  /** Ends every session, as time does. */
  expire(): void {
    for (const session of this.sessions) session.token = session.previousToken = "";
  }

  #handle(peer: Peer, packet: ReceivedPacket): void {
    const session = this.sessions.find((session) => session.peer === peer);
    if (session !== undefined) {
      if (packet.ack > 0) session.acknowledge(packet.ack);
      if (packet.sequence > 0 && !session.accept(packet.sequence)) return;
    }
    switch (packet.type) {
      case PacketType.HEARTBEAT_REQUEST:
        return peer.reply(PacketType.HEARTBEAT_RESPONSE, {}, { ack: session?.received });
      case PacketType.ENTER_WORLD_REQUEST: {
        const entered = new ReferenceSession(peer, this.#nextToken());
        this.sessions.push(entered);
        const entityId = BigInt(this.sessions.length);
        entered.send(PacketType.ENTER_WORLD_RESPONSE, { success: true, resumeToken: entered.token, entityId });
        return;
      }
      case PacketType.RESUME_REQUEST:
        return this.#resume(peer, packet);
      case PacketType.CHAT_MESSAGE:
        if (session === undefined) throw new Error("The client chatted outside its session");
        session.applied.push(fromBinary(ChatMessageSchema, packet.payload).message);
        return;
      case PacketType.GUILD_INFO_REQUEST: {
        const { guildId } = fromBinary(GuildInfoRequestSchema, packet.payload);
        return session?.send(PacketType.GUILD_INFO_RESPONSE, { success: true, guildId });
      }
    }
  }

  #resume(peer: Peer, packet: ReceivedPacket): void {
    const { resumeToken, lastSequence } = fromBinary(ResumeRequestSchema, packet.payload);
    const session = this.sessions.find(({ token, previousToken }) =>
      resumeToken !== "" && (resumeToken === token || resumeToken === previousToken)
    );
    if (session === undefined) {
      return peer.reply(PacketType.RESUME_RESPONSE, { success: false, errorCode: ErrorCode.RESUME_EXPIRED });
    }
    session.previousToken = resumeToken;
    session.token = this.#nextToken();
    session.peer = peer;
    if (!this.isForgetful) session.acknowledge(Number(lastSequence));
    peer.reply(PacketType.RESUME_RESPONSE, {
      success: true,
      lastSequence: BigInt(session.received),
      resumeToken: session.token,
      entityId: 1n,
    });
    session.replay(peer);
  }

  #nextToken(): string {
    return `token-${++this.#tokenCount}`;
  }
}
