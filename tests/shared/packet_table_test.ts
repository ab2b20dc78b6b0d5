import { DeliveryClass } from "../../shared/gen/options_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { DECOMPRESSED_BYTES_MAX, ECHO_PAYLOAD_BYTES_MAX, PACKET_TOKENS_BURST } from "../../shared/limits.ts";
import {
  PORT_GAME,
  PORT_GATEWAY,
  PORT_LOGIN,
  STATE_AUTHENTICATED,
  STATE_CONNECTED,
  STATE_IN_WORLD,
} from "../../shared/packet_table.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CONTRACT } from "./contract.ts";

const STATE_BITS = { C: STATE_CONNECTED, A: STATE_AUTHENTICATED, W: STATE_IN_WORLD };
const PORT_BITS = { login: PORT_LOGIN, game: PORT_GAME, gateway: PORT_GATEWAY };

function bitsOf<Name extends string>(names: readonly Name[], bits: Readonly<Record<Name, number>>): number {
  return names.reduce((sum, name) => sum | bits[name], 0);
}

Deno.test("PacketTable.rows has a row for each type of the contract, in order", () => {
  assertEquals(
    contract.packets.rows.map(({ type, name }) => [type, name]),
    CONTRACT.map(({ type, name }) => [type, name]),
  );
});

for (const expected of CONTRACT) {
  Deno.test(`PacketTable.row() of ${expected.name} says what the contract says`, () => {
    const row = contract.packets.row(expected.type);
    assert(row !== undefined);
    const { isFromClient, isFromServer } = expected;
    assertEquals(row.direction, isFromClient && isFromServer ? "both" : isFromClient ? "client" : "server");
    assertEquals(row.states, bitsOf(expected.states, STATE_BITS));
    assertEquals(row.ports, bitsOf(expected.ports, PORT_BITS));
    assertEquals(DeliveryClass[row.delivery], expected.delivery);
    const answer = PacketType[row.refusal?.type ?? 0];
    assertEquals(answer, isFromClient && expected.answer !== "ERROR_RESPONSE" ? expected.answer : "UNSPECIFIED");
    assertEquals(contract.schemaOf(row.type)!.name.toUpperCase(), expected.name.replaceAll("_", ""));
  });
}

Deno.test("PacketTable.rows says where each packet of a client is handled", () => {
  for (const row of contract.packets.rows) {
    const isAnsweredByIo = row.type === PacketType.HEARTBEAT_REQUEST || row.type === PacketType.ECHO_REQUEST;
    assertEquals(row.handledBy, row.direction === "server" ? "none" : isAnsweredByIo ? "io" : "logic", row.name);
  }
});

Deno.test("PacketTable.rows bounds what a client may send, and charges for what others handle", () => {
  for (const row of contract.packets.rows) {
    if (row.direction === "server") {
      assertEquals([row.payloadBytesMax, row.cost], [0, 0], row.name);
      continue;
    }
    assert(row.payloadBytesMax > 0 && row.payloadBytesMax <= ECHO_PAYLOAD_BYTES_MAX, row.name);
    assert(row.cost <= PACKET_TOKENS_BURST, row.name);
    assert(row.cost > 0 || row.type === PacketType.ECHO_REQUEST, row.name);
  }
  assertEquals(contract.packets.row(PacketType.ECHO_REQUEST)!.payloadBytesMax, ECHO_PAYLOAD_BYTES_MAX);
  assert(ECHO_PAYLOAD_BYTES_MAX <= DECOMPRESSED_BYTES_MAX);
});

Deno.test("PacketTable.rows names response types that begin with success and error_code", () => {
  for (const { name, refusal } of contract.packets.rows) {
    if (refusal === null) continue;
    const schema = contract.schemaOf(refusal.type)!;
    assertEquals(schema.fields.slice(0, 2).map((field) => field.name), ["success", "error_code"], name);
  }
});

Deno.test("PacketTable.row() knows no other number", () => {
  const known = new Set(CONTRACT.map(({ type }) => type));
  for (let type = -10; type <= 20_000; type++) {
    assertEquals(contract.packets.row(type) !== undefined, known.has(type), `${type}`);
  }
  for (const type of [-1, -(2 ** 31), 2 ** 31 - 1, 2 ** 32 - 1, NaN, 1000.5]) {
    assertEquals(contract.packets.row(type), undefined);
  }
});
