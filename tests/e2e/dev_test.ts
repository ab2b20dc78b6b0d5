/** `deno task dev`: a game is reloaded while its players stay. @module */

import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Connect } from "../../client/transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { contract, ErrorCode, type Packets, WavedSchema, WaveRequestSchema } from "../../games/template/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, visit } from "../support/browser.ts";
import { DevProcess, newGame } from "../support/dev_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

/** How long a busy machine may take until a saved file is played, in milliseconds; players wait for what is held meanwhile. */
const RELOAD_PATIENCE_MS = 120_000;

/** Somebody who waves all the time, one wave after the other. */
class Waver {
  readonly client: GameClient<Packets>;
  /** What its connection went through since it was in the world. */
  readonly changes: string[] = [];
  /** Waves that were answered, and those that it was told of, by name. */
  count = 0;
  readonly heard = new Map<string, number[]>();
  readonly #name: string;
  #isOver = false;
  #waving: Promise<void> = Promise.resolve();

  constructor(name: string, connect: Connect) {
    this.#name = name;
    this.client = new GameClient({ contract, connect, requestTimeoutMs: RELOAD_PATIENCE_MS });
    this.client.on(WavedSchema, ({ name, count }) => {
      this.heard.set(name, [...this.heard.get(name) ?? [], count]);
    });
  }

  async enter(gateway: number): Promise<void> {
    const registering = new GameClient({ contract, connect: gatewayOf(gateway) });
    await registering.open();
    await registering.register(this.#name, `secret of ${this.#name}`);
    const { sessionToken } = await registering.login(this.#name, `secret of ${this.#name}`);
    await registering.close();
    await this.client.open();
    assert((await this.client.enterWorld({ token: sessionToken })).success);
    this.client.on("state", (state) => void this.changes.push(state));
    this.#waving = this.#wave();
  }

  async #wave(): Promise<void> {
    while (!this.#isOver) {
      const { count, errorCode } = await this.client.request(WaveRequestSchema, { times: 1 });
      // Where a busy machine takes long to reload, what was held for too long is refused, and not done.
      if (errorCode === ErrorCode.UNAVAILABLE) continue;
      assertEquals([ErrorCode[errorCode], count], ["NONE", ++this.count], this.#name);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** What the game answers who waves too often. */
  async refusal(): Promise<string> {
    return (await this.client.request(WaveRequestSchema, { times: 4 })).errorMessage;
  }

  async leave(): Promise<void> {
    this.#isOver = true;
    await this.#waving;
  }
}

function gatewayOf(port: number): Connect {
  return (signal) => connectWebSocket(`ws://127.0.0.1:${port}/ws`, { signal });
}

Deno.test("deno task dev reloads a game when a file is saved: players stay, lose and repeat nothing; what cannot run leaves the game before", async () => {
  await withTempDir(async (dir) => {
    await newGame(`${dir}/my-game`);
    await using dev = await DevProcess.start(`${dir}/my-game`);
    const { game, gateway } = await dev.ports();
    const ann = new Waver("ann", (signal) => connectTcp({ port: game, signal }));
    const ben = new Waver("ben", gatewayOf(gateway));
    for (const waver of [ann, ben]) await waver.enter(gateway);
    const RULE = "Wave one to three times";
    const answers = (text: string) => until(text, async () => await ben.refusal() === text, RELOAD_PATIENCE_MS);
    assertEquals(await ann.refusal(), RULE);

    await dev.edit("game.ts", (text) => text.replace(RULE, "At most three waves"));
    await answers("At most three waves");

    // What does not compile, or throws when it is loaded or started, is told with its place.
    const wrong: [what: string, line: string, says: RegExp][] = [
      ["a type", "export const wrong: number = 'a';", /^game\.ts:18:14 TS2322: Type 'string' is not assignable/m],
      ["syntax", "export const wrong = ;", /^game\.ts:18:\d+ .*Expression expected/m],
      ["load", "throw new Error('at load');", /^not reloaded.*Error: at load at file:\S+my-game\/game\.ts:18:7$/m],
    ];
    let refusedCount = 0;
    for (const [what, line, says] of wrong) {
      await dev.edit("game.ts", (text) => `${text.replace("At most three waves", what)}${line}\n`);
      await dev.says(/^not reloaded/gm, ++refusedCount);
      assert(says.test(await dev.text()), `${what}: ${await dev.text()}`);
      assertEquals(await ann.refusal(), "At most three waves", what);
      await dev.edit("game.ts", (text) => text.replace(`${line}\n`, "").replace(what, "At most three waves"));
    }
    const START = "(game) => {\n";
    await dev.edit(
      "game.ts",
      (text) => text.replace(START, `${START}  if (game.nowMs > 0) throw new Error("at start");\n`),
    );
    await dev.says(/^not reloaded.*Error: at start at file:\S+my-game\/game\.ts:\d+:\d+$/gm, 1);
    assertEquals(await ann.refusal(), "At most three waves");
    await dev.edit(
      "game.ts",
      (text) => text.replace(/ {2}if \(game.nowMs.*\n/, "").replace("At most three", "Three at most:"),
    );
    await answers("Three at most: waves");

    // A packet more.
    await dev.edit("game.proto", (text) =>
      `${text}
message BowRequest {
  option (drawbridge.packet) = {number: 10003, from: CLIENT, reply: "BowResponse"};
  string how = 1;
}

message BowResponse {
  option (drawbridge.packet) = {number: 10004};
  string how = 1;
}
`);
    const made = `file://${dev.folder}contract.ts`;
    await until(
      "the contract",
      async () => (await Deno.readTextFile(new URL(made))).includes("BowRequest"),
      RELOAD_PATIENCE_MS,
    );
    await dev.edit("game.ts", (text) =>
      text.replace("import { contract,", "import { BowRequestSchema, contract,")
        .replace(START, `${START}  game.on(BowRequestSchema, (_player, { how }) => ({ how: \`\${how} indeed\` }));\n`)
        .replace("Three at most: waves", "Bow instead"));
    await answers("Bow instead");
    const bows = await import(made);
    const cid = new GameClient({ contract: bows.contract, connect: gatewayOf(gateway) });
    await cid.open();
    await cid.register("cid", "secret of cid");
    await cid.login("cid", "secret of cid");
    await cid.enterWorld();
    // deno-lint-ignore no-explicit-any -- its types were not there when this was written
    assertEquals((await (cid as any).request(bows.BowRequestSchema, { how: "deeply" })).how, "deeply indeed");
    await cid.close();

    for (const waver of [ann, ben]) await waver.leave();
    for (const waver of [ann, ben]) {
      assertEquals(waver.changes, []);
      assert(waver.count > 100, `only ${waver.count} waves`);
      for (const [name, { count }] of Object.entries({ ann, ben })) {
        // The one who came later has missed the first.
        await until(`${name}'s last wave`, () => waver.heard.get(name)?.at(-1) === count);
        const heard = waver.heard.get(name)!, [first] = heard;
        assertEquals(heard, Array.from({ length: count + 1 - first }, (_, index) => first + index));
      }
      await waver.client.close();
    }
  });
});

Deno.test("deno task dev ends with the server that refuses its flags, and waits for a change where the game cannot be loaded", async () => {
  await withTempDir(async (dir) => {
    await newGame(`${dir}/my-game`);
    await using refused = DevProcess.spawn(`${dir}/my-game`, ["--wrong-flag", "1"]);
    assertEquals(await refused.end(), 78);
    assert(/^ {2}- Unknown flag --wrong-flag/m.test(await refused.text()), await refused.text());

    const THROW = 'throw new Error("no maps");\n';
    await Deno.writeTextFile(`${dir}/my-game/game.ts`, THROW, { append: true });
    await using waiting = DevProcess.spawn(`${dir}/my-game`);
    await waiting.says(/^the server has ended with 78: it starts again at the next change$/gm, 1);
    assert((await waiting.text()).includes("Error: no maps at file:///"), await waiting.text());
    await waiting.edit("game.ts", (text) => text.replace(THROW, ""));
    await waiting.says(/^ready /gm, 1);
  });
});

browserTest(
  "deno task dev bundles the page and loads it anew when it is saved, and leaves it alone when the game is",
  async (browser) => {
    await withTempDir(async (dir) => {
      await newGame(`${dir}/my-game`);
      await using dev = await DevProcess.start(`${dir}/my-game`);
      const { gateway } = await dev.ports();
      const { page, errors } = await visit(browser, `http://127.0.0.1:${gateway}/`);
      await page.fill("[name=name]", "ann");
      await page.fill("[name=password]", "secret of ann");
      await page.click("#enter button");
      await page.click("#wave");
      await page.waitForSelector("#log li");
      await dev.edit(
        "game.ts",
        (text) => text.replace("{ name: player.name, count }", "{ name: `our ${player.name}`, count }"),
      );
      await dev.says(/^reloaded game/gm, 1);
      await dev.says(/^ {2}the game keeps nothing: its variables, timers and unplayed entities begin anew/gm, 1);
      await page.click("#wave");
      await page.waitForSelector("#log li:nth-child(2)");
      const log = () => page.locator("#log li").allTextContents();
      assertEquals(await log(), ["our ann waves (2 in all)", "ann waves (1 in all)"]);
      assertEquals(await page.locator("#status").textContent(), "Connected");

      await dev.edit("web/page.ts", (text) => text.replace(" waves (", " has waved ("));
      await page.waitForSelector("#log:not(:has(li))", { state: "attached", timeout: RELOAD_PATIENCE_MS });
      // The page goes on with its login.
      await page.click("#wave");
      await page.waitForSelector("#log li");
      assertEquals(await log(), ["our ann has waved (3 in all)"]);
      await dev.edit("web/index.html", (text) => text.replace("<title>my-game", "<title>our game"));
      await until("the new title", async () => await page.title() === "our game", RELOAD_PATIENCE_MS);
      assertEquals(errors, []);
      await page.close();
    });
  },
);
