/** The rules of guilds as a plain model, to compare the server with. @module */

/** One guild. */
export interface ModelGuild {
  /** 0 until the server has told it. */
  id: number;
  readonly name: string;
  /** In the order of joining. */
  readonly members: { readonly player: number; rank: number }[];
  /** Who is invited, and by whom. */
  readonly invited: Map<number, number>;
}

/** One war. */
export interface ModelWar {
  /** The one that declared it, then its enemy. */
  readonly sides: readonly [ModelGuild, ModelGuild];
  /** Who was a member of each when it began. */
  readonly fighters: readonly [ReadonlySet<number>, ReadonlySet<number>];
  readonly kills: [number, number];
  readonly endsAtMs: number;
}

/** A war that was declared, remembered for as long as there is to be peace after it. */
interface Declaration {
  readonly declarer: number;
  readonly guild: ModelGuild;
  readonly enemy: ModelGuild;
  readonly peaceUntilMs: number;
}

/** Guilds, members, invitations and wars; every request answers with the name of its code. Bounds are not modelled. */
export class GuildModel {
  guilds: ModelGuild[] = [];
  wars: ModelWar[] = [];
  readonly #declarations: Declaration[] = [];

  guildOf(player: number): ModelGuild | undefined {
    return this.guilds.find(({ members }) => members.some((member) => member.player === player));
  }

  create(player: number, name: string): string {
    if (this.guildOf(player) !== undefined) return "ALREADY_EXISTS";
    if (this.guilds.some((guild) => guild.name.toLowerCase() === name.toLowerCase())) return "NAME_TAKEN";
    this.guilds.push({ id: 0, name, members: [{ player, rank: 2 }], invited: new Map() });
    this.#dropInvites(player);
    return "NONE";
  }

  invite(player: number, target: number): string {
    const guild = this.guildOf(player);
    if (guild === undefined) return "NOT_FOUND";
    if (this.#rankOf(player) < 1) return "PERMISSION_DENIED";
    if (this.guildOf(target) !== undefined || guild.invited.has(target)) return "ALREADY_EXISTS";
    guild.invited.set(target, player);
    return "NONE";
  }

  answer(player: number, guildId: number, accept: boolean): string {
    if (accept && this.guildOf(player) !== undefined) return "ALREADY_EXISTS";
    const guild = this.guilds.find(({ id }) => id !== 0 && id === guildId);
    if (!guild?.invited.has(player)) return "NOT_FOUND";
    guild.invited.delete(player);
    if (!accept) return "NONE";
    guild.members.push({ player, rank: 0 });
    this.#dropInvites(player);
    return "NONE";
  }

  leave(player: number): string {
    const guild = this.guildOf(player);
    if (guild === undefined) return "NOT_FOUND";
    const { members } = guild;
    const [{ rank }] = members.splice(members.findIndex((member) => member.player === player), 1);
    this.#endGrants(guild, player);
    if (members.length === 0) {
      this.guilds = this.guilds.filter((other) => other !== guild);
    } else if (rank === 2) {
      (members.find((member) => member.rank === 1) ?? members[0]).rank = 2;
    }
    return "NONE";
  }

  kick(player: number, target: number): string {
    const guild = this.guildOf(player);
    if (guild === undefined) return "NOT_FOUND";
    if (this.#rankOf(player) < 1) return "PERMISSION_DENIED";
    if (this.guildOf(target) !== guild) return "NOT_FOUND";
    if (this.#rankOf(target) >= this.#rankOf(player)) return "PERMISSION_DENIED";
    guild.members.splice(guild.members.findIndex((member) => member.player === target), 1);
    this.#endGrants(guild, target);
    return "NONE";
  }

  setRank(player: number, target: number, rank: number): string {
    const guild = this.guildOf(player);
    if (guild === undefined) return "NOT_FOUND";
    if (this.#rankOf(player) < 2) return "PERMISSION_DENIED";
    if (this.guildOf(target) !== guild) return "NOT_FOUND";
    if (target === player) return rank === 2 ? "NONE" : "TARGET_INVALID";
    for (const member of guild.members) {
      if (member.player === target) member.rank = rank;
      else if (member.player === player && rank === 2) member.rank = 1;
    }
    if (rank < 1) this.#endGrants(guild, target);
    return "NONE";
  }

  withdraw(player: number, target: number): string {
    const guild = this.guildOf(player);
    if (guild === undefined) return "NOT_FOUND";
    if (this.#rankOf(player) < 1) return "PERMISSION_DENIED";
    return guild.invited.delete(target) ? "NONE" : "NOT_FOUND";
  }

  declareWar(player: number, enemyName: string, { nowMs, lastsMs }: { nowMs: number; lastsMs: number }): string {
    const guild = this.guildOf(player);
    if (guild === undefined) return "NOT_FOUND";
    if (this.#rankOf(player) < 1) return "PERMISSION_DENIED";
    const enemy = this.guilds.find(({ name }) => name === enemyName);
    if (enemy === undefined) return "NOT_FOUND";
    if (enemy === guild) return "TARGET_INVALID";
    if (this.#warBetween(guild, enemy) !== undefined) return "ALREADY_EXISTS";
    const isPeace = this.#declarations.some((past) =>
      past.peaceUntilMs > nowMs && (
        (past.guild === guild && past.enemy === enemy) || (past.guild === enemy && past.enemy === guild) ||
        (past.declarer === player && past.enemy === enemy)
      )
    );
    if (isPeace) return "RATE_LIMITED";
    const endsAtMs = nowMs + lastsMs;
    const [own, other] = [guild, enemy].map(({ members }) => new Set(members.map(({ player }) => player)));
    this.wars.push({ sides: [guild, enemy], fighters: [own, other], kills: [0, 0], endsAtMs });
    this.#declarations.push({ declarer: player, guild, enemy, peaceUntilMs: endsAtMs + lastsMs });
    return "NONE";
  }

  /** A kill counts in every war that had the two on different sides when it began. */
  kill(killer: number, victim: number): void {
    for (const { fighters: [first, second], kills } of this.wars) {
      if (first.has(killer) && second.has(victim)) kills[0]++;
      if (second.has(killer) && first.has(victim)) kills[1]++;
    }
  }

  endWars(nowMs: number): void {
    this.wars = this.wars.filter(({ endsAtMs }) => endsAtMs > nowMs);
  }

  #rankOf(player: number): number {
    return this.guildOf(player)!.members.find((member) => member.player === player)!.rank;
  }

  #warBetween(first: ModelGuild, second: ModelGuild): ModelWar | undefined {
    return this.wars.find(({ sides }) => sides.includes(first) && sides.includes(second));
  }

  /** What somebody granted ends with its right to. */
  #endGrants({ invited }: ModelGuild, player: number): void {
    for (const [target, inviter] of invited) if (inviter === player) invited.delete(target);
  }

  #dropInvites(player: number): void {
    for (const { invited } of this.guilds) invited.delete(player);
  }
}
