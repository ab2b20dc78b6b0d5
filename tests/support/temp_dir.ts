/** A folder of one test's own. @module */

/** Gives `run` a new empty folder and removes it afterwards. */
export async function withTempDir<T>(run: (path: string) => Promise<T> | T): Promise<T> {
  const path = await Deno.makeTempDir({ prefix: "drawbridge-test-" });
  try {
    return await run(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
