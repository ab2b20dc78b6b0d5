import { fromBinary } from "@bufbuild/protobuf";
import { RequestError } from "../../client/browser.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { GuildCreateRequestSchema, GuildInviteListRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { CLIENT_REPEAT_MS, RECEIPTS_PER_PLAYER_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { Fixture } from "./support/fixture.ts";

const KEYS = [0.25, 0.5, 0.75].map((part) => 1 + Math.floor(part * Number.MAX_SAFE_INTEGER));

/** A client in the world whose requests have the names {@linkcode KEYS}. */
async function enter(options: { readonly reenter?: boolean } = {}): Promise<Fixture> {
  const fixture = await Fixture.enter({ ...options, random: () => chance });
  return fixture;
}
let chance = 0.5;

function ask(fixture: Fixture, guildId: bigint, part: number) {
  chance = part;
  const response = fixture.client.request(GuildCreateRequestSchema, { name: String(guildId) });
  chance = 0.5;
  response.catch(() => {});
  return response;
}

/** Number, name and guild of every request that the server of the present connection got. */
function asked({ server: { peer } }: Fixture): [sequence: number, requestKey: number, guildId: bigint][] {
  return peer.of(PacketType.GUILD_CREATE_REQUEST).map(({ sequence, requestKey, payload }) => [
    sequence,
    requestKey,
    BigInt(fromBinary(GuildCreateRequestSchema, payload).name),
  ]);
}

async function loseSession(fixture: Fixture): Promise<void> {
  await fixture.reconnect();
  fixture.server.peer.reply(PacketType.RESUME_RESPONSE, { success: false, errorCode: ErrorCode.RESUME_EXPIRED });
  await fixture.settle();
}

Deno.test("DrawbridgeClient names durable requests, and no others", async () => {
  const fixture = await enter();
  void ask(fixture, 1n, 0.25);
  void ask(fixture, 2n, 0.75);
  // Nobody answers it: it is rejected when the client ends.
  fixture.client.request(GuildInviteListRequestSchema, {}).catch(() => {});
  await fixture.settle();
  assertEquals(asked(fixture), [[1, KEYS[0], 1n], [2, KEYS[2], 2n]]);
  assertEquals(fixture.server.peer.of(PacketType.GUILD_INVITE_LIST_REQUEST)[0].requestKey, 0);
  await fixture.close();
});

Deno.test("DrawbridgeClient has no more durable requests wait than the server keeps receipts of", async () => {
  const fixture = await enter();
  for (let count = 0; count < RECEIPTS_PER_PLAYER_MAX; count++) void ask(fixture, BigInt(count), 0.25);
  const { reason } = await assertRejects(() => ask(fixture, 99n, 0.25), RequestError);
  // Nobody answers it: it is rejected when the client ends.
  fixture.client.request(GuildInviteListRequestSchema, {}).catch(() => {});
  await fixture.settle();
  assertEquals([reason, asked(fixture).length], ["not_sent", RECEIPTS_PER_PLAYER_MAX]);
  assertEquals(fixture.server.peer.of(PacketType.GUILD_INVITE_LIST_REQUEST).length, 1);
  fixture.server.peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: true, guildId: 1n }, { sequence: 2 });
  await fixture.settle();
  void ask(fixture, 100n, 0.25);
  await fixture.settle();
  assertEquals(asked(fixture).length, RECEIPTS_PER_PLAYER_MAX + 1);
  await fixture.close();
});

Deno.test("DrawbridgeClient sends durable requests again under their names when their session is lost", async () => {
  const fixture = await enter();
  const first = ask(fixture, 1n, 0.25);
  const other = assertRejects(() => fixture.client.request(GuildInviteListRequestSchema, {}), RequestError);
  const second = ask(fixture, 2n, 0.75);
  await fixture.settle();
  fixture.server.peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: true, guildId: 1n }, { sequence: 2 });
  await fixture.settle();
  assertEquals((await first).guildId, 1n);
  const third = ask(fixture, 3n, 0.5);
  await loseSession(fixture);
  assertEquals((await other).reason, "lost", "what is not durable may have been done");
  const late = ask(fixture, 4n, 0.5);
  await fixture.admit({ success: true, resumeToken: "token-9", entityId: 8n });
  // Those that were sent before come first, and what was answered does not come again.
  assertEquals(asked(fixture), [[1, KEYS[2], 2n], [2, KEYS[1], 3n], [3, KEYS[1], 4n]]);
  for (const [index, guildId] of [2n, 3n, 4n].entries()) {
    fixture.server.peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: true, guildId }, { sequence: 2 + index });
  }
  await fixture.settle();
  assertEquals([(await second).guildId, (await third).guildId, (await late).guildId], [2n, 3n, 4n]);
  await fixture.close();
});

Deno.test("DrawbridgeClient sends a durable request again whose answer went into a gap", async () => {
  const fixture = await enter();
  const request = ask(fixture, 1n, 0.25);
  await fixture.reconnect();
  const response = { success: true, resumeToken: "token-2", lastSequence: 1n, entityId: 5n, gap: true };
  fixture.server.peer.reply(PacketType.RESUME_RESPONSE, response);
  await fixture.settle();
  assertEquals(asked(fixture), [[2, KEYS[0], 1n]]);
  fixture.server.peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: true, guildId: 1n }, { sequence: 9 });
  await fixture.settle();
  assertEquals((await request).guildId, 1n);
  await fixture.close();
});

Deno.test("DrawbridgeClient gives durable requests up where it does not enter the world again, and in time", async () => {
  const outside = await enter({ reenter: false });
  const lost = assertRejects(() => ask(outside, 1n, 0.25), RequestError, "session is over");
  await outside.settle();
  await loseSession(outside);
  assertEquals((await lost).reason, "lost");
  await outside.close();

  const fixture = await enter();
  const late = assertRejects(
    () => fixture.client.request(GuildCreateRequestSchema, {}, { timeoutMs: 5_000 }),
    RequestError,
  );
  await fixture.settle();
  await loseSession(fixture);
  await fixture.advance(6_000);
  assertEquals((await late).reason, "lost", "it had been sent, and may have been done");
  assert(fixture.client.state !== "closed");
  await fixture.close();
});

Deno.test("DrawbridgeClient sends a durable request again that was answered with UNAVAILABLE, which may have been done", async () => {
  const fixture = await enter();
  const first = ask(fixture, 1n, 0.25), second = ask(fixture, 2n, 0.75);
  await fixture.settle();
  const { peer } = fixture.server;
  const answer = (sequence: number, reply: { success: boolean; errorCode?: ErrorCode; guildId?: bigint }) =>
    peer.reply(PacketType.GUILD_CREATE_RESPONSE, reply, { sequence });
  answer(2, { success: false, errorCode: ErrorCode.UNAVAILABLE });
  answer(3, { success: true, guildId: 2n });
  await fixture.settle();
  assertEquals((await second).guildId, 2n, "it takes no answer of another");
  await fixture.advance(CLIENT_REPEAT_MS - 1);
  assertEquals(asked(fixture).length, 2);
  const third = ask(fixture, 3n, 0.5);
  await fixture.advance(1);
  assertEquals(asked(fixture).slice(2), [[3, KEYS[1], 3n], [4, KEYS[0], 1n]]);
  // Its answer comes behind that of what was sent meanwhile.
  answer(4, { success: true, guildId: 3n });
  answer(5, { success: false, errorCode: ErrorCode.UNAVAILABLE });
  await fixture.advance(2 * CLIENT_REPEAT_MS);
  answer(6, { success: true, guildId: 1n });
  await fixture.settle();
  assertEquals([(await third).guildId, (await first).guildId], [3n, 1n]);
  await fixture.close();
});

Deno.test("DrawbridgeClient does not take RATE_LIMITED for what became of a durable request that was UNAVAILABLE", async () => {
  const fixture = await enter();
  const request = () => fixture.client.request(GuildCreateRequestSchema, {}, { timeoutMs: 4 * CLIENT_REPEAT_MS });
  const { peer } = fixture.server;
  const refuse = (sequence: number, errorCode: ErrorCode) =>
    peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: false, errorCode }, { sequence });
  const done = request();
  await fixture.settle();
  refuse(2, ErrorCode.UNAVAILABLE);
  await fixture.advance(CLIENT_REPEAT_MS);
  refuse(3, ErrorCode.RATE_LIMITED);
  await fixture.advance(2 * CLIENT_REPEAT_MS);
  peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: true, guildId: 1n }, { sequence: 4 });
  await fixture.settle();
  assertEquals((await done).guildId, 1n, "it was sent once more");
  const unknown = request();
  await fixture.settle();
  refuse(5, ErrorCode.UNAVAILABLE);
  await fixture.advance(CLIENT_REPEAT_MS);
  refuse(6, ErrorCode.RATE_LIMITED);
  await fixture.advance(2 * CLIENT_REPEAT_MS);
  refuse(7, ErrorCode.RATE_LIMITED);
  await fixture.settle();
  assertEquals((await unknown).errorCode, ErrorCode.UNAVAILABLE);
  const plain = request();
  await fixture.settle();
  refuse(8, ErrorCode.RATE_LIMITED);
  await fixture.settle();
  assertEquals((await plain).errorCode, ErrorCode.RATE_LIMITED);
  await fixture.close();
});

for (const why of ["its session is lost", "its answer is in a gap", "its server is dead"] as const) {
  for (const isError of [false, true]) {
    const how = isError ? "in ERROR_RESPONSE" : "in its own answer";
    Deno.test(`DrawbridgeClient does not take RATE_LIMITED ${how} for what became of a durable request, where ${why}`, async () => {
      const type = PacketType.GUILD_CREATE_REQUEST, outcomes: (bigint | string)[] = [];
      for (const isDone of [true, false]) {
        const fixture = await enter();
        let sequence = 1;
        const refuse = async () => {
          const { peer } = fixture.server, errorCode = ErrorCode.RATE_LIMITED, header = { sequence: ++sequence };
          const requestSequence = BigInt(peer.of(type).at(-1)!.sequence);
          if (isError) peer.reply(PacketType.ERROR_RESPONSE, { errorCode, requestType: type, requestSequence }, header);
          else peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: false, errorCode }, header);
          await fixture.settle();
        };
        // A second for the way back, and one repetition.
        const timeoutMs = 1_000 + 2 * CLIENT_REPEAT_MS;
        void fixture.client.request(GuildCreateRequestSchema, {}, { timeoutMs })
          .then(({ guildId }) => outcomes.push(guildId), ({ reason }: RequestError) => outcomes.push(reason));
        await fixture.settle();
        if (why === "its session is lost") {
          await loseSession(fixture);
          await fixture.admit({ success: true, resumeToken: "token-9", entityId: 8n });
        } else {
          await fixture.reconnect();
          const lastSequence = why === "its server is dead" ? 0n : 1n;
          const response = { success: true, resumeToken: "token-2", lastSequence, entityId: 5n, gap: true };
          fixture.server.peer.reply(PacketType.RESUME_RESPONSE, response);
          await fixture.settle();
        }
        await refuse();
        await fixture.advance(CLIENT_REPEAT_MS);
        assertEquals(asked(fixture).map(([, requestKey]) => requestKey), [KEYS[1], KEYS[1]]);
        const done = { success: true, guildId: 1n };
        if (isDone) fixture.server.peer.reply(PacketType.GUILD_CREATE_RESPONSE, done, { sequence: ++sequence });
        else await refuse();
        await fixture.settle();
        await fixture.close();
      }
      assertEquals(outcomes, [1n, "lost"]);
    });
  }
}

Deno.test("DrawbridgeClient gives the answer UNAVAILABLE where the time of a durable request is out, and at once for others", async () => {
  const fixture = await enter();
  const durable = fixture.client.request(GuildCreateRequestSchema, {}, { timeoutMs: CLIENT_REPEAT_MS });
  const other = fixture.client.request(GuildInviteListRequestSchema, {});
  await fixture.settle();
  const { peer } = fixture.server;
  peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: false, errorCode: ErrorCode.UNAVAILABLE }, { sequence: 2 });
  peer.reply(PacketType.GUILD_INVITE_LIST_RESPONSE, { success: false, errorCode: ErrorCode.UNAVAILABLE }, {
    sequence: 3,
  });
  await fixture.settle();
  assertEquals([(await durable).errorCode, (await other).errorCode], [ErrorCode.UNAVAILABLE, ErrorCode.UNAVAILABLE]);
  await fixture.close();
});

Deno.test("DrawbridgeClient gives the answer UNAVAILABLE where the time of a durable request is out before the next answer, which is taken for no other's", async () => {
  const fixture = await enter();
  const request = () => fixture.client.request(GuildCreateRequestSchema, {}, { timeoutMs: 2 * CLIENT_REPEAT_MS });
  const { peer } = fixture.server;
  const first = request();
  await fixture.settle();
  peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: false, errorCode: ErrorCode.UNAVAILABLE }, { sequence: 2 });
  await fixture.advance(CLIENT_REPEAT_MS);
  assertEquals(asked(fixture).length, 2, "it was sent again");
  await fixture.advance(CLIENT_REPEAT_MS);
  assertEquals((await first).errorCode, ErrorCode.UNAVAILABLE);
  const second = request();
  await fixture.settle();
  for (const guildId of [1n, 2n]) {
    peer.reply(PacketType.GUILD_CREATE_RESPONSE, { success: true, guildId }, { sequence: 2 + Number(guildId) });
  }
  await fixture.settle();
  assertEquals((await second).guildId, 2n);
  await fixture.close();
});
