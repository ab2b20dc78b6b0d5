import { PacketLogger, payloadText } from "../../server/ops/packet_logger.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { PACKET_LOG_LINES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

const SECRET_NAMES = [
  "LOGIN_REQUEST",
  "LOGIN_RESPONSE",
  "LOGOUT_REQUEST",
  "REGISTER_REQUEST",
  "RESUME_REQUEST",
  "RESUME_RESPONSE",
  "ENTER_WORLD_REQUEST",
  "ENTER_WORLD_RESPONSE",
  "PASSWORD_CHANGE_REQUEST",
  "PASSWORD_CHANGE_RESPONSE",
  "TOKENS_REVOKE_REQUEST",
  "TOKENS_REVOKE_RESPONSE",
  "ACCOUNT_DELETE_REQUEST",
  "ROOM_CREATE_REQUEST",
  "ROOM_JOIN_REQUEST",
];

Deno.test("PacketLogger.log() writes direction, type, size, sequence and payload", () => {
  const logger = new RecordingLogger();
  new PacketLogger(logger, contract.packets, { nowMs: () => 0 }).log({
    direction: "in",
    connection: 7,
    type: PacketType.MOVEMENT_UPDATE,
    sequence: 3n,
    payload: new Uint8Array([0, 15, 255]),
  });
  assertEquals(logger.records, [{
    level: "info",
    message: "Packet",
    properties: {
      direction: "in",
      connection: 7,
      type: "MOVEMENT_UPDATE",
      size: 3,
      sequence: "3",
      payload: "00 0f ff",
    },
  }]);
});

Deno.test("payloadText() redacts exactly the packets that carry secrets", () => {
  const payload = new TextEncoder().encode("hunter2");
  for (const [name, type] of Object.entries(PacketType).filter(([, value]) => typeof value === "number")) {
    const isSecret = SECRET_NAMES.includes(name);
    assertEquals(
      payloadText(contract.packets.row(Number(type)), payload),
      isSecret ? "<redacted 7 bytes>" : "68 75 6e 74 65 72 32",
      name,
    );
  }
});

Deno.test("payloadText() shows 64 bytes and marks that there are more", () => {
  const bytes = (count: number) => payloadText(contract.packets.row(PacketType.CHAT_MESSAGE), new Uint8Array(count));
  assertEquals(bytes(0), "");
  assertEquals(bytes(64), Array(64).fill("00").join(" "));
  assertEquals(bytes(65), `${Array(64).fill("00").join(" ")} …`);
});

Deno.test("PacketTable.nameOf() names unknown types by their number", () => {
  assertEquals([contract.packets.nameOf(1000), contract.packets.nameOf(77)], ["LOGIN_REQUEST", "UNKNOWN_77"]);
});

Deno.test("PacketLogger.log() writes a bounded number of lines a second", () => {
  const logger = new RecordingLogger();
  const clock = { ms: 0 };
  const packets = new PacketLogger(logger, contract.packets, { nowMs: () => clock.ms });
  const packet = { direction: "out", connection: 1, type: 2007, sequence: 0, payload: new Uint8Array(4) } as const;
  for (let count = 0; count < PACKET_LOG_LINES_MAX + 30; count++) packets.log(packet);
  assertEquals(logger.records.length, PACKET_LOG_LINES_MAX);
  clock.ms = 1_000;
  packets.log(packet);
  assertEquals(logger.records.at(-1)?.properties.leftOut, 30);
  assert(logger.records.every(({ properties }) => properties.direction === "out"));
});
