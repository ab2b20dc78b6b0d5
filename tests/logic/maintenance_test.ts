import { DisconnectReason, LoginRequestSchema, RegisterRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { settle } from "../guild/guild_scene.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** What was announced to a client since it was asked last. */
function heard(harness: LogicHarness, client: HarnessClient): string[] {
  return harness.take(client, PacketType.CHAT_MESSAGE).map(({ message }) => message);
}

function plan(harness: LogicHarness, inMs: number, allow: readonly string[] = []): void {
  harness.logic.maintenance.set({ startsAtMs: harness.clock.unixMs() + inMs, message: "a new map", allow });
}

/** Lets time pass, a second at a time and a tick more. */
async function pass(harness: LogicHarness, ms: number): Promise<void> {
  for (const untilMs = harness.clock.monotonicMs() + ms; harness.clock.monotonicMs() < untilMs;) {
    harness.clock.advance(1_000);
    harness.tick();
  }
  await settle(harness);
}

async function enterCode(harness: LogicHarness, { playerId, name }: HarnessClient): Promise<string> {
  const client = harness.open({ name });
  harness.send(client, EnterWorldRequestSchema, { sessionToken: `plain:${playerId}:${name}` });
  await harness.until(() => harness.received(client, PacketType.ENTER_WORLD_RESPONSE).length > 0);
  return ErrorCode[harness.take(client, PacketType.ENTER_WORLD_RESPONSE)[0].errorCode];
}

Deno.test("Maintenance is announced when it is planned, and at 10, 5, 2, 1 min, 30 and 10 s", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  plan(harness, 15 * 60_000);
  await pass(harness, 15 * 60_000 - 5_000);
  assertEquals(
    heard(harness, ann),
    ["15 min", "10 min", "5 min", "2 min", "1 min", "30 s", "10 s"].map((time) =>
      `Maintenance begins in ${time}: a new map`
    ),
  );
  assertEquals(ann.closedBy, null);
});

Deno.test("Maintenance lets everybody go who is not allowed, saved, and nobody else in", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann", at: { x: 400, z: 400 } });
  const bob = await harness.connect({ name: "Bob" });
  const gone = await harness.connect({ name: "Gone" });
  harness.disconnect(gone);
  await harness.storage.characters.save({ characterId: ann.characterId, mapId: 0, x: 1, y: 0, z: 1, yaw: 0, hp: 5 });
  plan(harness, 0, ["bOB"]);
  await pass(harness, 2_000);
  assertEquals(ann.closedBy, {
    reason: DisconnectReason.SHUTDOWN,
    message: "The server is under maintenance: a new map",
    retryAfterMs: 0,
  });
  assertEquals([bob.closedBy, harness.sessions.inWorld.size], [null, 1]);
  const character = await harness.storage.characters.load({ accountId: ann.playerId, characterId: 0 });
  assertEquals(character?.state?.x, 400);
  assertEquals(await enterCode(harness, ann), "MAINTENANCE");
  assertEquals(await enterCode(harness, bob), "NONE");
  const passwordHash = "ab".repeat(32);
  const guest = harness.open();
  harness.send(guest, LoginRequestSchema, { username: "Ann", passwordHash });
  harness.send(guest, RegisterRequestSchema, { username: "Newcomer", passwordHash });
  await harness.until(() => harness.received(guest, PacketType.LOGIN_RESPONSE).length > 0);
  const [login] = harness.take(guest, PacketType.LOGIN_RESPONSE);
  assertEquals([ErrorCode[login.errorCode], login.errorMessage], [
    "MAINTENANCE",
    "The server is under maintenance: a new map",
  ]);
  harness.logic.maintenance.set(null);
  assertEquals(await enterCode(harness, ann), "NONE");
});

Deno.test("Maintenance that is cancelled lets everybody stay, and says so", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  harness.logic.maintenance.set(null);
  assertEquals(heard(harness, ann), []);
  plan(harness, 10_000);
  harness.logic.maintenance.set(null);
  await pass(harness, 20_000);
  assertEquals(heard(harness, ann), ["Maintenance begins in 10 s: a new map", "Maintenance is cancelled"]);
  assertEquals(ann.closedBy, null);
});

Deno.test("Maintenance begins when it was planned to, whatever becomes of the date", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  plan(harness, 60_000);
  harness.clock.jump(3_600_000);
  await pass(harness, 5_000);
  assertEquals(ann.closedBy, null);
  harness.clock.jump(-7_200_000);
  await pass(harness, 60_000);
  assert(ann.closedBy !== null);
});
