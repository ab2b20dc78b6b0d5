import { assert, assertEquals } from "../support/assert.ts";
import { MarkdownDocument, ROOT } from "./markdown.ts";

const DOCUMENT = await MarkdownDocument.read("docs/architecture.md");
const SOURCE_FOLDERS = ["shared", "gateway", "client", "server", "tools", "tests", "bench"] as const;
type Folder = typeof SOURCE_FOLDERS[number];

/** What the folders may import besides themselves, as "Doors" says it. */
const IMPORTS: Readonly<Record<Folder, readonly Folder[]>> = {
  shared: [],
  gateway: ["shared", "client"],
  client: ["shared"],
  server: ["shared", "gateway"],
  tools: ["shared", "gateway", "client", "server"],
  tests: SOURCE_FOLDERS,
  bench: SOURCE_FOLDERS,
};

interface Import {
  /** From the project's folder. */
  readonly file: string;
  /** As written. */
  readonly specifier: string;
}

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory && entry.name !== "dist") yield* sourceFiles(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

async function importsOf(folder: string): Promise<Import[]> {
  const imports: Import[] = [];
  for await (const file of sourceFiles(folder)) {
    const source = await Deno.readTextFile(new URL(file, ROOT));
    const found = source.matchAll(/^(?:import|export)\b[^;"]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"/gm);
    for (const [, from, bare] of found) imports.push({ file, specifier: from ?? bare });
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

for (const folder of SOURCE_FOLDERS) {
  Deno.test(`${folder}/ imports only the folders that docs/architecture.md allows`, () => {
    for (const { file, specifier } of ALL) {
      if (!file.startsWith(`${folder}/`) || !specifier.startsWith(".")) continue;
      const target = new URL(specifier, new URL(file, ROOT)).pathname.slice(ROOT.pathname.length).split("/")[0];
      const allowed: readonly string[] = [folder, ...IMPORTS[folder]];
      assert(target.includes(".") || allowed.includes(target), `${file} imports ${specifier}`);
    }
  });
}

Deno.test("shared/ uses nothing of the platform it runs on", async () => {
  for await (const file of sourceFiles("shared")) {
    const source = (await Deno.readTextFile(new URL(file, ROOT))).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    const found = /\bDeno\b|\bsetTimeout\b|\bsetInterval\b|\bDate\.now\b|\bperformance\b|\bprocess\b|"node:/.exec(
      source,
    );
    assertEquals(found?.[0], undefined, file);
  }
});
