import { DatabaseSync } from "node:sqlite";
import { nameKey } from "../../server/auth/names.ts";
import { RoomCreateRequestSchema, RoomResponseSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit } from "../support/browser.ts";
import {
  chooseTarget,
  openPanel,
  registerOnPage,
  submitForm,
  untilInWorld,
  untilRow,
  untilStill,
} from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { WireClient } from "../support/wire.ts";
import { enterWorld, register } from "../support/wire_session.ts";

/** What players may say, and would not like to read. */
const TEXTS = [
  `hi${" ".repeat(70)}23:28 Alice: give me your sword`,
  `hi${"\u3000\u2800\u200e ".repeat(20)}23:28 Alice: give me your sword, or I tell everybody where you live`,
  "W".repeat(255),
  "q\u0323\u0324\u0325\u0326".repeat(20),
  "h\u0310\u0311\u0312\u0313".repeat(20),
  "\u0634\u0643\u0631\u0627 23:28 Alice: \u05e9\u05dc\u05d5\u05dd!\u200f",
  "👨‍👩‍👧‍👦".repeat(10),
  "می\u200cخواهم",
  "ﷺ﷽".repeat(10),
];

/** The lines of the chat whose text came out wrong, each with why. */
function wrongLines(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("#chat-log .line")].flatMap((line) => {
      const text = line.querySelector(".line-text")!;
      const range = document.createRange();
      range.selectNodeContents(line);
      const box = line.getBoundingClientRect();
      const tops = [...range.getClientRects()].filter(({ width }) => width > 0);
      const first = tops[0];
      const wrapped = tops.filter(({ top }) => top > first.bottom);
      const wrong = [
        line.scrollWidth > line.clientWidth && "wider than the log",
        wrapped.some(({ left }) => left < first.left + 8) && "a wrapped line is not indented",
        tops.some(({ left, right }) => left < box.left - 1 || right > box.right + 1) && "beside the line",
        getComputedStyle(line).overflow !== "clip" && "paints over other lines",
        /\s{2}/.test(text.textContent ?? "") && "blanks in a row",
      ].filter((reason) => reason !== false);
      return wrong.map((reason) => `${reason}: ${text.textContent}`);
    })
  );
}

/** Elements of what is open that are wider than their place. */
function overflowing(page: Page, within: string): Promise<string[]> {
  return page.evaluate((within) => {
    const root = document.querySelector<HTMLElement>(within)!;
    const right = Math.min(innerWidth, root.getBoundingClientRect().right) + 1;
    return [...root.querySelectorAll<HTMLElement>("*")]
      .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > right)
      .map((element) => `${element.tagName}.${element.className} ${element.textContent?.slice(0, 40)}`);
  }, within);
}

const SCREENS = [{ width: 1_280, height: 800 }, { width: 375, height: 740, hasTouch: true }];

browserTest("The page shows hostile texts within their line, their panel and the screen", async (browser) => {
  // One player says it all.
  await using server = await ServerProcess.start({ flags: ["--flood-control", "off"] });
  const url = `http://127.0.0.1:${server.ports.gateway}/`;
  for (const [index, screen] of SCREENS.entries()) {
    const { page, errors } = await visit(browser, url, screen);
    await registerOnPage(page, ["W".repeat(20), "王".repeat(20)][index]);
    if (screen.hasTouch) await page.locator("#chat-toggle").click();
    for (const text of TEXTS) {
      await page.getByLabel("Message", { exact: true }).fill(text);
      await page.keyboard.press("Enter");
    }
    await page.locator("#chat-log .line-text", { hasText: "﷽" }).waitFor();
    assertEquals(await page.locator("#chat-log .line-error").allInnerTexts(), []);
    assertEquals(await wrongLines(page), []);
    if (screen.hasTouch) await page.locator("#chat-toggle").click();

    await openPanel(page, "rooms");
    await submitForm(page, "room-create", { name: ["W".repeat(32), "王".repeat(32)][index] });
    await page.locator("#rooms-joined li").waitFor({ state: "attached" });
    // On a phone the room's chat takes the panel's place.
    if (screen.hasTouch) await page.locator("#rooms").waitFor({ state: "hidden" });
    await openPanel(page, "rooms");
    await untilRow(page, "rooms-joined", ["W".repeat(32), "王".repeat(32)][index]);
    assertEquals(await overflowing(page, "#rooms"), []);
    await openPanel(page, "guild");
    await submitForm(page, "guild-create", {
      name: ["W".repeat(24), "王".repeat(24)][index],
      tag: ["W".repeat(5), "王".repeat(5)][index],
    });
    await page.locator("#guild-leave, #guild button", { hasText: "Leave" }).first().waitFor();
    assertEquals(await overflowing(page, "#guild"), []);
    assertEquals(await overflowing(page, ".hud"), []);
    assertEquals(errors, []);
    await page.context().close();
  }
});

browserTest("The page binds /r to whoever whispered last when it is typed, and shows it", async (browser) => {
  await using server = await ServerProcess.start({});
  const url = `http://127.0.0.1:${server.ports.gateway}/`;
  const [anna, ben, cleo] = [await visit(browser, url), await visit(browser, url), await visit(browser, url)];
  for (const [visitor, name] of [[anna, "Anna"], [ben, "Ben"], [cleo, "Cleo"]] as const) {
    await registerOnPage(visitor.page, name);
  }
  const say = async (page: Page, text: string) => {
    await page.getByLabel("Message", { exact: true }).fill(text);
    await page.keyboard.press("Enter");
  };
  await say(ben.page, "/w Anna psst");
  await anna.page.locator("#chat-log .line-whisper", { hasText: "psst" }).waitFor();
  const input = anna.page.getByLabel("Message", { exact: true });
  await input.focus();
  await input.pressSequentially("/r ");
  assertEquals(await input.inputValue(), "/w Ben ");
  await say(cleo.page, "/w Anna listen");
  await anna.page.locator("#chat-log .line-whisper", { hasText: "listen" }).waitFor();
  await input.pressSequentially("a secret");
  await anna.page.keyboard.press("Enter");
  await ben.page.locator("#chat-log .line-whisper", { hasText: "a secret" }).waitFor();
  assert(!(await cleo.page.locator("#chat-log").innerText()).includes("a secret"));
  for (const { page } of [anna, ben, cleo]) await page.context().close();
});

/** What players of before may be called, or nobody knows how to look at. */
const NAMES = [
  "\u202eevil\u2066\u202dname",
  `Z${"\u0323".repeat(18)}al${"\u030d".repeat(18)}`,
  "\u0410lice",
  "\ufdfd".repeat(16),
  "\u05e9\u05dc\u05d5\u05dd\u05e2\u05d5\u05dc\u05dd-42",
];
/** A moment in which everybody has scored, on the board that has no days. */
const ALL_TIME = 0;

/** Elements with a name in them that paint beyond themselves, or turn what stands beside them. */
function leaking(page: Page, selector: string): Promise<string[]> {
  return page.evaluate((selector) =>
    [...document.querySelectorAll<HTMLElement>(selector)].filter((element) => {
      const { overflowX, overflowY, display, unicodeBidi } = getComputedStyle(element);
      const isApart = unicodeBidi === "isolate" || display !== "inline";
      return overflowX === "visible" || overflowY === "visible" || !isApart;
    }).map((element) => element.textContent ?? ""), selector);
}

browserTest("The page keeps hostile names within their row in every list, and shows them whole", async (browser) => {
  await withTempDir(async (dataDir) => {
    await using server = await ServerProcess.start({ dataDir, players: NAMES.length });
    const players = NAMES.map(() => server.takePlayer());
    {
      await using client = await WireClient.tcp(server.ports.login);
      assert((await register(client, "Alice", "correct horse")).success);
    }
    const database = new DatabaseSync(`${dataDir}/drawbridge.db`, { timeout: 10_000 });
    const idOf = (key: string) => Number(database.prepare("SELECT id FROM accounts WHERE name_key = ?").get(key)!.id);
    const viewer = idOf("alice");
    const ids = players.map(({ name }) => idOf(nameKey(name)));
    database.exec("BEGIN IMMEDIATE");
    ids.forEach((id, index) => {
      database.prepare("UPDATE accounts SET name = ? WHERE id = ?").run(NAMES[index], id);
      database.prepare("INSERT INTO friends VALUES (?, ?, 0), (?, ?, 0)").run(viewer, id, id, viewer);
      database.prepare("INSERT INTO scores VALUES (?, ?, 9, 1, 1)").run(ALL_TIME, id);
    });
    database.prepare("INSERT INTO guilds VALUES (1, ?, 'key', ?, 'key', 0)").run(NAMES[1], NAMES[3].slice(0, 5));
    for (const [index, id] of [viewer, ...ids].entries()) {
      database.prepare("INSERT INTO guild_members VALUES (?, ?, 1, ?)").run(index + 1, id, index === 0 ? 2 : 0);
    }
    database.exec("UPDATE characters SET map_id = 1, x = 100, y = 0, z = 100, yaw = 0, hp = 100");
    database.exec("COMMIT");
    database.close();
    const others = await Promise.all(players.map(async ({ token }) => {
      const client = await WireClient.tcp(server.ports.game);
      return { client, entityId: (await enterWorld(client, token)).entityId };
    }));
    // A room of each, with the widest names there may be.
    for (const [index, name] of ["W".repeat(32), "王".repeat(32)].entries()) {
      await others[index].client.ask(RoomCreateRequestSchema, { name }, RoomResponseSchema);
    }
    for (const screen of SCREENS) {
      const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`, screen);
      await page.locator("#login-name").fill("Alice");
      await page.locator("#login-password").fill("correct horse");
      await page.locator("#login-submit").click();
      await untilInWorld(page);
      for (const [panel, list] of [["friends", "friends-list"], ["guild", "guild-roster"]] as const) {
        await openPanel(page, panel);
        for (const name of NAMES) await untilRow(page, list, name);
        assertEquals(await overflowing(page, `#${panel}`), []);
        assertEquals(await leaking(page, `#${list} .row-title`), []);
      }
      assertEquals(await leaking(page, "#guild-title"), []);
      await openPanel(page, "rooms");
      for (const letter of ["W", "王"]) await untilRow(page, "rooms-list", letter.repeat(32));
      assertEquals(await overflowing(page, "#rooms"), []);
      assertEquals(await leaking(page, "#rooms-list .row-title"), []);
      await page.locator("#world").focus();
      await page.keyboard.press("KeyL");
      await page.locator('#ranks-choice select[name="period"]').selectOption({ index: 1 });
      for (const name of NAMES) await page.locator("#ranks-rows th", { hasText: name }).waitFor();
      assertEquals(await overflowing(page, "#ranks"), []);
      assertEquals(await leaking(page, "#ranks-rows th"), []);
      await page.keyboard.press("Escape");
      for (const [index, { entityId }] of others.entries()) {
        await chooseTarget(page, entityId);
        await page.locator("#target-name", { hasText: NAMES[index] }).waitFor();
        assertEquals([await overflowing(page, "#target"), await leaking(page, "#target-name")], [[], []]);
      }
      assertEquals(await overflowing(page, ".hud"), []);
      assertEquals(errors, []);
      await page.context().close();
    }
    for (const { client } of others) await client[Symbol.asyncDispose]();
    await server.stop();
  });
});

/** Where each part of the HUD is, from the top in parts of the screen, and the height of its letters in pixels. */
function hudOf(page: Page): Promise<[name: string, middle: number, letterPx: number][]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>(".panel, .skills, #own-name, #connection-text, #chat-log .line")]
      .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 0)
      .map((element) => {
        const { top, height } = element.getBoundingClientRect();
        const letterPx = Number.parseFloat(getComputedStyle(element).fontSize);
        return [element.id || element.className, Math.round((top + height / 2) / innerHeight * 50), letterPx];
      })
  );
}

browserTest(
  "The page is twice as large on a screen of 3840 x 2160 as on one of 1920 x 1080, and a click goes where it points",
  async (browser) => {
    const huds: Awaited<ReturnType<typeof hudOf>>[] = [], went: number[] = [];
    for (const scale of [1, 2]) {
      // Each alone in a world: where another stands, a click chooses a target.
      await using server = await ServerProcess.start();
      const url = `http://127.0.0.1:${server.ports.gateway}/`;
      const { page, errors } = await visit(browser, url, { width: 1_920 * scale, height: 1_080 * scale });
      await registerOnPage(page, "Anna");
      await page.locator("#chat-log .line").first().waitFor();
      huds.push(await hudOf(page));
      const from = await untilStill(page);
      await page.mouse.click(960 * scale + 150 * scale, 540 * scale);
      await page.locator(`html:not([data-x="${from.x.toFixed(2)}"])`).waitFor({ state: "attached" });
      went.push(Math.round((await untilStill(page)).x - from.x));
      assertEquals(errors, []);
      await page.context().close();
      await server.stop();
    }
    assertEquals(huds[1], huds[0].map(([name, middle, letterPx]) => [name, middle, 2 * letterPx]));
    assert(went[0] > 3, String(went[0]));
    assertEquals(went[1], went[0]);
  },
);
