/** The door to the browser: the only file that knows Playwright. @module */

import { type Browser, chromium, type Page } from "npm:playwright-core@1.65.1";
import { findProgram, programTest } from "./programs.ts";

export type { Browser, Page } from "npm:playwright-core@1.65.1";

/** Nothing but the page under test may use the network. */
const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
  // Pages in the background must play on: only one can have the focus.
  ...["--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
  "--disable-backgrounding-occluded-windows",
  // For servers behind proxies: the names and the certificates are the test's.
  ...["--host-resolver-rules=MAP *.example.org 127.0.0.1", "--ignore-certificate-errors"],
];
/** How long one step in a page may take on a busy machine, and a browser to start, in milliseconds. */
const STEP_PATIENCE_MS = 60_000;

/** Registers a test in a browser; see `programTest`. */
export function browserTest(name: string, run: (browser: Browser) => Promise<void>): void {
  programTest("chromium", name, () => withBrowser(run));
}

/**
 * Runs something with a browser.
 *
 * @throws {Error} when there is no Chromium.
 */
export async function withBrowser<T>(run: (browser: Browser) => Promise<T>): Promise<T> {
  const executablePath = findProgram("chromium");
  if (executablePath === undefined) throw new Error("Cannot run without Chromium");
  const browser = await chromium.launch({ executablePath, args: FLAGS, timeout: STEP_PATIENCE_MS });
  try {
    return await run(browser);
  } finally {
    await browser.close();
  }
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
 * @param screen In CSS pixels; `hasTouch`: it is a phone's; `locale`: the browser's language.
 */
export async function visit(
  browser: Browser,
  url: string,
  screen: { readonly width: number; readonly height: number; readonly hasTouch?: boolean; readonly locale?: string } = {
    width: 1_100,
    height: 700,
  },
): Promise<Visitor> {
  const { width, height, hasTouch = false, locale = "en-US" } = screen;
  const context = await browser.newContext({ viewport: { width, height }, hasTouch, isMobile: hasTouch, locale });
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
