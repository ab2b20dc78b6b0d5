import { listText, parseModerationCommand } from "../../tools/admin_moderation.ts";
import { runAdmin } from "../../tools/admin.ts";
import { loadAdminToken } from "../../server/ops/admin_token_file.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { CLOSED_PORT } from "../support/free_port.ts";
import { withTempDir } from "../support/temp_dir.ts";

async function admin(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const printed: string[] = [], reported: string[] = [];
  const output = {
    print: (text: string) => void printed.push(text),
    report: (text: string) => void reported.push(text),
  };
  const status = await runAdmin(args, env, output);
  return { status, printed: printed.join("\n"), reported: reported.join("\n") };
}

Deno.test("parseModerationCommand() makes the JSON that the admin site takes", () => {
  const parse = (line: string, env = {}) => {
    const [act, ...args] = line.split(" ");
    return parseModerationCommand(act as "ban", args, env).body;
  };
  assertEquals(parse("kick Ann --reason spam --by eve"), { moderator: "eve", player: "Ann", reason: "spam" });
  assertEquals(parse("mute Ann --for 10m", { USER: "root" }), { moderator: "root", player: "Ann", seconds: 600 });
  assertEquals(parse("ban --address=203.0.113.0/24 --for=7d", { USER: "root" }), {
    moderator: "root",
    address: "203.0.113.0/24",
    seconds: 604_800,
  });
  assertEquals(parse("game end-match match=3 why=a=b", { USER: "root" }), {
    moderator: "root",
    action: "end-match",
    input: { match: "3", why: "a=b" },
  });
  assertEquals(parse("announce back in five minutes", { USER: "root" }), {
    moderator: "root",
    text: "back in five minutes",
  });
  assertEquals(parse("list"), {});
});

Deno.test("parseModerationCommand() takes names and texts that look like flags", () => {
  const cases: readonly (readonly [args: readonly string[], field: "player" | "text", value: string])[] = [
    [["kick", "-troll"], "player", "-troll"],
    [["kick", "---"], "player", "---"],
    [["kick", "--", "--for"], "player", "--for"],
    [["kick", "--reason", "spam", "--", "--help"], "player", "--help"],
    [["mute", "--for=5m", "--", "-h-"], "player", "-h-"],
    [["announce", "-5", "minutes"], "text", "-5 minutes"],
    [["announce", "--", "--", "back", "--soon"], "text", "-- back --soon"],
    [["announce", "--", "- -"], "text", "- -"],
  ];
  for (const [[act, ...args], field, value] of cases) {
    assertEquals(parseModerationCommand(act as "kick", args, {}).body[field], value, args.join(" "));
  }
  const { body } = parseModerationCommand("kick", ["Ann", "--reason", "-5 for style", "--by", "-eve-"], {});
  assertEquals([body.reason, body.moderator], ["-5 for style", "-eve-"]);
});

Deno.test("admin gives help for --help and -h before -- and not behind", async () => {
  assertEquals((await admin(["kick", "-h"])).status, 0);
  assertEquals((await admin(["--", "kick", "--help"])).status, 0);
  const { status, reported } = await admin(["kick", "--data-dir", "/nonexistent", "--", "--help"]);
  assertEquals([status, reported.includes("admin.token")], [78, true]);
});

Deno.test("parseModerationCommand() says everything that is wrong with a command line", () => {
  const cases: readonly (readonly [line: string, word: string])[] = [
    ["kick", "kick takes one NAME, and nothing was given"],
    ["maintenance", "maintenance takes on or off, and nothing was given"],
    ["maintenance maybe", 'Cannot use maintenance "maybe": expected on or off'],
    ["kick Ann Bob", "kick takes one NAME"],
    ["kick A!", 'Cannot use NAME "A!": '],
    ["kick Ann --address 1.2.3.4", "kick takes one NAME"],
    ["kick --address 1.2.3.4", "kick takes no --address"],
    ["kick Ann --for 5m", "kick takes no --for"],
    ["ban Ann --for soon", "expected a time such as 90s, 10m, 2h or 7d"],
    ["ban Ann --for", "Cannot use --for without a value"],
    ["ban --address here", 'Cannot use --address "here": expected an address such as '],
    ["announce", "announce takes a TEXT"],
    ["list Ann", "list takes no argument"],
    ["list --by eve", "list takes no such flag"],
    ["kick Ann --nonsense 1", "--nonsense"],
    ["kick Ann --admin-port 0", "--admin-port 0"],
  ];
  for (const [line, word] of cases) {
    const [act, ...args] = line.split(" ");
    const { problems } = assertThrows(() => parseModerationCommand(act as "kick", args, {}), ConfigError);
    assert(problems.some((problem) => problem.includes(word)), `${line}: ${problems}`);
  }
});

Deno.test("admin exits with 0, 1 or 78: done, not done, not usable", async () => {
  await withTempDir(async (dataDir) => {
    const answers = new Map([
      ["/moderation/kick", Response.json({ done: "Ann is kicked: spam" })],
      ["/moderation/unban", Response.json({ errors: ["Ann is not banned"] }, { status: 404 })],
      ["/moderation/ban", Response.json({ errors: ["The storage cannot be reached now"] }, { status: 503 })],
      ["/moderation/mute", Response.json({ errors: ["no"] }, { status: 400 })],
      ["/moderation/announce", new Response("nonsense", { status: 200 })],
      ["/moderation/list", new Response("Not the token", { status: 401 })],
    ]);
    const token = await loadAdminToken(dataDir);
    const seen: string[] = [];
    await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
      seen.push(request.headers.get("authorization")!);
      return answers.get(new URL(request.url).pathname)!;
    });
    const run = (...args: string[]) =>
      admin([...args, "--data-dir", dataDir, "--admin-port", String(server.addr.port)]);
    assertEquals(await run("kick", "Ann"), { status: 0, printed: "Ann is kicked: spam", reported: "" });
    assertEquals(seen, [`Bearer ${token}`]);
    assertEquals(await run("unban", "Ann"), {
      status: 1,
      printed: "",
      reported: "Cannot run unban: Ann is not banned",
    });
    assertEquals((await run("ban", "Ann")).status, 1);
    assertEquals((await run("announce", "hello")).status, 1);
    assertEquals((await run("mute", "Ann")).status, 78);
    const list = await run("list");
    assertEquals([list.status, /give --data-dir and --admin-port of one server/.test(list.reported)], [78, true]);
    assertEquals((await run("kick")).status, 78);
  });
});

Deno.test("admin exits with 1 where no server listens, and with 78 where it finds no token", async () => {
  await withTempDir(async (dataDir) => {
    const missing = await admin(["kick", "Ann", "--data-dir", dataDir]);
    assertEquals(missing.status, 78);
    assert(missing.reported.includes(`there is no ${dataDir}/admin.token`), missing.reported);
    await loadAdminToken(dataDir);
    const refused = await admin(["kick", "Ann", "--data-dir", dataDir, "--admin-port", String(CLOSED_PORT)]);
    assertEquals(refused.status, 1);
    assertEquals(
      refused.reported,
      `Cannot run kick: No server listens at http://127.0.0.1:${CLOSED_PORT}; start it, or give its --admin-host and --admin-port`,
    );
  });
});

Deno.test("admin tells how each command is used", async () => {
  for (const command of ["mute", "unmute", "kick", "ban", "unban", "announce", "list"]) {
    const { status, printed } = await admin([command, "--help"]);
    assertEquals([status, printed.includes(`  ${command} `)], [0, true]);
  }
});

Deno.test("listText() is a table", () => {
  const rest = { playerId: 1, createdAtMs: 0, reason: "spam", moderator: "eve" };
  const text = listText({
    players: [
      { playerId: 1, serverId: 1, name: "Ann", address: "192.0.2.1", isInWorld: true, isMuted: true },
      { playerId: 2, serverId: 1, name: "Long_name", address: null, isInWorld: false, isMuted: false },
    ],
    playerCount: 5,
    unanswered: [],
    sanctions: [
      { ...rest, kind: "mute", playerName: "Ann", address: null, endsAtMs: 61_000 },
      { ...rest, kind: "ban", playerName: null, address: "192.0.2.0/24", endsAtMs: null },
    ],
  }, 1_000);
  assertEquals(text.split("\n"), [
    "5 online",
    "  Ann        192.0.2.1  in the world  muted",
    "  Long_name  link-dead  logged in",
    "  and 3 more",
    "2 mutes and bans",
    "  mute  Ann           another 1 min       spam (eve)",
    "  ban   192.0.2.0/24  until it is lifted  spam (eve)",
  ]);
});

Deno.test("listText() names the server of each player where there are several, and those that did not answer", () => {
  const rest = { address: "192.0.2.1", isInWorld: true, isMuted: false };
  const players = [{ ...rest, playerId: 1, serverId: 2, name: "Ann" }, {
    ...rest,
    playerId: 2,
    serverId: 3,
    name: "Bob",
  }];
  const text = listText({ players, playerCount: 2, unanswered: ["4 (Phoenix Server)"], sanctions: [] }, 0);
  assertEquals(text.split("\n"), [
    "2 online",
    "  Ann  server 2  192.0.2.1  in the world",
    "  Bob  server 3  192.0.2.1  in the world",
    "  without those of server 4 (Phoenix Server): it does not answer, ask its own admin site",
    "0 mutes and bans",
  ]);
});
