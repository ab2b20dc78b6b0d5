import { assertEquals } from "../support/assert.ts";
import { sourceFiles } from "../support/source_files.ts";
import { MarkdownDocument, ROOT } from "./markdown.ts";

const DOCUMENT = await MarkdownDocument.read("docs/architecture.md");
const SOURCE_FOLDERS = ["shared", "gateway", "client", "server", "games", "tools", "tests", "bench"] as const;

interface Import {
  /** From the project's folder. */
  readonly file: string;
  /** As written. */
  readonly specifier: string;
}

async function importsOf(folder: string): Promise<Import[]> {
  const imports: Import[] = [];
  for (const file of await sourceFiles(folder)) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    const found = source.matchAll(/^(?:import|export)\b[^;"]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"/gm);
    for (const [, from, bare] of found) {
      const specifier = from ?? bare;
      // By this name games that lie elsewhere import the engine.
      if (!specifier.startsWith("drawbridge/")) imports.push({ file, specifier });
    }
  }
  return imports;
}

const ALL = (await Promise.all(SOURCE_FOLDERS.map(importsOf))).flat();

Deno.test("docs/architecture.md names the files that import third-party packages, and there are no others", () => {
  const documented = new Map(
    DOCUMENT.section("Doors").table("Package").map((row) => {
      const files = [...row.Door.matchAll(/`([^`]+)`/g)].map(([, file]) => file);
      return [row.Package.replaceAll("`", ""), files.sort()] as const;
    }),
  );
  const doors = new Map<string, Set<string>>();
  for (const { file, specifier: named } of ALL) {
    // What only tests and tools need names its version itself.
    const specifier = named.replace(/^npm:(.+)@[\d.]+$/, "$1");
    const isPackage = !/^(\.|node:|@bufbuild\/)/.test(specifier) || documented.has(specifier);
    if (!isPackage) continue;
    doors.set(specifier, (doors.get(specifier) ?? new Set()).add(file));
  }
  const byName = (entries: Iterable<readonly [string, Iterable<string>]>) =>
    [...entries].map(([name, files]) => [name, [...files].sort()] as const).sort();
  assertEquals(byName(doors), byName(documented));
});
