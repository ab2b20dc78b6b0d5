/**
 * What a game's protos say of its components: messages with the `component` option.
 *
 * @module
 */

import { type DescField, type DescFile, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { component, ComponentOptions_SeenBy as SeenBy } from "./gen/options_pb.ts";
import { COMPONENT_BYTES_MAX, COMPONENT_ID_MAX, COMPONENTS_MAX } from "./limits.ts";

/** A component, as its proto declares it. */
export interface ComponentDefinition {
  /** Its number on the wire, 1 to {@linkcode COMPONENT_ID_MAX}. */
  readonly id: number;
  /** The message's name. */
  readonly name: string;
  /** The message that is its content. */
  readonly schema: DescMessage;
  /** Who is told of it: all who see the entity, its own player, nobody. */
  readonly seenBy: "interest" | "owner" | "server";
  /** Bytes of its content at most. */
  readonly bytesMax: number;
  /** Whether it is kept with the character while its player is away. */
  readonly saved: boolean;
}

const SEEN_BY: ReadonlyMap<SeenBy, ComponentDefinition["seenBy"]> = new Map([
  [SeenBy.INTEREST, "interest"],
  [SeenBy.OWNER, "owner"],
  [SeenBy.SERVER, "server"],
]);

/**
 * The components that messages of `files` are the content of, by ascending id.
 *
 * @throws {TypeError} when they contradict each other or their bounds; names every problem.
 */
export function componentsOf(files: readonly DescFile[]): ComponentDefinition[] {
  const problems: string[] = [];
  const found: ComponentDefinition[] = [];
  for (const schema of new Set(files.flatMap(({ messages }) => messages))) {
    if (!hasOption(schema, component)) continue;
    const { id, seenBy, bytesMax, saved } = getOption(schema, component);
    const check = (isRight: boolean, problem: string) => {
      if (!isRight) problems.push(`${schema.typeName} ${problem}`);
    };
    const other = found.find((definition) => definition.id === id), largest = largestBytes(schema);
    check(id >= 1 && id <= COMPONENT_ID_MAX, `has component id ${id}, ids are 1 to ${COMPONENT_ID_MAX}`);
    check(other === undefined, `has component id ${id}, as ${other?.schema.typeName}`);
    check(SEEN_BY.has(seenBy), `is seen by ${seenBy}, which is nobody`);
    check(
      bytesMax >= 1 && bytesMax <= COMPONENT_BYTES_MAX,
      `may have ${bytesMax} bytes, components have 1 to ${COMPONENT_BYTES_MAX}`,
    );
    check(
      largest === Infinity || largest <= bytesMax,
      `may have ${bytesMax} bytes, its fields can be ${largest} bytes`,
    );
    found.push({ id, name: schema.name, schema, seenBy: SEEN_BY.get(seenBy) ?? "server", bytesMax, saved });
  }
  if (found.length > COMPONENTS_MAX) problems.push(`there are ${found.length} components, limit is ${COMPONENTS_MAX}`);
  if (problems.length > 0) throw new TypeError(`Cannot use components: ${problems.join("; ")}`);
  return found.sort((a, b) => a.id - b.id);
}

/** Bytes that a message has at most; `Infinity` where that depends on what is put in. */
function largestBytes(schema: DescMessage, around: readonly DescMessage[] = []): number {
  if (around.includes(schema)) return Infinity;
  const within = [...around, schema];
  let bytes = 0;
  for (const member of schema.members) {
    if (member.kind === "field") bytes += largestFieldBytes(member, within);
    else bytes += Math.max(...member.fields.map((field) => largestFieldBytes(field, within)));
  }
  return bytes;
}

function largestFieldBytes(field: DescField, around: readonly DescMessage[]): number {
  const tagBytes = varintBytes(field.number * 8);
  switch (field.fieldKind) {
    case "message": {
      const bytes = largestBytes(field.message, around);
      return tagBytes + varintBytes(bytes) + bytes;
    }
    case "enum":
      return tagBytes + 5;
    case "scalar":
      return tagBytes + (SCALAR_BYTES.get(field.scalar) ?? Infinity);
    default:
      return Infinity;
  }
}

/** Those of a bounded size. */
const SCALAR_BYTES: ReadonlyMap<ScalarType, number> = new Map([
  [ScalarType.BOOL, 1],
  [ScalarType.FLOAT, 4],
  [ScalarType.FIXED32, 4],
  [ScalarType.SFIXED32, 4],
  [ScalarType.DOUBLE, 8],
  [ScalarType.FIXED64, 8],
  [ScalarType.SFIXED64, 8],
  [ScalarType.UINT32, 5],
  [ScalarType.SINT32, 5],
  // A negative one has all its bits.
  [ScalarType.INT32, 10],
  [ScalarType.INT64, 10],
  [ScalarType.UINT64, 10],
  [ScalarType.SINT64, 10],
]);

function varintBytes(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}
