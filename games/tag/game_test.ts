/** The arena under simulation: whole matches, whatever breaks. @module */

import { type GameTest, simulate, type TestPlayer } from "drawbridge/test";
import {
  BuyHatRequestSchema,
  contract,
  ErrorCode,
  MatchEndedSchema,
  MatchStartedSchema,
  type Packets,
  QueueJoinRequestSchema,
  RanksRequestSchema,
  RunnerSchema,
  TaggedSchema,
  WalletSchema,
} from "./contract.ts";
import game, { type Tag } from "./game.ts";

type Player = TestPlayer<Packets>;
const own = (player: Player) => player.component(player.entityId, RunnerSchema);
const coinsOf = (player: Player) => player.component(player.entityId, WalletSchema)?.coins;

/** The one who is it runs to somebody, the others stand. */
async function chase(t: GameTest<Packets, Tag>, players: readonly Player[]): Promise<void> {
  while (players.some((player) => player.received(MatchEndedSchema).length === 0)) {
    const it = players.find((player) => own(player)?.isIt === true);
    const others = players.filter((player) => player !== it), prey = others[t.random.nextInt(others.length)];
    if (it !== undefined) await Promise.race([it.walkTo({ ...prey.place }), t.pass(2_000)]);
    await t.pass(200);
  }
}

/** Buys the first hat. A disk that takes nothing for a moment is told, and nothing is sold. */
async function buy(t: GameTest<Packets, Tag>, player: Player) {
  while (true) {
    const answer = await player.request(BuyHatRequestSchema, { hatId: 1 });
    if (answer.errorCode !== ErrorCode.UNAVAILABLE) return answer;
    await t.pass(500);
  }
}

Deno.test("four players tag each other, earn and buy, and nothing is lost or told twice, whatever breaks", () =>
  simulate(game, { contract, seeds: 200, faults: ["network", "threads", "disk"], options: OPTIONS }, async (t) => {
    const players = await t.join("ann", "ben", "cid", "dee");
    for (const player of players) t.equal((await player.request(QueueJoinRequestSchema, {})).success, true);
    await chase(t, players);
    await t.settle();
    const [{ scores }] = players[0].received(MatchEndedSchema);
    for (const player of players) {
      t.equal(player.received(MatchStartedSchema).length, 1);
      t.equal(player.received(TaggedSchema), players[0].received(TaggedSchema));
      t.equal(player.received(MatchEndedSchema).map(({ scores }) => scores), [scores]);
      t.equal(coinsOf(player), scores.find(({ name }) => name === player.name)!.coins);
    }
    const winner = players.find(({ name }) => name === scores[0].name)!;
    const { success, coins } = await buy(t, winner);
    t.equal([success, coins], [true, scores[0].coins - 10]);
    const { records, ownRank } = await winner.request(RanksRequestSchema, {});
    t.equal([records.map(({ matches }) => matches), ownRank], [[1, 1, 1, 1], 1]);
  }));

const OPTIONS = { matchSeconds: 5, fillSeconds: 600 };
