import { checkPlayerName, nameKey } from "../../server/auth/names.ts";
import {
  ENTITY_NAME_BYTES_MAX,
  PLAYER_NAME_ASCII_MIN,
  PLAYER_NAME_LENGTH_MAX,
  PLAYER_NAME_LENGTH_MIN,
} from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

Deno.test("checkPlayerName() takes names of one script, digits, underscore and hyphen", () => {
  const names = ["abc", "ABC", "a1_", "---", "___", "0123456789abcdefGHIJ", "Mira-2_x", "철수", "さくら", "ボブ太郎"];
  names.push("Иван", "Έλλη", "محمد", "שרה", "สมชาย", "李小龙", "Émile", "Ngọc-2", "अमित", "ქეთი", "Bob太郎", "민수abc");
  for (const name of names) assertEquals(checkPlayerName(name.normalize("NFC")), "ok", name);
});

Deno.test("checkPlayerName() counts visible characters, from least to most", () => {
  for (const letter of ["a", "é", "界", "각", "ngọ".slice(2)]) {
    assertEquals(checkPlayerName(letter.repeat(PLAYER_NAME_LENGTH_MIN - 1)), "invalid", letter);
    assertEquals(checkPlayerName(letter.repeat(PLAYER_NAME_LENGTH_MIN)), "ok", letter);
    assertEquals(checkPlayerName(letter.repeat(PLAYER_NAME_LENGTH_MAX)), "ok", letter);
    assertEquals(checkPlayerName(letter.repeat(PLAYER_NAME_LENGTH_MAX + 1)), "invalid", letter);
  }
  // A letter of Thai with two marks is one visible character of 9 bytes.
  const letter = "กั้", fitting = Math.floor(ENTITY_NAME_BYTES_MAX / 9);
  assertEquals([checkPlayerName(letter.repeat(fitting)), checkPlayerName(letter.repeat(fitting + 1))], [
    "ok",
    "invalid",
  ]);
});

Deno.test("checkPlayerName() refuses everything else", () => {
  const names = ["", "a b", "ab ", " ab", "abc\n", "abc\0", "ab.c", "abc\u200b", "ａｂｃ", "<b>", "a/b", "ab'", "a★"];
  // Two scripts, two systems of digits, no NFC, marks without a letter or too many, what UTS 39 restricts.
  names.push(
    "aбc",
    "Mіra",
    "ΑΒC",
    "ابa",
    "अमित3३",
    "e\u0301mile",
    "\u0301ab",
    "a\u0323\u0324\u0325\u0326\u032db",
    "ᚠᚢ",
    "ab\u200dc",
  );
  names.push("\u202eabc", "ab\u034f", "한\u3164글", "\u115f\u1160", "𝐀𝐁𝐂", "ab\ufe0f", "👩👩");
  for (const name of names) assertEquals(checkPlayerName(name), "invalid", JSON.stringify(name));
});

Deno.test("checkPlayerName() takes ASCII only where that is the rule, and what it takes there is a name elsewhere too", () => {
  const check = (name: string) => checkPlayerName(name, "ascii");
  for (const name of ["äbc", "철수들", "ab c", "a".repeat(PLAYER_NAME_ASCII_MIN - 1)]) {
    assertEquals(check(name), "invalid");
  }
  const anyName = fc.stringMatching(/^[A-Za-z0-9_-]{3,20}$/);
  fc.assert(fc.property(anyName, (name) => assertEquals([check(name), checkPlayerName(name)], ["ok", "ok"])));
});

Deno.test("nameKey() is the same for names that differ only in case or in how Unicode writes them", () => {
  for (
    const [left, right] of [
      ["MiRa_X-9", "mira_x-9"],
      ["IiIi", "iiii"],
      ["\u212aelvin", "Kelvin"],
      ["ΣΟΦΟΣ", "σοφος"],
      ["ΣΟΦΟΣ", "σοφοσ"],
      ["STRASSE", "straße"],
      ["ẞtra", "sstra"],
      ["E\u0301mile", "émile"],
    ]
  ) {
    assertEquals(nameKey(left), nameKey(right), left);
  }
  assertEquals(nameKey("a".repeat(ENTITY_NAME_BYTES_MAX + 1)), "");
});

Deno.test("nameKey() of a name of ASCII is its lower case, and of any name its own key", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 20 }), (name) => {
    assertEquals(nameKey(nameKey(name)), nameKey(name).length > ENTITY_NAME_BYTES_MAX ? "" : nameKey(name));
  }));
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{3,20}$/), (name) => assertEquals(nameKey(name), name.toLowerCase())),
  );
});
