/** The page's texts stand in one file a language, and nowhere else. @module */

import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { languageOf, LANGUAGES, shownName, TEXT_ATTRIBUTES } from "../../games/marsh/web/language.ts";
import { en } from "../../games/marsh/web/texts/en.ts";
import { ko } from "../../games/marsh/web/texts/ko.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { sourceFiles } from "../support/source_files.ts";
import { explainedOr } from "../../games/marsh/web/error_text.ts";
import { explain, textOf } from "../../server/session/told.ts";
import { Cause } from "../../shared/gen/common_pb.ts";

const WEB = "games/marsh/web";
const HANGUL = /\p{Script=Hangul}/u;

/** Every text that is no function, with the path to it. */
function* textsOf(value: unknown, path = ""): Generator<[path: string, text: string]> {
  if (typeof value === "string") yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) yield* textsOf(inner, `${path}.${name}`);
}

Deno.test("languageOf() takes the player's choice, then the first of the browser's that there are texts for", () => {
  assertEquals(languageOf("", ["ko-KR", "en"]), "ko");
  assertEquals(languageOf("", ["fr", "ko", "en"]), "ko");
  assertEquals(languageOf("en", ["ko"]), "en");
  assertEquals(languageOf("KO", []), "ko");
  assertEquals(languageOf("tlh", ["constructor", ""]), "en");
  assertEquals(Object.keys(LANGUAGES), ["en", "ko"]);
});

Deno.test("Texts are in their language: Korean has Hangul everywhere, English nowhere", () => {
  for (const [path, text] of textsOf(ko)) assert(HANGUL.test(text), `${path} is not Korean: ${text}`);
  for (const [path, text] of textsOf(en)) assert(/[a-z]/i.test(text) && !HANGUL.test(text), `${path}: ${text}`);
});

Deno.test("Texts name every map and monster of the data files, and nothing else; English leaves them as they are", () => {
  const { maps, monsters } = loadGameData();
  const names = [...maps, ...monsters.kinds].map(({ name }) => name);
  for (const [language, texts] of Object.entries(LANGUAGES)) {
    assertEquals(Object.keys(texts.names).sort(), language === "en" ? [] : names.toSorted(), language);
  }
  assertEquals([shownName("Frost Crown"), shownName("constructor")], ["Frost Crown", "constructor"]);
});

Deno.test("Texts with numbers group them, and English tells one from many", () => {
  assertEquals([1, 2, 1_200].map((count) => en.guilds.members(count, 0)), [
    "1 member, 0 online",
    "2 members, 0 online",
    "1,200 members, 0 online",
  ]);
  assertEquals(en.world.nearby(1, 1), "One other is in view, and a monster");
  assertEquals(ko.guilds.members(1_200, 1), "길드원 1,200명, 접속 1명");
  assertEquals(ko.world.nearby(2, 1), "주변에 플레이어 2명이 있습니다. 몬스터 1마리가 있습니다");
  assertEquals(ko.guilds.timeLeft(ko.duration(61_000)), "1분 1초 남음");
});

Deno.test("index.html names a text of the page wherever it has one, and none is left over", async () => {
  const html = await Deno.readTextFile(`${WEB}/index.html`);
  const used = new Set<string>();
  for (const [attribute] of TEXT_ATTRIBUTES) {
    for (const [, name] of html.matchAll(new RegExp(`\\s${attribute}="([^"]*)"`, "g"))) used.add(name);
  }
  assertEquals([...used].sort(), Object.keys(en.page).sort());
});

Deno.test("index.html has no text of its own but the game's name, and what is read without JavaScript", async () => {
  const html = await Deno.readTextFile(`${WEB}/index.html`);
  const body = html.slice(html.indexOf("<body")).replace(/<noscript>[^]*?<\/noscript>/, "");
  const texts = [...body.matchAll(/>([^<]+)</g)].map(([, text]) => text.trim()).filter((text) =>
    /\p{L}{2}/u.test(text)
  );
  assertEquals([...new Set(texts)], ["Drawbridge"]);
  assertEquals([...body.matchAll(/\s((?:aria-label|title|placeholder)="[^"]*")/g)].map(([, label]) => label), []);
});

/** What is quoted in a file: the words of strings, and those of templates outside their values. */
function quoted(source: string): string[] {
  const code = source
    .replaceAll(/\/\*[^]*?\*\//g, "")
    .replaceAll(/^\s*\/\/.*$/gm, "")
    .replaceAll(/^(?:import|export)\b[^;]*?from "[^"]+";$/gm, "")
    // What is thrown is for developers, and media queries and fonts are for the browser.
    .replaceAll(
      /new Error\((?:"[^"]*"|`[^`]*`)\)|super\(`[^`]*`\)|"\([^"]*\)"|'system-ui[^']*'|override name = "\w+"/g,
      "",
    );
  const strings = [...code.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map(([, text]) => text);
  const templates = [...code.matchAll(/`([^`]*)`/g)].map(([, text]) => text.replaceAll(/\$\{[^{}]*(?:\}|$)/g, "0"));
  return [...strings, ...templates];
}

/** Whether quoted words are for a reader: with a capital, or several of them. */
function isForReaders(text: string): boolean {
  // Names of keys, of fields and of the DOM, classes of style.css, colours, fonts.
  if (/^(?:Enter|Escape|Home|End|Arrow\w*|Key[A-Z]|Digit|Numpad)$/.test(text)) return false;
  if (/^[a-z0]+(?:-[a-z0]+)*(?: [a-z0]+(?:-[a-z0]+)+)*$/.test(text) || /^[a-z]+\(/.test(text) || /^#/.test(text)) {
    return false;
  }
  if (/^\$?[a-z]+[A-Z]\w*$/.test(text) || text.endsWith("px system-ui, sans-serif")) return false;
  if (text === "Drawbridge" || text === "(0) Drawbridge") return false;
  return /\p{Lu}\p{Ll}/u.test(text) || /\p{L}{2,},? \p{L}{2}/u.test(text);
}

Deno.test("The page's code has no text for readers outside texts/", async () => {
  const found: string[] = [];
  for (const file of await sourceFiles(WEB)) {
    if (file.startsWith(`${WEB}/texts/`)) continue;
    for (const text of quoted(await Deno.readTextFile(file))) if (isForReaders(text)) found.push(`${file}: ${text}`);
  }
  assertEquals(found, []);
});

Deno.test("The search for texts in code finds what players would read", () => {
  const source = 'panel.say("Say who it is."); note(`You left ${room}.`); text: "Join"; note = "asked, no answer yet";';
  assertEquals(quoted(source).filter(isForReaders), ["Say who it is.", "Join", "asked, no answer yet", "You left 0."]);
});

Deno.test("Korean chooses the particle after a name by its last letter", () => {
  assertEquals(["해자 슬라임", "늪 거머리", "Alice"].map(ko.combat.killed), [
    "해자 슬라임을 처치했습니다.",
    "늪 거머리를 처치했습니다.",
    "Alice을(를) 처치했습니다.",
  ]);
});

Deno.test("durationOf() tells the two largest units, and what has begun of the last one", () => {
  const times = [0, 1_000, 61_000, 3_600_000, 3_660_001, 90_000_000, 8 * 86_400_000 - 1];
  assertEquals(times.map(en.duration), ["1 s", "1 s", "1 min 1 s", "1 h", "1 h 1 min", "1 d 1 h", "8 d"]);
  assertEquals(times.slice(2, 4).map(ko.duration), ["1분 1초", "1시간"]);
});

Deno.test("Texts explain each cause that the server may name, and the server has a text for each", () => {
  const causes = Object.values(Cause).filter((cause) => typeof cause === "number" && cause !== Cause.UNSPECIFIED);
  for (const [language, { explained }] of Object.entries(LANGUAGES)) {
    for (const cause of causes as Cause[]) {
      assert(cause === Cause.ACCOUNT_DELETION || explained.head[cause] !== undefined, `${language}: ${Cause[cause]}`);
      assert(textOf(explain(cause)).length > 10, Cause[cause]);
    }
  }
});

Deno.test("explainedOr() says why in the page's language, for how long, and what a moderator wrote", () => {
  const said = (cause: Cause, more = {}) => explainedOr(explain(cause, more), "No.");
  assertEquals([
    said(Cause.BANNED, { reason: "selling: gold", remainingMs: 600_000_000n }),
    said(Cause.MUTED, { reason: "Why?" }),
    said(Cause.KICKED),
    said(Cause.CHAT_FLOOD, { remainingMs: 30_000n }),
    said(Cause.MAINTENANCE_PLANNED, { remainingMs: 600_000n, reason: "a new map" }),
    said(99 as Cause),
    explainedOr(undefined, "No."),
  ], [
    "You are banned for another 6 d 22 h: selling: gold.",
    "You are muted: Why?",
    "You were kicked.",
    "You wrote too much too fast and are muted for another 30 s.",
    "Maintenance begins in 10 min: a new map.",
    "No.",
    "No.",
  ]);
  const { head, parts, deletion } = ko.explained;
  assertEquals([
    parts(head[Cause.BANNED]!, ko.duration(600_000_000), "욕설", Cause.BANNED),
    parts(head[Cause.MAINTENANCE]!, "", "a new map", Cause.MAINTENANCE),
    parts(head[Cause.MAINTENANCE_PLANNED]!, ko.duration(600_000), "", Cause.MAINTENANCE_PLANNED),
    deletion(Date.UTC(2027, 0, 2, 12)),
  ], [
    "이용이 정지되었습니다. 남은 시간: 6일 22시간. 사유: 욕설.",
    "서버 점검 중입니다. 안내: a new map.",
    "곧 서버 점검이 시작됩니다. 남은 시간: 10분.",
    "이 계정은 2027년 1월 2일에 삭제됩니다. 그 전에 로그인하면 삭제가 취소됩니다.",
  ]);
});
