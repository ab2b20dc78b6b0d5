import { readRoomName, roomNameKey } from "../../games/parts/rooms/room_name.ts";
import { ROOM_NAME_BYTES_MAX, ROOM_NAME_LENGTH_MAX, ROOM_NAME_LENGTH_MIN } from "../../games/parts/rooms/limits.ts";
import { assertEquals, assertNotEquals } from "../support/assert.ts";

Deno.test("readRoomName() counts visible characters, of any script", () => {
  for (const letter of ["a", "é", "界", "🐺"]) {
    const taken = (length: number) => readRoomName(letter.repeat(length)) !== undefined;
    const lengths = [ROOM_NAME_LENGTH_MIN - 1, ROOM_NAME_LENGTH_MIN, ROOM_NAME_LENGTH_MAX, ROOM_NAME_LENGTH_MAX + 1];
    assertEquals(lengths.map(taken), [false, true, true, false], letter);
  }
  const family = "👨‍👩‍👧‍👦", fitting = Math.floor(ROOM_NAME_BYTES_MAX / 25);
  assertEquals([fitting, fitting + 1].map((count) => readRoomName(family.repeat(count))), [
    family.repeat(fitting),
    undefined,
  ]);
});

Deno.test("readRoomName() takes emoji and joined letters, and makes one blank of many", () => {
  for (const name of ["The Red Lion", "👨‍👩‍👧‍👦 home", "می\u200cخواهم", "Q&A: 1/2", "東京の部屋", "Ελλάδα!"]) {
    assertEquals(readRoomName(name), name);
  }
  assertEquals(readRoomName("東京\u3000 部屋"), "東京 部屋");
});

Deno.test("readRoomName() refuses what is invisible, blanks at either end, and letters of two scripts", () => {
  for (const name of ["a\nbc", "a\0bc", "a\tbc", "a\u007fbc", "a\u0085bc", "a\u202ebc", "a\u200bbc", "a\u2028bc"]) {
    assertEquals(readRoomName(name), undefined, JSON.stringify(name));
  }
  const names = [
    " abc",
    "abc ",
    "\u00a0abc",
    "   ",
    "",
    "\u3164\u3164\u3164",
    "\u2800\u2800\u2800",
    "\u200b\u200b\u200b",
  ];
  names.push("\u{e0041}\u{e0042}\u{e0043}", "L\u043ebby", "abc\u061c", "a" + "\u0301".repeat(9) + "bc");
  for (const name of names) assertEquals(readRoomName(name), undefined, JSON.stringify(name));
});

Deno.test("roomNameKey() is the same for names that differ only in case, blanks or their Unicode form", () => {
  assertEquals(roomNameKey("The Red LION"), roomNameKey("the red lion"));
  assertEquals(roomNameKey("ÉCOLE"), roomNameKey("e\u0301cole"));
  assertEquals(roomNameKey("\uff21\uff22\uff23"), roomNameKey("abc"));
  assertEquals(roomNameKey("the red  lion"), roomNameKey("the red lion"));
  assertNotEquals(roomNameKey("theredlion"), roomNameKey("the red lion"));
});
