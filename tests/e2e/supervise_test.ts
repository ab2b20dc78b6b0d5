import { LogoutRequestSchema, LogoutResponseSchema } from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { WirePlayer } from "../support/wire_session.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The one child of a process. */
async function childOf(pid: number): Promise<number> {
  return Number((await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`)).trim());
}

Deno.test("serve --supervise starts the server again when a thread hangs or it is killed, and players are where they were", async () => {
  await using server = await ServerProcess.start({
    task: "supervise",
    players: 1,
    flags: ["--diagnostics", "on"],
    errorsExpected: true,
  });
  const account = server.takePlayer();
  const drill = async (name: string) => {
    const headers = { "x-drawbridge-drill": "yes" };
    const url = `http://127.0.0.1:${server.ports.admin}/drill/${name}`;
    await (await fetch(url, { method: "POST", headers })).body?.cancel();
  };
  const faults = [
    () => drill("hang-logic-worker"),
    () => drill("hang-io-worker"),
    async () => Deno.kill(await childOf(server.pid), "SIGKILL"),
  ];
  for (const [index, fault] of faults.entries()) {
    await using player = await WirePlayer.enter(server, "tcp", account);
    const { x = 0, z = 0 } = player.entry.spawnPosition!;
    const place = { x: x > 500 ? x - 2 : x + 2, z };
    await player.walkTo(place);
    assert((await player.client.ask(LogoutRequestSchema, {}, LogoutResponseSchema)).success);
    await fault();
    await until("the next ready line", async () => await server.readyCount() === index + 2);
    await server.readPortsAnew();
    await using again = await WirePlayer.enter(server, "tcp", account);
    const { x: xAgain = 0, z: zAgain = 0 } = again.entry.spawnPosition!;
    assert(Math.hypot(xAgain - place.x, zAgain - place.z) < 0.02, `${xAgain}, ${zAgain} is not ${place.x}, ${place.z}`);
  }
  const log = await server.log();
  for (const code of [70, 137]) assert(log.includes(`"code":${code}`), log);
  await server.stop();
});

Deno.test("serve --supervise ends with 78 when the server did, and starts nothing again", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/session.key`, "open to everybody", { mode: 0o644 });
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "supervise", "--data-dir", dir, "--admin-port", "0"],
      cwd: ROOT,
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 78, text);
    assertEquals(text.match(/Cannot use session key/g)?.length, 1, text);
  });
});

Deno.test("serve --supervise says what it lacks when it was started by the task serve, and exits 78", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "serve", "--supervise"],
    cwd: ROOT,
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 78, text);
  assert(text.includes("use deno task supervise, or add --allow-run="), text);
});
