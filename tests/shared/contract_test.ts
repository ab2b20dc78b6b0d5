import { type DescEnum, type DescField, type DescMessage, getOption, ScalarType } from "@bufbuild/protobuf";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { DeliveryClass, packet } from "../../shared/gen/options_pb.ts";
import { file_drawbridge_packet } from "../../shared/gen/packet_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CONTRACT, CONTRACT_ENUMS, CONTRACT_PARTS } from "./contract.ts";

const FILES = [...contract.files, file_drawbridge_packet];
const MESSAGES = new Map(FILES.flatMap(({ messages }) => messages).map((message) => [message.name, message]));
const ENUMS = new Map(FILES.flatMap(({ enums }) => enums).map((description) => [description.name, description]));

/** `LOGIN_REQUEST` is carried by the message `LoginRequest`. */
function messageName(typeName: string): string {
  return typeName.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Fields in the contract's words; a map or a proto2 feature would show up as a stranger. */
function fieldsOf(message: DescMessage): string[] {
  return message.fields.map((field) => `${field.name} ${field.number} ${typeOf(field)}`);
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "scalar":
      return ScalarType[field.scalar].toLowerCase();
    case "message":
      return field.message.name;
    case "enum":
      return field.enum.name;
    case "list":
      return field.listKind === "scalar"
        ? `${ScalarType[field.scalar].toLowerCase()}[]`
        : `${field.listKind === "enum" ? field.enum.name : field.message.name}[]`;
    default:
      return field.fieldKind;
  }
}

/** An enum's value names without the prefix that keeps them apart in protobuf. */
function valuesOf(description: DescEnum): [number, string][] {
  return description.values.map(({ number, localName }) => [number, localName]);
}

Deno.test("proto/ has the contract's packet types with their numbers, and no others", () => {
  const values = Object.entries(PacketType).filter(([, value]) => typeof value === "number");
  assertEquals(values, [["UNSPECIFIED", 0], ...CONTRACT.map(({ type, name }) => [name, type])] as typeof values);
});

Deno.test("proto/ has the contract's enums with their numbers", () => {
  for (const [name, values] of Object.entries(CONTRACT_ENUMS)) {
    assertEquals(valuesOf(ENUMS.get(name)!), values.map((value, number) => [number, value]), name);
  }
});

Deno.test("proto/ has the contract's messages with their fields, numbers and types, and no others", () => {
  const expected = new Map<string, readonly string[]>(CONTRACT.map(({ name, fields }) => [messageName(name), fields]));
  for (const [name, fields] of Object.entries(CONTRACT_PARTS)) expected.set(name, fields);
  for (const [name, fields] of expected) {
    assert(MESSAGES.has(name), `${name} is missing`);
    assertEquals(fieldsOf(MESSAGES.get(name)!), [...fields], name);
  }
  assertEquals([...MESSAGES.keys()].filter((name) => !expected.has(name)), []);
});

Deno.test("proto/ has ENTITY_UPDATE's changes in one oneof", () => {
  const [oneof] = MESSAGES.get("EntityUpdate")!.oneofs;
  assertEquals(oneof.fields.map(({ name }) => name), ["movement", "health", "status", "spawn", "despawn"]);
});

Deno.test("proto/ gives every message the delivery class of the contract", () => {
  const classes = new Map(CONTRACT.map(({ name, delivery }) => [messageName(name), delivery]));
  for (const [name, message] of MESSAGES) {
    assertEquals(DeliveryClass[getOption(message, packet).delivery], classes.get(name) ?? "RELIABLE", name);
  }
});
