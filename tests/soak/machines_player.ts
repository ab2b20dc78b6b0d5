/**
 * Players of `machines.sh`: they log in at a login server over TLS, enter where its list says, and talk for a while, in
 * which servers may be restarted; each must hear what it said, once and in order, and lose nothing.
 *
 * Arguments: the login server's host, the certificates that vouch for the servers (PEM), players, seconds.
 *
 * @module
 */

import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { until } from "../support/wait.ts";

const [loginHost, caFile, players, seconds] = Deno.args;
const tls = { caCerts: [Deno.readTextFileSync(caFile)] };
const problems: string[] = [];

/** A player in the world. */
interface Talker {
  readonly client: DrawbridgeClient;
  readonly heard: string[];
  said: number;
}

async function enter(name: string): Promise<Talker> {
  const login = new DrawbridgeClient({
    connect: (signal) => connectTcp({ hostname: loginHost, port: 8080, tls, signal }),
  });
  await login.open();
  await login.register(name, "secret");
  const { gameServers: servers, sessionToken } = await login.login(name, "secret");
  await login.close();
  const client = new DrawbridgeClient({
    servers,
    connect: (signal, server = servers[0]) =>
      connectTcp({ hostname: server.ipAddress, port: server.port, tls, signal }),
  });
  const heard: string[] = [];
  client.on("gap", () => problems.push(`${name} was told of a gap`));
  client.on("sessionLost", () => problems.push(`${name} lost its session`));
  client.on(ChatMessageSchema, ({ message, senderName }) => {
    if (senderName === name) heard.push(message);
  });
  await client.open();
  const { success } = await client.enterWorld({ token: sessionToken });
  if (!success) throw new Error(`${name} cannot enter`);
  return { client, heard, said: 0 };
}

const prefix = `m${Date.now().toString(36)}x`;
const talkers: Talker[] = [];
for (let index = 0; index < Number(players); index++) talkers.push(await enter(`${prefix}${index}`));
console.log("entered");
const timer = setInterval(() => {
  for (const talker of talkers) {
    talker.client.send(ChatMessageSchema, { channel: Channel.AREA, message: `${talker.said++}` });
  }
}, 1_000);
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1_000));
clearInterval(timer);
const hasHeardAll = ({ heard, said }: Talker) => heard.length === said && heard.every((text, at) => text === `${at}`);
await until("everybody to hear all that it said", () => talkers.every(hasHeardAll), 60_000)
  .catch((error) => problems.push(String(error)));
for (const { client } of talkers) await client.close();
for (const problem of problems.slice(0, 20)) console.log(problem);
Deno.exit(problems.length > 0 ? 1 : 0);
