import type { ModerationOutcome, ModerationRequest } from "../../server/moderation/moderation_request.ts";
import { startAdminSite } from "../../server/ops/admin_site.ts";
import { Monitor } from "../../server/ops/monitor.ts";
import { DependencyError } from "../../shared/errors.ts";
import { MODERATION_BODY_BYTES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

const TOKEN = "a".repeat(64);
const BEARER = { authorization: `Bearer ${TOKEN}` };
const JSON_TYPE = { "content-type": "application/json" };

/** A site that does nothing but keep what it was asked for. */
async function openSite(options: { token?: string; outcome?: ModerationOutcome; error?: Error } = {}) {
  const requests: ModerationRequest[] = [];
  const audit = new RecordingLogger();
  const { token = "", outcome = { kind: "done", text: "Ann is kicked: spam" }, error } = options;
  const site = await startAdminSite({
    host: "127.0.0.1",
    port: 0,
    token,
    monitor: new Monitor({ nowMs: () => 0 }),
    facts: () => ({ serverId: 1, serverName: "Test", role: "all", addresses: {}, config: {}, maintenance: null }),
    reasons: () => [],
    logger: new RecordingLogger(),
    drills: new Map(),
    moderation: {
      token: token === "" ? TOKEN : token,
      run: (request) => {
        requests.push(request);
        return error === undefined ? Promise.resolve(outcome) : Promise.reject(error);
      },
      audit,
    },
  });
  return { ...site, requests, audit, [Symbol.asyncDispose]: () => site.stop() };
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: BodyInit,
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { method: "POST", headers, body, redirect: "manual" });
  return { status: response.status, text: await response.text() };
}

Deno.test("moderate() has it done, says so and writes it down", async () => {
  await using site = await openSite();
  const body = JSON.stringify({ player: "Ann", reason: "spam", moderator: "eve" });
  const { status, text } = await post(`${site.address}/moderation/kick`, { ...BEARER, ...JSON_TYPE }, body);
  assertEquals([status, JSON.parse(text)], [200, { done: "Ann is kicked: spam" }]);
  assertEquals(site.requests, [{ act: "kick", target: { player: "Ann" }, reason: "spam", moderator: "eve" }]);
  const { message, properties } = site.audit.records[0];
  assertEquals([message, properties], [
    "Moderation",
    { act: "kick", player: "Ann", reason: "spam", moderator: "eve", outcome: "done", answer: "Ann is kicked: spam" },
  ]);
});

Deno.test("moderate() asks for the token even where the site does not, and does nothing without", async () => {
  await using site = await openSite();
  const body = JSON.stringify({ player: "Ann" });
  const page = await fetch(site.address);
  await page.body?.cancel();
  assertEquals(page.status, 200);
  const strangers: Record<string, string>[] = [{}, { authorization: "Bearer wrong" }, { cookie: "drawbridge_admin=1" }];
  for (const headers of strangers) {
    assertEquals((await post(`${site.address}/moderation/kick`, { ...headers, ...JSON_TYPE }, body)).status, 401);
    const list = await fetch(`${site.address}/moderation/list`, { headers });
    assertEquals([list.status, (await list.text()).includes("token")], [401, true]);
  }
  assertEquals([site.requests, site.audit.records], [[], []]);
});

Deno.test("moderate() takes the cookie that the token was exchanged for, from pages of its own only", async () => {
  for (const token of ["", "b".repeat(32)]) {
    await using site = await openSite({ token });
    const exchange = await fetch(`${site.address}/?token=${token === "" ? TOKEN : token}`, { redirect: "manual" });
    await exchange.body?.cancel();
    assertEquals(exchange.status, 303);
    const setCookie = exchange.headers.get("set-cookie")!;
    assert(setCookie.includes("HttpOnly; SameSite=Strict"), setCookie);
    const headers = { cookie: setCookie.split(";")[0], ...JSON_TYPE };
    const url = `${site.address}/moderation/kick`, body = JSON.stringify({ player: "Ann" });
    assertEquals((await post(url, { ...headers, origin: site.address }, body)).status, 200);
    for (const origin of ["http://evil.example", "null", "http://127.0.0.1:1"]) {
      assertEquals((await post(url, { ...headers, origin }, body)).status, 403, origin);
    }
    assertEquals(site.requests.length, 1);
    const wrong = await fetch(`${site.address}/?token=wrong`, { redirect: "manual" });
    await wrong.body?.cancel();
    assertEquals(wrong.status, 401);
  }
});

Deno.test("moderate() refuses what it cannot read, and writes nothing down", async () => {
  await using site = await openSite();
  const good = JSON.stringify({ player: "Ann" });
  const cases: readonly (readonly [path: string, type: string, body: BodyInit, status: number])[] = [
    ["nothing", "application/json", good, 404],
    ["toString", "application/json", good, 404],
    ["list", "application/json", "{}", 404],
    ["kick", "text/plain", good, 415],
    ["kick", "application/x-www-form-urlencoded", "player=Ann", 415],
    ["kick", "application/json", "", 400],
    ["kick", "application/json", "{", 400],
    ["kick", "application/json", "[]", 400],
    ["kick", "application/json", JSON.stringify({ player: "Ann", unknown: 1 }), 400],
    ["kick", "application/json", new Uint8Array([0xff, 0xfe, 0]), 400],
    ["kick", "application/json", good.padEnd(MODERATION_BODY_BYTES_MAX + 1), 413],
    ["kick", "application/json", good.padEnd(MODERATION_BODY_BYTES_MAX), 200],
    ["kick", "application/json; charset=utf-8", good, 200],
  ];
  for (const [act, type, body, expected] of cases) {
    const { status, text } = await post(`${site.address}/moderation/${act}`, { ...BEARER, "content-type": type }, body);
    assertEquals([act, type, status], [act, type, expected]);
    if (status !== 200) assert(JSON.parse(text).errors.every((error: unknown) => typeof error === "string"));
  }
  assertEquals([site.requests.length, site.audit.records.length], [2, 2]);
  const list = await fetch(`${site.address}/moderation/kick`, { headers: BEARER });
  await list.body?.cancel();
  assertEquals(list.status, 404);
});

Deno.test("moderate() has a status for each way of not being done", async () => {
  const body = JSON.stringify({ player: "Ann" });
  const outcomes: readonly (readonly [Parameters<typeof openSite>[0], number])[] = [
    [{ outcome: { kind: "not_found", text: "Ann is not online" } }, 404],
    [{ outcome: { kind: "full", text: "too many" } }, 409],
    [{ outcome: { kind: "unavailable", text: "down" } }, 503],
    [{ error: new DependencyError("unavailable", "The worker crashed") }, 503],
  ];
  for (const [options, expected] of outcomes) {
    await using site = await openSite(options);
    const { status, text } = await post(`${site.address}/moderation/kick`, { ...BEARER, ...JSON_TYPE }, body);
    assertEquals([status, JSON.parse(text).errors.length], [expected, 1]);
    assertEquals(site.audit.records.length, 1);
  }
});

Deno.test("listForModerators() gives the list as JSON", async () => {
  const list = { players: [], playerCount: 0, unanswered: [], sanctions: [] };
  await using site = await openSite({ outcome: { kind: "list", list } });
  const response = await fetch(`${site.address}/moderation/list`, { headers: BEARER });
  assertEquals([response.status, await response.json()], [200, list]);
  assertEquals(site.requests, [{ act: "list" }]);
});
