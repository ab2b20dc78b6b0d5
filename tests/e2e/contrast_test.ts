import { assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit } from "../support/browser.ts";
import { registerOnPage } from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";

/** What WCAG 2 asks of text (AA), and of large text. */
const CONTRAST_MIN = 4.5;
const CONTRAST_LARGE_MIN = 3;
/** The brightest ground that shows through panels: snow. */
const GROUND = "#6f86ad";
const PANEL_KEYS = ["g", "r", "f", "l"];

/** Every visible text of the page that stands out less than it must, with its contrast. */
function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate(({ ground, least, leastLarge }) => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
    /** Colours laid over each other, the first at the bottom, as red, green and blue. */
    const blend = (...colors: string[]): number[] => {
      for (const color of colors) {
        pen.fillStyle = color;
        pen.fillRect(0, 0, 1, 1);
      }
      return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const luminance = (rgb: number[]): number => {
      const [red, green, blue] = rgb.map((part) => part / 255).map((part) =>
        part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
      );
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const backgroundsOf = (element: Element): string[] => {
      const colors: string[] = [];
      for (let at: Element | null = element; at !== null; at = at.parentElement) {
        const style = getComputedStyle(at);
        // Of a gradient the first colour counts.
        colors.unshift(
          /(?:rgba?|oklch|oklab|color)\([^)]*\)/.exec(style.backgroundImage)?.[0] ?? style.backgroundColor,
        );
      }
      return colors;
    };
    const faint: string[] = [];
    const check = (element: Element, text: string, style: CSSStyleDeclaration) => {
      const backgrounds = [ground, ...backgroundsOf(element)];
      const [one, other] = [luminance(blend(...backgrounds)), luminance(blend(...backgrounds, style.color))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      const size = parseFloat(style.fontSize);
      const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (contrast < (isLarge ? leastLarge : least)) faint.push(`${text.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
    };
    for (const element of document.querySelectorAll<HTMLElement>("body *")) {
      const isShown = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
      if (!isShown || element.closest(".visually-hidden, [aria-disabled='true'], :disabled, [aria-hidden='true']")) {
        continue;
      }
      const text = [...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE)
        .map(({ textContent }) => textContent).join("");
      if (text.trim() !== "") check(element, text, getComputedStyle(element));
      if (!(element instanceof HTMLInputElement)) continue;
      check(element, element.placeholder, getComputedStyle(element, "::placeholder"));
      check(element, element.name, getComputedStyle(element));
    }
    return faint;
  }, { ground: GROUND, least: CONTRAST_MIN, leastLarge: CONTRAST_LARGE_MIN });
}

browserTest(
  "All words of the page stand out from what is behind them, at the gate and in every panel",
  async (browser) => {
    await using server = await ServerProcess.start();
    const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`);
    assertEquals(await faintTexts(page), []);
    await page.locator("#login-submit").click();
    await page.locator("#login-name-error:not(:empty)").waitFor();
    assertEquals(await faintTexts(page), []);
    await registerOnPage(page, "Alice");
    for (const key of PANEL_KEYS) {
      await page.locator("#world").focus();
      await page.keyboard.press(key);
      await page.locator("#side").waitFor();
      assertEquals([key, ...await faintTexts(page)], [key]);
      await page.keyboard.press("Escape");
    }
    await page.getByRole("button", { name: "Leave" }).click();
    assertEquals(errors, []);
    await server.stop();
  },
);
