/** A page whose server stops: it goes where the server says, and plays on. @module */

import { visit, withBrowser } from "../support/browser.ts";
import { freePort } from "../support/free_port.ts";
import { registerOnPage, stateOf, untilInWorld } from "../support/game_page.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { ServerProcess } from "../support/server_process.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";

const PLAYERS = "drawbridge_players_online";

programTest(
  ["chromium", "postgresql"],
  "A page whose server stops plays on at another server's gateway, without being loaded again",
  () =>
    withBrowser(async (browser) => {
      await using stack = new AsyncDisposableStack();
      const database = stack.use(await TestPostgres.start());
      const url = await database.createDatabase();
      const gateways = [freePort(), freePort()];
      // A page of one server may play on the others.
      const origins = gateways.map((port) => `http://127.0.0.1:${port}`).join();
      const start = async (index: number) =>
        stack.use(
          await ServerProcess.start({
            flags: [
              ...["--server-id", `${index + 1}`, "--public-host", "127.0.0.1", "--database-url", url],
              ...["--gateway-port", `${gateways[index]}`, "--allowed-origins", origins],
            ],
          }),
        );
      const home = await start(0), other = await start(1);
      const { errors, page } = await visit(browser, `http://127.0.0.1:${home.ports.gateway}/`);
      await registerOnPage(page, "Anna");
      await page.evaluate(() => document.documentElement.dataset.loaded = "once");
      const before = await stateOf(page);
      home.kill("SIGTERM");
      await until("the player to be on the other server", async () => await other.metric(PLAYERS) === 1);
      assertEquals(await home.exitCode(), 0);
      await untilInWorld(page);
      const after = await stateOf(page);
      assertEquals([after.loaded, errors], ["once", []]);
      const distance = Math.hypot(Number(after.x) - Number(before.x), Number(after.z) - Number(before.z));
      assert(distance < 1, `It stands where it stood, not ${distance} units away`);
      await page.locator("#world").focus();
      await page.keyboard.down("ArrowUp");
      await until("the player to walk", async () => {
        const { x, z } = await stateOf(page);
        return Math.hypot(Number(x) - Number(after.x), Number(z) - Number(after.z)) > 1;
      });
      await page.keyboard.up("ArrowUp");
      await page.context().close();
    }),
);
