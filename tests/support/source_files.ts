/** Finds the project's own source files, for tests that read them. @module */

const ROOT = new URL("../../", import.meta.url);
/** What is made from other files. */
const GENERATED = new Set(["dist", "gen", "node_modules", "npm"]);

/**
 * The TypeScript files in a folder and all folders below it, but for generated ones.
 *
 * @param folder From the project's folder, such as `server/io`.
 * @returns Paths from the project's folder.
 */
export async function sourceFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${name}`;
    if (isDirectory) {
      if (!GENERATED.has(name)) files.push(...await sourceFiles(path));
    } else if (name.endsWith(".ts")) {
      files.push(path);
    }
  }
  return files.sort();
}
