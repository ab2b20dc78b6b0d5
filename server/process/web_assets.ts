/**
 * The files of a game's page, read once at start.
 *
 * @module
 */

import type { Asset } from "../../gateway/app.ts";
import { ConfigError } from "../../shared/errors.ts";
import { WEB_FILES_BYTES_MAX } from "../../shared/limits.ts";

/** Files of other kinds are not served: sources, for example. */
const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webp: "image/webp",
  woff2: "font/woff2",
};

/**
 * Reads the files of a game's `web` folder, by the path they are served at: that below the folder, where what lies in its
 * `dist` is at the root.
 *
 * @param web May be missing: the game has no page.
 * @throws {ConfigError} when they are larger than `WEB_FILES_BYTES_MAX` together.
 */
export async function loadWebAssets(web: URL): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>();
  let byteCount = 0;
  const read = async (folder: URL, path: string) => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      if (isDirectory) {
        await read(
          new URL(`${encodeURIComponent(name)}/`, folder),
          path === "/" && name === "dist" ? "/" : `${path}${name}/`,
        );
      }
      const type = TYPES[name.slice(name.lastIndexOf(".") + 1)];
      if (!isFile || type === undefined) continue;
      const bytes = await Deno.readFile(new URL(encodeURIComponent(name), folder));
      byteCount += bytes.length;
      if (byteCount > WEB_FILES_BYTES_MAX) {
        throw new ConfigError([`Cannot serve ${web.pathname}: its files have more than ${WEB_FILES_BYTES_MAX} bytes`]);
      }
      assets.set(`${path}${name}`, { type, bytes });
    }
  };
  try {
    await read(web, "/");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return assets;
}
