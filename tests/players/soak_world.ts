/**
 * `deno task soak:world`: many scripted players doing everything at once, and a checker that follows every packet.
 *
 * @module
 */

import { decimal } from "../../server/config/kinds.ts";
import { count, readOptions, seed as anySeed } from "../soak/options.ts";
import { Contradiction } from "./board.ts";
import { PlayersRun } from "./players_run.ts";

const { players, minutes, seed } = readOptions("soak:world", {
  players: count(1_000, 2, 100_000, "scripted players"),
  minutes: { kind: decimal({ min: 0.1, max: 10_000 }), fallback: 10, help: "how long they play" },
  seed: anySeed(),
});

console.log(`${players} players, ${minutes} minutes, seed ${seed}`);
let second = 0;
try {
  const run = await PlayersRun.run({
    players,
    minutes,
    seed,
    onSecond: (now, run) => {
      second = now;
      if (now % 15 === 0) console.log(summaryOf(now, run));
    },
  });
  console.log(`No contradiction. ${summaryOf(second, run)}`);
} catch (error) {
  if (!(error instanceof Contradiction)) throw error;
  console.error(`Contradiction after ${second} s: ${error.message}`);
  console.error(`Again: deno task soak:world --players ${players} --minutes ${minutes} --seed ${seed}`);
  Deno.exit(1);
}

function summaryOf(second: number, { checker, entryCount, moderator, resumeCount }: PlayersRun): string {
  const { board, delivery, dues, fights, guilds, packetCount, sight } = checker;
  const online = board.actors.filter(({ isOnline }) => isOnline).length;
  return [
    `${second} s: ${packetCount} packets, ${sight.snapshotCount} snapshots, ${dues.arrivedCount} due and came`,
    `${delivery.replayedCount} sent again, ${online} online, ${entryCount} entries, ${resumeCount} resumes`,
    `${sight.pairCount} pairs, ${fights.moveCount} moves, ${fights.blowCount} blows, ${fights.deathCount} deaths, ${fights.killCount} by players, ${fights.shelteredCount} missed for safety`,
    `${guilds.guilds.length} guilds, ${guilds.killCount} kills in wars, ${guilds.endedWarCount} wars ended`,
    `${checker.rooms.rooms.length} rooms, ${checker.portals.passedCount} went to another map`,
    `${checker.scores.entryCount} places on leaderboards, ${moderator.muteCount} mutes, ${moderator.kickCount} kicks`,
  ].join(", ");
}
