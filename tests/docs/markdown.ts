/** Reads the project's documents for the tests that hold them to the code. @module */

import { assert } from "../support/assert.ts";

/** Where the project lies. */
export const ROOT = new URL("../../", import.meta.url);

/** One document. */
export class MarkdownDocument {
  /** Its path from the project's folder, as in `docs/protocol.md`. */
  readonly path: string;
  readonly text: string;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  /** Reads a document of the project. */
  static async read(path: string): Promise<MarkdownDocument> {
    return new MarkdownDocument(path, await Deno.readTextFile(new URL(path, ROOT)));
  }

  /** What stands under a heading, up to the next one of its level or above. */
  section(heading: string): MarkdownDocument {
    const lines = this.text.split("\n");
    const first = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
    assert(first >= 0, `${this.path} has no heading "${heading}"`);
    const level = lines[first].indexOf(" ");
    const rest = lines.slice(first + 1);
    const next = rest.findIndex((line) => /^#+ /.test(line) && line.indexOf(" ") <= level);
    return new MarkdownDocument(`${this.path}, "${heading}"`, rest.slice(0, next < 0 ? undefined : next).join("\n"));
  }

  /** The cells of the table whose first column has this title, one record a row. */
  table(firstColumn: string): Record<string, string>[] {
    const lines = this.text.split("\n");
    const first = lines.findIndex((line) => cellsOf(line)[0] === firstColumn);
    assert(first >= 0, `${this.path} has no table with the column "${firstColumn}"`);
    const columns = cellsOf(lines[first]);
    const rows: Record<string, string>[] = [];
    for (const line of lines.slice(first + 2)) {
      if (!line.startsWith("|")) break;
      const cells = cellsOf(line);
      assert(cells.length === columns.length, `${this.path}: ${columns.length} columns, but ${line}`);
      rows.push(Object.fromEntries(columns.map((column, index) => [column, cells[index]])));
    }
    return rows;
  }

  /** The items of all lists as `- **name**: text` has them, by name. */
  definitions(): Map<string, string> {
    const joined = this.text.replaceAll(/\n {2,}(?!-)/g, " ");
    return new Map([...joined.matchAll(/^- \*\*(.+?)\*\*: (.*)$/gm)].map(([, name, text]) => [name, text]));
  }

  /** The contents of all code blocks in a language. */
  codeBlocks(language: string): string[] {
    const blocks = this.text.matchAll(/^( *)```(\S+)[^\n]*\n([\s\S]*?)^\1```$/gm);
    return [...blocks].filter((block) => block[2] === language).map((block) => block[3]);
  }
}

/** Every document of the project. */
export async function allDocuments(): Promise<MarkdownDocument[]> {
  const paths: string[] = [];
  for (const folder of ["", "client/", "docs/", "docs/decisions/"]) {
    for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
      if (entry.isFile && entry.name.endsWith(".md")) paths.push(folder + entry.name);
    }
  }
  return await Promise.all(paths.sort().map((path) => MarkdownDocument.read(path)));
}

/** Whether the documents are to be written anew: `deno task docs`. */
export const isUpdating: boolean = Deno.args.includes("--update");

/** What stands between these marks is generated. */
const BEGIN = "<!-- generated: `deno task docs` -->";
const END = "<!-- end of generated -->";

/** The part of a document that is generated, in the form that {@linkcode withoutPadding} gives. */
export function generatedPart(document: MarkdownDocument): string {
  const [, part] = splitAtMarks(document);
  return withoutPadding(part);
}

/** Writes the generated part of a document anew. */
export async function writeGeneratedPart(document: MarkdownDocument, part: string): Promise<void> {
  const [before, , after] = splitAtMarks(document);
  await writeDocument(document.path, `${before}\n\n${part.trim()}\n\n${after}`);
}

/** Writes a document, formatted. */
export async function writeDocument(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(new URL(path, ROOT), await format(text));
}

/** The formatter pads cells of tables: texts are compared without that. */
export function withoutPadding(markdown: string): string {
  return markdown.replaceAll(/ +\|/g, " |").replaceAll(/-{3,}/g, "---").trim();
}

function splitAtMarks({ path, text }: MarkdownDocument): [before: string, part: string, after: string] {
  const begin = text.indexOf(BEGIN) + BEGIN.length, end = text.indexOf(END);
  assert(begin >= BEGIN.length && end >= begin, `${path} lacks the marks around what is generated`);
  return [text.slice(0, begin), text.slice(begin, end), text.slice(end)];
}

async function format(text: string): Promise<string> {
  const formatter = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--prose-wrap", "always", "--ext", "md", "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = formatter.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await formatter.output();
  assert(success, "deno fmt failed");
  return new TextDecoder().decode(stdout);
}

/** A number as the documents write it: `65,536`. */
export function parseNumber(text: string): number {
  return Number(text.replaceAll(",", ""));
}

function cellsOf(line: string): string[] {
  if (!line.startsWith("|")) return [];
  const inner = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
