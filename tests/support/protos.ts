/** Protos made by tests, without a compiler. @module */

import { create, createFileRegistry, type DescFile, type DescMessage, setExtension } from "@bufbuild/protobuf";
import {
  type FieldDescriptorProto,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { component, type ComponentOptions, ComponentOptionsSchema } from "../../shared/gen/options_pb.ts";

/** A message with the `component` option; fields are numbered in order, as `name type` with `[]` for repeated ones. */
export interface ComponentProto {
  readonly name: string;
  readonly fields: readonly string[];
  readonly option: Partial<Pick<ComponentOptions, "id" | "seenBy" | "bytesMax" | "saved">>;
}

/** A file of components, which may name each other as types of fields. */
export function componentFile(...messages: readonly ComponentProto[]): DescFile {
  const file = create(FileDescriptorProtoSchema, {
    name: "components.proto",
    package: "test",
    syntax: "proto3",
    messageType: messages.map(({ name, fields, option }) => {
      const options = create(MessageOptionsSchema);
      setExtension(options, component, create(ComponentOptionsSchema, option));
      return { name, field: fields.map(fieldOf), options };
    }),
  });
  return createFileRegistry(file, () => undefined).getFile("components.proto")!;
}

/** A message of a file. */
export function messageOf(file: DescFile, name: string): DescMessage {
  return file.messages.find((message) => message.name === name)!;
}

function fieldOf(text: string, index: number): FieldDescriptorProto {
  const [, name, type, repeated] = /^(\w+) (\w+)(\[\])?$/.exec(text)!;
  const scalar = Type[type.toUpperCase() as keyof typeof Type];
  return create(FieldDescriptorProtoSchema, {
    name,
    jsonName: name,
    number: index + 1,
    label: repeated === undefined ? Label.OPTIONAL : Label.REPEATED,
    type: scalar ?? Type.MESSAGE,
    typeName: scalar === undefined ? `.test.${type}` : undefined,
  });
}
