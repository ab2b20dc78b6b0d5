/**
 * Tag arena: four players in an arena of their own, one of them is it, and a touch passes it on.
 *
 * @module
 */

import {
  defineGame,
  documents,
  durable,
  type Game,
  integer,
  type Matches,
  type OptionValues,
  type Player,
  Refused,
} from "../../server/game/game.ts";
import { matchmaking } from "../parts/matchmaking/matchmaking.ts";
import { parties as partiesPart } from "../parts/parties/parties.ts";
import {
  AnnouncementSchema,
  BuyHatRequestSchema,
  contract,
  ErrorCode,
  type Packets,
  type Purse,
  PurseSchema,
  RanksRequestSchema,
  RecordSchema,
  RunnerSchema,
  WalletSchema,
} from "./contract.ts";
import { Match, type MatchState, newMatch, type Result } from "./match.ts";

/** Prices of the hats, in coins, by id. */
const HATS: ReadonlyMap<number, number> = new Map([[1, 10], [2, 25], [3, 60]]);

const PURSES = documents("purses", PurseSchema, { owner: "player" });
const RECORDS = documents("records", RecordSchema, { owner: "player", indexes: { best: ({ best }) => best } });

/** Players of a match. */
const PLAYERS = 4;

/** What tests and operators may look at. */
export interface Tag {
  readonly game: Game;
  readonly matches: Matches<MatchState, Match>;
}

const OPTIONS = {
  matchSeconds: { kind: integer({ min: 1, max: 3_600 }), default: 120, help: "How long a match lasts" },
  fillSeconds: {
    kind: integer({ min: 0, max: 600 }),
    default: 10,
    help: "How long a player waits for a full match before two are enough",
  },
};

export default defineGame(contract, {
  options: OPTIONS,
  maps: () => [{ mapId: 0, name: "Lobby", width: 60, height: 60, interestRadius: 0 }],
  templates: [{ name: "arena", width: 40, height: 40, interestRadius: 0, instancesMax: 200 }],
  holdReasons: ["frozen"],
  metrics: {
    matches_total: { kind: "counter", help: "Matches that ended", label: { name: "end", valuesMax: 4 } },
  },
}, start);

function start(game: Game<Packets>, { matchSeconds, fillSeconds }: OptionValues<typeof OPTIONS>): Tag {
  const { entities, hooks, store } = game;
  const prng = game.random("match");
  const durationMs = matchSeconds * 1_000;
  for (const collection of [PURSES, RECORDS]) void store.open(collection);

  const show = (player: Player, { hatId, coins }: Pick<Purse, "hatId" | "coins">) => {
    if (!player.isInWorld) return;
    const entity = entities.of(player);
    entity.update(RunnerSchema, { hatId });
    entity.set(WalletSchema, { coins });
  };

  /** A player's coins and record change together, once, however long the storage fails. */
  const save = async ({ player, score, coins, isWinner }: Result) => {
    const { playerId, name } = player;
    const purse = await game.persist(player, PurseSchema, async (transaction) => {
      await transaction.update(RECORDS, playerId, (record) => {
        Object.assign(record, { name, best: Math.max(record.best, score), matches: record.matches + 1 });
        if (isWinner) record.wins++;
      });
      return await transaction.update(PURSES, playerId, (purse) => void (purse.coins += coins));
    });
    show(player, purse);
  };

  const end = (match: Match, why: "time" | "left" | "operator" | "stop") => {
    game.metric("matches_total").add(1, why);
    // Who is left alone wins what was played: else players who come and go would earn more than those who play.
    const leftPart = why === "left" ? Math.max(0, match.state.endsMs - game.nowMs) / durationMs : 0;
    for (const result of match.end(1 - Math.min(1, leftPart))) game.background("result", () => save(result));
  };

  const matches = game.matches("arena", {
    make: (arena, state: MatchState, isResumed) => {
      const match = new Match(game, { arena, prng, state, isResumed });
      game.system("touch", (nowMs) => match.step(nowMs) || end(match, "left"), arena);
      game.after(state.endsMs - game.nowMs, () => end(match, "time"), arena);
      return match;
    },
    stateOf: (match) => match.state,
  });

  const parties = game.use(partiesPart, { membersMax: PLAYERS });
  const queue = game.use(matchmaking, {
    ...{ wanted: PLAYERS, least: 2, waitMs: fillSeconds * 1_000, ticketsMax: 1_000 },
    start: (players) => matches.open(newMatch(players, game.nowMs + durationMs)) !== null,
    groupOf: (player) => {
      const group = parties.groupOf(player);
      if (group.some((member) => matches.of(member) !== undefined)) {
        throw new Refused(ErrorCode.INVALID_STATE, "One of you is in a match");
      }
      return group;
    },
  });
  // A ticket is for those who were in the party then.
  parties.onChange((players) => players.forEach((player) => void queue.leave(player)));

  game.on(BuyHatRequestSchema, (player, { hatId }) =>
    durable(async (transaction) => {
      const price = HATS.get(hatId);
      if (price === undefined) throw new Refused(ErrorCode.NOT_FOUND, "There is no such hat");
      const { coins } = await transaction.update(PURSES, player.playerId, (purse) => {
        if (purse.hatIds.includes(hatId)) throw new Refused(ErrorCode.ALREADY_EXISTS, "You already have that hat");
        if (purse.coins < price) throw new Refused(ErrorCode.INVALID_STATE, `That hat costs ${price} coins`);
        purse.coins -= price;
        purse.hatId = hatId;
        purse.hatIds.push(hatId);
      });
      return { hatId, coins };
    }, (reply) => show(player, reply)));

  game.on(RanksRequestSchema, async ({ playerId, asker }) => {
    const records = (await store.range(RECORDS, "best", { limit: 10 }, asker)).map(({ document }) => document);
    const own = await store.get(RECORDS, playerId, asker);
    return { records, own, ownRank: own === undefined ? 0 : await store.rankOf(RECORDS, "best", own.best, asker) };
  });

  hooks.enter(async (player) =>
    show(player, await store.get(PURSES, player.playerId, player.asker) ?? { hatId: 0, coins: 0 })
  );
  hooks.leave((player, why) => {
    const match = matches.of(player);
    if (match !== undefined) why === "stopped" ? end(match, "stop") : match.leave(player);
  });

  hooks.announce((text) => game.broadcast(AnnouncementSchema, { text }));

  game.admin(
    "end-match",
    { match: { kind: integer({ min: 0, max: 0xffff }), default: 0, help: "Its id; 0: all" } },
    (input) => {
      const ending = [...matches].filter(({ id }) => input.match === 0 || input.match === id);
      for (const match of ending) end(match, "operator");
      return `${ending.length} ended`;
    },
  );
  return { game, matches };
}
