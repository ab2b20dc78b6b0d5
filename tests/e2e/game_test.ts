import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { contract, CountedSchema, CountRequestSchema } from "../game/counter/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const COUNTER = new URL("../game/counter/game.ts", import.meta.url).pathname;
/** What a client of a game without generated types is typed as. */
type Untyped = {
  on(schema: unknown, handler: (message: { readonly count: number }) => void): void;
  request(schema: unknown, message: unknown): Promise<{ readonly success: boolean; readonly count: number }>;
};

Deno.test("serve plays the game of --game for clients on TCP and WebSockets, from a folder of its own", async () => {
  await using server = await ServerProcess.start({ flags: ["--game", COUNTER] });
  const { game, gateway } = server.ports;
  const ann = new GameClient({ contract, connect: () => connectTcp({ hostname: "127.0.0.1", port: game }) });
  const bob = new GameClient({ contract, connect: () => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`) });
  const heard: number[] = [];
  (ann as unknown as Untyped).on(CountedSchema, ({ count }) => void heard.push(count));
  const registering = new GameClient({ contract, connect: () => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`) });
  await Promise.all([ann.open(), bob.open(), registering.open()]);
  await registering.register("ann", "secret of ann");
  const { sessionToken } = await registering.login("ann", "secret of ann");
  await registering.close();
  await ann.enterWorld({ token: sessionToken });
  await bob.register("bob", "secret of bob");
  await bob.login("bob", "secret of bob");
  await bob.enterWorld();
  const { success, count } = await (bob as unknown as Untyped).request(CountRequestSchema, { by: 4 });
  assertEquals([success, count], [true, 4]);
  await until("Ann hears of the count", () => heard.includes(4));
  const admin = async (args: readonly string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "-A", "tools/admin.ts", "game", ...args]
        .concat(["--data-dir", server.dataDir, "--admin-port", `${server.ports.admin}`]),
      cwd: new URL("../../", import.meta.url),
    }).output();
    return [code, new TextDecoder().decode(stdout).trim(), new TextDecoder().decode(stderr).trim()];
  };
  assertEquals((await admin([]))[1].toString().split("\n").slice(0, 2), [
    "The actions of this game, defaults in brackets:",
    "  set",
  ]);
  assertEquals(await admin(["set", "to=7"]), [0, "The count is 7", ""]);
  const [code, , said] = await admin(["end"]);
  assert(code === 1 && String(said).includes("The actions of this game: set to=N"), `${code} ${said}`);

  // Promises that the game forgot are told, and end nobody's session.
  assertEquals(await admin(["forget"]), [0, "Forgotten", ""]);
  for (const what of ["Nobody awaits this", "Nobody awaits a timer"]) {
    await until(`The log says: ${what}`, () => server.log().then((log) => log.includes(what)));
  }
  assertEquals((await (bob as unknown as Untyped).request(CountRequestSchema, { by: 1 })).count, 8);
  assertEquals((await server.log()).includes("crashed"), false);
  await Promise.all([ann.close(), bob.close()]);
});

Deno.test("serve exits 78 with a line about a game that it cannot play, before it listens", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/throws.ts`, `throw new Error("no maps");`);
    const cases: readonly (readonly [path: string, says: string])[] = [
      [`${dir}/absent.ts`, "there is no such file"],
      [`${dir}/throws.ts`, `Error: no maps at file://${dir}/throws.ts:1:7`],
    ];
    for (const [path, says] of cases) {
      const { code, stdout, stderr } = await runServerToEnd(["--data-dir", `${dir}/data`, "--game", path]);
      assertEquals([code, stdout], [78, ""]);
      assert(stderr.includes(path) && stderr.includes(says), stderr);
    }
  });
});
