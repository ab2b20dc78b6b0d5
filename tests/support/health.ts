/** Hit points as a world keeps them for its viewers. @module */

import { fromBinary } from "@bufbuild/protobuf";
import { HEALTH } from "../../games/parts/combat/components.ts";
import type { World } from "../../server/world/world.ts";
import { HealthUpdateSchema } from "../../shared/gen/world_pb.ts";

/** Hit points of an entity, decoded from its component. */
export function hpIn(world: World, entityId: number): number {
  return fromBinary(HealthUpdateSchema, world.contentOf(entityId, HEALTH.id)).currentHp;
}
