/** Which component a message is the content of. @module */

import { type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { component } from "./gen/options_pb.ts";

/** Looked up once: pages ask for each entity in each frame. */
const IDS = new WeakMap<DescMessage, number>();

/**
 * The id that a message has by its `component` option.
 *
 * @throws {TypeError} when it is no component.
 */
export function componentIdOf(schema: DescMessage): number {
  let id = IDS.get(schema);
  if (id === undefined) {
    if (!hasOption(schema, component)) throw new TypeError(`${schema.typeName} is no component`);
    id = getOption(schema, component).id;
    IDS.set(schema, id);
  }
  return id;
}
