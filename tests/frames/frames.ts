/**
 * How long a frame of the page takes with a crowd in view, where a browser has no graphics processor: `deno task
 * bench:frames`. Needs Chromium.
 *
 * @module
 */

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

async function bundle(): Promise<string> {
  const args = ["bundle", "--quiet", "--platform", "browser", new URL("frames_page.ts", import.meta.url).pathname];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Draws frames of each crowd on each screen; gives their times by `WIDTHxHEIGHT@SCALE CROWD`. */
export async function timeFrames(
  frameCount: number,
  screens: readonly Screen[] = SCREENS,
): Promise<Record<string, FrameTimes>> {
  const code = await bundle();
  const times: Record<string, FrameTimes> = {};
  await withBrowser(async (browser) => {
    for (const { scale, ...viewport } of screens) {
      for (const crowd of CROWDS) {
        const page = await browser.newPage({ viewport, deviceScaleFactor: scale });
        const style = "margin:0;width:100vw;height:100vh";
        await page.setContent(`<body style="margin:0"><canvas style="${style}"></canvas></body>`);
        await page.evaluate(code);
        times[`${viewport.width}x${viewport.height}@${scale} ${crowd}`] = await page.evaluate(
          ([frames, crowd]) => (globalThis as unknown as FramesPage).drawFrames(frames, crowd),
          [frameCount, crowd],
        );
        await page.close();
      }
    }
  });
  return times;
}

interface FramesPage {
  drawFrames(frameCount: number, crowdCount: number): FrameTimes;
}

if (import.meta.main) {
  const times = await timeFrames(FRAMES);
  console.log("screen@density, figures median     p95");
  for (const [name, { median, p95 }] of Object.entries(times)) {
    console.log(`${name.padEnd(20)} ${median.toFixed(1).padStart(6)} ms ${p95.toFixed(1).padStart(6)} ms`);
  }
}
