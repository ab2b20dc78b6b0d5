/** The page's texts stand in one file a language, and nowhere else. @module */

import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { languageOf, LANGUAGES, shownName, TEXT_ATTRIBUTES } from "../../games/marsh/web/language.ts";
import { en } from "../../games/marsh/web/texts/en.ts";
import { ko } from "../../games/marsh/web/texts/ko.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { sourceFiles } from "../support/source_files.ts";
import { Sanctions } from "../../server/moderation/sanctions.ts";
import type { Sanction } from "../../server/moderation/sanction_store.ts";
import type { LogicContext } from "../../server/session/context.ts";
import { ManualClock } from "../support/logic_harness.ts";

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
  assertEquals(ko.guilds.timeLeft(61_000), "1분 1초 남음");
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

Deno.test("Korean says what the server says of sanctions and maintenance, and keeps what it does not know", () => {
  const clock = new ManualClock();
  const context = { clock } as unknown as LogicContext;
  const sanctions = new Sanctions(context);
  const said = (word: "muted" | "banned", days: number | null, reason: string) => {
    const endsAtMs = days === null ? null : clock.unixMs() + days * 86_400_000;
    return ko.serverSaid(`${sanctions.textOf(word, { endsAtMs, reason } as Sanction)}.`, "안 됩니다.");
  };
  assertEquals([
    said("banned", 6.96, "selling: gold"),
    said("muted", null, "no reason given"),
    said("muted", 1, "욕설"),
  ], [
    "안 됩니다. 남은 기간: 6일 23시간. 사유: selling: gold",
    "안 됩니다.",
    "안 됩니다. 남은 기간: 1일. 사유: 욕설",
  ]);
  const others: [said: string, shown: string][] = [
    ["You were kicked: calm down!", "안 됩니다. 사유: calm down!"],
    ["You are muted for another 9 min 30 s: too many messages.", "안 됩니다. 남은 기간: 9분 30초. 사유: 도배"],
    ["The server is under maintenance: a new map.", "안 됩니다. 안내: a new map"],
    ["The server is under maintenance.", "안 됩니다."],
    [
      "The account will be deleted on 2027-01-02 unless you log in before then.",
      "계정이 2027-01-02에 삭제됩니다. 그 전에 로그인하면 취소됩니다.",
    ],
    ["Something new.", "안 됩니다. (Something new.)"],
  ];
  for (const [said, shown] of others) assertEquals(ko.serverSaid(said, "안 됩니다."), shown);
});

Deno.test("Korean knows each reason for which the server ends a session of an account", async () => {
  const source = await Deno.readTextFile("server/session/account_service.ts");
  const sentences = [...source.matchAll(/#(?:revoke|renew|expel)\([^;]*?"((?:[A-Z]\w+ ?)(?:[^"]*))"\)/gs)].map((
    [, text],
  ) => text);
  assertEquals(new Set(sentences).size, 5);
  for (const sentence of sentences) {
    assert(!ko.serverSaid(`${sentence}.`, "안 됩니다.").includes("안 됩니다."), sentence);
  }
});
