/**
 * The files of the page, read once at start.
 *
 * @module
 */

import type { Asset } from "../../gateway/app.ts";

const WEB = new URL("../../games/marsh/web/", import.meta.url);
const FILES: readonly { path: string; file: string; type: string }[] = [
  { path: "/index.html", file: "index.html", type: "text/html; charset=utf-8" },
  { path: "/style.css", file: "style.css", type: "text/css; charset=utf-8" },
  { path: "/icon.svg", file: "icon.svg", type: "image/svg+xml" },
  { path: "/timer_worker.js", file: "timer_worker.js", type: "text/javascript; charset=utf-8" },
  { path: "/page.js", file: "dist/page.js", type: "text/javascript; charset=utf-8" },
];

/** Reads the page's files, by the path they are served at. */
export async function loadWebAssets(): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>();
  for (const { path, file, type } of FILES) {
    assets.set(path, { type, bytes: await Deno.readFile(new URL(file, WEB)) });
  }
  return assets;
}
