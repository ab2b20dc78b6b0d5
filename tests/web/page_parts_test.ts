import { Camera, ZOOM_MAX, ZOOM_MIN } from "../../games/marsh/web/camera.ts";
import { HeldKeys } from "../../games/marsh/web/controls.ts";
import { chatErrorText, combatErrorText, disconnectText, errorText } from "../../games/marsh/web/error_text.ts";
import { wrapText } from "../../games/marsh/web/label_cache.ts";
import { PASSWORD_LENGTH_MIN } from "../../games/marsh/web/form.ts";
import { checkLoginEntry } from "../../games/marsh/web/login_card.ts";
import { nearbySummary, neighbourText } from "../../games/marsh/web/nearby_list.ts";
import { noise } from "../../games/marsh/web/palette.ts";
import { PENDING_LINES_MAX, PendingChat } from "../../games/marsh/web/pending_chat.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

Deno.test("Camera.worldAt() is the inverse of screenX() and screenY()", () => {
  const number = fc.double({ min: -2_000, max: 2_000, noNaN: true });
  const side = fc.integer({ min: 100, max: 4_000 });
  fc.assert(fc.property(number, number, side, side, fc.integer({ min: 0, max: 90 }), (x, z, width, height, covered) => {
    const camera = new Camera();
    Object.assign(camera, { x: 500, z: 400, width, height, coveredBelow: covered });
    const at = camera.worldAt(camera.screenX(x), camera.screenY(z));
    assert(Math.abs(at.x - x) < 1e-6 && Math.abs(at.z - z) < 1e-6);
  }));
});

Deno.test("Camera.zoomBy() keeps the scale within its bounds", () => {
  const camera = new Camera();
  Object.assign(camera, { width: 1_280, height: 800 });
  for (let step = 0; step < 50; step++) camera.zoomBy(1.5);
  assert(camera.scale <= ZOOM_MAX);
  for (let step = 0; step < 50; step++) camera.zoomBy(0.5);
  assert(camera.scale >= ZOOM_MIN);
});

Deno.test("HeldKeys.direction adds keys up and cancels opposite ones", () => {
  const keys = new HeldKeys();
  assertEquals(keys.tryPress("KeyW"), true);
  assertEquals(keys.tryPress("ArrowUp"), true);
  assertEquals(keys.tryPress("ArrowRight"), true);
  assertEquals(keys.direction, { x: 1, z: -1 });
  keys.tryPress("KeyA");
  assertEquals(keys.direction, { x: 0, z: -1 });
  keys.release("KeyW");
  keys.release("ArrowUp");
  assertEquals(keys.direction, { x: 0, z: 0 });
  keys.tryPress("KeyS");
  keys.clear();
  assertEquals(keys.direction, { x: 0, z: 0 });
});

Deno.test("HeldKeys.tryPress() leaves other keys alone", () => {
  assertEquals(new HeldKeys().tryPress("Enter"), false);
  assertEquals(new HeldKeys().tryPress("toString"), false);
});

Deno.test("errorText() and disconnectText() have a text for every code and for those of later versions", () => {
  for (const code of [...Object.values(ErrorCode), 999]) {
    if (typeof code === "number") assert(errorText(code).endsWith("."), `no text for ${ErrorCode[code]}`);
  }
  for (const reason of [...Object.values(DisconnectReason), 999]) {
    if (typeof reason === "number") assert(disconnectText(reason).endsWith("."), `no text for ${reason}`);
  }
});

Deno.test("chatErrorText() says whom or what a line did not reach", () => {
  const text = (channel: Channel, recipientName = "") => chatErrorText(ErrorCode.NOT_FOUND, { channel, recipientName });
  assert(text(Channel.WHISPER, "Ada").includes("Ada"));
  assert(text(Channel.GUILD).includes("guild"));
  assert(text(Channel.ROOM).includes("room"));
  assertEquals(chatErrorText(ErrorCode.NOT_FOUND), errorText(ErrorCode.NOT_FOUND));
  assertEquals(
    chatErrorText(ErrorCode.MUTED, { channel: Channel.GLOBAL, recipientName: "" }),
    errorText(ErrorCode.MUTED),
  );
});

Deno.test("combatErrorText() has a text for every code and is short for those of a fight", () => {
  for (const code of Object.values(ErrorCode)) {
    if (typeof code === "number") assert(combatErrorText(code).endsWith("."));
  }
  for (const code of [ErrorCode.OUT_OF_RANGE, ErrorCode.ON_COOLDOWN, ErrorCode.TARGET_INVALID]) {
    assert(combatErrorText(code).length < 30);
  }
});

Deno.test("wrapText() breaks at spaces, cuts long words and ends what does not fit in an ellipsis", () => {
  const limits = { lineChars: 5, linesMax: 2 };
  assertEquals(wrapText("", limits), [""]);
  assertEquals(wrapText("ab cd", limits), ["ab cd"]);
  assertEquals(wrapText("ab cde", limits), ["ab", "cde"]);
  assertEquals(wrapText("abcdefg", limits), ["abcde", "fg"]);
  assertEquals(wrapText("ab cd ef gh", limits), ["ab cd", "ef gh"]);
  assertEquals(wrapText("ab cd ef ghi", limits), ["ab cd", "ef g…"]);
});

Deno.test("wrapText() keeps its limits for any text", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    const lines = wrapText(text, { lineChars: 26, linesMax: 3 });
    assert(lines.length >= 1 && lines.length <= 3);
    for (const line of lines) assert([...line].length <= 26);
  }));
});

Deno.test("checkLoginEntry() finds what is wrong before anything is sent", () => {
  const check = (name: string, password: string, mode: "login" | "register" = "login") =>
    checkLoginEntry({ mode, name, password });
  for (const name of ["Ada", "Al", "Ädä", "철수", "Иван_1"]) assertEquals(check(name, "x"), { name: "", password: "" });
  assertEquals(check("Ada", "x".repeat(PASSWORD_LENGTH_MIN), "register"), { name: "", password: "" });
  assert(check("Ada", "x".repeat(PASSWORD_LENGTH_MIN - 1), "register").password !== "");
  assert(check("Ada", "").password !== "");
  for (const name of ["", "A", "A da", "A.a", "A\u200ba"]) assert(check(name, "x").name !== "", name);
});

Deno.test("PendingChat.refused() gives the whisper that a NOT_FOUND is about", () => {
  const pending = new PendingChat();
  const whisper = { channel: Channel.WHISPER, message: "hi", recipientName: "Ghost" };
  pending.add({ channel: Channel.GLOBAL, message: "hello", recipientName: "" });
  pending.add({ channel: Channel.WHISPER, message: "hi", recipientName: "Ada" });
  pending.add(whisper);
  pending.answered(Channel.WHISPER, "hi");
  assertEquals(pending.refused(ErrorCode.NOT_FOUND), whisper);
  assertEquals(pending.refused(ErrorCode.NOT_FOUND), undefined);
  assertEquals(pending.refused(ErrorCode.MUTED)?.message, "hello");
});

Deno.test("PendingChat.refused() gives the line to a room that a PERMISSION_DENIED is about", () => {
  const pending = new PendingChat();
  pending.add({ channel: Channel.GLOBAL, message: "hello", recipientName: "" });
  pending.add({ channel: Channel.ROOM, message: "cheers", recipientName: "" });
  assertEquals(pending.refused(ErrorCode.PERMISSION_DENIED)?.message, "cheers");
  assertEquals(pending.refused(ErrorCode.PERMISSION_DENIED), undefined);
});

Deno.test("neighbourText() tells health, and monsters and friends from other players", () => {
  const place = { id: 1, name: "Bo", x: 1.2, z: 3.7, isFriend: false };
  assertEquals(neighbourText({ ...place, isMonster: false, health: null }), "Bo at 1, 4");
  const health = { current: 0, max: 60, shield: 0 };
  assertEquals(neighbourText({ ...place, isMonster: true, health }), "Bo, a monster, at 1, 4, dead");
  const hurt = neighbourText({ ...place, isMonster: false, health: { ...health, current: 11.5 } });
  assertEquals(hurt, "Bo at 1, 4, health 12 of 60");
  const friend = { ...place, isMonster: false, isFriend: true, health: null };
  assertEquals(neighbourText(friend), "Bo, a friend, at 1, 4");
});

Deno.test("nearbySummary() counts others and monsters apart", () => {
  const summary = (others: number, monsters: number) =>
    nearbySummary([...Array(others).fill({ isMonster: false }), ...Array(monsters).fill({ isMonster: true })]);
  assertEquals(summary(0, 0), "Nobody else is in view");
  assertEquals(summary(1, 1), "One other is in view, and a monster");
  assertEquals(summary(2, 3), "2 others are in view, and 3 monsters");
});

Deno.test("PendingChat.add() keeps a bounded number of lines", () => {
  const pending = new PendingChat();
  for (let index = 0; index <= PENDING_LINES_MAX; index++) {
    pending.add({ channel: Channel.GLOBAL, message: String(index), recipientName: "" });
  }
  assertEquals(pending.refused(ErrorCode.MUTED)?.message, "1");
  pending.clear();
  assertEquals(pending.refused(ErrorCode.MUTED), undefined);
});

Deno.test("noise() is the same at the same place, and even", () => {
  let sum = 0;
  for (let x = -50; x < 50; x++) {
    for (let z = -50; z < 50; z++) {
      const value = noise(x, z, 3);
      assert(value >= 0 && value < 1);
      assertEquals(noise(x, z, 3), value);
      sum += value;
    }
  }
  assert(Math.abs(sum / 10_000 - 0.5) < 0.02, `mean is ${sum / 10_000}`);
});
