import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { contract } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Fields that look like secrets by their names, in messages and the messages in them. */
function secretsOf(message: DescMessage): readonly { name: string; isRedacted: boolean }[] {
  return message.fields.flatMap((field) => {
    if (field.message !== undefined) return secretsOf(field.message);
    const isText = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
    if (!isText || !/password|token|secret/.test(field.name)) return [];
    return [{ name: `${message.name}.${field.name}`, isRedacted: field.proto.options?.debugRedact === true }];
  });
}

Deno.test("PacketRow.isSecret: every field named like a secret has debug_redact, and so keeps its packet out of logs", () => {
  const found = contract.packets.rows.map((row) => ({ row, secrets: secretsOf(contract.schemaOf(row.type)!) }));
  assertEquals(found.flatMap(({ secrets }) => secrets).filter(({ isRedacted }) => !isRedacted), []);
  for (const { row, secrets } of found) assertEquals(row.isSecret, secrets.length > 0, row.name);
  assert(found.filter(({ secrets }) => secrets.length > 0).length >= 15);
});
