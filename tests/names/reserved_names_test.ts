import { looksOf } from "../../server/names/public_name.ts";
import { ReservedNames } from "../../server/names/reserved_names.ts";
import { OPTIONS } from "../../server/config/schema.ts";
import { assert, assertEquals } from "../support/assert.ts";

const RESERVED = new ReservedNames(OPTIONS.reservedNames.default as readonly string[]);

Deno.test("ReservedNames.has() finds words, what is made of them, and what looks like them", () => {
  const names = ["admin", "ADMIN", "Administrator", "Moderators", "System", "server", "GM_Anna", "The Staff", "mod-2"];
  names.push(
    "adm1n",
    "АDМIN",
    "ѕуѕtеm",
    "A d m i n",
    "Sys.tem",
    "admin007",
    "MOD",
    "rnod",
    "Ｓystem",
    "s\u200bystem",
    "[ADMIN]",
  );
  for (const name of names) assert(RESERVED.has(name), name);
});

Deno.test("ReservedNames.has() leaves other names alone", () => {
  const names = [
    "Modest",
    "Gmork",
    "Badmin",
    "Serverus",
    "Rooty",
    "Ann",
    "모드",
    "Supporter",
    "bot1",
    "Player1",
    "a",
    "---",
    "",
  ];
  for (const name of names) assert(!RESERVED.has(name), name);
  assertEquals(new ReservedNames([]).has("admin"), false);
});

Deno.test("ReservedNames.has() takes words of other scripts", () => {
  const reserved = new ReservedNames(["관리자", "админ"]);
  for (const name of ["관리자", "관리자_1", "Админ", "АДМИН"]) assert(reserved.has(name), name);
});

Deno.test("looksOf() of two names have one in common where one can be taken for the other", () => {
  const alike = (left: string, right: string) => looksOf(left).some((look) => looksOf(right).includes(look));
  for (
    const [left, right] of [
      ["Alice", "AIice"],
      ["Alice", "Аliсе"],
      ["mipa", "МІРА"],
      ["Bot1", "Botl"],
      ["Tom0", "TomO"],
      ["modern", "rnodern"],
      ["Lobby", "L\u043ebby"],
      ["école", "e\u0301cole"],
      ["ab\u200dc", "abc"],
    ]
  ) {
    assert(alike(left, right), `${left} ${right}`);
  }
  for (
    const [left, right] of [["Bot1", "Bot2"], ["Kai", "Kal"], ["Ann", "Anna"], ["bot1", "bot11"], ["철수", "철소"]]
  ) {
    assert(!alike(left, right), `${left} ${right}`);
  }
});
