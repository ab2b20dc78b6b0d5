/** Who is online, on all servers that share a database, as moderators are told. @module */

import { type PlayersAnswer, PlayersAnswerSchema, PlayersAskedSchema } from "../../shared/gen/cluster_pb.ts";
import { MODERATION_PLAYERS_MAX, MODERATION_SANCTIONS_MAX } from "../../shared/limits.ts";
import type { Question } from "../bus/bus.ts";
import { NODES } from "../cluster/directory_store.ts";
import type { LogicContext } from "../session/context.ts";
import { SYSTEM } from "../storage/storage.ts";
import type { ModerationList, OnlinePlayer } from "./moderation_request.ts";

/** Lists the players of this server, and asks the others for theirs. */
export class PlayerLists {
  readonly #context: LogicContext;
  readonly #asked: Question<typeof PlayersAskedSchema, typeof PlayersAnswerSchema>;

  constructor(context: LogicContext) {
    this.#context = context;
    this.#asked = context.bus.question(PlayersAskedSchema, PlayersAnswerSchema);
    this.#asked.answer(({ limit }) => {
      const { players, count } = this.#playersHere(Math.min(limit, MODERATION_PLAYERS_MAX));
      return {
        serverId: context.config.serverId,
        count,
        players: players.map(({ playerId, address, ...player }) => ({
          ...player,
          playerId: BigInt(playerId),
          address: address ?? "",
        })),
      };
    });
  }

  /** Reads who is online everywhere, and what stands. Rejects as the storage does. */
  async read(): Promise<ModerationList> {
    const { bus, clock, incarnation, isShared, storage } = this.#context;
    const stores = storage.for(SYSTEM);
    const sanctions = await stores.sanctions.list({ nowMs: clock.unixMs(), limit: MODERATION_SANCTIONS_MAX });
    const others = [...bus.nodes], limit = Math.ceil(MODERATION_PLAYERS_MAX / (others.length + 1));
    const answers = await Promise.allSettled(others.map((node) => this.#asked.ask(node, { limit })));
    const here = this.#playersHere(limit);
    const parts = [
      here,
      ...answers.filter((answer) => answer.status === "fulfilled").map(({ value }) => partOf(value)),
    ];
    const answered = new Set([incarnation, ...others.filter((_, index) => answers[index].status === "fulfilled")]);
    const nodes = isShared ? await stores.of(NODES).list(null) : [];
    return {
      players: parts.flatMap(({ players }) => players).slice(0, MODERATION_PLAYERS_MAX),
      playerCount: parts.reduce((sum, { count }) => sum + count, 0),
      unanswered: nodes.filter((node) => !answered.has(node.incarnation))
        .map(({ serverId, serverName }) => `${serverId} (${serverName})`),
      sanctions,
    };
  }

  /** Those who are online on this server; the first `limit` of them by name. */
  #playersHere(limit: number): PlayersPart {
    const { clock, config: { serverId }, sessions } = this.#context;
    const players: OnlinePlayer[] = [];
    let count = 0;
    for (const { link, mute, player, presence } of sessions.online) {
      if (player === null) continue;
      count++;
      if (players.length >= limit) continue;
      const { playerId, name } = player, address = link?.info.address ?? null;
      const isMuted = mute !== null && (mute.endsAtMs ?? Infinity) > clock.unixMs();
      players.push({ playerId, serverId, name, address, isInWorld: presence !== null, isMuted });
    }
    return { players, count };
  }
}

/** Who is online on one server. */
interface PlayersPart {
  readonly players: readonly OnlinePlayer[];
  readonly count: number;
}

function partOf({ serverId, count, players }: PlayersAnswer): PlayersPart {
  return {
    count,
    players: players.map(({ playerId, name, address, isInWorld, isMuted }) => ({
      ...{ playerId: Number(playerId), serverId, name, isInWorld, isMuted },
      address: address === "" ? null : address,
    })),
  };
}
