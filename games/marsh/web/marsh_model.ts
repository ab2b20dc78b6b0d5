/**
 * What the page knows of everyone in sight beside name and pose: health, stuns, guilds.
 *
 * @module
 */

import { type Entity, type EntityReader, FADE_MS, type WorldModel } from "../../../client/world/world_model.ts";
import { EntityKind, type EntityUpdate, type HealthUpdate } from "../../../shared/gen/world_pb.ts";
import { GUILD_TAG_BYTES_MAX } from "../../parts/guilds/limits.ts";
import { shownName } from "./language.ts";
import { MONSTER_CORPSE_MS } from "../limits.ts";

/** Health in points. */
export interface Health {
  readonly current: number;
  readonly max: number;
  readonly shield: number;
}

/** One player or monster in sight. */
export interface SeenEntity extends Entity {
  guildTag: string;
  /** `null` while unknown. */
  health: Health | null;
  isStunned: boolean;
  /** Since when it has been seen dead, in local milliseconds; `null`: it lives. */
  deadSinceMs: number | null;
}

/** What the server told of the player itself, beside where it is. */
export interface OwnNews {
  onNamed(name: string, guildTag: string): void;
  onHealth(health: Health): void;
  onStatus(isStunned: boolean): void;
}

/** When a dead monster begins to fade and when it is gone, in milliseconds after its death. */
export const CORPSE_FADE_FROM_MS = 800;
export const CORPSE_FADE_TO_MS: number = MONSTER_CORPSE_MS - 200;

/** Reads what is told of players and monsters. */
export const FIGURES: EntityReader<SeenEntity> = {
  create: (entity) => Object.assign(entity, { guildTag: "", health: null, isStunned: false, deadSinceMs: null }),
  spawned(figure, { guildTag, health }, localMs) {
    // Longer than a guild has any.
    figure.guildTag = guildTag.length > GUILD_TAG_BYTES_MAX ? "" : guildTag;
    if (health !== undefined) setHealth(figure, health, localMs);
  },
  updated(figure, update, localMs) {
    if (update.case === "health") setHealth(figure, update.value, localMs);
    else if (update.case === "status") figure.isStunned = update.value.isStunned;
  },
};

/** Everyone in sight. */
export type MarshModel = WorldModel<SeenEntity>;

/**
 * How much of an entity in sight is seen, 0 to 1: it fades in when it comes, and a dead monster fades out.
 *
 * @param localMs Now, by the model's local clock.
 */
export function opacityOf(figure: SeenEntity, localMs: number): number {
  const shown = clampPart((localMs - figure.seenSinceMs) / FADE_MS);
  if (figure.kind !== EntityKind.MONSTER || figure.deadSinceMs === null) return shown;
  const deadMs = localMs - figure.deadSinceMs;
  return shown * (1 - clampPart((deadMs - CORPSE_FADE_FROM_MS) / (CORPSE_FADE_TO_MS - CORPSE_FADE_FROM_MS)));
}

/** What somebody is called on the page: monsters in its language, players as they are. */
export function calledOf({ name, kind }: Pick<Entity, "name" | "kind">): string {
  return kind === EntityKind.MONSTER ? shownName(name) : name;
}

/** Whether somebody has no hit points left. */
export function isDead(health: Health | null): boolean {
  return health !== null && health.max > 0 && health.current <= 0;
}

/** Tells what an update of the player itself says. */
export function tellOwn(update: EntityUpdate["update"], own: OwnNews): void {
  switch (update.case) {
    case "spawn":
      own.onNamed(update.value.name, update.value.guildTag);
      if (update.value.health !== undefined) own.onHealth(healthOf(update.value.health));
      return;
    case "health":
      return own.onHealth(healthOf(update.value));
    case "status":
      return own.onStatus(update.value.isStunned);
  }
}

function setHealth(figure: SeenEntity, update: HealthUpdate, localMs: number): void {
  figure.health = healthOf(update);
  figure.deadSinceMs = isDead(figure.health) ? figure.deadSinceMs ?? localMs : null;
}

function healthOf(update: HealthUpdate): Health {
  return { current: update.currentHp, max: update.maxHp, shield: update.shield };
}

function clampPart(part: number): number {
  return Math.max(0, Math.min(1, part));
}
