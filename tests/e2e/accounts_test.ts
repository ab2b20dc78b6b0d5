import { hashPassword } from "../../client/password.ts";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  LoginRequestSchema,
  LoginResponseSchema,
  RegisterRequestSchema,
  RegisterResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, visit } from "../support/browser.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { connect, WirePlayer } from "../support/wire_session.ts";

const PASSWORD = "correct horse";

async function register(server: ServerProcess, username: string): Promise<string> {
  await using client = await connect(server, "websocket");
  const passwordHash = await hashPassword(PASSWORD);
  const response = await client.ask(RegisterRequestSchema, { username, passwordHash }, RegisterResponseSchema);
  return ErrorCode[response.errorCode];
}

async function logIn(server: ServerProcess, username: string, password = PASSWORD) {
  await using client = await connect(server, "websocket");
  const request = { username, passwordHash: await hashPassword(password), clientVersion: "1.0.0" };
  const response = await client.ask(LoginRequestSchema, request, LoginResponseSchema);
  return { ...response, code: ErrorCode[response.errorCode] };
}

async function enterCode(server: ServerProcess, sessionToken: string): Promise<string> {
  await using client = await connect(server, "tcp");
  const response = await client.ask(EnterWorldRequestSchema, { sessionToken }, EnterWorldResponseSchema);
  return ErrorCode[response.errorCode];
}

async function noticeTo({ client }: WirePlayer): Promise<string> {
  const { reason, message } = await client.expect(DisconnectNoticeSchema);
  await client.ended();
  return `${DisconnectReason[reason]}: ${message}`;
}

async function readiness(server: ServerProcess): Promise<[admin: number, gateway: number]> {
  const statusOf = async (address: string) => {
    const response = await fetch(`http://127.0.0.1:${address}`);
    await response.body?.cancel();
    return response.status;
  };
  return [await statusOf(`${server.ports.admin}/readyz`), await statusOf(`${server.ports.gateway}/healthz`)];
}

Deno.test("admin resets a password, revokes tokens, deletes and restores, and the log has no secret", async () => {
  await using server = await ServerProcess.start();
  assertEquals(await register(server, "Ann"), "NONE");
  const { sessionToken } = await logIn(server, "Ann");
  await using ann = await WirePlayer.enter(server, "tcp", { name: "Ann", token: sessionToken });
  const [status, text] = await server.admin("password", "ann");
  const [, password] = /^Ann has a new password, .*\nThe password: ([a-z2-9]{20})$/.exec(text) ?? [];
  assert(status === 0 && password !== undefined, text);
  assertEquals(await noticeTo(ann), "KICKED: The password was reset");
  assertEquals(await enterCode(server, sessionToken), "INVALID_TOKEN");
  assertEquals((await logIn(server, "Ann")).code, "INVALID_CREDENTIALS");
  const after = await logIn(server, "Ann", password);
  assertEquals(after.code, "NONE");
  assertEquals((await server.admin("revoke", "Ann"))[0], 0);
  assertEquals(await enterCode(server, after.sessionToken), "INVALID_TOKEN");

  const [, scheduled] = await server.admin("delete", "Ann");
  assert(scheduled.startsWith("Ann will be deleted on "), scheduled);
  assertEquals(await server.admin("restore", "Ann"), [0, "Ann will not be deleted"]);
  assertEquals(await server.admin("restore", "Ann"), [1, "Cannot run restore: Ann is not going to be deleted"]);
  await server.admin("delete", "Ann");
  assertEquals((await logIn(server, "Ann", password)).deletionCancelled, true);
  await server.admin("ban", "Ann");
  const refused = "Cannot run delete: A mute or ban of Ann is in force: lift it first";
  assertEquals(await server.admin("delete", "Ann", "--now"), [1, refused]);
  await server.admin("unban", "Ann");
  assertEquals(await server.admin("delete", "Ann", "--now"), [0, "Ann is deleted"]);
  assertEquals((await server.admin("revoke", "Ann"))[0], 1);
  assertEquals(await register(server, "Ann"), "NONE");
  const log = await server.log();
  for (const secret of [password, await hashPassword(password)]) assert(!log.includes(secret), "the log has a secret");
  assert(log.includes('"act":"password"'));
  await server.stop();
});

Deno.test("admin maintenance lets players go and nobody in, over a restart, until it is switched off", async () => {
  await withTempDir(async (dir) => {
    const dataDir = `${dir}/data`;
    const flags = ["--log-logins=on"];
    let token = "";
    {
      await using server = await ServerProcess.start({ dataDir, flags });
      for (const name of ["Ann", "Bob"]) assertEquals(await register(server, name), "NONE");
      token = (await logIn(server, "Ann")).sessionToken;
      await using ann = await WirePlayer.enter(server, "websocket", { name: "Ann", token });
      assertEquals((await server.admin("maintenance", "on", "--in", "10m", "--message", "a new map"))[0], 0);
      const { message } = await ann.client.expect(ChatMessageSchema);
      assertEquals(message, "Maintenance begins in 10 min: a new map");
      await until("the server to be ready", async () => (await readiness(server)).join() === "200,200");
      const [status, text] = await server.admin("maintenance", "on", "--message", "a new map", "--allow", "Bob");
      assertEquals([status, text], [0, "Maintenance begins now"]);
      assertEquals(await noticeTo(ann), "SHUTDOWN: The server is under maintenance: a new map");
      assertEquals(await readiness(server), [503, 503]);
      assert((await server.log()).includes('"Login"'));
      await server.stop();
    }
    await using server = await ServerProcess.start({ dataDir, flags });
    assertEquals(await readiness(server), [503, 503]);
    assertEquals([await enterCode(server, token), (await logIn(server, "Ann")).code], ["MAINTENANCE", "MAINTENANCE"]);
    assertEquals(await register(server, "Newcomer"), "MAINTENANCE");
    assertEquals((await logIn(server, "Bob")).code, "NONE");
    assertEquals((await server.admin("maintenance", "off"))[0], 0);
    await until("the server to be ready", async () => (await readiness(server)).join() === "200,200");
    assertEquals(await enterCode(server, token), "NONE");
    assertEquals(await server.admin("maintenance", "off"), [1, "Cannot run maintenance: There is no maintenance"]);
    await server.stop();
  });
});

browserTest(
  "The page changes passwords, logs out others, deletes accounts, by keys and on a phone",
  async (browser) => {
    await using server = await ServerProcess.start();
    const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`, {
      width: 375,
      height: 667,
    });
    await page.locator('#login-form label:has(input[value="register"])').click();
    await page.locator("#login-name").fill("Alice");
    await page.locator("#login-password").fill(PASSWORD);
    await page.locator("#login-submit").click();
    const inWorld = page.locator('html[data-connection="connected"][data-entity-id]');
    await inWorld.waitFor({ state: "attached" });

    await page.keyboard.press("KeyU");
    const form = page.locator("#account-password");
    await form.getByLabel("Password", { exact: true }).fill("wrong");
    await form.getByLabel("New password").fill("short");
    await page.keyboard.press("Enter");
    await page.locator("#side-message", { hasText: "Choose at least 8 characters." }).waitFor();
    await form.getByLabel("New password").fill("battery staple");
    await page.keyboard.press("Enter");
    await page.locator("#side-message", { hasText: "That is not your password." }).waitFor();
    await form.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.locator("#side-message", { hasText: "Your password was changed." }).waitFor();
    const widths = await page.evaluate(() => {
      const side = document.querySelector("#side")!;
      return [document.documentElement.scrollWidth, side.scrollWidth - side.clientWidth];
    });
    assertEquals(widths, [375, 0]);
    await page.setViewportSize({ width: 1280, height: 800 });
    const overflow = await page.evaluate(() => {
      const head = document.querySelector(".side-head")!;
      return head.scrollWidth - head.clientWidth;
    });
    assertEquals(overflow, 0);
    await page.setViewportSize({ width: 375, height: 667 });
    const shots = Deno.env.get("SCREENSHOTS");
    if (shots !== undefined) await page.screenshot({ path: `${shots}/account-375.png` });
    // The token of before is void: the page goes on with the new one.
    await page.reload();
    await inWorld.waitFor({ state: "attached" });
    assertEquals((await logIn(server, "Alice")).code, "INVALID_CREDENTIALS");

    await page.locator("#open-account").click();
    const token = await page.evaluate(() => sessionStorage.getItem("drawbridge.login")!.split(" ")[0]);
    const revocation = page.locator("#account-revoke");
    for (
      const [password, told] of [["wrong", "That is not your password."], ["battery staple", "You are logged out"]]
    ) {
      await revocation.getByLabel("Password").fill(password);
      await page.keyboard.press("Enter");
      await page.locator("#side-message", { hasText: told }).waitFor();
    }
    assertEquals(await enterCode(server, token), "INVALID_TOKEN");
    await page.reload();
    await inWorld.waitFor({ state: "attached" });

    await page.locator("#open-account").click();
    const deletion = page.locator("#account-delete");
    await deletion.getByLabel("Password").fill("battery staple");
    await deletion.getByRole("button").click();
    await page.locator("#side-message", { hasText: "Tick the box" }).waitFor();
    await deletion.getByLabel("I am sure").check();
    if (shots !== undefined) {
      await page.screenshot({ path: `${shots}/account-delete-375.png` });
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.screenshot({ path: `${shots}/account-1280.png` });
      await page.setViewportSize({ width: 375, height: 667 });
    }
    await deletion.getByRole("button").click();
    await page.locator("#login-form", { hasText: "This account will be deleted on" }).waitFor();
    await page.locator("#login-password").fill("battery staple");
    await page.locator("#login-submit").click();
    await inWorld.waitFor({ state: "attached" });
    await page.locator("#chat-log li", { hasText: "Because you logged in, it stays." }).waitFor({ state: "attached" });
    assertEquals(errors, []);
    await server.stop();
  },
);
