/**
 * A simulated player: enters the world with its token, numbers and acknowledges reliable packets, logs out.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { LogoutResponseSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  EnterWorldRequestSchema,
  type EnterWorldResponse,
  EnterWorldResponseSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { CLIENT_ACK_PACKETS } from "../../shared/limits.ts";
import type { PacketView } from "../../shared/packet_codec.ts";
import { type LoadContext, LoadSession } from "./load_session.ts";
import type { LoadPlayer } from "./messages.ts";
import { addTotals, type LedgerTotals, NO_TOTALS, SequenceLedger } from "./sequence_ledger.ts";

/** One player. */
export abstract class PlayerSession extends LoadSession {
  /** The server's reliable packets, as it numbers them. */
  readonly received = new SequenceLedger();
  /** Who plays; nobody on a connection that only sends heartbeats. */
  readonly player: LoadPlayer | undefined;
  /** Reliable packets sent, and those the server has acknowledged. */
  sentSequence = 0;
  acknowledgedSequence = 0;
  #logoutUs = 0;

  constructor(context: LoadContext, index: number) {
    super(context, index);
    this.player = context.task.players[index];
  }

  protected onConnected(): void {
    const request = create(EnterWorldRequestSchema, { sessionToken: this.player?.token ?? "" });
    this.sendPacket(PacketType.ENTER_WORLD_REQUEST, 0, toBinary(EnterWorldRequestSchema, request));
  }

  override onPacket(view: PacketView, bytes: Uint8Array): void {
    if (view.ack > this.acknowledgedSequence) this.acknowledgedSequence = view.ack;
    if (view.sequence > 0) {
      if (!this.received.receiveNumbered(view.sequence - 1)) return;
      if (view.sequence > this.ack) this.ack = view.sequence;
      // Sent by itself only where nothing else carries it: the server keeps what is not acknowledged.
      if (this.ack - this.ackSent >= CLIENT_ACK_PACKETS) this.sendHeartbeat(this.context.host.nowUs);
    }
    super.onPacket(view, bytes);
  }

  protected onScenarioPacket(view: PacketView, bytes: Uint8Array): void {
    if (view.type === PacketType.ENTER_WORLD_RESPONSE) {
      this.#onEnter(fromBinary(EnterWorldResponseSchema, bytes.subarray(view.payloadStart, view.payloadEnd)));
    } else if (view.type === PacketType.LOGOUT_RESPONSE) {
      this.#onLogout(fromBinary(LogoutResponseSchema, bytes.subarray(view.payloadStart, view.payloadEnd)).success);
    } else {
      this.onWorldPacket(view, bytes);
    }
  }

  #onEnter(response: EnterWorldResponse): void {
    if (!response.success) {
      this.refuse(`ENTER_WORLD_REQUEST refused: ${ErrorCode[response.errorCode] ?? response.errorCode}`);
      return;
    }
    this.record("enter", this.intendedUs, this.context.host.nowUs, true);
    this.becomeReady();
    this.onEntered(response);
  }

  /** The server said no, and nothing more can be done with this connection. */
  protected refuse(words: string): void {
    this.connection?.close();
    this.onClosed(words);
  }

  /** The player is in the world. */
  protected abstract onEntered(response: EnterWorldResponse): void;

  /** A packet of the world. */
  protected abstract onWorldPacket(view: PacketView, bytes: Uint8Array): void;

  /** Sends a reliable packet; gives its number. */
  protected sendReliable(type: number, payload: Uint8Array): number {
    this.sentSequence++;
    this.sendPacket(type, this.sentSequence, payload);
    return this.sentSequence;
  }

  /** Leaves the world in order, so that no entity stays behind, and closes the connection when that is confirmed. */
  logOut(): void {
    if (!this.ready || this.player === undefined) return this.close();
    this.#logoutUs = this.context.host.engine.nowUs();
    this.sendReliable(PacketType.LOGOUT_REQUEST, new Uint8Array(0));
  }

  #onLogout(success: boolean): void {
    if (!success) return this.refuse("LOGOUT_REQUEST refused");
    this.record("logout", this.#logoutUs, this.context.host.nowUs, true);
    this.close();
    this.onLoggedOut();
  }

  /** The player has left. */
  protected onLoggedOut(): void {}
}

/** The account of reliable delivery: what the server numbered, and what it acknowledged of ours. */
export function reliableLedgers(sessions: readonly PlayerSession[]): Record<string, LedgerTotals> {
  let down = NO_TOTALS, up = NO_TOTALS;
  for (const { received, sentSequence, acknowledgedSequence } of sessions) {
    down = addTotals(down, received.totals());
    const lost = Math.max(0, sentSequence - acknowledgedSequence);
    up = addTotals(up, { ...NO_TOTALS, sent: sentSequence, received: sentSequence - lost, lost });
  }
  return { reliable_down: down, reliable_up: up };
}
