import { LoginRequestSchema, LogoutRequestSchema, RegisterRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assertEquals } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";

const ENTRY = { username: "Mira", passwordHash: "ab".repeat(32) };

/** The log of a player who registers, logs in, enters and goes: level and message, in order. */
async function logOfVisit(logLogins: boolean): Promise<string[]> {
  await using harness = await LogicHarness.create({ config: { logLogins } });
  const client = harness.open({ port: "gateway" });
  harness.send(client, RegisterRequestSchema, ENTRY);
  await harness.until(() => harness.received(client, PacketType.REGISTER_RESPONSE).length > 0);
  harness.send(client, LoginRequestSchema, ENTRY);
  await harness.until(() => harness.received(client, PacketType.LOGIN_RESPONSE).length > 0);
  await harness.enter(client);
  harness.send(client, LogoutRequestSchema, {});
  await harness.until(() => harness.received(client, PacketType.LOGOUT_RESPONSE).length > 0);
  return harness.log.records.map(({ level, message }) => `${level}: ${message}`);
}

Deno.test("Logic logs who comes and goes at debug, and logins at info where that is asked for", async () => {
  assertEquals(await logOfVisit(false), ["debug: Player entered", "debug: Player left"]);
  assertEquals(await logOfVisit(true), ["info: Login", "debug: Player entered", "debug: Player left"]);
});
