/** The door to the browser: the only file that knows Playwright. @module */

import { type Browser, chromium, type Page } from "playwright-core";

export type { Browser, Page } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Nothing but the page under test may use the network. */
const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
  // Pages in the background must play on: only one can have the focus.
  ...["--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
  "--disable-backgrounding-occluded-windows",
];
/** How long one step in a page may take, in milliseconds. */
const STEP_PATIENCE_MS = 30_000;

function findChromium(): string | undefined {
  return PATHS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Whether the environment variable `TEST_REQUIRE_ALL` says that nothing may be left out. */
export const REQUIRE_ALL: boolean = Deno.env.get("TEST_REQUIRE_ALL") === "1";

/**
 * Registers a test in a browser; without Chromium it is ignored, or fails when {@linkcode REQUIRE_ALL}.
 */
export function browserTest(name: string, run: (browser: Browser) => Promise<void>): void {
  const executablePath = findChromium();
  const isMissing = executablePath === undefined;
  Deno.test({
    name: isMissing ? `${name} (needs Chromium: ${PATHS.join(" or ")})` : name,
    ignore: isMissing && !REQUIRE_ALL,
    fn: async () => {
      if (executablePath === undefined) throw new Error(`Cannot run without Chromium at ${PATHS.join(" or ")}`);
      const browser = await chromium.launch({ executablePath, args: FLAGS });
      try {
        await run(browser);
      } finally {
        await browser.close();
      }
    },
  });
}

/** One visitor: a page in a context of its own, and what went wrong in it. */
export interface Visitor {
  readonly page: Page;
  /** Uncaught errors, and errors in the console that are not the network's. */
  readonly errors: readonly string[];
}

/**
 * Opens a page as a new visitor.
 *
 * @param screen In CSS pixels; `hasTouch`: it is a phone's.
 */
export async function visit(
  browser: Browser,
  url: string,
  screen: { readonly width: number; readonly height: number; readonly hasTouch?: boolean } = {
    width: 1_100,
    height: 700,
  },
): Promise<Visitor> {
  const { width, height, hasTouch = false } = screen;
  const context = await browser.newContext({ viewport: { width, height }, hasTouch, isMobile: hasTouch });
  const page = await context.newPage();
  page.setDefaultTimeout(STEP_PATIENCE_MS);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/net::ERR_|WebSocket connection/.test(message.text())) {
      errors.push(message.text());
    }
  });
  await page.goto(url);
  return { page, errors };
}
