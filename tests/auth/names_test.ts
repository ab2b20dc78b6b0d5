import { checkPlayerName, nameKey } from "../../server/auth/names.ts";
import { PLAYER_NAME_LENGTH_MAX, PLAYER_NAME_LENGTH_MIN } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("checkPlayerName() takes ASCII letters, digits, underscore and hyphen", () => {
  for (const name of ["abc", "ABC", "a1_", "---", "___", "0123456789abcdefGHIJ", "Mira-2_x"]) {
    assertEquals(checkPlayerName(name), "ok", name);
  }
});

Deno.test("checkPlayerName() holds the length from least to most", () => {
  assertEquals(checkPlayerName("a".repeat(PLAYER_NAME_LENGTH_MIN - 1)), "invalid");
  assertEquals(checkPlayerName("a".repeat(PLAYER_NAME_LENGTH_MIN)), "ok");
  assertEquals(checkPlayerName("a".repeat(PLAYER_NAME_LENGTH_MAX)), "ok");
  assertEquals(checkPlayerName("a".repeat(PLAYER_NAME_LENGTH_MAX + 1)), "invalid");
});

Deno.test("checkPlayerName() refuses everything else", () => {
  const names = [
    "",
    "a b",
    "ab ",
    " ab",
    "abc\n",
    "abc\0",
    "ab.c",
    "äbc",
    "аbс",
    "abc\u200b",
    "ａｂｃ",
    "<b>",
    "a/b",
    "ab'",
  ];
  for (const name of names) assertEquals(checkPlayerName(name), "invalid", JSON.stringify(name));
});

Deno.test("nameKey() is the same for names that differ only in case", () => {
  assertEquals(nameKey("MiRa_X-9"), nameKey("mira_x-9"));
  assertEquals(nameKey("IiIi"), "iiii");
});
