/** What a visitor does on the page, and what the page says of itself. @module */

import type { Page } from "./browser.ts";
import { until } from "./wait.ts";

/** A panel beside the world, and the key that opens it. */
const PANEL_KEYS = { guild: "g", rooms: "r", friends: "f" } as const;

/** What the page tells tests, in the attributes of its root. */
export function stateOf(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() => ({ ...document.documentElement.dataset })) as Promise<Record<string, string>>;
}

/** Registers a new player, and resolves when it is in the world. */
export async function registerOnPage(page: Page, name: string): Promise<void> {
  await page.locator('#login-form label:has(input[value="register"])').click();
  await page.locator("#login-name").fill(name);
  await page.locator("#login-password").fill("correct horse");
  await page.locator("#login-submit").click();
  await untilInWorld(page);
}

/** Resolves when the page is connected, and its player in the world. */
export async function untilInWorld(page: Page): Promise<void> {
  await page.locator('html[data-connection="connected"][data-entity-id]').waitFor({ state: "attached" });
}

/** Resolves with where the player stands once the page reports no further steps. */
export async function untilStill(page: Page): Promise<{ x: number; z: number }> {
  // The page tells the place every now and then; who stands is told to be at the same place again.
  return await page.evaluate(() =>
    new Promise((resolve) => {
      const { dataset } = document.documentElement;
      let { x, z } = dataset;
      const observer = new MutationObserver(() => {
        const isStill = dataset.x === x && dataset.z === z;
        ({ x, z } = dataset);
        if (!isStill) return;
        observer.disconnect();
        resolve({ x: Number(x), z: Number(z) });
      });
      observer.observe(document.documentElement, { attributeFilter: ["data-z"] });
    })
  );
}

/** Opens a panel by its key, unless it is open. */
export async function openPanel(page: Page, panel: keyof typeof PANEL_KEYS): Promise<void> {
  const body = page.locator(`#${panel}`);
  if (await body.isVisible()) return;
  await page.locator("#world").focus();
  await page.keyboard.press(PANEL_KEYS[panel]);
  await body.waitFor();
}

/** Fills a form of a panel and sends it. */
export async function submitForm(page: Page, form: string, fields: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(fields)) await page.locator(`#${form} [name="${name}"]`).fill(text);
  await page.locator(`#${form} button[type="submit"]`).click();
}

/** Resolves when a list of a panel has a row with these texts. */
export async function untilRow(page: Page, list: string, ...texts: string[]): Promise<void> {
  let row = page.locator(`#${list} li`);
  for (const text of texts) row = row.filter({ hasText: text });
  await row.first().waitFor().catch(async (error) => {
    throw new Error(`${list} has no row of ${texts}, but: ${await page.locator(`#${list}`).innerText()}`, {
      cause: error,
    });
  });
}

/** Chooses a target by key, whatever is nearer. */
export async function chooseTarget(page: Page, entityId: bigint): Promise<void> {
  await page.locator("#world").focus();
  await until(`target ${entityId}`, async () => {
    if ((await stateOf(page)).target === String(entityId)) return true;
    await page.keyboard.press("q");
    return false;
  });
}
