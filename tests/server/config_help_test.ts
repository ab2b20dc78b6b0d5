import { helpText, informationText, optionsMarkdown, versionText } from "../../server/config/help.ts";
import { integer } from "../../server/config/kinds.ts";
import { environmentVariableOf, flagOf, OPTION_KEYS } from "../../server/config/schema.ts";
import { EXIT_STATUSES } from "../../server/process/exit_statuses.ts";
import manifest from "../../deno.json" with { type: "json" };
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("helpText() names every flag once at the start of a line, within 100 columns", () => {
  const lines = helpText().split("\n");
  for (const key of OPTION_KEYS) {
    assertEquals(lines.filter((line) => line.startsWith(`  ${flagOf(key)} `)).length, 1, flagOf(key));
  }
  assertEquals(lines.filter((line) => line.length > 100), []);
});

Deno.test("helpText() tells every exit status", () => {
  const text = helpText().replaceAll(/\s+/g, " ");
  for (const { status, meaning } of EXIT_STATUSES) assert(text.includes(`${status} ${meaning}`), status);
});

Deno.test("optionsMarkdown() has a row for every option with flag, variable and key", () => {
  const own = { countMax: { kind: integer({ min: 1, max: 9 }), default: 3, help: "How far" } };
  const rows = optionsMarkdown("Its own", own).split("\n").filter((line) => line.startsWith("| `"));
  const keys = [...OPTION_KEYS, ...Object.keys(own)];
  assertEquals(rows.length, keys.length);
  for (const key of keys) {
    assert(
      rows.some((row) => row.startsWith(`| \`${flagOf(key)}\` | \`${environmentVariableOf(key)}\` | \`${key}\` |`)),
    );
  }
});

Deno.test("versionText() gives the version of deno.json", () => {
  assert(versionText().startsWith(`drawbridge ${manifest.version} (deno `));
});

Deno.test("informationText() answers help and version and nothing else", () => {
  assertEquals(informationText(["--login-port", "1"]), undefined);
  for (const flag of ["--help", "-h"]) assertEquals(informationText(["--wat", flag]), helpText());
  for (const flag of ["--version", "-V"]) assertEquals(informationText([flag]), versionText());
});
