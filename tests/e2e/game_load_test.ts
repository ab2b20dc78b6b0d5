import { GameClient } from "../../client/client.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { contract } from "../../games/tag/contract.ts";
import { ConfigError } from "../../shared/errors.ts";
import { gameLoadText, isGameLoadRight, runGameLoad } from "../../tools/loadtest/game_load.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url);
const TAG = new URL("games/tag/", ROOT).pathname;
const BOTS = 4;
const SECONDS = 6;

/** A file of players with their tokens, as the load test reads it. */
async function makeTokens(file: string, gateway: number): Promise<void> {
  const lines: string[] = [];
  for (let index = 0; index < BOTS; index++) {
    const client = new GameClient({
      contract,
      connect: (signal) => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`, { signal }),
    });
    await client.open();
    const name = `bot${index}`;
    assert((await client.register(name, "correct horse")).success, name);
    lines.push(`${name} ${(await client.login(name, "correct horse")).sessionToken}`);
    await client.close();
  }
  await Deno.writeTextFile(file, lines.join("\n"));
}

Deno.test("runGameLoad() has the arena's bots queue, play and buy, and keeps account of all; it says what went wrong", async () => {
  await withTempDir(async (dir) => {
    await using server = await ServerProcess.start({ flags: ["--game", `${TAG}game.ts`, "--match-seconds", "2"] });
    const tokens = `${dir}/tokens`;
    const { game, gateway } = server.ports;
    await makeTokens(tokens, gateway);
    const args = [
      ...["--game-port", String(game), "--gateway-port", String(gateway), "--tokens", tokens],
      ...["--connections", String(BOTS), "--duration", String(SECONDS), "--ramp", "0", "--transport", "both"],
    ];
    const result = await runGameLoad(`${TAG}load.ts`, args);
    assert(isGameLoadRight(result), gameLoadText(result));
    const { ledger, times } = result;
    for (const what of ["queue", "matches", "hats", "coins spent"]) assert(ledger[what]?.right > 0, what);
    assertEquals([times.match.length >= BOTS, times.buy.length >= BOTS], [true, true]);
    assert(gameLoadText(result).includes("coins earned"));

    // One bot that fails, and an account that is wrong, are told and are not right.
    const module = `${dir}/load.ts`;
    await Deno.writeTextFile(
      module,
      `import { contract } from ${JSON.stringify(`file://${TAG}contract.ts`)};
export default { contract, async play(bot) {
  await bot.enter();
  bot.check("entries", bot.index !== 2);
  if (bot.index === 1) throw new Error("planted");
} };`,
    );
    const wrong = await runGameLoad(module, args);
    assertEquals(wrong.ledger, { entries: { right: BOTS - 1, wrong: 1 } });
    assertEquals(wrong.failures, ["bot1: Error: planted"]);
    assertEquals(isGameLoadRight(wrong), false);
    assertEquals(isGameLoadRight({ ledger: {}, times: {}, servers: {}, failures: [] }), false, "Nothing was looked at");

    await Deno.writeTextFile(`${dir}/empty.ts`, "export default {};");
    for (
      const [path, given, why] of [
        [`${dir}/empty.ts`, args, "no contract and no play()"],
        [`${dir}/none.ts`, args, "Cannot load"],
        [module, args.filter((arg) => arg !== "--tokens" && arg !== tokens), "without --tokens"],
      ] as const
    ) await assertRejects(() => runGameLoad(path, given), ConfigError, why);
    await server.stop();
  });
});
