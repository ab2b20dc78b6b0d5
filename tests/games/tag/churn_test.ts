/** Thousands of short matches leave nothing behind. @module */

import {
  contract,
  LeaveWorldRequestSchema,
  MatchEndedSchema,
  QueueJoinRequestSchema,
} from "../../../games/tag/contract.ts";
import tag, { type Tag } from "../../../games/tag/game.ts";
import { Census } from "../../support/census.ts";
import { collectGarbage } from "../../support/garbage.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../../support/logic_harness.ts";

const PLAYERS = 8;
/** Matches that are played: `deno task soak:matches` plays 10,000. */
const MATCHES = Number(Deno.env.get("CHURN_MATCHES") ?? 500);
/** After so many code is compiled, and caches are filled. */
const WARM_UP = MATCHES / 10;

/** Players of tag who play one match after the other. */
class Regulars implements AsyncDisposable {
  #count = 0;
  readonly #tag: Tag;

  private constructor(readonly harness: LogicHarness, readonly clients: readonly HarnessClient[]) {
    this.#tag = harness.logic.parts as Tag;
  }

  static async come(): Promise<Regulars> {
    const harness = await LogicHarness.create({ game: tag, config: { floodControl: false } });
    const clients: HarnessClient[] = [];
    for (let index = 0; index < PLAYERS; index++) clients.push(await harness.connect());
    return new Regulars(harness, clients);
  }

  /** Plays until so many matches have ended: by the operator, by time, or because all but one have left. */
  async play(matches: number): Promise<void> {
    const { clients, harness } = this, { type } = contract.rowOf(MatchEndedSchema);
    for (const end = this.#count + matches; this.#count < end;) {
      for (const client of clients) harness.send(client, QueueJoinRequestSchema, {});
      harness.tick(2);
      const running = [...this.#tag.matches];
      assertEquals(running.length, PLAYERS / 4);
      const way = this.#count % 10;
      if (way === 4) {
        // Power-ups come, and some are taken.
        for (const ms of [12_000, 12_000, 120_000]) {
          harness.clock.advance(ms);
          harness.tick(2);
        }
      } else if (way === 8) {
        for (const player of running.flatMap(({ players }) => players.slice(1))) {
          const client = clients.find(({ playerId }) => playerId === player.playerId)!;
          harness.send(client, LeaveWorldRequestSchema, {});
        }
        harness.tick(2);
        for (const client of clients) {
          if (harness.logic.world.occupants.sessionOf(client.entityId) === undefined) await harness.enter(client);
        }
      } else {
        await harness.logic.moderation.run({ act: "game", action: "end-match", input: { match: "0" }, moderator: "m" });
      }
      await harness.until(() => harness.logic.unsavedCount === 0);
      assertEquals([this.#tag.matches.count, harness.world.instanceCount], [0, 0]);
      for (const client of clients) assert(client.packets.some((packet) => Number(packet.type) === type) || way === 8);
      harness.forget();
      this.#count += running.length;
    }
  }

  /** Lets go of what is held back for a time. */
  async rest(): Promise<void> {
    this.harness.clock.advance(60_000);
    this.harness.advance(2_000);
    await this.harness.until(() => this.harness.logic.unsavedCount === 0);
    this.harness.forget();
    this.harness.log.records.length = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.harness.close();
  }
}

Deno.test(`tag: ${MATCHES} matches leave no entity, no instance and no memory behind`, async () => {
  await using regulars = await Regulars.come();
  const { harness } = regulars;
  const footprint = async () => {
    await regulars.rest();
    collectGarbage();
    const { entityCount, instanceCount, cellCount, memoryBytes } = harness.world;
    return { heapBytes: Deno.memoryUsage().heapUsed, held: { entityCount, instanceCount, cellCount, memoryBytes } };
  };
  await regulars.play(WARM_UP);
  const before = await footprint();
  await regulars.play(MATCHES - WARM_UP);
  const after = await footprint();
  assertEquals(after.held, before.held);
  assertEquals([after.held.entityCount, after.held.instanceCount], [PLAYERS, 0]);
  const grownBytes = after.heapBytes - before.heapBytes;
  // A megabyte for what the engine has compiled and cached since, and less for a match than one timer has.
  assert(grownBytes < 1_048_576 + 50 * MATCHES, `${grownBytes} bytes more in ${MATCHES - WARM_UP} matches`);
});

Deno.test("tag: no map and no set grows with the matches that were played", async () => {
  using census = new Census();
  await using regulars = await Regulars.come();
  const counts = async () => {
    await regulars.rest();
    return census.entries();
  };
  await regulars.play(40);
  const before = await counts();
  await regulars.play(80);
  const grown = (await counts()).filter(({ made, count }) =>
    count > (before.find((other) => other.made === made)?.count ?? 0)
  );
  assertEquals(grown, []);
});
