import { DatabaseSync } from "node:sqlite";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DisconnectNoticeSchema, DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { freePort } from "../support/free_port.ts";
import { programTest, WITH_OWN_MOUNTS } from "../support/programs.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { IO_BACKENDS, runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { WireClient } from "../support/wire.ts";
import { TRANSPORTS, WirePlayer } from "../support/wire_session.ts";

Deno.test("serve --help prints every subject and exits 0", async () => {
  const { code, stdout, stderr } = await runServerToEnd(["--help", "--no-such-flag"]);
  assertEquals([code, stderr], [0, ""]);
  for (const part of ["Usage: deno task serve", "--login-port PORT", "DRAWBRIDGE_LOGIN_PORT", "Listening", "World"]) {
    assert(stdout.includes(part), part);
  }
});

Deno.test("serve lists every problem of its configuration, suggests names, and exits 78 before it listens", async () => {
  await withTempDir(async (dir) => {
    const { code, stdout, stderr } = await runServerToEnd(
      ["--data-dir", `${dir}/data`, "--gmae-port", "1", "--tick-ms", "fast", "--io-backend=uring"],
      { DRAWBRIDGE_LOGIN_PROT: "8080", DRAWBRIDGE_MAP_SIZE: "-5" },
    );
    assertEquals([code, stdout], [78, ""]);
    assert(stderr.startsWith("Cannot start, the configuration has 5 problems:\n"), stderr);
    for (const name of ["--gmae-port", "--tick-ms", "--io-backend", "DRAWBRIDGE_LOGIN_PROT", "DRAWBRIDGE_MAP_SIZE"]) {
      assert(stderr.includes(name), name);
    }
    for (const suggestion of ["--game-port", "DRAWBRIDGE_LOGIN_PORT"]) assert(stderr.includes(suggestion), suggestion);
    await assertRejects(() => Deno.stat(`${dir}/data`), Deno.errors.NotFound);
  });
});

Deno.test("serve names setting, value, reason and remedy of what it cannot use at its start", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "");
    await Deno.symlink(`${dir}/nowhere`, `${dir}/dangling`);
    await Deno.mkdir(`${dir}/database/game.db`, { recursive: true });
    await new DirectStorage({ path: `${dir}/other.db` }, { game: "other", stores: [] }).close();
    await new DirectStorage({ path: `${dir}/newer.db` }, MARSH_RECORDS).close();
    const newer = new DatabaseSync(`${dir}/newer.db`);
    newer.exec("UPDATE schema_versions SET version = 999 WHERE name = 'guilds'");
    newer.close();
    const cases: readonly (readonly [code: number, flags: readonly string[], reason: string, remedy: string])[] = [
      [78, ["--data-dir", `${dir}/file`], "is not a folder", "give the path of a folder"],
      [78, ["--data-dir", `${dir}/file/data`], "is not a folder", "give the path of a folder"],
      [78, ["--data-dir", `${dir}/dangling`], "a link to a folder that does not exist", "create that folder"],
      [
        78,
        ["--data-dir", "/proc/drawbridge"],
        "the task's permissions do not let Deno use this folder",
        "choose another one",
      ],
      [78, ["--database-url", "sqlite:absent/a.db"], "No such file or directory", "its folder must be there"],
      [78, ["--database-url", `sqlite:${dir}/file/a.db`], "Not a directory", "its folder must be there"],
      [78, ["--database-url", `sqlite:${dir}/database/game.db`], "unable to open database file", "its folder must be"],
      [
        78,
        ["--database-url", `sqlite:${dir}/other.db`],
        "it belongs to the game other, and this is marsh",
        "give each",
      ],
      [
        78,
        ["--database-url", `sqlite:${dir}/newer.db`],
        "schema of guilds has version 999,",
        "start the newer program",
      ],
      [1, ["--host", "203.0.113.9"], "has no such address", "give one that the command ip address shows"],
      [1, ["--host", "nowhere.invalid"], "this host name has no known address", "give an IP address"],
      [1, ["--admin-host", "127.0.0.1", "--host", "203.0.113.9"], "has no such address", "give one"],
    ];
    const ports = ["login", "game", "gateway", "admin"].map((name) => `--${name}-port=0`);
    for (const [code, flags, reason, remedy] of cases) {
      const started = await runServerToEnd(["--data-dir", `${dir}/data`, ...ports, ...flags]);
      assertEquals([started.code, started.stdout], [code, ""], started.stderr);
      for (const part of [`Cannot use ${flags.slice(-2).join(" ")}: `, reason, `; ${remedy}`]) {
        assert(started.stderr.includes(part), `${part} is not in: ${started.stderr}`);
      }
    }
  });
});

Deno.test("serve names every port that is in use at once, and leaves the data folder as if it had not been started", async () => {
  await withTempDir(async (dir) => {
    const blockers = ["0.0.0.0", "0.0.0.0", "0.0.0.0", "127.0.0.1"].map((hostname) =>
      Deno.listen({ port: 0, hostname })
    );
    const ports = blockers.map(({ addr }) => (addr as Deno.NetAddr).port);
    const names = ["login", "game", "gateway", "admin"];
    const flags = names.map((name, index) => `--${name}-port=${ports[index]}`);
    const { code, stderr } = await runServerToEnd(["--data-dir", dir, ...flags]);
    for (const blocker of blockers) blocker.close();
    assertEquals(code, 1, stderr);
    assertEquals(
      stderr.trimEnd().split("\n").map((line) => line.replace(/ is in use: .*/, "")),
      ["Cannot start:", ...names.map((name, index) => `  - --${name}-port ${ports[index]}`)],
    );
    await using server = await ServerProcess.start({ dataDir: dir });
    assertEquals((await server.log()).includes("has the key of a server"), false);
    await server.stop();
  });
});

/** The lowest port that everybody may listen on. */
function firstFreePort(): number {
  return Number(Deno.readTextFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
}

for (const backend of IO_BACKENDS) {
  Deno.test({
    name: `serve (${backend}) names the port that needs a privilege it has not, and exits 78`,
    ignore: Deno.build.os !== "linux" || firstFreePort() <= 1_023,
    fn: async () => {
      const launcher = Deno.uid() === 0 ? ["setpriv", "--bounding-set", "-net_bind_service"] : [];
      for (const flag of ["--login-port", "--game-port", "--gateway-port", "--admin-port"]) {
        const { message } = await assertRejects(
          () => ServerProcess.start({ backend, launcher, flags: [flag, "1023"] }),
          Error,
        );
        for (
          const part of ["exited with 78", `Cannot use ${flag} 1023: ports below 1024 need a privilege; choose another`]
        ) {
          assert(message.includes(part), `${part} is not in: ${message}`);
        }
      }
    },
  });
}

programTest(
  "unshare",
  "serve says that it can make no files in a folder of a read-only disk, and exits 78",
  async () => {
    await withTempDir(async (dir) => {
      await Deno.mkdir(`${dir}/disk`);
      const mount = `mount -t tmpfs -o ro tmpfs "${dir}/disk" && exec "$@"`;
      const launcher = [...WITH_OWN_MOUNTS, "sh", "-c", mount, "sh"];
      for (const dataDir of [`${dir}/disk`, `${dir}/disk/data`]) {
        const { message } = await assertRejects(() => ServerProcess.start({ launcher, dataDir }), Error);
        for (
          const part of [
            "exited with 78",
            `Cannot use --data-dir ${dataDir}: no files can be created in it`,
            "; make the",
          ]
        ) {
          assert(message.includes(part), `${part} is not in: ${message}`);
        }
      }
    });
  },
);

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) prints one ready line with the real addresses when all ports take connections`, async () => {
    await using server = await ServerProcess.start({ backend });
    const { login, game, gateway, admin } = server.ports;
    assertEquals(
      server.readyText,
      `ready login=0.0.0.0:${login} game=0.0.0.0:${game} gateway=http://0.0.0.0:${gateway} ` +
        `admin=http://127.0.0.1:${admin}\n`,
    );
    for (const port of [login, game, gateway, admin]) await (await RawSocket.connect(port)).close();
    await server.stop();
  });

  for (const taken of ["login", "game", "gateway", "admin"] as const) {
    Deno.test(`serve (${backend}) says which port is in use when it is the ${taken} port's, and exits 1`, async () => {
      using blocker = Deno.listen({ port: 0, hostname: taken === "admin" ? "127.0.0.1" : "0.0.0.0" });
      const { port } = blocker.addr as Deno.NetAddr;
      await withTempDir(async (dir) => {
        const { code, stdout, stderr } = await runServerToEnd([
          ...["--data-dir", dir, "--io-backend", backend, "--io-workers", "2"],
          ...["login", "game", "gateway", "admin"].flatMap((name) => [
            `--${name}-port`,
            name === taken ? String(port) : "0",
          ]),
        ]);
        assertEquals([code, stdout], [1, ""], stderr);
        assert(
          stderr.startsWith(`Cannot start: --${taken}-port ${port} is in use: another process listens on `),
          stderr,
        );
        assert(stderr.includes("choose another port"), stderr);
        assert(stderr.includes(String(port)), `The error names the port: ${stderr}`);
        assert(!/^\s+at /m.test(stderr), `No stack trace is for the operator: ${stderr}`);
      });
    });
  }

  Deno.test(`serve (${backend}) tells everyone at SIGTERM, saves positions, exits 0, and has them after the restart`, async () => {
    await withTempDir(async (dir) => {
      const players = [];
      const places: { x: number; z: number }[] = [];
      {
        await using server = await ServerProcess.start({ backend, dataDir: `${dir}/data`, players: 2 });
        players.push(server.takePlayer(), server.takePlayer());
        await using native = await WirePlayer.enter(server, "tcp", players[0]);
        await using browser = await WirePlayer.enter(server, "websocket", players[1]);
        await using idle = await WireClient.tcp(server.ports.login);
        await using http = await RawSocket.connect(server.ports.gateway);
        for (const player of [native, browser]) {
          const { x = 0, z = 0 } = player.entry.spawnPosition!;
          const place = { x: x + (x > 500 ? -1 : 1), z: z + 0.5 };
          places.push(place);
          player.move(place);
          // The server's answer to a chat message comes behind what it did with the movement.
          player.say(0, "moved");
          await player.hears(player.name);
        }
        server.kill("SIGTERM");
        for (const client of [native.client, browser.client, idle]) {
          assertEquals((await client.expect(DisconnectNoticeSchema)).reason, DisconnectReason.SHUTDOWN);
        }
        assertEquals(await native.client.ended(), { kind: "fin", closeCode: null });
        assertEquals(await browser.client.ended(), { kind: "fin", closeCode: 1001 });
        assertEquals(await http.ended, "fin");
        await server.stop();
      }
      await using server = await ServerProcess.start({ backend, dataDir: `${dir}/data` });
      for (const [index, transport] of TRANSPORTS.entries()) {
        await using player = await WirePlayer.enter(server, transport, players[index]);
        const { x, z } = player.entry.spawnPosition!;
        assert(Math.hypot(x - places[index].x, z - places[index].z) < 0.02, `${x}, ${z}`);
      }
      await server.stop();
    });
  });

  Deno.test(`serve (${backend}) exits at once at a second signal`, async () => {
    await using server = await ServerProcess.start({ backend, players: 1 });
    await using player = await WirePlayer.enter(server, "tcp");
    // Where the player is cannot be saved while somebody else writes: that holds the orderly stop up for seconds.
    using database = new DatabaseSync(`${server.dataDir}/drawbridge.db`, { timeout: 10_000 });
    database.exec("BEGIN IMMEDIATE");
    server.kill("SIGTERM");
    await player.client.expect(DisconnectNoticeSchema);
    server.kill("SIGTERM");
    await until("the exit", () => server.status !== null);
    assertEquals(server.status!.code, 143);
  });
}

if (Deno.build.os === "linux") {
  Deno.test("serve plays on where its standard output takes nothing, as on a full disk or a terminal that is gone", async () => {
    await withTempDir(async (dir) => {
      const admin = freePort(), ports = ["--login-port", "0", "--game-port", "0", "--gateway-port", "0"];
      const args = [...["task", "serve", "--data-dir", `${dir}/data`], ...ports, "--admin-port", `${admin}`];
      const child = new Deno.Command("sh", {
        args: ["-c", `exec "$@" >/dev/full 2>${dir}/log`, "sh", Deno.execPath(), ...args],
        cwd: new URL("../../", import.meta.url),
        stdin: "null",
      }).spawn();
      await until("it to be ready", () =>
        fetch(`http://127.0.0.1:${admin}/readyz`).then(async (response) => {
          await response.body?.cancel();
          return response.ok;
        }, () => false));
      child.kill("SIGTERM");
      assertEquals((await child.status).code, 0, await Deno.readTextFile(`${dir}/log`));
    });
  });

  Deno.test("the systemd unit keeps SIGUSR1 from the server, so that Deno opens no inspector", async () => {
    const unit = await Deno.readTextFile(new URL("../../docs/deploy/drawbridge@.service", import.meta.url));
    const launcher = /^ExecStart=(.*) deno run /m.exec(unit)![1].split(" ");
    await using server = await ServerProcess.start({ launcher });
    Deno.kill(server.pid, "SIGUSR1");
    const status = await Deno.readTextFile(`/proc/${server.pid}/status`);
    const pending = Number.parseInt(/^ShdPnd:\t(.*)$/m.exec(status)![1], 16);
    assertEquals(pending, 1 << 9, "SIGUSR1 (10) waits, and for ever");
    await server.stop();
  });
}
