/** A player that does what a script says: its connection, its numbers, its sending. @module */

import { create, type DescMessage, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import type { Actor } from "./board.ts";
import type { Checker } from "./checker.ts";

interface SentPacket {
  readonly type: PacketType;
  readonly payload: Uint8Array;
  readonly sequence: number;
}

/** Packets a client sends again after a resume though they have arrived. */
const REPEATED_PACKETS = 3;
/** Of so many packets one acknowledges. */
const PACKETS_PER_ACK = 8;

/** One scripted player. */
export class ScriptedPlayer {
  /** Its connection, if it has one. */
  client: HarnessClient | null = null;
  resumeToken = "";
  /** Where it walks to, in centimetres. */
  goal = { x: 0, z: 0 };
  /** It walks to a portal. */
  isTravelling = false;
  /** When it comes back, by the clock; 0: it is not away. */
  awayUntilMs = 0;
  movementSequence = 0;
  /** Reliable packets it has sent in this session. */
  #sequence = 0;
  /** Up to where it has said to have received. */
  #acknowledged = 0;
  #sentCount = 0;
  #recent: SentPacket[] = [];

  constructor(readonly harness: LogicHarness, readonly checker: Checker, readonly actor: Actor) {}

  /** A session begins. */
  begin(): void {
    this.#sequence = 0;
    this.#acknowledged = 0;
    this.movementSequence = 0;
    this.#recent = [];
  }

  /** Sends a message; one that is reliable gets its number. `expect` tells the checker what is about to be asked. */
  send<Desc extends DescMessage>(
    type: PacketType,
    schema: Desc,
    init: MessageInitShape<Desc>,
    expect: (message: MessageShape<Desc>) => void = () => {},
  ): void {
    const message = create(schema, init);
    expect(message);
    this.sendPayload(type, toBinary(schema, message));
  }

  /** Sends what {@linkcode ScriptedPlayer.send} does, already encoded. */
  sendPayload(type: PacketType, payload: Uint8Array): void {
    const isNumbered = type !== PacketType.MOVEMENT_UPDATE && this.actor.standing === "world";
    const sequence = isNumbered ? ++this.#sequence : 0;
    if (isNumbered) this.#recent = [...this.#recent.slice(1 - REPEATED_PACKETS), { type, payload, sequence }];
    this.harness.sendRaw(this.client!, type, payload, { sequence, ack: this.#nextAck() });
  }

  /** Some packets acknowledge what has come, most do not. */
  #nextAck(): number {
    if (this.actor.standing !== "world" || ++this.#sentCount % PACKETS_PER_ACK !== 0) return 0;
    this.#acknowledged = this.checker.delivery.lastSequence(this.actor);
    this.checker.delivery.acknowledge(this.actor, this.#acknowledged);
    return this.#acknowledged;
  }

  /** Takes the session up on a new connection, as if the last `lost` packets had not arrived. */
  resume(client: HarnessClient, lost: number): void {
    const { actor, checker, harness } = this;
    this.client = client;
    // It has the first, which brought the token.
    const lastSequence = Math.max(1, this.#acknowledged, checker.delivery.lastSequence(actor, lost));
    this.#acknowledged = lastSequence;
    checker.beginResume(actor, lastSequence);
    checker.dues.expect(actor, "resume", `${this.#sequence} ${actor.entityId}`);
    const request = { resumeToken: this.resumeToken, lastSequence: BigInt(lastSequence) };
    harness.send(client, ResumeRequestSchema, request);
    checker.endResume(actor);
    // What the client cannot know to have arrived it sends again; nothing may come of it.
    for (const { type, payload, sequence } of this.#recent) harness.sendRaw(client, type, payload, { sequence });
  }
}
