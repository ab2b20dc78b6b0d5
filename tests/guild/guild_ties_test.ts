import { GuildTies } from "../../games/parts/guilds/guild_ties.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const tieOf = (guildId: number) => ({ guildId, name: `Guild ${guildId}`, tag: `G${guildId}`, wars: [] });

Deno.test("GuildTies.set() says whether the guild is another than before", () => {
  const ties = new GuildTies();
  assertEquals(ties.set(1, null), false);
  assertEquals(ties.set(1, tieOf(7)), true);
  assertEquals(ties.set(1, tieOf(7)), false);
  assertEquals(ties.set(1, tieOf(8)), true);
  assertEquals(ties.set(1, null), true);
  assertEquals(ties.set(2, tieOf(7)), true);
});

Deno.test("GuildTies.find() tells a player in no guild from one who is not known", () => {
  const ties = new GuildTies();
  assertEquals(ties.find(1), undefined);
  ties.set(1, null);
  assertEquals(ties.find(1), null);
  ties.forget(1);
  ties.forget(1);
  assertEquals(ties.find(1), undefined);
});

Deno.test("GuildTies.membersOf() has exactly the players that find() says are in the guild", () => {
  const step = fc.record({ playerId: fc.nat(5), guildId: fc.option(fc.nat(2)), isForgotten: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const ties = new GuildTies();
    const model = new Map<number, number | null>();
    for (const { playerId, guildId, isForgotten } of steps) {
      if (isForgotten) {
        ties.forget(playerId);
        model.delete(playerId);
      } else {
        ties.set(playerId, guildId === null ? null : tieOf(guildId));
        model.set(playerId, guildId);
      }
    }
    for (let guildId = 0; guildId <= 2; guildId++) {
      const members = [...model].filter(([, of]) => of === guildId).map(([playerId]) => playerId);
      assertEquals([...ties.membersOf(guildId)].sort(), members.sort());
    }
    assertEquals([...ties.playerIds].sort(), [...model.keys()].sort());
  }));
});

Deno.test("GuildTies.areAtWar() is true of both sides until the war ends, whoever comes and goes", () => {
  const ties = new GuildTies();
  const both = (nowMs: number) => [ties.areAtWar(1, 2, nowMs), ties.areAtWar(2, 1, nowMs)];
  ties.set(1, tieOf(7));
  ties.set(2, tieOf(8));
  ties.set(3, null);
  assertEquals(both(0), [false, false]);
  ties.beginWar(7, 8, 1_000);
  assertEquals([both(999), both(1_000)], [[true, true], [false, false]]);
  for (const other of [1, 3, 4]) assertEquals([ties.areAtWar(1, other, 0), ties.areAtWar(other, 1, 0)], [false, false]);
  // As the storage has them when somebody comes.
  ties.forget(2);
  assertEquals(both(0), [false, false]);
  ties.set(2, { ...tieOf(8), wars: [{ enemyGuildId: 7, endsAtMs: 1_000 }] });
  assertEquals(both(0), [true, true]);
  ties.endWar(8, 7);
  assertEquals(both(0), [false, false]);
});
