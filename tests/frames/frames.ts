/**
 * How long a frame of the page takes with a crowd in view, where a browser has no graphics processor: `deno task
 * bench:frames`, beside the page of another checkout with `--against DIR`. Needs Chromium.
 *
 * @module
 */

import { path } from "../../server/config/kinds.ts";
import { readOptions } from "../soak/options.ts";
import { withBrowser } from "../support/browser.ts";
import type { FrameTimes } from "./frames_page.ts";

const FRAMES = 200;
const CROWDS = [0, 60, 150];

/** A screen: CSS pixels, and device pixels to one of them. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/** A phone, a small window, and a whole screen as it is and at twice the density. */
export const SCREENS: readonly Screen[] = [
  { width: 375, height: 667, scale: 1 },
  { width: 1_100, height: 700, scale: 1 },
  { width: 1_920, height: 1_080, scale: 1 },
  { width: 1_920, height: 1_080, scale: 2 },
];

/** A page to be timed: its name, and the checkout that its code comes from. */
interface TimedPage {
  readonly name: string;
  readonly checkout: URL;
}

const THIS_PAGE: TimedPage = { name: "", checkout: new URL("../../", import.meta.url) };

async function bundle({ checkout }: TimedPage): Promise<string> {
  const page = new URL("tests/frames/frames_page.ts", checkout).pathname;
  const args = ["bundle", "--quiet", "--platform", "browser", page];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: checkout }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Draws frames of each crowd on each screen, of all pages in turns; gives their times by `WIDTHxHEIGHT@SCALE CROWD`. */
export async function timeFrames(
  frameCount: number,
  screens: readonly Screen[] = SCREENS,
  pages: readonly TimedPage[] = [THIS_PAGE],
): Promise<Record<string, FrameTimes>> {
  const codes = await Promise.all(pages.map(bundle));
  const times: Record<string, FrameTimes> = {};
  await withBrowser(async (browser) => {
    for (const { scale, ...viewport } of screens) {
      for (const crowd of CROWDS) {
        for (const [index, { name }] of pages.entries()) {
          const page = await browser.newPage({ viewport, deviceScaleFactor: scale });
          const style = "margin:0;width:100vw;height:100vh";
          await page.setContent(`<body style="margin:0"><canvas style="${style}"></canvas></body>`);
          await page.evaluate(codes[index]);
          times[`${viewport.width}x${viewport.height}@${scale} ${crowd}${name}`] = await page.evaluate(
            ([frames, crowd]) => (globalThis as unknown as FramesPage).drawFrames(frames, crowd),
            [frameCount, crowd],
          );
          await page.close();
        }
      }
    }
  });
  return times;
}

interface FramesPage {
  drawFrames(frameCount: number, crowdCount: number): FrameTimes;
}

if (import.meta.main) {
  const { against } = readOptions("bench:frames", {
    against: { kind: path("CHECKOUT", "optional"), fallback: "", help: "another checkout, whose page is drawn beside" },
  });
  const before = against === ""
    ? []
    : [{ name: " before", checkout: new URL(`file://${await Deno.realPath(against)}/`) }];
  const times = await timeFrames(FRAMES, SCREENS, [...before, THIS_PAGE]);
  console.log("screen@density, figures        median         p95   pixels to one of CSS");
  for (const [name, { median, p95, ratio }] of Object.entries(times)) {
    const row = [`${median.toFixed(1)} ms`, `${p95.toFixed(1)} ms`, (ratio ?? NaN).toFixed(2)];
    console.log(`${name.padEnd(26)} ${row.map((cell) => cell.padStart(11)).join(" ")}`);
  }
}
