import { ServerProcess } from "../support/server_process.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";
import { GameClient } from "../../client/client.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { contract } from "../game/counter/contract.ts";

const LEAKING = new URL("../game/leaking/game.ts", import.meta.url).pathname;

Deno.test("serve ends a logic worker that keeps more and more before V8 ends the process, says so, and players enter again", async () => {
  await using server = await ServerProcess.start({
    flags: ["--game", LEAKING],
    errorsExpected: true,
    launcher: ["env", "DENO_V8_FLAGS=--max-old-space-size=256"],
  });
  const connect = () => connectWebSocket(`ws://127.0.0.1:${server.ports.gateway}/ws`);
  const ann = new GameClient({ contract, connect });
  let lossCount = 0;
  ann.on("sessionLost", () => void lossCount++);
  await ann.open();
  assert((await ann.register("ann", "secret of ann")).success);
  const { sessionToken } = await ann.login("ann", "secret of ann");
  assert((await ann.enterWorld({ token: sessionToken })).success);
  assertEquals(await server.admin("game", "leak"), [0, "It leaks"]);
  await until("the log says so", async () => {
    const log = await server.log();
    return /The logic worker crashed, restarting everything.*Out of memory: \d+ MB are in use/.test(log);
  }, 60_000);
  await until("Ann has lost her session", () => lossCount > 0, 60_000);
  const again = new GameClient({ contract, connect });
  await until("Ann is in the world again", async () => {
    try {
      await again.open();
      await again.login("ann", "secret of ann");
      return (await again.enterWorld()).success;
    } catch {
      // The server may still be starting again: another try follows.
      return false;
    }
  }, 60_000);
  await Promise.all([ann.close(), again.close()]);
  await server.stop();
});
