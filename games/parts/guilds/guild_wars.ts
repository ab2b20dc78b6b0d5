/**
 * Wars of guilds: how they are declared, what counts in them, and how they end.
 *
 * @module
 */

import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Game, type OnceStores, type Player, type PlayerName, SYSTEM } from "../../../server/game/game.ts";
import { packetTypeOf } from "../../../shared/contract.ts";
import type { SocialService } from "../friends/social_handlers.ts";
import { KillLedger } from "../leaderboards/kill_ledger.ts";
import type { GuildActionReply, GuildCalls } from "./guild_calls.ts";
import type { GuildMembers } from "./guild_members.ts";
import { guildKey } from "./guild_names.ts";
import type { GuildRosters } from "./guild_rosters.ts";
import { type DeclaredWar, type EndedWar, GUILDS, type Kill } from "./guild_store.ts";
import { GuildWarEndSchema, GuildWarStartSchema } from "./guilds_pb.ts";
import { GUILD_KILLS_PENDING_MAX, GUILD_WAR_KILLS_LATE_MS } from "./limits.ts";
import { idOf } from "./wire_id.ts";

const GUILD_WAR_END = packetTypeOf(GuildWarEndSchema);
const GUILD_WAR_START = packetTypeOf(GuildWarStartSchema);

/** What wars work with. */
export interface GuildWarParts {
  readonly calls: GuildCalls;
  readonly members: GuildMembers;
  readonly rosters: GuildRosters;
  readonly social: Pick<SocialService, "delivery" | "gate">;
  /** How long a war lasts. */
  readonly warMs: number;
}

/** The wars of one node's guilds. */
export class GuildWars {
  readonly #game: Game;
  readonly #parts: GuildWarParts;
  readonly #kills: KillLedger<Kill>;
  /** When a war is due next, Unix milliseconds: at once, so that those that ended while the server was down end now. */
  #nextEndMs = 0;

  constructor(game: Game, parts: GuildWarParts) {
    this.#game = game;
    this.#parts = parts;
    this.#kills = new KillLedger({
      write: (kills) => this.#addKills(kills),
      begin: (write) => game.background("kills of wars", write),
      pendingMax: GUILD_KILLS_PENDING_MAX,
      log: game.log,
    });
    game.on(
      GuildWarStartSchema,
      (player, { enemyGuildId, enemyName }, once) => this.#declare(player, idOf(enemyGuildId), enemyName, once),
    );
  }

  /** Takes note of a death: it counts where the two were on different sides when a war began. */
  onKill(killer: PlayerName | null, victim: PlayerName | null): void {
    const killerId = killer?.playerId, victimId = victim?.playerId;
    if (killerId === undefined || victimId === undefined || killerId === victimId) return;
    this.#kills.add({ killerId, victimId, atMs: this.#game.clock.unixMs() });
  }

  /** A war has begun by the doing of another server. @param endsAtMs Unix milliseconds; 0: it is not known when it ends. */
  onBegun(endsAtMs: number): void {
    this.#nextEndMs = Math.min(this.#nextEndMs, endsAtMs);
  }

  /** Resolves when every kill is written, as far as it can be. */
  flush(): Promise<void> {
    return this.#kills.flush();
  }

  /**
   * Counts kills and ends the wars that are due.
   *
   * @throws {DependencyError} when the storage takes nothing.
   */
  async catchUp(dateMs: number): Promise<void> {
    await this.#kills.flush();
    // Other servers bring their kills a little later.
    const nowMs = dateMs - (this.#game.bus.isShared ? GUILD_WAR_KILLS_LATE_MS : 0);
    const isWarDue = nowMs >= this.#nextEndMs;
    // The kills come first: they decide who has won.
    if (!isWarDue || this.#kills.pendingCount > 0) return;
    const { storage } = this.#game;
    await this.#parts.calls.run(() => storage.for(SYSTEM).of(GUILDS).endDueWars({ nowMs }), (answer) => {
      this.#nextEndMs = answer.nextEndsAtMs ?? Infinity;
      if (answer.version !== null) this.#onEnded(answer.version, answer.endedWars);
    });
  }

  async #addKills(kills: readonly Kill[]): Promise<void> {
    try {
      const { guildIds, version } = await this.#game.storage.for(SYSTEM).of(GUILDS).addKills(kills);
      if (version !== null) this.#parts.rosters.onChange(version, [...new Set(guildIds)]);
    } catch (error) {
      this.#parts.rosters.onFailure(error);
      throw error;
    }
  }

  #declare(
    player: Player,
    enemyGuildId: number,
    enemyName: string,
    once: OnceStores,
  ): Promise<GuildActionReply> {
    const { playerId: actorId } = player;
    const { calls, members, rosters, social: { gate }, warMs } = this.#parts;
    const nowMs = this.#game.clock.unixMs(), endsAtMs = nowMs + warMs, enemyNameKey = guildKey(enemyName);
    return calls.durably(once, {
      ask: () => {
        gate.checkMayWrite(player);
        gate.takeNotice(actorId, "");
        return once.of(GUILDS).declareWar({ actorId, enemyGuildId, enemyNameKey, nowMs, endsAtMs });
      },
      reply: () => ({}),
      apply: ({ war, version }) => {
        this.#nextEndMs = Math.min(this.#nextEndMs, endsAtMs);
        rosters.onChange(version, war.sides.map(({ guildId }) => guildId), { warEndsAtMs: endsAtMs });
        members.ties.beginWar(war.sides[0].guildId, war.sides[1].guildId, endsAtMs);
        this.#announceStart(war, actorId, endsAtMs);
      },
    });
  }

  /** Tells the members of a guild of what a player did; members who ignore that player do not hear of it. */
  #tellGuild<Desc extends DescMessage>(
    { guildId, senderId }: { readonly guildId: number; readonly senderId: number },
    type: number,
    schema: Desc,
    message: MessageInitShape<Desc>,
  ): void {
    const { delivery } = this.#parts.social;
    const saying = { senderId, type, payload: toBinary(schema, create(schema, message)) };
    delivery.deliver(saying, this.#parts.members.online(guildId));
    delivery.elsewhere.say({ case: "guildId", value: BigInt(guildId) }, saying);
  }

  #announceStart({ warId, sides: [first, second] }: DeclaredWar, declarerId: number, endsAtMs: number): void {
    for (const [own, enemy] of [[first, second], [second, first]]) {
      const about = { guildId: own.guildId, senderId: declarerId };
      this.#tellGuild(about, GUILD_WAR_START, GuildWarStartSchema, {
        enemyGuildId: BigInt(enemy.guildId),
        enemyName: enemy.name,
        warId: BigInt(warId),
        endsAt: BigInt(endsAtMs),
      });
    }
  }

  #onEnded(version: number, wars: readonly EndedWar[]): void {
    const guildIds = wars.flatMap(({ sides }) => sides.map(({ guildId }) => guildId));
    this.#parts.rosters.onChange(version, [...new Set(guildIds)]);
    for (const war of wars) this.#announceEnd(war);
  }

  #announceEnd({ warId, declarerId, winnerGuildId, sides: [first, second] }: EndedWar): void {
    this.#parts.members.ties.endWar(first.guildId, second.guildId);
    for (const [own, enemy] of [[first, second], [second, first]]) {
      const about = { guildId: own.guildId, senderId: declarerId };
      this.#tellGuild(about, GUILD_WAR_END, GuildWarEndSchema, {
        warId: BigInt(warId),
        winnerGuildId: BigInt(winnerGuildId),
        ownKills: own.kills,
        enemyKills: enemy.kills,
      });
    }
  }
}
