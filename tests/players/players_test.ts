import { SafeAreas } from "../../games/parts/combat/safe_areas.ts";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { SCORES } from "../../games/parts/leaderboards/score_store.ts";
import { Session } from "../../server/session/session.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert } from "../support/assert.ts";
import type { LogicHarness } from "../support/logic_harness.ts";
import { replaceIn } from "../support/storage_with.ts";
import { Contradiction } from "./board.ts";
import { PlayersRun } from "./players_run.ts";

/** A run may happen to see none of something that is rare; so many runs do not. */
const RUNS_MAX = 4;
const WAR_KILLS_MIN = 5;

/** How often a run saw what could have been contradicted. */
function countsOf({ checker, moderator, resumeCount }: PlayersRun): Readonly<Record<string, number>> {
  const { chat, delivery, fights, guilds, portals, rooms, scores, sight } = checker;
  return {
    snapshots: sight.snapshotCount,
    moves: fights.moveCount,
    kills: fights.killCount,
    blowsIntoSafety: fights.shelteredCount,
    guilds: guilds.guilds.length,
    warKills: guilds.killCount,
    rooms: rooms.rooms.length,
    resumes: resumeCount,
    repeats: delivery.replayedCount,
    journeys: portals.passedCount,
    takeOvers: checker.takeOverCount,
    scores: scores.entryCount,
    mutes: chat.silencedCount,
    kicks: moderator.kickCount,
  };
}

Deno.test("Two hundred players do everything at once for a minute, and nothing they are sent contradicts", async () => {
  const sums = new Map<string, number>();
  const rare = () => [...sums].filter(([what, count]) => count < (what === "warKills" ? WAR_KILLS_MIN : 1));
  for (let run = 1; run === 1 || rare().length > 0; run++) {
    assert(run <= RUNS_MAX, `Too rare to be contradicted: ${JSON.stringify(rare())}`);
    const counts = countsOf(await PlayersRun.run({ players: 200, minutes: 1, seed: 2 + run }));
    for (const [what, count] of Object.entries(counts)) sums.set(what, (sums.get(what) ?? 0) + count);
  }
});

Deno.test("A crowd of players who come and go, with little room in snapshots, is told all of it in time", async () => {
  const { checker, resumeCount } = await PlayersRun.run({
    ...{ players: 300, minutes: 1, seed: 2 },
    ...{ snapshotBytes: 1_024, unitsPerPlayer: 200, restlessness: 6 },
  });
  assert(checker.sight.lateCount > 100 && resumeCount > 100, `${checker.sight.lateCount} late, ${resumeCount} resumes`);
});

Deno.test("PlayersRun.run() is the same for the same seed, to the last packet", async () => {
  const runs = [];
  for (const seed of [3, 3, 4]) runs.push(await PlayersRun.run({ players: 20, minutes: 0.2, seed }));
  const [first, second, other] = runs.map(({ checker }) => `${checker.packetCount} ${checker.dues.arrivedCount}`);
  assert(first === second && first !== other, `${first}, ${second}, ${other}`);
});

type Broadcast = LogicHarness["sessions"]["broadcast"];

/** Makes every nth broadcast of one type go wrong. */
function spoilBroadcasts(
  { sessions }: LogicHarness,
  type: PacketType,
  { every, spoil }: { every: number; spoil: (broadcast: Broadcast, ...args: Parameters<Broadcast>) => number },
): void {
  const broadcast = sessions.broadcast.bind(sessions);
  let count = 0;
  sessions.broadcast = (recipients, sentType, payload) =>
    sentType === type && ++count % every === 0
      ? spoil(broadcast, recipients, sentType, payload)
      : broadcast(recipients, sentType, payload);
}

const twice = (broadcast: Broadcast, ...[recipients, type, payload]: Parameters<Broadcast>) => {
  const all = [...recipients];
  broadcast(all, type, payload);
  return broadcast(all, type, payload);
};
const butOne = (broadcast: Broadcast, ...[recipients, type, payload]: Parameters<Broadcast>) =>
  broadcast([...recipients].slice(1), type, payload);

/** Servers that are broken in one place each, and what the checker says of them. */
const BROKEN: readonly {
  readonly what: string;
  readonly says: RegExp;
  readonly spoil: (harness: LogicHarness) => void;
}[] = [
  {
    what: "leaves those who left in the world",
    says: /not told that \d+ left the world|who is not there/,
    spoil: ({ world }) => world.leave = () => {},
  },
  {
    what: "forgets a tick",
    says: /was not told|the snapshot says/,
    spoil: ({ world }) => {
      const step = world.step.bind(world);
      let count = 0;
      world.step = (nowMs) => {
        if (++count % 100 !== 0) step(nowMs);
      };
    },
  },
  {
    what: "forgets whom it has shown",
    says: /was not told|still sees|does not see|was shown/,
    spoil: ({ world }) => {
      const build = world.buildSnapshot.bind(world);
      let count = 0;
      // All over again, at times: who has gone meanwhile is not mentioned.
      world.buildSnapshot = (viewerId, target, offset) => {
        if (++count % 200 === 0) world.requestFullSnapshot(viewerId);
        return build(viewerId, target, offset);
      };
    },
  },
  {
    what: "lets players jump",
    says: /correction.*too_fast|was not sent in "correction"/,
    spoil: ({ world }) => {
      const move = world.move.bind(world);
      world.move = (entityId, movement, nowMs) => {
        const verdict = move(entityId, movement, nowMs);
        return verdict === "too_fast" ? "ok" : verdict;
      };
    },
  },
  {
    what: "heals a little at a blow",
    says: /hit points/,
    spoil: ({ health }) => {
      const set = health.set.bind(health);
      health.set = (id, { hp, hpMax }) => set(id, { hp: hp > 0 && hp < hpMax ? hp + 1 : hp, hpMax });
    },
  },
  {
    what: "strikes twice",
    says: /hits whom it cannot, or twice|A blow/,
    spoil: (harness) => spoilBroadcasts(harness, PacketType.COMBAT_RESULT, { every: 10, spoil: twice }),
  },
  {
    what: "does not tell everyone of a blow",
    says: /was not sent in "combat"|was sent in "combat"/,
    spoil: (harness) => spoilBroadcasts(harness, PacketType.COMBAT_RESULT, { every: 10, spoil: butOne }),
  },
  {
    what: "says a message twice",
    says: /was sent in "chat \w+"/,
    spoil: (harness) => spoilBroadcasts(harness, PacketType.CHAT_MESSAGE, { every: 20, spoil: twice }),
  },
  {
    what: "does not bring a message to everyone",
    says: /was not sent in "chat \w+"/,
    spoil: (harness) => spoilBroadcasts(harness, PacketType.CHAT_MESSAGE, { every: 20, spoil: butOne }),
  },
  {
    what: "lets too many hear what is said around them",
    says: /was sent in "chat AREA"/,
    spoil: ({ world }) => {
      const find = world.entitiesInRadius.bind(world);
      world.entitiesInRadius = (area, out) => find(area.radius === 50 ? { ...area, radius: 60 } : area, out);
    },
  },
  {
    what: "does not tell a room who came",
    says: /in room/,
    spoil: (harness) => spoilBroadcasts(harness, PacketType.ROOM_EVENT, { every: 3, spoil: butOne }),
  },
  {
    what: "counts kills in wars twice",
    says: /guild info says|"war"/,
    spoil: ({ storage }) =>
      replaceIn(storage, GUILDS, (guilds) => ({ addKills: (kills) => guilds.addKills([...kills, ...kills]) })),
  },
  {
    what: "forgets in a war who has left the guild",
    says: /guild info says|"war"/,
    spoil: ({ marsh, storage }) => {
      const isInGuild = (id: number) => marsh.guilds.find(id) !== null;
      replaceIn(storage, GUILDS, (guilds) => ({
        addKills: (kills) =>
          guilds.addKills(kills.filter(({ killerId, victimId }) => isInGuild(killerId) && isInGuild(victimId))),
      }));
    },
  },
  {
    what: "shows players those of another map",
    says: /on another map|still sees|on a map of/,
    spoil: ({ world }) => {
      const transfer = world.tryTransfer.bind(world);
      // Who was near before is not forgotten.
      world.tryTransfer = (entityId, target, nowMs) => {
        const { mapId } = world.mapOf(entityId), [x, z] = [world.xOf(entityId), world.zOf(entityId)];
        const hasGone = transfer(entityId, target, nowMs);
        if (hasGone) transfer(entityId, { mapId, place: { x, y: 0, z, yaw: 0 } }, nowMs);
        return hasGone;
      };
    },
  },
  {
    what: "counts kills for the leaderboard twice",
    says: /The leaderboard has|must be/,
    spoil: ({ storage }) =>
      replaceIn(storage, SCORES, (scores) => ({ add: (kills) => scores.add([...kills, ...kills]) })),
  },
  {
    what: "lets those speak who are muted",
    says: /was sent in "(chat \w+|friendship with .*|room .*|guild .*)"|the number \d+ of a room|due was: (\d+ )?MUTED/,
    spoil: ({ logic }) => logic.sanctions.checkMayChat = () => {},
  },
  {
    what: "loses whispers that nobody heard",
    says: /was (not )?sent in "chat WHISPER"/,
    spoil: ({ marsh }) => {
      marsh.social.whispers.keepMissed = () => {};
      marsh.social.whispers.sweep = () => {};
    },
  },
  {
    what: "keeps the connections of those who were kicked",
    says: /was not kicked out/,
    spoil: ({ sessions }) => {
      const disconnect = sessions.disconnect.bind(sessions);
      sessions.disconnect = (session, reason, message) => {
        if (reason !== DisconnectReason.KICKED) disconnect(session, reason, message);
      };
    },
  },
  {
    what: "forgets what was sent to those who were away",
    says: /was not sent|was sent number|was not told of itself/,
    spoil: ({ sessions }) => sessions.flushOutbox = () => {},
  },
  {
    what: "leaves a hole in the numbers",
    says: /was sent number \d+ after/,
    spoil: ({ sessions }) => {
      const send = sessions.send.bind(sessions);
      let count = 0;
      sessions.send = (session, type, payload, receipt) => {
        if (session.outbox !== null && ++count % 50 === 0) {
          session.keep({ type, payload, isCompressed: false });
          session.outbox.markSent(session.outbox.lastSequence);
        }
        send(session, type, payload, receipt);
      };
    },
  },
  {
    what: "answers a refusal with another code",
    says: /was sent in/,
    spoil: ({ sessions }) => {
      const send = sessions.send.bind(sessions);
      sessions.send = (session, type, payload, receipt) =>
        send(
          session,
          type,
          type === PacketType.GUILD_ACTION_RESPONSE ? payload.map((byte) => byte === 18 ? 17 : byte) : payload,
          receipt,
        );
    },
  },
];

for (const { what, says, spoil } of BROKEN) {
  Deno.test(`PlayersRun.run() finds a server out that ${what}`, async () => {
    const error = await contradictionOf(spoil);
    assert(says.test(error.message), error.message);
  });
}

Deno.test("PlayersRun.run() finds a server out that applies again what is sent again", async () => {
  const receive = Session.prototype.receive;
  try {
    const error = await contradictionOf(() => {
      Session.prototype.receive = function (this: Session, type: number, sequence: number) {
        const verdict = receive.call(this, type, sequence);
        return verdict === "repeat" ? "apply" : verdict;
      };
    });
    assert(/was sent in|A blow/.test(error.message), error.message);
  } finally {
    Session.prototype.receive = receive;
  }
});

Deno.test("PlayersRun.run() finds a server out that protects nobody in a safe area", async () => {
  const covers = SafeAreas.prototype.covers;
  try {
    const error = await contradictionOf(() => SafeAreas.prototype.covers = () => false);
    assert(/NONE|TARGET_INVALID|safe area|A blow/.test(error.message), error.message);
  } finally {
    SafeAreas.prototype.covers = covers;
  }
});

/** What the first run finds that finds anything. */
async function contradictionOf(prepare: (harness: LogicHarness) => void): Promise<Contradiction> {
  try {
    for (let run = 1; run <= RUNS_MAX; run++) {
      await PlayersRun.run({ players: 50, minutes: 3, seed: 10 + run, prepare });
    }
  } catch (error) {
    if (error instanceof Contradiction) return error;
    throw error;
  }
  throw new Error("Nothing was noticed");
}
