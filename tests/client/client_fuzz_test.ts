import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { assert } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { Fixture } from "./support/fixture.ts";
import { frame, framePayload } from "./support/memory_server.ts";

const anyPayload = fc.uint8Array({ maxLength: 40 });
const anyNumbers = fc.record({ sequence: fc.nat(4), ack: fc.nat(3) });
const knownType = fc.constantFrom(...contract.packets.rows.map(({ type }) => type));

/** From plain noise to packets that are nearly right. */
const hostile = fc.oneof(
  anyPayload,
  fc.tuple(fc.oneof(knownType, fc.integer()), anyPayload, anyNumbers, fc.boolean()).map(
    ([type, payload, numbers, isCompressed]) => framePayload(Math.abs(type), payload, numbers, isCompressed),
  ),
  fc.tuple(fc.boolean(), fc.nat(40), fc.nat(3), fc.boolean(), anyNumbers).map(
    ([success, errorCode, last, gap, numbers]) =>
      frame(
        PacketType.RESUME_RESPONSE,
        { success, errorCode, gap, lastSequence: BigInt(last), resumeToken: "t" },
        numbers,
      ),
  ),
  fc.tuple(fc.boolean(), anyNumbers).map(([success, numbers]) =>
    frame(PacketType.ENTER_WORLD_RESPONSE, { success, errorCode: ErrorCode.SERVER_FULL }, numbers)
  ),
  fc.tuple(knownType, fc.nat(40), fc.nat(5)).map(([requestType, errorCode, sequence]) =>
    frame(PacketType.ERROR_RESPONSE, { requestType, errorCode, requestSequence: BigInt(sequence) })
  ),
  fc.tuple(fc.nat(14), fc.nat()).map(([reason, retryAfterMs]) =>
    frame(PacketType.DISCONNECT_NOTICE, { reason, retryAfterMs })
  ),
);

Deno.test("DrawbridgeClient survives whatever a server sends, and closes without a trace", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(hostile, { maxLength: 5 }), { maxLength: 6 }), async (rounds) => {
      const fixture = await Fixture.enter();
      const { client, server } = fixture;
      for (const { type } of contract.packets.rows) {
        client.on(type as PacketType.CHAT_MESSAGE, () => {});
      }
      for (const round of rounds) {
        const pending = client.enterWorld({ token: "again" });
        pending.catch(() => {});
        client.sendEncoded(PacketType.CHAT_MESSAGE, new Uint8Array(3));
        for (const bytes of round) server.peer.sendBytes(bytes);
        await fixture.advance(1_000);
      }
      assert(fixture.errors.every((line) => /^(connection|resume): Cannot/.test(line)), fixture.errors.join("\n"));
      await fixture.close();
    }),
    { numRuns: 500 },
  );
});
