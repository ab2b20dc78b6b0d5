import { checkRoomName, roomNameKey } from "../../server/rooms/room_name.ts";
import { ROOM_NAME_LENGTH_MAX, ROOM_NAME_LENGTH_MIN } from "../../shared/limits.ts";
import { assertEquals, assertNotEquals } from "../support/assert.ts";

Deno.test("checkRoomName() counts characters, of any script", () => {
  for (const letter of ["a", "é", "界", "🐺"]) {
    assertEquals(checkRoomName(letter.repeat(ROOM_NAME_LENGTH_MIN - 1)), "invalid", letter);
    assertEquals(checkRoomName(letter.repeat(ROOM_NAME_LENGTH_MIN)), "ok", letter);
    assertEquals(checkRoomName(letter.repeat(ROOM_NAME_LENGTH_MAX)), "ok", letter);
    assertEquals(checkRoomName(letter.repeat(ROOM_NAME_LENGTH_MAX + 1)), "invalid", letter);
  }
});

Deno.test("checkRoomName() refuses control characters, invisible ones and blanks at either end", () => {
  assertEquals(checkRoomName("The Red Lion"), "ok");
  for (const name of ["a\nbc", "a\0bc", "a\tbc", "a\u007fbc", "a\u0085bc", "a\u202ebc", "a\u200bbc", "a\u2028bc"]) {
    assertEquals(checkRoomName(name), "invalid", JSON.stringify(name));
  }
  for (const name of [" abc", "abc ", "\u00a0abc", "   ", ""]) {
    assertEquals(checkRoomName(name), "invalid", JSON.stringify(name));
  }
});

Deno.test("roomNameKey() is the same for names that differ only in case or in their Unicode form", () => {
  assertEquals(roomNameKey("The Red LION"), roomNameKey("the red lion"));
  assertEquals(roomNameKey("ÉCOLE"), roomNameKey("e\u0301cole"));
  assertEquals(roomNameKey("\uff21\uff22\uff23"), roomNameKey("abc"));
  assertNotEquals(roomNameKey("the red lion"), roomNameKey("the red  lion"));
});
