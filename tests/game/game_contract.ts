/** Contracts of games that tests play: their protos are written down here instead of in files. @module */

import { create, createFileRegistry, type DescMessage, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label as Label,
  type FieldDescriptorProto_Type as Type,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { contract as marsh } from "../../games/marsh/contract.ts";
import { Contract } from "../../shared/contract.ts";
import {
  component,
  ComponentOptionsSchema,
  file_drawbridge_options as file_options,
  packet,
  PacketOptionsSchema,
} from "../../shared/gen/options_pb.ts";

/** The engine's own protos. */
const ENGINE = marsh.files.filter(({ messages }) =>
  messages.some(({ name }) => ["LoginRequest", "EnterWorldRequest"].includes(name))
);

/** A message: its fields, numbered from 1, and what it is as a packet; null: it is none. */
export interface GameMessage {
  readonly fields: Readonly<Record<string, Type>>;
  readonly packet: MessageInitShape<typeof PacketOptionsSchema> | null;
  /** What it is as a component, if it is one. */
  readonly component?: MessageInitShape<typeof ComponentOptionsSchema>;
}

/** Makes the contract of a game, and gives its messages by name. */
export function gameContract(
  name: string,
  messages: Readonly<Record<string, GameMessage>>,
): { readonly contract: Contract; readonly schemaOf: (name: string) => DescMessage } {
  const proto = create(FileDescriptorProtoSchema, {
    name: `${name}.proto`,
    package: name,
    syntax: "proto3",
    dependency: [file_options.proto.name],
    messageType: Object.entries(messages).map(([name, { fields, packet: options, component: kept }]) => {
      const messageOptions = create(MessageOptionsSchema);
      if (options !== null) setExtension(messageOptions, packet, create(PacketOptionsSchema, options));
      if (kept !== undefined) setExtension(messageOptions, component, create(ComponentOptionsSchema, kept));
      const field = Object.entries(fields).map(([name, type], index) => ({
        ...{ name, type, number: index + 1, label: Label.OPTIONAL, jsonName: name },
      }));
      return { name, field, options: messageOptions };
    }),
  });
  const registry = createFileRegistry(proto, (name) => name === file_options.proto.name ? file_options : undefined);
  return {
    contract: new Contract(name, [...ENGINE, registry.getFile(proto.name)!]),
    schemaOf: (message) => registry.getMessage(`${name}.${message}`)!,
  };
}
