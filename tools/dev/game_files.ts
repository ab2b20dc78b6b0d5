/**
 * The files of a game while somebody works on them: which are others than when they were looked at last.
 *
 * What the system says of changes only has them looked at. So it is the same whether an editor writes a file, puts
 * another in its place, or Git changes a hundred at once.
 *
 * @module
 */

/** What follows from a change: the packets are made anew, the game is loaded anew, the page is bundled or only read anew. */
export type Change = "proto" | "code" | "page" | "asset" | "restart";

/** A file as it was looked at last. */
interface Seen {
  readonly mtimeMs: number;
  readonly size: number;
  readonly digest: string;
}

/** Folders that a game's sources are not in. */
const OTHER_FOLDERS: ReadonlySet<string> = new Set(["data", "node_modules", "coverage"]);
const CODE = /\.(?:[cm]?[jt]sx?|json|wasm)$/;
/** The storage worker has loaded the one, and every process the other. */
const RESTARTING: ReadonlySet<string> = new Set(["records.ts", "deno.json"]);

/** What follows from a change of a file, by its path in the folder of the game; `undefined`: nothing. */
export function changeOf(path: string): Change | undefined {
  const parts = path.split("/");
  if (parts.some((part) => part.startsWith(".")) || OTHER_FOLDERS.has(parts[0])) return undefined;
  if (parts[0] === "web") {
    if (parts[1] === "dist") return "asset";
    return CODE.test(path) && !path.endsWith(".json") ? "page" : "asset";
  }
  if (RESTARTING.has(path)) return "restart";
  if (path.endsWith(".proto")) return "proto";
  return CODE.test(path) && !/_test\.[jt]sx?$|^deno\.lock$/.test(path) ? "code" : undefined;
}

/** Whether a file is made from the protos. */
export function isGenerated(path: string): boolean {
  return path === "contract.ts" || path.endsWith("_pb.ts");
}

/** Whether a file is made from others. */
export function isMade(path: string): boolean {
  return isGenerated(path) || path.startsWith("web/dist/");
}

/** The files of one folder. */
export class GameFiles {
  readonly #folder: string;
  #seen: ReadonlyMap<string, Seen> = new Map();

  /** @param folder Ends with a slash. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Looks at all files; gives the paths, from the folder, of those that are others than before, are new, or gone. */
  async look(): Promise<string[]> {
    const before = this.#seen, now = new Map<string, Seen>();
    await this.#walk("", now);
    this.#seen = now;
    const paths = new Set([...before.keys(), ...now.keys()]);
    return [...paths].filter((path) => before.get(path)?.digest !== now.get(path)?.digest);
  }

  /** Takes what is made from other files as it is now for looked at. */
  async adopt(): Promise<void> {
    const now = new Map<string, Seen>();
    await this.#walk("", now);
    const seen = new Map(this.#seen);
    for (const [path, file] of now) if (isMade(path)) seen.set(path, file);
    this.#seen = seen;
  }

  async #walk(at: string, found: Map<string, Seen>): Promise<void> {
    for await (const { name, isDirectory, isFile } of Deno.readDir(this.#folder + at)) {
      const path = at + name;
      if (isDirectory && changeOf(`${path}/x.ts`) !== undefined) await this.#walk(`${path}/`, found);
      if (!isFile || changeOf(path) === undefined) continue;
      const seen = await this.#see(path);
      if (seen !== undefined) found.set(path, seen);
    }
  }

  async #see(path: string): Promise<Seen | undefined> {
    try {
      const { mtime, size } = await Deno.stat(this.#folder + path);
      const mtimeMs = mtime?.getTime() ?? 0, before = this.#seen.get(path);
      // Two changes within a moment may have the same time.
      const isOld = Date.now() - mtimeMs > 2_000;
      if (isOld && before?.mtimeMs === mtimeMs && before.size === size) return before;
      const bytes = await Deno.readFile(this.#folder + path);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toBase64();
      return { mtimeMs, size, digest };
    } catch (error) {
      // It went while we looked: writing it again is noticed.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }
}
