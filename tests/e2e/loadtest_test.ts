import { runLoadtest } from "../../tools/loadtest.ts";
import { ProgressLine } from "../../tools/loadtest/progress.ts";
import type { LoadResult } from "../../tools/loadtest/result.ts";
import { shortNumber } from "../../tools/loadtest/text_report.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { makeCertificate } from "../support/certificate.ts";
import { CLOSED_PORT } from "../support/free_port.ts";
import { LossyEchoProxy } from "../support/lossy_echo_proxy.ts";
import { programTest } from "../support/programs.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";

const PLAYERS = 50;
const QUIET = { isTerminal: false, write: (_text: string) => {}, columns: () => 80 };

/** Runs the command line and keeps what it writes. */
async function loadtest(
  args: readonly string[],
  options: { terminal?: typeof QUIET; signal?: AbortSignal; env?: Record<string, string> } = {},
) {
  const printed: string[] = [], reported: string[] = [];
  const status = await runLoadtest(args, options.env ?? {}, {
    print: (text) => void printed.push(text),
    report: (text) => void reported.push(text),
    progress: new ProgressLine(options.terminal ?? QUIET),
    signal: options.signal,
  });
  return { status, printed: printed.join("\n"), reported: reported.join("\n") };
}

/** Runs a scenario and gives its result. */
async function resultOf(args: readonly string[]): Promise<LoadResult> {
  const { printed, reported, status } = await loadtest([...args, "--json", "-"]);
  assertEquals([status, reported], [0, ""]);
  return JSON.parse(printed);
}

let server: ServerProcess;

Deno.test.beforeAll(async () => {
  server = await ServerProcess.start({
    backend: Deno.build.os === "linux" ? "epoll" : "deno",
    players: PLAYERS,
    flags: ["--diagnostics", "on", "--flood-control", "off", "--map-size", "150", "--monsters", "off"],
  });
});

Deno.test.afterAll(() => server.stop());

/** Where the server is, and a load that it and a busy machine can bear. */
function target(): string[] {
  const { game, gateway } = server.ports;
  const ports = ["--game-port", `${game}`, "--gateway-port", `${gateway}`];
  // It is drained until the last answer has come.
  return [...ports, "--connections", `${PLAYERS}`, "--duration", "2", "--drain", "60"];
}

function tokens(): string[] {
  return ["--tokens", `${server.dataDir}-tokens`];
}

/** Nothing may be lost, come twice, come late or come changed, and nobody be left out. */
function assertFlawless(result: LoadResult, ledgers: readonly string[]): void {
  assertEquals(Object.keys(result.ledgers).toSorted(), ledgers.toSorted());
  for (const [name, { received, sent, ...flaws }] of Object.entries(result.ledgers)) {
    assert(sent > 0 && received === sent, `${name}: ${received} of ${sent}`);
    assertEquals(flaws, { lost: 0, duplicated: 0, outOfOrder: 0, corrupted: 0 }, name);
  }
  assertEquals(result.failures, {});
  assertEquals([result.metrics.error_rate, result.metrics.errors], [0, 0]);
  const { attempted, dropped, failed, ready } = result.connections;
  assertEquals([ready, failed, dropped], [attempted, 0, 0]);
  const { all } = result.latencies[result.mainLatency];
  assert(all.count > 0 && all.min <= all.p50 && all.p50 <= all.p99 && all.p99 <= all.max);
}

Deno.test("loadtest echo accounts for every echo over TCP and WebSocket, and tells both apart", async () => {
  const result = await resultOf(["echo", ...target(), "--transport", "both"]);
  assertFlawless(result, ["echo"]);
  assertEquals(result.connections.ready, PLAYERS);
  const { all, tcp, ws } = result.latencies.echo;
  assertEquals(all.count, tcp!.count + ws!.count);
  // 50 connections, 10 a second each, 2 seconds: the schedule does not depend on how fast the server is.
  assert(Math.abs(all.count - 1_000) <= PLAYERS, `${all.count} echoes`);
});

Deno.test("loadtest measures heartbeats where nobody named a scenario and the server answers no echoes, and says so", async () => {
  await using plain = await ServerProcess.start({});
  const { game, gateway } = plain.ports;
  const ports = ["--game-port", `${game}`, "--gateway-port", `${gateway}`];
  for (const transport of ["tcp", "ws"]) {
    const args = [...ports, "--transport", transport, "--connections", "20", "--duration", "2", "--json", "-"];
    const { printed, reported, status } = await loadtest(args);
    assertEquals(status, 0);
    assert(/^The server answers no echoes, so this measures heartbeats; .* --diagnostics on/.test(reported), reported);
    const result = JSON.parse(printed) as LoadResult;
    assertFlawless(result, ["heartbeats"]);
    assertEquals([result.load.scenario, result.connections.ready], ["idle", 20]);
  }
  for (const named of [["echo"], ["--outstanding", "4"]]) {
    const { reported, status } = await loadtest([...named, ...ports]);
    assertEquals(status, 1);
    assert(/^Cannot run scenario echo: the server answers no echoes; start it with: /.test(reported), reported);
  }
  await plain.stop();
  const { reported, status } = await loadtest(ports);
  assertEquals([status, reported.split("\n").length], [1, 1]);
  assert(reported.startsWith(`Cannot reach the server at 127.0.0.1:${game}: `), reported);
});

Deno.test("loadtest beside a server that limits this address says which flags lift the limit", async () => {
  await using strict = await ServerProcess.start({
    flags: ["--trusted-addresses", "192.0.2.1/32", "--address-max-connections", "5"],
  });
  const args = ["--game-port", `${strict.ports.game}`, "--connections", "20", "--duration", "1"];
  const { printed, reported } = await loadtest(args);
  assert(/limits what one address may do, and refused \d+ connections of this one/.test(printed), printed + reported);
  assert(printed.includes("--flood-control off") && printed.includes("--trusted-addresses"), printed);
});

Deno.test("loadtest --newcomers times those who come while the others are busy, and tells how long each of those waited", async () => {
  const conditions = [
    "--fail-if",
    "accept_p99>60000",
    "--fail-if",
    "worst_wait_ratio<1",
    "--fail-if=unfair_connections<0",
  ];
  const result = await resultOf(["echo", ...target(), "--newcomers", "20", "--transport", "both", ...conditions]);
  assertFlawless(result, ["echo"]);
  const { accept, echo } = result.latencies;
  assert(Math.abs(accept.all.count - 40) <= 2 && accept.tcp!.count > 0 && accept.ws!.count > 0, `${accept.all.count}`);
  assertEquals(result.connections.ready, PLAYERS + accept.all.count);
  const { connections, meanMs, worstMs, worstRatio } = result.fairness!;
  assertEquals([connections, meanMs, worstRatio], [PLAYERS, echo.all.mean, worstMs / meanMs]);
  // To the precision of a histogram.
  assert(Math.abs(worstMs - echo.all.max) <= echo.all.max / 500, `${worstMs} ms, ${echo.all.max} ms`);
  assertEquals(result.metrics.worst_wait, worstMs);
});

Deno.test("loadtest echo --sample times one in so many, and accounts for all", async () => {
  const result = await resultOf(["echo", ...target(), "--transport", "both", "--sample", "5"]);
  assertFlawless(result, ["echo"]);
  assert(Math.abs(result.ledgers.echo.sent - 1_000) <= 10 * PLAYERS, `${result.ledgers.echo.sent} echoes`);
  const { all } = result.latencies.echo;
  assert(Math.abs(all.count - 200) <= PLAYERS / 5, `${all.count} echoes timed`);
  assertEquals(result.fairness!.connections, PLAYERS / 5);
});

Deno.test("loadtest echo in a closed loop keeps that many under way, through the logic thread", async () => {
  const result = await resultOf(["echo", ...target(), "--outstanding", "3", "--route", "logic", "--threads", "2"]);
  assertFlawless(result, ["echo"]);
  assert(result.ledgers.echo.sent > 3 * PLAYERS);
  assertEquals([result.load.ratePerS, result.load.outstanding, result.load.threads], [0, 3, 2]);
});

Deno.test("loadtest echo on Deno.connect finds the same as on epoll", async () => {
  assertFlawless(await resultOf(["echo", ...target(), "--transport", "both", "--engine", "deno"]), ["echo"]);
});

programTest("openssl", "loadtest --tls-ca speaks TLS with a server that has a certificate", async () => {
  await withTempDir(async (dir) => {
    const { cert, key } = await makeCertificate(dir);
    await using secure = await ServerProcess.start({
      flags: ["--diagnostics", "on", "--flood-control", "off", "--tls-cert", cert, "--tls-key", key],
    });
    const { game } = secure.ports;
    const args = ["echo", "--game-port", `${game}`, "--connections", "10", "--duration", "1", "--tls-ca"];
    assertFlawless(await resultOf([...args, cert]), ["echo"]);
    const { cert: other } = await makeCertificate(await Deno.makeTempDir({ dir }));
    const { reported, status } = await loadtest([...args, other]);
    assertEquals(status, 1);
    assert(/^The server at 127.0.0.1:\d+ gave no answer: .*certificate/.test(reported), reported);
    await secure.stop();
  });
});

Deno.test("loadtest login lets every player in and out again and again", async () => {
  const result = await resultOf(["login", ...target(), ...tokens(), "--rate", "1", "--transport", "both"]);
  assertFlawless(result, ["logins", "logouts", "reliable_down"]);
  assert(result.ledgers.logins.sent >= PLAYERS);
});

Deno.test("loadtest world times movements from one player to another and finds everyone where it should be", async () => {
  const args = ["world", ...target(), ...tokens(), "--transport", "both", "--threads", "2"];
  const result = await resultOf([...args, "--chat-rate", "0.5", "--fight-rate", "0.3"]);
  assertFlawless(result, ["movements", "positions", "chat", "fights", "reliable_down", "reliable_up"]);
  const { movementMsP95, snapshotsPerS, visible } = result.clients;
  assert(visible!.max > 0 && snapshotsPerS!.max > 0 && movementMsP95!.max > 0);
  assertEquals(Object.keys(result.latencies).filter((kind) => kind === "ack" || kind === "chat" || kind === "enter"), [
    "enter",
    "ack",
    "chat",
  ]);
});

Deno.test("loadtest chat sees to it that everyone hears every line, global and whispered", async () => {
  for (const [channel, heardPerLine] of [["global", PLAYERS], ["whisper", 2]] as const) {
    const result = await resultOf(["chat", ...target(), ...tokens(), "--rate", "0.5", "--channel", channel]);
    assertFlawless(result, ["chat", "reliable_down", "reliable_up"]);
    assertEquals(result.ledgers.chat.sent % heardPerLine, 0);
  }
});

Deno.test("loadtest idle keeps players in the world, and every heartbeat is answered", async () => {
  const result = await resultOf(["idle", ...target(), ...tokens(), "--rate", "5", "--transport", "both"]);
  assertFlawless(result, ["heartbeats", "reliable_down", "reliable_up"]);
  assert(result.ledgers.heartbeats.sent >= 5 * PLAYERS, `${result.ledgers.heartbeats.sent} heartbeats`);
});

Deno.test("loadtest echo finds exactly what a lossy proxy drops, repeats, swaps and changes", async () => {
  await using proxy = new LossyEchoProxy(server.ports.game);
  const { status, printed, reported } = await loadtest([
    ...["echo", ...target(), "--game-port", `${proxy.port}`, "--drain", "1", "--json", "-"],
    ...["--fail-if", "lost>0", "--fail-if", "duplicated>0", "--fail-if", "out_of_order>0", "--fail-if", "p50>60000"],
  ]);
  const result: LoadResult = JSON.parse(printed);
  const { sent, received, lost, duplicated, outOfOrder, corrupted } = result.ledgers.echo;
  assert(proxy.dropped > 0 && proxy.duplicated > 0 && proxy.swapped > 0 && proxy.corrupted > 0);
  assertEquals({ lost, duplicated, outOfOrder, corrupted }, {
    lost: proxy.dropped + proxy.corrupted + proxy.heldCount,
    duplicated: proxy.duplicated,
    outOfOrder: proxy.swapped,
    corrupted: proxy.corrupted,
  });
  assertEquals(received, sent - lost);
  assertEquals(status, 1);
  assertEquals(result.verdicts.map(({ failed }) => failed), [true, true, true, false]);
  assert(reported.includes(`Failed: lost>0 (${lost})`), reported);
  assert(result.metrics.error_rate! > 0);
});

Deno.test("loadtest exits 1 when a condition holds and 0 when none does, with server figures from the admin site", async () => {
  const admin = ["--admin", `http://127.0.0.1:${server.ports.admin}`];
  const passing = ["--fail-if", "lost>0", "--fail-if", "sent_per_s < 1", "--fail-if=server_cpu>100000"];
  const good = await loadtest(["echo", ...target(), ...admin, ...passing]);
  assertEquals([good.status, good.reported], [0, ""]);
  assert(
    good.printed.includes("every message accounted for") && good.printed.includes("ok   lost>0 (0)"),
    good.printed,
  );
  const bad = await loadtest([
    "echo",
    ...target(),
    ...admin,
    "--fail-if",
    "server_memory_mb>=1",
    "--fail-if",
    "p50<=0",
  ]);
  assertEquals(bad.status, 1);
  assert(bad.reported.startsWith("Failed: server_memory_mb>=1 ("), bad.reported);
  assert(!bad.reported.includes("p50"), bad.reported);
});

Deno.test("loadtest --html writes one file that holds the figures and charts and fetches nothing", async () => {
  await withTempDir(async (dir) => {
    const { status, printed } = await loadtest([
      ...["echo", ...target(), "--pid", `${Deno.pid}`, "--fail-if", "p99>60000"],
      ...["--html", `${dir}/report.html`, "--json", `${dir}/report.json`],
    ]);
    assertEquals(status, 0);
    const result: LoadResult = JSON.parse(await Deno.readTextFile(`${dir}/report.json`));
    const html = await Deno.readTextFile(`${dir}/report.html`);
    const { all } = result.latencies.echo;
    const figures = [all.p50, all.p99, all.max, result.ledgers.echo.sent, result.server?.memoryMbMax ?? 0];
    for (const figure of figures) assert(html.includes(shortNumber(figure)), `${figure}`);
    assert(printed.includes(shortNumber(all.p99)), printed);
    assert(printed.includes("  fairness     longest wait ") && html.includes("Waits by connection"), printed);
    assert(html.match(/<svg /g)!.length >= 6 && html.includes("every message accounted for"));
    assert(
      html.includes("1 of 1 conditions passed") && html.includes("p99&gt;60000") || html.includes("p99&#62;60000"),
    );
    assert(!/<script|<link|\bsrc=|https?:|url\(/.test(html));
    assert(result.series.some(({ phase, p99 }) => phase === "measure" && p99 !== null));
    assert(result.hdrHistogram.startsWith("HIST"));
    assertEquals(result.schema, 1);
  });
});

Deno.test("loadtest shows one changing line on a terminal, and ends early with a result when it is told to", async () => {
  const written: string[] = [];
  const stop = new AbortController();
  const terminal = {
    isTerminal: true,
    columns: () => 40,
    write: (text: string) => {
      written.push(text);
      stop.abort();
    },
  };
  const { status, printed } = await loadtest(["echo", ...target(), "--duration", "600"], {
    terminal,
    signal: stop.signal,
  });
  assertEquals(status, 0);
  assert(printed.includes("(broken off)"), printed);
  assert(written.every((text) => text.startsWith("\r\x1b[2K") && !text.includes("\n") && text.length <= 5 + 39));
  assertEquals(written.at(-1), "\r\x1b[2K");
});

for (const scenario of ["echo", "idle", "world", "chat", "login"]) {
  Deno.test(`loadtest ${scenario} tells of a server that falls silent: it takes connections, and answers nothing`, async () => {
    await using silent = await ServerProcess.start({
      backend: "deno",
      players: 10,
      flags: ["--diagnostics", "on", "--flood-control", "off", "--monsters", "off"],
    });
    let isStopped = false;
    const terminal = {
      isTerminal: true,
      columns: () => 80,
      write: (text: string) => {
        if (isStopped || !text.includes("measure")) return;
        isStopped = true;
        silent.kill("SIGSTOP");
      },
    };
    const ports = ["--game-port", `${silent.ports.game}`, "--gateway-port", `${silent.ports.gateway}`];
    const players = scenario === "echo" ? [] : ["--tokens", `${silent.dataDir}-tokens`];
    // Everybody is to come while it is silent.
    if (scenario === "login") players.push("--rate", "2");
    const load = ["--connections", "10", "--duration", "3", "--drain", "1", "--fail-if", "errors>0"];
    const { printed, reported, status } = await loadtest([scenario, ...ports, ...players, ...load, "--json", "-"], {
      terminal,
    });
    silent.kill("SIGCONT");
    assertEquals([isStopped, status, reported], [true, 1, "Failed: errors>0 (10)"]);
    const { connections: { dropped, failed }, failures } = JSON.parse(printed) as LoadResult;
    assertEquals(dropped + failed, 10);
    const words = scenario === "login" ? "not answered by the end" : "the server says nothing";
    assert(Object.keys(failures).every((failure) => failure.endsWith(words)), JSON.stringify(failures));
  });
}

Deno.test("loadtest exits 1 and says why when nobody can connect or is let in", async () => {
  for (const engine of Deno.build.os === "linux" ? ["epoll", "deno"] : ["deno"]) {
    const nobody = await loadtest(["idle", "--game-port", `${CLOSED_PORT}`, "--connections", "3", "--engine", engine]);
    assertEquals([nobody.status, nobody.printed, nobody.reported], [
      1,
      "",
      `Cannot load 127.0.0.1 port ${CLOSED_PORT}: 3 x connection failed: connection refused`,
    ]);
  }
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/tokens`, "bot1 no.such.token\n");
    const refused = await loadtest(["world", ...target(), "--connections", "1", "--tokens", `${dir}/tokens`]);
    assertEquals(refused.status, 1);
    assert(
      refused.reported.endsWith("1 x connection failed: ENTER_WORLD_REQUEST refused: INVALID_TOKEN"),
      refused.reported,
    );
  });
});

Deno.test("loadtest exits 78 on what it cannot use, and names every problem", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/few`, "bot1 a.b.c\nbot2 d.e.f\n");
    await Deno.writeTextFile(`${dir}/broken`, "bot1\n");
    const cases: [args: string[], problem: string][] = [
      [["--conections", "5"], "Unknown flag --conections"],
      [["eco"], 'Unexpected argument "eco": expected one scenario of echo, login, world, chat, idle'],
      [["--rate"], "Cannot use --rate without a value: expected a number from 0 to 100000"],
      [["--rate", "0"], "Cannot use --rate 0: expected more than 0"],
      [["--connections", "0"], 'Cannot use --connections "0": expected an integer from 1 to 100000'],
      [["--threads", "9", "--connections", "8"], "Cannot use --threads 9: there are only 8 connections"],
      [["--outstanding", "2", "--rate", "3"], "Cannot use --rate with --outstanding: a closed loop has no rate"],
      [
        ["world"],
        "Cannot run scenario world without --tokens, which lists players; create some with: deno task admin ",
      ],
      [["login", "--tokens", "x", "--size", "90"], "Cannot use --size in scenario login: it is for echo"],
      [["--fail-if", "p98>5"], 'Cannot use --fail-if "p98>5": scenario echo has no metric p98; see --help'],
      [["--fail-if", "snapshots_per_s<5"], "scenario echo has no metric snapshots_per_s; see --help"],
      [["--fail-if", "p99=5"], 'Cannot use --fail-if "p99=5": expected a metric, >, >=, < or <=, and a number'],
      [["--fail-if", "tick_p95>5"], 'Cannot use --fail-if "tick_p95>5" without --admin, which measures it'],
      [["--fail-if", "accept_p99>5"], 'Cannot use --fail-if "accept_p99>5" without --newcomers, which measures it'],
      [["--enter", "login"], "Cannot use --enter in scenario echo: it is for login and world and chat and idle"],
      [["idle", "--enter", "login"], "Cannot use --enter login without --tokens"],
      [["idle", "--login-port", "1"], "Cannot use --login-port without --enter login"],
      [
        ["world", "--enter", "login", "--tokens", `${dir}/few`, "--connections", "2"],
        `Cannot log in with --tokens ${dir}/few: line 1 has no password; create players with: deno task admin players`,
      ],
      [["idle", "--tls-ca", `${dir}/none`], `Cannot read --tls-ca ${dir}/none: `],
      [["idle", "--tls-ca", "x", "--transport", "both"], "Cannot use --tls-ca with --transport both: it is for tcp"],
      [["idle", "--tls-ca", "x", "--engine", "epoll"], "Cannot use --tls-ca with --engine epoll, which has no TLS"],
      [["--admin", "http://127.0.0.1:1"], "Cannot use --admin http://127.0.0.1:1: "],
      [["--pid", "2147483647"], "Cannot use --pid 2147483647: "],
      [["world", "--tokens", `${dir}/none`], `Cannot read --tokens ${dir}/none: `],
      [["world", "--tokens", `${dir}/few`], `Cannot use --tokens ${dir}/few: it has 2 players, --connections is 1000`],
      [["world", "--tokens", `${dir}/broken`], `Cannot use --tokens ${dir}/broken: line 1 has no token`],
      [["--json", `${dir}/few/x`], `Cannot write --json ${dir}/few/x: `],
      [["--html", `${dir}/few/x`], `Cannot write --html ${dir}/few/x: `],
      [
        ["chat", "--tokens", "x", "--connections", "50000", "--rate", "1"],
        "Cannot keep account of 25000000000 lines heard",
      ],
    ];
    for (const [args, problem] of cases) {
      const { status, printed, reported } = await loadtest(args);
      assertEquals([status, printed], [78, ""], args.join(" "));
      assert(reported.startsWith("Cannot run the load test:\n  - ") && reported.includes(problem), reported);
      assert(reported.endsWith("All flags: deno task loadtest --help"));
    }
    const { reported } = await loadtest(["--size", "1", "--ramp", "x", "--engine", "uring"]);
    assertEquals(reported.match(/^ {2}- /gm)?.length, 3);
  });
});

Deno.test("loadtest --help explains scenarios, flags and metrics on standard output", async () => {
  const { status, printed, reported } = await loadtest(["world", "--help"]);
  assertEquals([status, reported], [0, ""]);
  for (
    const word of ["deno task loadtest", "--connections N", "--fail-if CONDITION", "snapshots_per_s_min", "tick_p95"]
  ) {
    assert(printed.includes(word), word);
  }
  assert(printed.split("\n").every((line) => line.length <= 120));
});
