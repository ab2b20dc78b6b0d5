/** Entries whose load hooks take long, or never end. @module */

import { contract } from "../../games/marsh/contract.ts";
import { defineGame, definePart, type GameModule } from "../../server/game/game.ts";
import { ErrorCode } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { LOAD_ABANDONED_MS, REQUEST_ANSWER_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** What a game loads, which tests end. */
class Loading {
  /** Loads that have begun and not ended, the oldest first. */
  readonly begun: PromiseWithResolvers<void>[] = [];
  isHeld = false;
  /** What the game has done, in order. */
  readonly calls: string[] = [];
  readonly game: GameModule<void>;

  constructor() {
    const coins = definePart("coins", (game) => {
      game.hooks.load(async () => {
        this.calls.push("begin");
        if (this.isHeld) {
          const end = Promise.withResolvers<void>();
          this.begun.push(end);
          await end.promise;
        }
        this.calls.push("end");
      });
    });
    this.game = defineGame(
      contract,
      { maps: () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }] },
      (game) => {
        game.use(coins);
        game.hooks.load(() => void this.calls.push("behind"));
        game.hooks.enter(({ name }) => void this.calls.push(`enter ${name}`));
      },
    );
  }
}

async function begin() {
  const loading = new Loading(), harness = await LogicHarness.create({ game: loading.game });
  const ann = await harness.connect({ name: "ann" });
  harness.disconnect(ann);
  harness.advance(harness.config.linkDeadMs + 2_000);
  loading.calls.length = 0;
  loading.isHeld = true;
  const ask = (client: HarnessClient) => {
    const enter = { sessionToken: `plain:${ann.playerId}:ann` };
    harness.send(client, EnterWorldRequestSchema, enter);
  };
  const answers = (client: HarnessClient) =>
    harness.received(client, PacketType.ENTER_WORLD_RESPONSE).map(({ success, errorCode }) => success || errorCode);
  /** Lets all that can go on without time do so. */
  const settle = () => {
    let turns = 0;
    return harness.until(() => turns++ === 50);
  };
  return { harness, loading, ask, answers, settle };
}

Deno.test("Entries answer UNAVAILABLE within 5 s where a load hook does not end, and log its name once", async () => {
  const { harness, loading: { begun, calls }, ask, answers, settle } = await begin();
  await using _ = harness;
  const client = harness.open();
  const startMs = harness.clock.monotonicMs();
  ask(client);
  await harness.until(() => begun.length === 1);
  harness.advance(REQUEST_ANSWER_MS - 200);
  await settle();
  assertEquals(answers(client), []);
  harness.advance(200);
  await harness.until(() => answers(client).length > 0);
  assert(harness.clock.monotonicMs() - startMs < 5_000);
  assertEquals(answers(client), [ErrorCode.UNAVAILABLE]);
  const lines = harness.log.records.filter(({ level }) => level === "error" || level === "warn");
  assertEquals(lines.map(({ message }) => message), ["Cannot handle packet"]);
  assert(String(lines[0].properties.error).includes("hooks.load of coins"), String(lines[0].properties.error));

  // Late it does nothing but end: no hook behind it, nobody in the world.
  begun[0].resolve();
  await harness.until(() => calls.includes("end"));
  harness.advance(1_000);
  await settle();
  assertEquals(calls, ["begin", "end"]);
  assertEquals([harness.logic.context.sessions.inWorld.size, answers(client).length], [0, 1]);
  assertEquals(harness.log.records.filter(({ level }) => level === "error").length, 1);
});

Deno.test("Entries load a player anew only when what was begun before is over, failed or not", async () => {
  for (const isFailing of [false, true]) {
    const { harness, loading, ask, answers, settle } = await begin();
    await using _ = harness;
    const { begun, calls } = loading, [first, second] = [harness.open(), harness.open()];
    ask(first);
    await harness.until(() => begun.length === 1);
    harness.advance(REQUEST_ANSWER_MS);
    await harness.until(() => answers(first).length === 1);
    ask(second);
    await settle();
    harness.advance(1_000);
    await settle();
    assertEquals(calls, ["begin"]);
    loading.isHeld = false;
    if (isFailing) begun[0].reject(new Error("planted"));
    else begun[0].resolve();
    await harness.until(() => answers(second).length === 1);
    assertEquals(answers(second), [true]);
    assertEquals(calls, ["begin", ...isFailing ? [] : ["end"], "begin", "end", "behind", "enter ann"]);
  }
});

Deno.test("Entries wait no longer for a load that seems never to end: its player comes in", async () => {
  const { harness, loading, ask, answers, settle } = await begin();
  await using _ = harness;
  const client = harness.open();
  ask(client);
  await harness.until(() => loading.begun.length === 1);
  harness.advance(REQUEST_ANSWER_MS);
  await harness.until(() => answers(client).length === 1);
  loading.isHeld = false;
  ask(client);
  await settle();
  harness.advance(REQUEST_ANSWER_MS);
  await harness.until(() => answers(client).length === 2);
  harness.advance(LOAD_ABANDONED_MS);
  ask(client);
  await harness.until(() => answers(client).length === 3);
  assertEquals(answers(client), [ErrorCode.UNAVAILABLE, ErrorCode.UNAVAILABLE, true]);
});
