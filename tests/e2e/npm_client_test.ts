/**
 * The npm package of the client as a stranger uses it: packed, installed into an empty project, run in Node over TCP and
 * WebSocket, bundled for a browser, checked by TypeScript.
 *
 * @module
 */

import { browserTest } from "../support/browser.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";
import { ServerProcess } from "../support/server_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** What a project may have beside the client; Node itself too, as the machine's may be older than 22. */
const TOOLS = ["node@22.23.3", "typescript@6.0.3", "esbuild@0.28.1"];

const NODE_PROGRAM = `
  import { Channel, ChatMessageSchema, connectTcp, connectWebSocket, DrawbridgeClient, PacketType } from "drawbridge-client";

const [gatewayPort, loginPort] = process.argv.slice(2).map(Number);
const gateway = new DrawbridgeClient({ connect: () => connectWebSocket(\`ws://127.0.0.1:\${gatewayPort}/ws\`) });
const heard = new Promise((resolve) => gateway.on(PacketType.CHAT_MESSAGE, (chat) => resolve(chat)));
await gateway.open();
for (const name of ["Alice", "Bert"]) await gateway.register(name, "correct horse " + name);
await gateway.login("Alice", "correct horse Alice");
const { success } = await gateway.enterWorld();

const login = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: loginPort, signal }) });
await login.open();
const { sessionToken, gameServers: [server] } = await login.login("Bert", "correct horse Bert");
await login.close();
const game = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: server.port, signal }) });
await game.open();
const entered = await game.enterWorld({ token: sessionToken });
game.send(ChatMessageSchema, { channel: Channel.GLOBAL, message: "over TCP" });
const { senderName, message } = await heard;
await Promise.all([game.close(), gateway.close()]);
console.log(JSON.stringify({ version: process.version, success: success && entered.success, senderName, message }));
`;

const TYPED_PROGRAM = `
  import { ChatMessageSchema, DrawbridgeClient, PacketType, RoomListRequestSchema, connectWebSocket } from "drawbridge-client";

export const client = new DrawbridgeClient({ connect: () => connectWebSocket("ws://localhost:8082/ws") });
client.on(PacketType.CHAT_MESSAGE, ({ senderName }: { senderName: string }) => senderName.length);
client.on("answering", (isAnswering: boolean) => isAnswering);
export const count: Promise<number> = client.request(RoomListRequestSchema, {}).then(({ rooms }) => rooms.length);
client.send(ChatMessageSchema, { message: "hi" });
// @ts-expect-error A chat message has no such field.
client.send(ChatMessageSchema, { mesage: "hi" });
`;

const BROWSER_PROGRAM = `
  import { ChatMessageSchema, connectWebSocket, DrawbridgeClient, PacketType } from "drawbridge-client";

globalThis.play = async (url) => {
  const client = new DrawbridgeClient({ connect: () => connectWebSocket(url) });
  const heard = new Promise((resolve) => client.on(PacketType.CHAT_MESSAGE, ({ message }) => resolve(message)));
  await client.open();
  await client.register("Carol", "correct horse Carol");
  await client.login("Carol", "correct horse Carol");
  await client.enterWorld();
  client.send(ChatMessageSchema, { message: "from a bundle" });
  const message = await heard;
  await client.close();
  return message;
};
`;

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd, stdin: "null" }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `${command} ${args.join(" ")}: ${out}${errors}`);
  return out;
}

let project: Promise<string> | undefined;

Deno.test.afterAll(async () => {
  if (project !== undefined) await Deno.remove(await project, { recursive: true });
});

/** The client, packed and installed into an empty project, with what else a project has. */
async function makeProject(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "drawbridge-npm-" });
  await run(Deno.execPath(), ["task", "--quiet", "build:client"], ROOT);
  const packed = (await run("npm", ["pack", `${ROOT}client/npm`, "--silent"], dir)).trim();
  await Deno.writeTextFile(`${dir}/package.json`, JSON.stringify({ name: "a-game", private: true, type: "module" }));
  await run("npm", ["install", "--no-audit", "--no-fund", "--silent", `./${packed}`, ...TOOLS], dir);
  return dir;
}

programTest(
  "npm",
  "The npm package of the client plays in Node over TCP and WebSocket, and is typed without anything else",
  async () => {
    const dir = await (project ??= makeProject());
    await using server = await ServerProcess.start({});
    await Deno.writeTextFile(`${dir}/play.js`, NODE_PROGRAM);
    const { gateway, login } = server.ports;
    const printed = await run("npx", ["node", "play.js", String(gateway), String(login)], dir);
    const { version, ...played } = JSON.parse(printed);
    assert(version.startsWith("v22."), version);
    assertEquals(played, { success: true, senderName: "Bert", message: "over TCP" });
    await server.stop();

    await Deno.writeTextFile(`${dir}/typed.ts`, TYPED_PROGRAM);
    for (const [module, moduleResolution] of [["NodeNext", "NodeNext"], ["ESNext", "Bundler"]]) {
      // Without the types of Node, and with those of the libraries checked, too.
      const strict = { strict: true, noEmit: true, skipLibCheck: false, types: [], lib: ["ES2022", "DOM"] };
      const compilerOptions = { ...strict, target: "ES2022", module, moduleResolution };
      await Deno.writeTextFile(`${dir}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ["typed.ts"] }));
      await run("npx", ["tsc"], dir);
    }
  },
);

browserTest(
  "The npm package of the client is bundled for a browser without Node's sockets, and plays there",
  async (browser) => {
    const dir = await (project ??= makeProject());
    await Deno.writeTextFile(`${dir}/page.js`, BROWSER_PROGRAM);
    await run("npx", ["esbuild", "page.js", "--bundle", "--format=iife", "--outfile=bundle.js"], dir);
    const bundle = await Deno.readTextFile(`${dir}/bundle.js`);
    assert(!/node:|require\(/.test(bundle), "The bundle leads to Node");
    await using server = await ServerProcess.start({});
    const { gateway } = server.ports;
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${gateway}/healthz`);
    await page.evaluate(bundle);
    const heard = await page.evaluate(
      (url) => (globalThis as unknown as Playing).play(url),
      `ws://127.0.0.1:${gateway}/ws`,
    );
    assertEquals(heard, "from a bundle");
    await server.stop();
  },
);

interface Playing {
  play(url: string): Promise<string>;
}
