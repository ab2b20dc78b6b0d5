import marsh from "../../games/marsh/game.ts";
import { loadConfig } from "../../server/config/config.ts";
import { flagOf } from "../../server/config/schema.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

/** As they were when they were the server's: flag, default, the ends of the range, and values that are none. */
const KNOWN = {
  monsters: { flag: "--monsters", standard: true, good: ["on", "off"], bad: ["some", "40"] },
  guildWarMinutes: {
    flag: "--guild-war-minutes",
    standard: 60,
    good: ["1", "10080"],
    bad: ["0", "10081", "1.5"],
  },
};
const platform = { os: "linux", cores: 1 };
const load = (args: string[]) => loadConfig({ args, env: {}, platform, gameOptions: marsh.options });

Deno.test("The marsh's options have the flags, defaults and ranges that operators know", () => {
  assertEquals(Object.keys(marsh.options).sort(), Object.keys(KNOWN).sort());
  for (const [key, { flag, standard, good, bad }] of Object.entries(KNOWN)) {
    assertEquals(flagOf(key), flag);
    assertEquals(load([]).gameOptions[key], standard, key);
    for (const value of good) load([`${flag}=${value}`]);
    for (const value of bad) assertThrows(() => load([`${flag}=${value}`]), ConfigError, flag);
  }
});
