import { sourceFiles } from "../support/source_files.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  allDocuments,
  generatedPart,
  isUpdating,
  MarkdownDocument,
  parseNumber,
  ROOT,
  withoutPadding,
  writeGeneratedPart,
} from "./markdown.ts";

const DOCUMENT = await MarkdownDocument.read("docs/limits.md");
/** The engine's bounds, then those of games and their parts, then those of tools. */
const FILES = [
  "shared/limits.ts",
  ...(await sourceFiles("games")).filter((file) => file.endsWith("/limits.ts")).sort(),
  "tools/limits.ts",
];
const VALUES = new Map<string, number>();
for (const file of FILES) {
  for (const [name, value] of Object.entries(await import(new URL(file, ROOT).href) as Record<string, number>)) {
    assert(!VALUES.has(name), `${name} is in two files, one of them ${file}`);
    VALUES.set(name, value);
  }
}

/** The constants of the files under their headings, as tables. */
async function limitsMarkdown(): Promise<string> {
  let source = "";
  for (const file of FILES) source += await Deno.readTextFile(new URL(file, ROOT));
  const lines: string[] = [];
  let what = "";
  const parts = source.matchAll(/^\/\/ (.+)|^\/\*\*\s((?:(?!\*\/)[^])+)\*\/$|^export const (\w+)/gm);
  for (const [, heading, comment, name] of parts) {
    if (heading !== undefined) {
      const [title] = heading.split(" (docs/", 1);
      lines.push("", `## ${title}`, "", "| Name | Value | What it bounds |", "| --- | --- | --- |");
    } else if (comment !== undefined) {
      const text = comment.replaceAll(/^ \*|\n \*/g, "").trim();
      what = text.replaceAll(/{@linkcode (\w+)}/g, "`$1`").replaceAll("|", "\\|").replace(/\.$/, "");
    } else {
      assert(what !== "", `${name} has no comment of its own`);
      lines.push(`| \`${name}\` | ${VALUES.get(name)?.toLocaleString("en")} | ${what} |`);
      what = "";
    }
  }
  return lines.join("\n").trim();
}

Deno.test("docs/limits.md has every bound of the engine, of games and of tools with its value", async () => {
  const markdown = await limitsMarkdown();
  for (const name of VALUES.keys()) {
    assert(markdown.includes(`| \`${name}\` |`), `${name} was not found in a limits.ts`);
  }
  if (isUpdating) return await writeGeneratedPart(DOCUMENT, markdown);
  assertEquals(
    generatedPart(DOCUMENT),
    withoutPadding(markdown),
    `${DOCUMENT.path} is not up to date: deno task docs`,
  );
});

Deno.test("Documents that give a bound with its name give its value", async () => {
  let count = 0;
  for (const { path, text } of await allDocuments()) {
    for (const [, value, name] of text.matchAll(/([\d,.]*\d)\s\(`([A-Z][A-Z0-9_]+)`\)/g)) {
      if (!VALUES.has(name)) continue;
      count++;
      assertEquals(parseNumber(value), VALUES.get(name), `${path}: ${name}`);
    }
  }
  assert(count >= 10, `Only ${count} bounds were found`);
});
