/** A world of marsh's entities, with hit points, status and guild. @module */

import { MARSH_ENTITIES } from "../../games/marsh/entities.ts";
import { type EntityStatus, Health, setStatus } from "../../games/parts/combat/components.ts";
import { showGuild } from "../../games/parts/guilds/guild_component.ts";
import { type EntityOptions, World, type WorldOptions } from "../../server/world/world.ts";

/** Who joins a {@linkcode MarshWorld}. */
export interface MarshEntityOptions extends EntityOptions {
  hp: number;
  hpMax: number;
  guildId?: number;
  guildTag?: string;
}

/** The engine's world, with what marsh makes of it. */
export class MarshWorld extends World {
  readonly health: Health;

  constructor(options: WorldOptions) {
    super({ ...MARSH_ENTITIES, ...options });
    this.health = new Health(this);
  }

  override join(options: Readonly<MarshEntityOptions>, nowMs: number): number {
    const id = super.join(options, nowMs);
    if (id === 0) return 0;
    const { hp, hpMax, guildId = 0, guildTag = "" } = options;
    this.health.set(id, { hp, hpMax });
    if (guildId !== 0 || guildTag !== "") showGuild(this, id, { guildId, tag: guildTag });
    return id;
  }

  setHealth(entityId: number, health: { hp: number; hpMax: number; shield?: number }): void {
    this.health.set(entityId, health);
  }

  setStatus(entityId: number, status: EntityStatus): void {
    setStatus(this, entityId, status);
  }

  setGuild(entityId: number, guildId: number, guildTag: string): void {
    showGuild(this, entityId, { guildId, tag: guildTag });
  }
}
