/**
 * What players say to those on other servers, and hear of them. Said once to all servers; each knows which of its own
 * players hear it, and whom they ignore.
 *
 * @module
 */

import { packetTypeOf } from "../../../shared/contract.ts";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { Counter, type Game, type Player, Refused, type Topic } from "../../../server/game/game.ts";
import { SaidSchema } from "./chat_bus_pb.ts";
import { ChatMessageSchema } from "./chat_pb.ts";
import type { ChatDelivery, Saying } from "./chat_delivery.ts";

const CHAT_MESSAGE = packetTypeOf(ChatMessageSchema);

/** Who hears something, wherever they play. */
export type Audience =
  | { readonly case: "everybody"; readonly value: true }
  | { readonly case: "guildId"; readonly value: bigint }
  | { readonly case: "players"; readonly value: { readonly ids: readonly bigint[] } };

/** Everybody who is online. */
export const EVERYBODY: Audience = { case: "everybody", value: true };

/** Some players. */
export function playersOnly(...playerIds: readonly number[]): Audience {
  return { case: "players", value: { ids: playerIds.map(BigInt) } };
}

/** The players of other servers. */
export class Elsewhere {
  readonly #game: Pick<Game, "bus" | "counters" | "faults" | "players">;
  readonly #delivery: ChatDelivery;
  readonly #said: Topic<typeof SaidSchema>;
  #membersOf: (guildId: number) => readonly Player[] = () => [];

  /** The parts that bring what is said make it. */
  constructor(game: Pick<Game, "bus" | "counters" | "faults" | "players">, delivery: ChatDelivery) {
    this.#game = game;
    this.#delivery = delivery;
    this.#said = game.bus.topic(SaidSchema);
    this.#said.on(({ senderId, packetType, payload, hearers }) => {
      if (hearers.case === undefined) return;
      this.#hear({ senderId: Number(senderId), type: packetType, payload }, hearers as Audience);
    });
  }

  /** Whether there may be other servers. */
  get isShared(): boolean {
    return this.#game.bus.isShared;
  }

  /** Registers who of a guild is online here. */
  onGuild(membersOf: (guildId: number) => readonly Player[]): void {
    this.#membersOf = membersOf;
  }

  /**
   * Holds that players of other servers can hear something: who says what only some hear would say it again.
   *
   * @throws {Refused} `UNAVAILABLE` otherwise.
   */
  check(): void {
    if (this.#game.bus.isUp) return;
    throw new Refused(ErrorCode.UNAVAILABLE, "Players on other servers cannot hear you right now");
  }

  /** Tells those of other servers. What cannot be said is lost, as everything the bus carries may be. */
  say(to: Audience, { senderId, type, payload }: Saying): void {
    if (!this.isShared) return;
    const hearers = to.case === "players" ? { ...to, value: { ids: [...to.value.ids] } } : to;
    this.#said.publish({ senderId: BigInt(senderId), packetType: type, payload, hearers });
  }

  /** The pace of those who hear it is that of what is said here. */
  #hear(saying: Saying, to: Audience): void {
    const { counters, players } = this.#game;
    const hearers = () => this.#hearersOf(to);
    const hearerCount = to.case === "everybody" ? players.onlineCount : hearers().length;
    if (hearerCount === 0) return;
    const audience = to.case === "everybody" ? "all" : to.case === "guildId" ? `guild ${to.value}` : "";
    try {
      this.#delivery.fanOut.say({
        senderId: saying.senderId,
        audience,
        hearerCount,
        deliver: () => {
          const isForAll = to.case === "everybody";
          return this.#delivery.deliver(this.#numbered(saying), isForAll ? players.online : hearers());
        },
      });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      counters.add(Counter.BUS_DROPPED, 1);
    }
  }

  #hearersOf(to: Audience): readonly Player[] {
    if (to.case === "guildId") return this.#membersOf(Number(to.value));
    if (to.case !== "players") return [];
    return to.value.ids.flatMap((id) => this.#game.players.find(Number(id)) ?? []);
  }

  /** Messages are numbered by the server on which they are heard. */
  #numbered(saying: Saying): Saying {
    if (saying.type !== CHAT_MESSAGE) return saying;
    this.#game.counters.add(Counter.CHAT_MESSAGES, 1);
    const message = fromBinary(ChatMessageSchema, saying.payload);
    message.messageId = this.#delivery.nextMessageId();
    return { ...saying, payload: toBinary(ChatMessageSchema, message) };
  }
}
