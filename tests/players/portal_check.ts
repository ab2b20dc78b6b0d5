/** Maps and the ways between them: who may pass, and where it is then. @module */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import type { MapEntered, MapInfo } from "../../shared/gen/world_pb.ts";
import type { MapInfoResponse } from "../../games/marsh/marsh_pb.ts";
import { type Actor, type Board, Contradiction } from "./board.ts";
import type { DueLedger } from "./due_ledger.ts";
import type { FightCheck } from "./fight_check.ts";
import type { MapRule } from "./map_rules.ts";
import { type Body, toCm } from "./body.ts";
import type { SightCheck } from "./sight_check.ts";

/** What rounding may make of a distance, in centimetres. */
const BORDER_CM = 2;

/** Who knows who is where. */
export interface PortalOptions {
  readonly board: Board;
  readonly dues: DueLedger;
  readonly sight: SightCheck;
  readonly fights: FightCheck;
}

/** Follows players over maps. */
export class PortalCheck {
  readonly #options: PortalOptions;
  /** Players who came to another map. */
  passedCount = 0;

  constructor(options: PortalOptions) {
    this.#options = options;
  }

  /** Whether a map takes nobody more. */
  isFull({ mapId, playersMax }: MapRule): boolean {
    if (playersMax === Infinity) return false;
    let count = 0;
    for (const { actor, map } of this.#options.sight.bodies.values()) {
      if (actor !== null && map.mapId === mapId) count++;
    }
    return count >= playersMax;
  }

  /** A player asks to pass. */
  use(actor: Actor, portalId: number): void {
    this.#options.dues.expect(actor, "portal", this.#answersTo(this.#bodyOf(actor), portalId));
  }

  #answersTo(body: Body, portalId: number): string[] {
    const { fights, sight } = this.#options;
    const portal = body.map.portals.find((portal) => portal.portalId === portalId);
    if (portal === undefined) return [ErrorCode[ErrorCode.NOT_FOUND]];
    if (!fights.canAct(body)) return [ErrorCode[ErrorCode.INVALID_STATE]];
    const distance = sight.distanceCm(body, portal);
    const fighting = fights.fighting(body.actor!), refusal = ErrorCode[ErrorCode.INVALID_STATE];
    if (fighting === "yes") return [refusal];
    const inFight = fighting === "perhaps" ? [refusal] : [];
    const outOfRange = ErrorCode[ErrorCode.OUT_OF_RANGE];
    if (distance > portal.radius + BORDER_CM) return [...inFight, outOfRange];
    const isFull = this.isFull(sight.mapOf(portal.targetMapId));
    const answer = isFull ? ErrorCode[ErrorCode.SERVER_FULL] : `on ${portal.targetMapId}`;
    return distance > portal.radius - BORDER_CM ? [...inFight, outOfRange, answer] : [...inFight, answer];
  }

  /** A player is on another map, or is told why not. */
  onEntered(actor: Actor, { success, errorCode, entityId, position, map }: MapEntered): void {
    this.#options.dues.take(actor, "portal", success ? `on ${map?.mapId}` : ErrorCode[errorCode]);
    if (!success || actor.isReplaying) return;
    const { fights, sight } = this.#options;
    if (Number(entityId) !== actor.entityId) throw new Contradiction(`${actor.name} is ${entityId} on another map`);
    const target = sight.mapOf(map!.mapId);
    this.#checkInfo(actor, map!, target);
    const [x, y, z] = [position?.x, position?.y, position?.z].map(toCm);
    if (!(x >= 0 && z >= 0 && x <= target.width && z <= target.height)) {
      throw new Contradiction(`${actor.name} is at ${x}, ${z} on a map of ${target.width} by ${target.height}`);
    }
    sight.transfer(this.#bodyOf(actor), target, { x, y, z });
    fights.onTransfer(actor);
    this.passedCount++;
  }

  /** A player asks about its map. */
  askInfo(actor: Actor): void {
    this.#options.dues.expect(actor, "map info", String(this.#bodyOf(actor).map.mapId));
  }

  /** A player is told of its map. */
  onInfo(actor: Actor, { success, errorCode, map }: MapInfoResponse): void {
    this.#options.dues.take(actor, "map info", success ? String(map?.mapId) : ErrorCode[errorCode]);
    this.#checkInfo(actor, map!, this.#options.sight.mapOf(map!.mapId));
  }

  #checkInfo(actor: Actor, info: MapInfo, map: MapRule): void {
    const told = [info.name, toCm(info.width), toCm(info.height), toCm(info.interestRadius)].join();
    const known = [map.name, map.width, map.height, map.radius].join();
    if (told !== known) throw new Contradiction(`${actor.name} was told ${told}, the map is ${known}`);
    const portals = info.portals.map(({ portalId, targetMapId }) => `${portalId}:${targetMapId}`).join();
    const wanted = map.portals.map(({ portalId, targetMapId }) => `${portalId}:${targetMapId}`).join();
    if (portals !== wanted) throw new Contradiction(`${actor.name} was told of portals ${portals}, not ${wanted}`);
  }

  #bodyOf(actor: Actor): Body {
    return this.#options.sight.bodies.get(actor.entityId)!;
  }
}
