/** What comes of the requests that a game handles. @module */

import { create, type DescMessage, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { PacketRow } from "../../shared/packet_table.ts";
import type { LogicContext } from "../session/context.ts";
import type { Packed } from "../session/packed.ts";
import { Player } from "../session/player.ts";
import type { Asker } from "../storage/storage.ts";
import type { Documents } from "./documents.ts";
import { Durable, KeptReply, OnceStores, replyOfBefore, settleDurable } from "./durable.ts";

/** The fields of a reply, in which `success` and `requestType`, where it has them, are set unless they are given. */
export type Reply = MessageInitShape<DescMessage>;

/** A reply that is encoded and packed already, as it was for others. */
export class PackedReply {
  /** Takes what is packed. */
  constructor(readonly packed: Packed) {}
}

/** What a handler gives: nothing, a reply, or one that waits for the disk. */
export type Answer = Reply | Durable | KeptReply | PackedReply | undefined;

/** Of a request that is not done once. */
const NO_REQUEST = { playerId: 0, requestType: 0, requestKey: 0, atMs: 0 };

/** A packet that is handled, and what answers it. */
interface AnsweredPacket {
  readonly row: PacketRow;
  /** Undefined: nothing does. */
  readonly replySchema: DescMessage | undefined;
}

interface AnswersParts {
  readonly context: Pick<LogicContext, "clock" | "faults" | "ownerships" | "sessions">;
  readonly documents: Documents;
  readonly storage: LogicContext["storage"];
}

/** Answers the requests of one packet. */
export class Answers {
  readonly packet: AnsweredPacket;
  readonly parts: AnswersParts;
  /** For packets that are not durable. */
  readonly #notOnce: OnceStores;

  constructor(packet: AnsweredPacket, parts: AnswersParts) {
    this.packet = packet;
    this.parts = parts;
    this.#notOnce = new OnceStores(() => {
      throw this.notDurable();
    }, NO_REQUEST);
  }

  /** A request has come. */
  begin(player: Player, requestKey: number): AnsweredRequest {
    const { context: { clock }, storage } = this.parts, { playerId } = player, asker = Player.askerOf(player);
    const { isDurable, type: requestType } = this.packet.row;
    const once = isDurable
      ? new OnceStores(() => storage.for(asker), { playerId, requestType, requestKey, atMs: clock.unixMs() })
      : this.#notOnce;
    return new AnsweredRequest(this, { player, asker, requestKey, once });
  }

  /** The reply as it is sent. @throws {TypeError} when the packet has none. */
  encode(reply: Reply): Uint8Array {
    const { row, replySchema } = this.packet;
    if (replySchema === undefined) throw new TypeError(`${row.name} has no reply that could be sent`);
    const message = create(replySchema, reply) as Record<string, unknown>;
    if (replySchema.field.success !== undefined && !("success" in reply)) message.success = true;
    // A reply of several requests says which.
    if (replySchema.field.requestType !== undefined && !("requestType" in reply)) message.requestType = row.type;
    return toBinary(replySchema, message as MessageShape<DescMessage>);
  }

  /** What is wrong with a handler that answers durably what is not. */
  notDurable(): TypeError {
    return new TypeError(`Cannot answer ${this.packet.row.name} durably: its proto does not say durable`);
  }
}

/** One request, from when it has come until it is answered. */
class AnsweredRequest {
  /** Stores that do what it asks for once. */
  readonly once: OnceStores;
  readonly #answers: Answers;
  readonly #player: Player;
  /** On whose behalf its writes are done: its player may have left the world when they are. */
  readonly #asker: Asker;
  readonly #requestKey: number;

  constructor(
    answers: Answers,
    { player, asker, requestKey, once }: {
      readonly player: Player;
      readonly asker: Asker;
      readonly requestKey: number;
      readonly once: OnceStores;
    },
  ) {
    this.#answers = answers;
    this.#player = player;
    this.#asker = asker;
    this.#requestKey = requestKey;
    this.once = once;
  }

  /** Asks the handler. What was done before is not refused, though it throws before it looks for a receipt. */
  ask(handle: () => unknown): Answer | Promise<Answer> {
    return this.#kept(this.#ask(handle));
  }

  #ask(handle: () => unknown): Answer | Promise<Answer> {
    if (this.#requestKey === 0 || !this.#answers.packet.row.isDurable) return handle() as Answer | Promise<Answer>;
    try {
      const reply = handle() as Answer | Promise<Answer>;
      return reply instanceof Promise ? reply.catch((error) => this.#lookBack(error)) : reply;
    } catch (error) {
      return this.#lookBack(error);
    }
  }

  /** Does what a durable answer tells of, so that it can be sent. */
  settle(reply: Answer): Answer | Promise<Answer> {
    return reply instanceof Durable ? this.#kept(this.#settleDurably(reply)) : reply;
  }

  /** What goes on is done by what it began under. */
  #kept<T>(reply: T | Promise<T>): T | Promise<T> {
    if (reply instanceof Promise) Player.keepOwner(this.#player, this.#asker.owner, reply);
    return reply;
  }

  /** Sends what the handler gave, settled. */
  send(reply: Answer): void {
    const { row } = this.#answers.packet;
    if (reply === undefined) return;
    if (reply instanceof KeptReply) {
      this.#player.send(row.replyType, reply.payload);
      return this.drop(reply);
    }
    if (reply instanceof PackedReply) return this.#player.sendPacked(row.replyType, reply.packed);
    if (row.isDurable && !this.once.isUsed) {
      throw new TypeError(`Cannot answer ${row.name} at once: its proto says durable; return durable(…), or use once`);
    }
    this.#player.send(row.replyType, this.#answers.encode(reply as Reply));
  }

  /** Does what is to be done behind what the handler gave, settled, also where it is not sent. */
  drop(reply: Answer): void {
    if (reply instanceof KeptReply && reply.done !== undefined) {
      this.#answers.parts.context.faults.run("reply", reply.done);
    }
  }

  get #asking(): Pick<Player, "playerId" | "asker"> {
    return { playerId: this.#player.playerId, asker: this.#asker };
  }

  async #lookBack(error: unknown): Promise<Answer> {
    if (this.once.isUsed) throw error;
    const { packet: { row: { type: requestType } }, parts: { storage } } = this.#answers;
    const request = { storage, player: this.#asking, requestType, requestKey: this.#requestKey };
    return await replyOfBefore(error, request);
  }

  async #settleDurably(reply: Durable): Promise<KeptReply> {
    const { packet: { row }, parts: { context: { clock, ownerships }, documents, storage } } = this.#answers;
    if (!row.isDurable) throw this.#answers.notDurable();
    ownerships.checkLease();
    const player = this.#asking, requestKey = this.#requestKey;
    let fields: Reply = {}, own: Uint8Array | undefined;
    const payload = await settleDurable(
      { documents, storage, atMs: clock.unixMs(), player, requestType: row.type, requestKey },
      async (transaction) => {
        fields = await reply.work(transaction);
        return own = this.#answers.encode(fields);
      },
    );
    return new KeptReply(payload, payload === own ? () => reply.done(fields) : undefined);
  }
}
