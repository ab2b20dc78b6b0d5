/** `deno task new`: a game in a folder of its own, outside the checkout. @module */

import { GameClient } from "../../client/client.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { contract, WavedSchema, WaveRequestSchema } from "../../games/template/contract.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, visit } from "../support/browser.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

async function run(cwd: string, ...args: readonly string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", ...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Plays the new game: registers, enters, waves. Gives the page's title, and what is told. */
async function play(gateway: number): Promise<unknown[]> {
  const page = await (await fetch(`http://127.0.0.1:${gateway}/`)).text();
  const script = await fetch(`http://127.0.0.1:${gateway}/page.js`);
  await script.body?.cancel();
  const client = new GameClient({ contract, connect: () => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`) });
  const heard: string[] = [];
  client.on(WavedSchema, ({ name, count }) => void heard.push(`${name} ${count}`));
  await client.open();
  await client.register("ann", "secret of ann");
  await client.login("ann", "secret of ann");
  await client.enterWorld();
  const { success, count } = await client.request(WaveRequestSchema, { times: 2 });
  await until("Ann hears of it", () => heard.length > 0);
  await client.close();
  return [/<title>(.*)<\/title>/.exec(page)?.[1], script.status, success, count, heard.join()];
}

Deno.test("deno task new makes a game outside the checkout that passes its tests, and is played from either folder", async () => {
  await withTempDir(async (dir) => {
    const folder = `${dir}/my-game`;
    const made = await run(ROOT, "new", folder);
    assertEquals(made.code, 0, made.text);
    const tested = await run(folder, "test");
    assert(tested.code === 0 && tested.text.includes("2 passed"), tested.text);
    const checked = await new Deno.Command(Deno.execPath(), { args: ["check", "--quiet"], cwd: folder }).output();
    assertEquals(new TextDecoder().decode(checked.stderr), "");
    // What it generates anew is what is there.
    const generated = await Deno.readTextFile(`${folder}/contract.ts`);
    assertEquals((await run(folder, "generate")).code, 0);
    assertEquals(await Deno.readTextFile(`${folder}/contract.ts`), generated);
    const told = ["my-game", 200, true, 2, "ann 2"];
    // Players may be made before the game has run: the data is of this game, and of no other.
    const bots = ["--tokens", "bots.txt"];
    const players = await run(folder, "admin", "players", "--count", "2", "--prefix", "bot", ...bots);
    assert(players.code === 0 && players.text.includes("2 players created"), players.text);

    const { tasks } = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`)) as { tasks: Record<string, string> };
    // Its own task, without a shell in between that a signal would end first.
    const [allocator, , ...args] = tasks.serve.split(" ");
    const ports = ["login", "game", "gateway", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
    const child = new Deno.Command(Deno.execPath(), {
      args: [...args, ...ports],
      cwd: folder,
      env: Object.fromEntries([allocator.split("=")]),
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let output = "";
    const reading = (async () => {
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) output += text;
    })();
    try {
      await until("the server's start", () => /^ready .*gateway=\S+:\d+/m.test(output), 60_000);
      const [game, gateway] = ["game", "gateway"].map((name) => new RegExp(`${name}=\\S+:(\\d+)`).exec(output)![1]);
      assertEquals(await play(Number(gateway)), told);
      const load = [
        "--connections",
        "2",
        "--duration",
        "2",
        "--ramp",
        "0",
        "--game-port",
        game,
        "--gateway-port",
        gateway,
      ];
      const loaded = await run(folder, "loadtest", ...bots, ...load);
      assert(loaded.code === 0 && /^waves +\d+ +0$/m.test(loaded.text), loaded.text);
    } finally {
      child.kill("SIGTERM");
      await Promise.all([reading, child.status]);
    }
    {
      await using server = await ServerProcess.start({ flags: ["--game", `${folder}/game.ts`] });
      assertEquals(await play(server.ports.gateway), told);
    }
  });
});

Deno.test("deno task new refuses a folder that is there, a bad name, a missing parent and no name, and writes nothing", async () => {
  await withTempDir(async (dir) => {
    await Deno.mkdir(`${dir}/there`);
    const TABLE: readonly [args: string[], code: number, says: string][] = [
      [[`${dir}/there`], 1, `Cannot make a game: ${dir}/there is there already`],
      [[`${dir}/My Game`], 1, `Cannot make a game: "My Game" is no name for a game`],
      [[`${dir}/absent/game`], 1, `Cannot make a game: there is no folder ${dir}/absent`],
      [[], EXIT_CONFIG, "Usage: deno task new FOLDER"],
    ];
    for (const [args, code, says] of TABLE) {
      const { code: actual, text } = await run(ROOT, "new", ...args);
      assertEquals(actual, code, text);
      assert(text.startsWith(says), text);
    }
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["there"]);
  });
});

browserTest("the page of a new game lets a player enter, walk and wave", async (browser) => {
  await withTempDir(async (dir) => {
    const folder = `${dir}/my-game`;
    const made = await run(ROOT, "new", folder);
    assertEquals(made.code, 0, made.text);
    await using server = await ServerProcess.start({ flags: ["--game", `${folder}/game.ts`] });
    const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`);
    for (const field of ["name", "password"]) await page.fill(`[name=${field}]`, "secret of ann");
    await page.fill("[name=name]", "ann");
    await page.click("#enter button");
    await page.click("#world", { position: { x: 40, y: 60 } });
    await page.click("#wave");
    await page.click("#wave");
    await page.waitForSelector("#log li:nth-child(2)");
    assertEquals(await page.locator("#log li").allTextContents(), ["ann waves (2 in all)", "ann waves (1 in all)"]);
    assertEquals(await page.locator("#status").textContent(), "Connected");
    const other = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`, { width: 375, height: 740 });
    await other.page.fill("[name=name]", "ben");
    await other.page.fill("[name=password]", "secret of ben");
    await other.page.click("#enter button");
    await other.page.click("#wave");
    await page.locator("#log li", { hasText: "ben waves (1 in all)" }).waitFor();
    await other.page.close();
    assertEquals([...errors, ...other.errors], []);
    await page.close();
  });
});
