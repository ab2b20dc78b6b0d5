/** The page in another language than English, and texts that an input method composes. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { type Browser, browserTest, type Page, visit, type Visitor } from "../support/browser.ts";
import { registerOnPage, submitForm, untilInWorld, untilRow } from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";

const SCREENS = [{ width: 1_280, height: 800 }, { width: 375, height: 740, hasTouch: true }];
const PANELS = ["guild", "rooms", "friends", "ranks", "account"] as const;
/** Words in Latin letters that stay: the game, commands and keys, units. */
const LATIN_KEPT = /Drawbridge|\/help|Enter|\bms\b|English/g;
/** Where screenshots go, for who wants to look at them. */
const shots = Deno.env.get("SHOTS");

function visitInKorean(browser: Browser, server: ServerProcess, screen = SCREENS[0]): Promise<Visitor> {
  return visit(browser, `http://127.0.0.1:${server.ports.gateway}/`, { ...screen, locale: "ko-KR" });
}

/** Every text of the page with words in Latin letters that are nobody's name, shown or read aloud. */
function latinTexts(page: Page, kept: RegExp): Promise<string[]> {
  return page.evaluate((kept) => {
    const texts: string[] = [];
    for (const element of document.body.querySelectorAll("*")) {
      if (element.closest("noscript, option, #own-name") !== null) continue;
      for (const name of ["aria-label", "title", "placeholder"]) texts.push(element.getAttribute(name) ?? "");
      for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent ?? "");
    }
    return texts.filter((text) => /[a-z]{2}/i.test(text.replaceAll(new RegExp(kept, "g"), "")));
  }, kept.source);
}

/** What is shown and wider than its place, or cut off by it. */
function overflowing(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("button, label, h2, p, span, th, select, .panel")]
      .filter((element) => element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => !element.classList.contains("visually-hidden") && element.closest(".chat-preview") === null)
      .filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        const isCut = getComputedStyle(element).overflowX === "hidden" && element.scrollWidth > element.clientWidth + 1;
        return width > 0 && (right > innerWidth + 1 || left < -1 || isCut);
      })
      .map((element) => `${element.tagName}.${element.className} ${element.textContent?.trim().slice(0, 40)}`)
  );
}

browserTest("The page speaks Korean to a browser that asks for it, on every panel and any screen", async (browser) => {
  await using server = await ServerProcess.start({ flags: ["--monsters", "on"] });
  for (const [index, screen] of SCREENS.entries()) {
    const { page, errors } = await visitInKorean(browser, server, screen);
    assertEquals(await page.locator("html").getAttribute("lang"), "ko");
    const look = async (name: string) => {
      assertEquals(await latinTexts(page, LATIN_KEPT), [], name);
      assertEquals(await overflowing(page), [], name);
      if (shots !== undefined) await page.screenshot({ path: `${shots}/korean-${name}-${screen.width}.png` });
    };
    await page.locator("#login-submit").click();
    await page.locator("#login-name-error", { hasText: "이름을 입력하세요." }).waitFor();
    await look("login");
    await registerOnPage(page, ["홍길동", "김철수"][index]);
    await page.locator("#chat-log li", { hasText: "님, 환영합니다." }).waitFor({ state: "attached" });
    await page.locator("#nearby li", { hasText: "해자 슬라임, 몬스터" }).first().waitFor({ state: "attached" });
    await look("world");
    for (const panel of PANELS) {
      await page.locator(`#open-${panel}`).click();
      await page.locator(`#${panel}`).waitFor();
      if (panel === "ranks") await page.locator("#ranks-own", { hasText: "기록이 아직 없습니다." }).waitFor();
      if (panel === "guild") await page.locator("#guild-invites", { hasText: "아직 받은 초대가 없습니다." }).waitFor();
      await look(panel);
    }
    await page.locator("#side-close").click();
    assertEquals(errors, []);
    await page.context().close();
  }
  await server.stop();
});

browserTest(
  "The page changes its language where the player asks for it, in the world too, and remembers",
  async (browser) => {
    await using server = await ServerProcess.start();
    const { page, errors } = await visitInKorean(browser, server);
    await page.locator("#login-form .language").selectOption("en");
    await page.locator("#login-submit", { hasText: "Log in" }).waitFor();
    await registerOnPage(page, "Alice");
    await page.locator("#open-account").click();
    await page.locator("#account .language").selectOption("ko");
    await page.locator("html[lang=ko]").waitFor();
    await untilInWorld(page);
    await page.locator("#connection-text", { hasText: "연결됨" }).waitFor();
    await page.reload();
    await untilInWorld(page);
    assertEquals(await page.locator("html").getAttribute("lang"), "ko");
    assertEquals(errors, []);
    await server.stop();
  },
);

browserTest("The chat leaves Enter and Escape to an input method that composes", async (browser) => {
  await using server = await ServerProcess.start();
  const { page, errors } = await visitInKorean(browser, server);
  await registerOnPage(page, "홍길동");
  const devtools = await page.context().newCDPSession(page);
  const compose = (text: string) =>
    devtools.send("Input.imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });
  const input = page.locator("#chat-input");
  await input.focus();
  await compose("안녕하세");
  await page.keyboard.press("Enter");
  assert(await input.evaluate((element) => document.activeElement === element));
  await compose("안녕하세요");
  await page.keyboard.press("Escape");
  assert(await input.evaluate((element) => document.activeElement === element));
  await devtools.send("Input.insertText", { text: "안녕하세요" });
  assertEquals(await input.inputValue(), "안녕하세요");
  await page.keyboard.press("Enter");
  await page.locator("#chat-log .line-text", { hasText: "안녕하세요" }).waitFor();
  assertEquals(await page.locator("#chat-log .line-global .line-text").allInnerTexts(), ["안녕하세요"]);
  assertEquals(await input.inputValue(), "");
  assertEquals(errors, []);
  await server.stop();
});

/** What of the HUD a part of it lies over, or beside which edge of the screen it is. */
function coveredBy(page: Page, id: string): Promise<string[]> {
  return page.evaluate((id) => {
    const box = document.getElementById(id)!.getBoundingClientRect();
    const covered = [
      ...document.querySelectorAll<HTMLElement>(".panel, .skill, .hint, .map-name, .combat-note:not(:empty)"),
    ]
      .filter((element) => element.id !== id && element.checkVisibility({ visibilityProperty: true }))
      .filter((element) => {
        const { left, right, top, bottom, width } = element.getBoundingClientRect();
        return width > 0 && left < box.right - 1 && right > box.left + 1 && top < box.bottom - 1 &&
          bottom > box.top + 1;
      })
      .map((element) => element.id || element.className);
    const isOutside = box.left < 0 || box.top < 0 || box.right > innerWidth || box.bottom > innerHeight;
    return isOutside ? [...covered, "outside"] : covered;
  }, id);
}

browserTest(
  "A war is announced to both guilds in their players' language, on any screen, over nothing else",
  async (browser) => {
    await using server = await ServerProcess.start();
    const url = `http://127.0.0.1:${server.ports.gateway}/`;
    const [wide, narrow] = SCREENS;
    const leaders: readonly [name: string, guild: string, locale: string, screen: typeof SCREENS[number]][] = [
      ["Anna", "Grey Wolves", "en-US", wide],
      ["홍길동", "붉은 여우", "ko-KR", narrow],
      ["김철수", "푸른 용", "ko-KR", wide],
      ["Bert", "Moat Frogs", "en-US", narrow],
    ];
    for (const sides of [leaders.slice(0, 2), leaders.slice(2)]) {
      const visitors = await Promise.all(sides.map(async ([name, guild, locale, screen]) => {
        const visitor = await visit(browser, url, { ...screen, locale });
        await registerOnPage(visitor.page, name);
        await visitor.page.locator("#open-guild").click();
        await submitForm(visitor.page, "guild-create", { name: guild, tag: guild.replaceAll(/\s/g, "").slice(0, 3) });
        await untilRow(visitor.page, "guild-roster", name);
        return visitor;
      }));
      const [{ page: declaring }, { page: other }] = visitors;
      await other.locator("#side-close").click();
      await submitForm(declaring, "guild-war", { enemy: sides[1][1] });
      for (const [index, { page, errors }] of visitors.entries()) {
        const [, , locale, screen] = sides[index], enemy = sides[1 - index][1];
        const text = locale === "en-US"
          ? `Your guild is at war with ${enemy}.`
          : `${enemy} 길드와의 전쟁이 시작되었습니다.`;
        await page.locator("#announcement", { hasText: text }).waitFor();
        await page.locator("#chat-log .line-system", { hasText: text }).waitFor({ state: "attached" });
        if (shots !== undefined) await page.screenshot({ path: `${shots}/war-${locale}-${screen.width}.png` });
        assertEquals(await coveredBy(page, "announcement"), [], `${locale} ${screen.width}`);
        assertEquals(errors, []);
        await page.context().close();
      }
    }
    await server.stop();
  },
);
