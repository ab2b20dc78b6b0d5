import { checkGuildName, checkGuildTag, guildKey } from "../../games/parts/guilds/guild_names.ts";
import {
  GUILD_NAME_LENGTH_MAX,
  GUILD_NAME_LENGTH_MIN,
  GUILD_TAG_LENGTH_MAX,
  GUILD_TAG_LENGTH_MIN,
} from "../../games/parts/guilds/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

Deno.test("checkGuildName() takes names up to the ends of their range", () => {
  for (const length of [GUILD_NAME_LENGTH_MIN, GUILD_NAME_LENGTH_MAX]) {
    assertEquals(checkGuildName("x".repeat(length)), "ok");
  }
  for (const length of [0, GUILD_NAME_LENGTH_MIN - 1, GUILD_NAME_LENGTH_MAX + 1]) {
    assertEquals(checkGuildName("x".repeat(length)), "invalid");
  }
});

Deno.test("checkGuildName() takes letters, digits, _, - and single spaces between them", () => {
  for (const name of ["Iron Wolves", "a-b_c 9", "1 2 3 4", "---", "Wölfe", "용사들", "Железные волки", "鉄の狼 9"]) {
    assertEquals(checkGuildName(name), "ok", name);
  }
  for (
    const name of [
      "   ",
      " abc",
      "abc ",
      "a  b",
      "a\tb",
      "a\u00a0b",
      "a\nb",
      "Wo\u0308lfe",
      "abc\n",
      "Wоlves",
      "Bear's",
    ]
  ) {
    assertEquals(checkGuildName(name), "invalid", name);
  }
});

Deno.test("checkGuildName() and checkGuildTag() take ASCII only where that is the rule", () => {
  assertEquals([checkGuildName("Wolves 1", "ascii"), checkGuildTag("W1", "ascii")], ["ok", "ok"]);
  assertEquals([checkGuildName("Wölfe", "ascii"), checkGuildTag("ÄÄ", "ascii")], ["invalid", "invalid"]);
});

Deno.test("checkGuildTag() takes letters and digits up to the ends of their range", () => {
  for (const tag of ["x".repeat(GUILD_TAG_LENGTH_MIN), "X9".repeat(9).slice(0, GUILD_TAG_LENGTH_MAX)]) {
    assertEquals(checkGuildTag(tag), "ok");
  }
  for (
    const tag of ["", "x", "x".repeat(GUILD_TAG_LENGTH_MAX + 1), "a b", "a_b", "ab\n", "aб", "★★", "e\u0301e\u0301"]
  ) {
    assertEquals(checkGuildTag(tag), "invalid", tag);
  }
});

Deno.test("checkGuildName() and guildKey() let only names in NFC of visible letters pass, each the same as itself in other case", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 30 }), (name) => {
    if (checkGuildName(name) !== "ok") return;
    assertEquals(/^[\p{L}\p{M}\p{Nd} _-]+$/u.test(name), true);
    assertEquals([name, name], [name.trim(), name.normalize("NFC")]);
    assertEquals(guildKey(name.toUpperCase()), guildKey(name));
  }));
});
