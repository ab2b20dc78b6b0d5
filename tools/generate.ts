/**
 * Writes what follows from the protos: messages in `shared/gen/`, and the contract of each game.
 *
 * @module
 */

import {
  createFileRegistry,
  type DescFile,
  type DescMessage,
  fromBinary,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

const ROOT = new URL("../", import.meta.url).pathname;

async function buf(...args: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--lock=dev.lock", "-A", "npm:@bufbuild/buf@1.72.0", ...args],
    cwd: ROOT,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot generate: buf ${args[0]} failed`);
  return stdout;
}

async function format(...paths: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", ...paths], cwd: ROOT })
    .output();
  if (!success) throw new Error("Cannot format what was generated");
}

await buf("generate");
// Not before: they stand on what was just written.
const { packet, PacketOptions_Sender: Sender } = await import("../shared/gen/options_pb.ts");
const { buildPacketTable } = await import("../shared/contract.ts");

/** The module that the messages of a proto are in, from the folder `games/x/`. */
function moduleOf({ name }: DescFile): string {
  return `../../shared/gen/${name}_pb.ts`;
}

/** The module of a game's contract. */
function contractModule(game: string, files: readonly DescFile[]): string {
  const { rows } = buildPacketTable(files);
  const messages = new Map<number, DescMessage>();
  const byFile = new Map<DescFile, string[]>();
  for (const message of files.flatMap((file) => file.messages)) {
    if (!hasOption(message, packet)) continue;
    messages.set(getOption(message, packet).number, message);
    byFile.set(message.file, [...byFile.get(message.file) ?? [], message.name]);
  }
  const shapes = rows.map(({ type, name, replyType }) => {
    const message = messages.get(type)!;
    const { from } = getOption(message, packet);
    const sides = [
      from === Sender.SERVER ? "" : `client: ${message.name}`,
      from === Sender.CLIENT ? "" : `server: ${message.name}`,
      replyType === 0 ? "" : `reply: ${messages.get(replyType)!.name}`,
    ].filter((side) => side !== "");
    return `  readonly [PacketType.${name}]: { ${sides.join("; ")} };`;
  });
  const imports = [`import { Contract } from "../../shared/contract.ts";`];
  for (const [file, names] of byFile) {
    const what = [`file_${file.name}`, ...names.map((name) => `type ${name}`)].join(", ");
    imports.push(`import { ${what} } from "${moduleOf(file)}";`);
  }
  return `/**
 * The contract of ${game}, generated from its protos by \`deno task generate\`. Do not edit.
 *
 * @module
 */

${imports.join("\n")}

/** Packet types, by the names of their messages. */
export enum PacketType {
  /** No type: what a packet without a header has. */
  UNSPECIFIED = 0,
${rows.map(({ type, name }) => `  /** {@linkcode ${messages.get(type)!.name}} */\n  ${name} = ${type},`).join("\n")}
}

/** What each packet carries, by who sends it, and what answers it. */
export interface Packets {
${shapes.join("\n")}
}

/** What the protos of ${game} and of the engine say. */
export const contract: Contract<Packets> = new Contract("${game}", [
${[...byFile.keys()].map((file) => `  file_${file.name},`).join("\n")}
]);
`;
}

const image = fromBinary(FileDescriptorSetSchema, await buf("build", "-o", "-"));
const files = [...createFileRegistry(image).files].filter(({ name }) => !name.startsWith("google/"));
await Deno.writeTextFile(`${ROOT}games/marsh/contract.ts`, contractModule("marsh", files));
await format("shared/gen", "games/marsh/contract.ts");
