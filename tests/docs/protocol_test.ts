import { type DescEnum, type DescField, type DescFile, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import type { App } from "../../gateway/app.ts";
import { Connection } from "../../server/io/connection.ts";
import { GatewayAdapter } from "../../server/io/gateway_adapter.ts";
import { readFrameLength } from "../../shared/frame_decoder.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { file_drawbridge_common } from "../../shared/gen/common_pb.ts";
import { DeliveryClass } from "../../shared/gen/options_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { file_drawbridge_packet, PacketSchema } from "../../shared/gen/packet_pb.ts";
import * as limits from "../../shared/limits.ts";
import {
  PORT_GAME,
  PORT_GATEWAY,
  PORT_LOGIN,
  STATE_AUTHENTICATED,
  STATE_CONNECTED,
  STATE_IN_WORLD,
} from "../../shared/packet_table.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { sourceFiles } from "../support/source_files.ts";
import { isUpdating, MarkdownDocument, parseNumber, ROOT, writeDocument } from "./markdown.ts";

const DOCUMENT = await MarkdownDocument.read("docs/protocol.md");
const OUTDATED = "docs/protocol.md is not up to date: deno task docs, then say what is new";
/** Every packet type with its message. */
const PACKETS = contract.packets.rows.map((row) => ({ ...row, schema: contract.schemaOf(row.type)! }));
/** The files of `proto/`, those that every subject uses first. */
const FILES: readonly DescFile[] = [
  ...new Set([file_drawbridge_common, file_drawbridge_packet, ...PACKETS.map(({ schema }) => schema.file)]),
];
/** As protobuf numbers them: google.protobuf.FieldDescriptorProto.Type. */
const SCALARS = new Map([[2, "float"], [4, "uint64"], [8, "bool"], [9, "string"], [12, "bytes"], [13, "uint32"]])
  .set(5, "int32").set(17, "sint32");
const STATES: readonly (readonly [number, string])[] = [
  [STATE_CONNECTED, "C"],
  [STATE_AUTHENTICATED, "A"],
  [STATE_IN_WORLD, "W"],
];
const PORTS: readonly (readonly [number, string])[] = [[PORT_LOGIN, "L"], [PORT_GAME, "G"], [PORT_GATEWAY, "W"]];

function letters(bits: number, names: readonly (readonly [number, string])[]): string {
  return names.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name).join(" ");
}

function typeName(field: DescField): string {
  const named = field.message?.name ?? field.enum?.name ?? SCALARS.get(field.scalar!);
  assert(named !== undefined, `${field.parent.name}.${field.name} has a type this test does not know`);
  return field.fieldKind === "list" ? `repeated ${named}` : named;
}

function fieldsOf(message: DescMessage): string[] {
  return message.fields.map((field) => `${field.name} ${field.number} ${typeName(field)}`);
}

function documentedFields(text: string): string[] {
  if (text === "none") return [];
  return [...text.matchAll(/`(\w+)` (\d+) ((?:repeated )?\w+)/g)].map(([, name, no, type]) => `${name} ${no} ${type}`);
}

/** The packet table as the document has it. */
const TYPES: readonly Readonly<Record<string, string>>[] = PACKETS.map((row) => ({
  No: String(row.type),
  Name: row.name,
  From: row.direction,
  In: letters(row.states, STATES),
  Ports: letters(row.ports, PORTS),
  Delivery: DeliveryClass[row.delivery],
  Cost: row.states === 0 ? "" : String(row.cost),
  Rate: row.rate === null ? "" : `${row.rate.perSecond}, ${row.rate.burst}`,
  Bytes: row.states === 0 ? "" : row.payloadBytesMax.toLocaleString("en"),
  "Answered by": contract.packets.row(row.refusal?.type ?? 0)?.name ?? "",
}));

/** Every message by the name that the document gives it: those of packets with their numbers. */
const MESSAGES: ReadonlyMap<string, DescMessage> = new Map([
  ...PACKETS.map(({ type, schema }) => [`${type} ${schema.name}`, schema] as const),
  ...FILES.flatMap(({ messages }) => messages)
    .filter(({ typeName }) => !PACKETS.some(({ schema }) => schema.typeName === typeName))
    .map((message) => [message.name, message] as const),
]);

/** Every enum; packet types are a table. */
const ENUMS: readonly DescEnum[] = FILES.flatMap(({ enums }) => enums);

function valuesOf({ values }: DescEnum): string {
  return values.map(({ number, localName }) => `${number} ${localName}`).join(", ");
}

/** The types of clients that logic should handle and no handler is registered for. */
async function unhandledTypes(): Promise<string[]> {
  const registered = new Set<string>();
  for (const file of [...await sourceFiles("server/session"), ...await sourceFiles("games")]) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    for (const [, schema] of source.matchAll(/\.on\(\s*(\w+)Schema,/g)) registered.add(schema);
  }
  return PACKETS
    .filter(({ handledBy, schema }) => handledBy === "logic" && !registered.has(schema.name))
    .map(({ name }) => name);
}

const UNHANDLED = /This version (?:handles them all|does not handle these types[^.]*UNSUPPORTED: ([A-Z_,\s]+))\./;

function unhandledSentence(names: readonly string[]): string {
  if (names.length === 0) return "This version handles them all.";
  return "This version does not handle these types of clients and answers them with UNSUPPORTED: " +
    `${names.join(", ")}.`;
}

/** Writes what follows from the code anew; what people have added to fields stays where the fields are as they were. */
async function updated(): Promise<string> {
  const columns = Object.keys(TYPES[0]);
  const cells = (values: readonly string[]) => `| ${values.join(" | ")} |`;
  const table = [columns, columns.map(() => "---"), ...TYPES.map((row) => Object.values(row))].map(cells).join("\n");
  const before = DOCUMENT.section("Messages").definitions();
  const definition = ([name, message]: readonly [string, DescMessage]) => {
    const text = before.get(name);
    const fields = fieldsOf(message);
    const isSame = text !== undefined && documentedFields(text).join() === fields.join();
    const plain = fields.map((field) => field.replace(/^\w+/, "`$&`")).join(", ") || "none";
    return `- **${name}**: ${isSame ? text : plain}`;
  };
  const lists = [
    [...MESSAGES].filter(([name]) => /^\d/.test(name)).map(definition),
    [...MESSAGES].filter(([name]) => !/^\d/.test(name)).map(definition),
    ENUMS.map((each) => `- **${each.name}**: ${valuesOf(each)}`),
  ].map((items) => items.join("\n"));
  const [head, tail] = [DOCUMENT.text.slice(0, DOCUMENT.text.indexOf("## Messages")), DOCUMENT.text].map((text, part) =>
    part === 0 ? text : text.slice(text.indexOf("## Messages"))
  );
  return head.replace(/^\| No +\| Name [\s\S]*?\n\n/m, () => `${table}\n\n`)
    .replace(UNHANDLED, unhandledSentence(await unhandledTypes())) +
    tail.replaceAll(/^- \*\*[\s\S]*?(?=\n\n|\n*$(?![\s\S]))/gm, () => lists.shift()!);
}

if (isUpdating) {
  Deno.test({
    name: "docs/protocol.md is written anew",
    fn: async () => await writeDocument(DOCUMENT.path, await updated()),
  });
}

Deno.test("docs/protocol.md has the packet table's types, names, directions, states, ports, classes and bounds", () => {
  if (isUpdating) return;
  assertEquals(DOCUMENT.section("Packet types").table("No"), TYPES.map((row) => ({ ...row })), OUTDATED);
});

Deno.test("docs/protocol.md has every field of every message with its number and type", () => {
  if (isUpdating) return;
  const documented = DOCUMENT.section("Messages").definitions();
  for (const [name, message] of MESSAGES) {
    const text = documented.get(name);
    assert(text !== undefined, `docs/protocol.md does not have ${name}. ${OUTDATED}`);
    assertEquals(documentedFields(text), fieldsOf(message), name);
  }
  assertEquals(documented.size, MESSAGES.size);
});

Deno.test("docs/protocol.md has every value of every enum", () => {
  if (isUpdating) return;
  const documented = DOCUMENT.section("Enums").definitions();
  for (const each of ENUMS) assertEquals(documented.get(each.name), valuesOf(each), each.name);
  assertEquals(documented.size, ENUMS.length);
});

Deno.test("docs/protocol.md's example frame is what its comments say", () => {
  const [hex] = DOCUMENT.section("An example frame").codeBlocks("hex");
  const digits = [...hex.matchAll(/^ *((?:[0-9a-f]{2} )+)/gm)].map(([, line]) => line).join("");
  const bytes = Uint8Array.fromHex(digits.replaceAll(" ", ""));
  assertEquals(readFrameLength(bytes, 0), bytes.length - limits.FRAME_HEADER_BYTES);
  const { header, payload } = fromBinary(PacketSchema, bytes.subarray(limits.FRAME_HEADER_BYTES));
  assert(header !== undefined);
  assertEquals(
    [header.type, header.size, header.sequence, header.timestamp, header.isCompressed, header.ack],
    [PacketType.CHAT_MESSAGE, 4, 3n, 1_700_000_000_000n, false, 7n],
  );
  assertEquals(new Date(Number(header.timestamp)).toISOString(), "2023-11-14T22:13:20.000Z");
  const chat = fromBinary(ChatMessageSchema, payload);
  assertEquals([chat.channel, chat.message], [Channel.GLOBAL, "hi"]);
});

Deno.test("docs/protocol.md says which of the clients' types no handler is registered for", async () => {
  if (isUpdating) return;
  const sentence = UNHANDLED.exec(DOCUMENT.section("Packet types").text);
  assertEquals(sentence?.[0].replaceAll("\n", " "), unhandledSentence(await unhandledTypes()), OUTDATED);
});

/** The close code that a gateway connection sends with a reason. */
function closeCodeOf(reason: DisconnectReason): number {
  const sent: Uint8Array[] = [];
  const connection = {
    closing: false,
    sendRaw: () => {},
    startWebSocket: () => {},
    reader: { charge: () => {} },
  } as unknown as Connection;
  const site = {
    app: { asset: () => undefined, fetch: () => new Response() } satisfies App,
    origin: "http://localhost",
    allowedOrigins: [],
    hostNames: null,
    diagnostics: false,
    nowMs: 0,
    unixMs: 0,
    isTimeUp: () => false,
    promiseStarted: () => {},
    promiseEnded: () => {},
  };
  const adapter = new GatewayAdapter(connection, site, {
    beginRequest: () => {},
    endRequest: () => {},
    onMisplaced: () => {},
    onUpgraded: () => {},
  });
  const request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const bytes = new TextEncoder().encode(request);
  adapter.onBytes(bytes, 0, bytes.length);
  const queue = { appendRaw: (frame: Uint8Array) => void sent.push(frame) };
  adapter.appendClose(queue as unknown as Connection["queue"], reason, "");
  const [frame] = sent;
  assertEquals(frame[0], 0x88, "A close frame");
  return frame[2] << 8 | frame[3];
}

Deno.test("docs/protocol.md has every disconnect reason with the close code that the gateway sends", () => {
  const documented = DOCUMENT.section("Disconnects").table("No");
  const reasons = Object.values(DisconnectReason).filter((value) => typeof value === "number");
  assertEquals(
    documented.map((row) => [Number(row.No), row.DisconnectReason, Number(row["WebSocket close"])]),
    reasons.map((reason) => [reason, DisconnectReason[reason], closeCodeOf(reason)]),
  );
});

Deno.test("docs/protocol.md's skills are those of the server", async () => {
  const { SKILLS } = await import("../../games/parts/combat/skills.ts");
  const documented = DOCUMENT.section("World").table("Skill");
  assertEquals(
    documented.map((row) => [
      Number(row.Skill.split(" ")[0]),
      Number(row.Range),
      parseNumber(row.Cooldown.replace(" ms", "")),
      row.Damage,
      Number(row.Area.replace("radius ", "")),
    ]),
    SKILLS.map((skill) => [
      skill.id,
      skill.range,
      skill.cooldownMs,
      `${skill.damageMin}-${skill.damageMax}`,
      skill.areaRadius,
    ]),
  );
});
