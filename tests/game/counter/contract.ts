/**
 * The contract of the counter, a game of two packets: a request that counts, and what everybody is told then.
 *
 * @module
 */

import { createFileRegistry, type DescFile, type DescMessage, setExtension } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Contract } from "../../../shared/contract.ts";
import { contract as marsh } from "../../../games/marsh/contract.ts";
import {
  file_options,
  packet,
  PacketOptions_Sender as Sender,
  PacketOptionsSchema,
} from "../../../shared/gen/options_pb.ts";

/** The engine's own protos. */
const ENGINE = marsh.files.filter(({ messages }) =>
  messages.some(({ name }) => ["LoginRequest", "EnterWorldRequest"].includes(name))
);

function message(
  name: string,
  fields: Readonly<Record<string, Type>>,
  options: MessageInitShape<typeof PacketOptionsSchema>,
) {
  const messageOptions = create(MessageOptionsSchema);
  setExtension(messageOptions, packet, create(PacketOptionsSchema, options));
  return {
    name,
    field: Object.entries(fields).map(([name, type], index) => ({
      ...{ name, type, number: index + 1, label: Label.OPTIONAL, jsonName: name },
    })),
    options: messageOptions,
  };
}

const proto = create(FileDescriptorProtoSchema, {
  name: "counter.proto",
  package: "counter",
  syntax: "proto3",
  dependency: [file_options.proto.name],
  messageType: [
    message("CountRequest", { by: Type.UINT32 }, { number: 10_000, from: Sender.CLIENT, reply: "CountResponse" }),
    message("CountResponse", { success: Type.BOOL, error_code: Type.INT32, count: Type.UINT32 }, { number: 10_001 }),
    message("Counted", { name: Type.STRING, count: Type.UINT32 }, { number: 10_002 }),
  ],
});
const registry = createFileRegistry(proto, (name) => name === file_options.proto.name ? file_options : undefined);
const file: DescFile = registry.getFile("counter.proto")!;
const schemaOf = (name: string): DescMessage => registry.getMessage(`counter.${name}`)!;

export const CountRequestSchema = schemaOf("CountRequest");
export const CountResponseSchema = schemaOf("CountResponse");
export const CountedSchema = schemaOf("Counted");
export const contract = new Contract("counter", [...ENGINE, file]);
