import { RoomPassword } from "../../games/parts/rooms/room_password.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("RoomPassword.matches() is true for the password alone", () => {
  const password = new RoomPassword("sesame", "salt");
  assert(password.matches("sesame"));
  for (const wrong of ["", "Sesame", "sesame ", "sesam", "salt", "x".repeat(1_000)]) assert(!password.matches(wrong));
});

Deno.test("RoomPassword shows its password to nobody", () => {
  const text = Deno.inspect(new RoomPassword("sesame", "salt"), { showHidden: true }) +
    JSON.stringify(new RoomPassword("sesame", "salt"));
  assertEquals(text.includes("sesame"), false);
});
