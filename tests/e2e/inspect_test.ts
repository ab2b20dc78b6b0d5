/** `deno task dev --inspect`: a debugger stops in the code of a game. @module */

import { GameClient } from "../../client/client.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { contract, WaveRequestSchema } from "../../games/template/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { DevProcess, newGame } from "../support/dev_process.ts";
import { Inspector } from "../support/inspector.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** What the debugger says of a thread that stands still. */
interface Paused {
  readonly hitBreakpoints: readonly string[];
  readonly callFrames: readonly { readonly callFrameId: string }[];
}

Deno.test("A debugger stops in a handler of the game, looks at what it has, and lets it go on", async () => {
  await withTempDir(async (dir) => {
    const folder = `${dir}/meadow`;
    await newGame(folder);
    await using dev = await DevProcess.start(folder, ["--inspect=127.0.0.1:0"]);
    const { gateway } = await dev.ports();
    const client = new GameClient({ contract, connect: () => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`) });
    await client.open();
    await client.register("ann", "secret of ann");
    await client.login("ann", "secret of ann");
    await client.enterWorld();

    const url = /Debugger listening on (ws:\S+)/.exec(await dev.text())?.[1];
    assert(url !== undefined);
    {
      await using inspector = await Inspector.connect(url);
      const file = `file://${folder}/game.ts`;
      const { thread, lines } = await inspector.scriptOf(file);
      const lineNumber = lines.findIndex((line) => line.includes("game.entities.of(player)"));
      const { breakpointId } = await inspector.ask("Debugger.setBreakpointByUrl", { lineNumber, url: file }, thread);
      let isAnswered = false;
      // Everything below happens before its answer.
      const options = { timeoutMs: 120_000 };
      const waving = client.request(WaveRequestSchema, { times: 3 }, options).finally(() => isAnswered = true);
      const { sessionId, params } = await inspector.event<Paused>("Debugger.paused");
      assertEquals([sessionId, params.hitBreakpoints], [thread, [breakpointId]]);
      const expression = { callFrameId: params.callFrames[0].callFrameId, expression: "times" };
      const { result } = await inspector.ask("Debugger.evaluateOnCallFrame", expression, thread);
      assertEquals([result.value, isAnswered], [3, false]);
      await inspector.ask("Debugger.removeBreakpoint", { breakpointId }, thread);
      await inspector.ask("Debugger.resume", {}, thread);
      assertEquals((await waving).count, 3);
    }
    await client.close();
  });
});
