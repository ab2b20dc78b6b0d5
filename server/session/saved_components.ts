/**
 * The components that a game keeps with a character, as the storage has them.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ComponentDefinition } from "../../shared/component_table.ts";
import type { FaultReport } from "../../shared/errors.ts";
import { type ComponentUpdate, EntityUpdateSchema } from "../../shared/gen/world_pb.ts";
import type { World } from "../world/world.ts";

/** What was saved and this game cannot take: it is kept as it is, until the component is set. */
export type KeptAside = readonly Pick<ComponentUpdate, "componentId" | "content">[];

/** The id, which no component has, under which is kept what cannot be parsed at all. */
const UNPARSED_ID = 0;

/** The components of a character as the storage has them. */
export function savedComponents(saved: Uint8Array | undefined): KeptAside {
  if (saved === undefined) return [];
  try {
    return fromBinary(EntityUpdateSchema, saved).components;
  } catch {
    // It is told where it is restored: no game has such a component.
    return [{ componentId: UNPARSED_ID, content: saved }];
  }
}

/**
 * Sets what was kept of an entity that has just come into the world. A component that does not parse, or that this
 * version of the game does not know, is set aside and told to the operator.
 */
export function restoreComponents(
  world: World,
  entityId: number,
  { kept, components, faults, whose = {} }: {
    readonly kept: KeptAside;
    readonly components: readonly ComponentDefinition[];
    readonly faults: FaultReport;
    /** For the operator, who cannot find an entity. */
    readonly whose?: Readonly<Record<string, unknown>>;
  },
): KeptAside {
  const aside: KeptAside[number][] = [];
  for (const { componentId, content } of kept) {
    try {
      if (!world.hasComponent(componentId)) {
        throw new RangeError(`Cannot restore component ${componentId}: the game has none`);
      }
      const definition = components.find(({ id }) => id === componentId);
      if (definition !== undefined) fromBinary(definition.schema, content);
      if (world.set(entityId, componentId, content)) continue;
      const name = definition?.name ?? `component ${componentId}`;
      throw new RangeError(`Cannot restore ${name}: it is ${content.length} bytes, which is more than its bound`);
    } catch (error) {
      faults.report("component", error, { ...whose, entityId, componentId });
      aside.push({ componentId, content });
    }
  }
  return aside;
}

/** What is to be saved of an entity; `undefined`: nothing. */
export function componentsToSave(world: World, entityId: number, aside: KeptAside): Uint8Array | undefined {
  const components = world.savedOf(entityId);
  for (const kept of aside) {
    if (!components.some(({ componentId }) => componentId === kept.componentId)) components.push(kept);
  }
  return components.length === 0 ? undefined : toBinary(EntityUpdateSchema, create(EntityUpdateSchema, { components }));
}
