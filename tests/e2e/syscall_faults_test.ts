import {
  EchoRequestSchema,
  EchoResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { findProgram, programTest } from "../support/programs.ts";
import { ServerProcess } from "../support/server_process.ts";
import { type SyscallFault, SyscallFaults } from "../support/syscall_faults.ts";
import { until } from "../support/wait.ts";
import { WireClient } from "../support/wire.ts";
import { assertNumbered, connect, resume, WirePlayer } from "../support/wire_session.ts";

/** Its server is started only where its tests run. */
const isMissing = Deno.build.os !== "linux" || findProgram("strace") === undefined;

function syscallTest(name: string, run: () => Promise<void>): void {
  if (Deno.build.os === "linux") programTest("strace", name, run);
}

/** Not every processor's kernel has the older of the two calls. */
const EPOLL_WAIT = Deno.build.arch === "x86_64" ? "epoll_wait" : "epoll_pwait";
/** Echoes are left out for slow readers otherwise. */
const ROOMY = ["--send-queue-soft-bytes", "16777216", "--send-queue-hard-bytes", "33554432"];
/** Lines that each player says while calls fail. */
const LINES = 20;

let server: ServerProcess;
/** Players who are there all the time, and notice nothing. */
let players: readonly WirePlayer[] = [];
let lineCount = 0;

Deno.test.beforeAll(async () => {
  if (isMissing) return;
  const flags = ["--io-workers", "1", "--flood-control", "off", "--diagnostics", "on", ...ROOMY];
  server = await ServerProcess.start({ backend: "epoll", players: 12, flags });
  players = [await WirePlayer.enter(server, "tcp"), await WirePlayer.enter(server, "websocket")];
});

Deno.test.afterAll(async () => {
  if (isMissing) return;
  for (const player of players) await player.client.close();
  await server.stop();
});

/** Everybody says something and hears everybody: each line once, in order, and no reliable packet is missing. */
async function talk(): Promise<void> {
  const lines = Array.from({ length: LINES }, () => `line ${++lineCount}`);
  for (const line of lines) for (const player of players) player.say(Channel.GLOBAL, line);
  for (const listener of players) {
    for (const { name } of players) {
      for (const line of lines) assertEquals((await listener.hears(name)).message, line);
    }
    assertNumbered(listener.client, 1);
  }
}

/** Runs `body` while calls fail, and sees to it that some did. */
async function whileFailing(fault: SyscallFault, body: (faults: SyscallFaults) => Promise<void>): Promise<void> {
  await using faults = await SyscallFaults.inject(server.pid, fault);
  await body(faults);
  assert(faults.count > 0, `No ${fault.call} failed`);
}

async function isServed(client: WireClient): Promise<void> {
  await client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
}

const acceptErrors = () => server.metric("drawbridge_accept_errors_total");
const closedCount = (reason: string) => server.metric("drawbridge_connections_closed_total", { reason });
const connectionCount = () => server.metric("drawbridge_connections");

/** Calls that are to be made again. */
const AGAIN: readonly SyscallFault[] = [
  { call: "recvfrom", error: "EINTR", when: "1+2" },
  { call: "recvfrom", error: "EAGAIN", when: "1+2" },
  { call: "sendto", error: "EINTR", when: "1+2" },
  { call: "sendto", error: "EAGAIN", when: "1+2" },
  { call: EPOLL_WAIT, error: "EINTR", when: "1+2" },
];

for (const fault of AGAIN) {
  syscallTest(
    `serve (epoll) loses nothing and nobody while every second ${fault.call} fails with ${fault.error}`,
    async () => {
      const before = await connectionCount();
      await whileFailing(fault, talk);
      await talk();
      assertEquals(await connectionCount(), before);
    },
  );
}

syscallTest(
  "serve (epoll) sends megabytes whole to who reads slowly, though every second sendto fails with EAGAIN",
  async () => {
    await using client = await WireClient.tcp(server.ports.game);
    const data = Array.from({ length: 120 }, (_, index) => new Uint8Array(60_000).fill(index + 1));
    await whileFailing({ call: "sendto", error: "EAGAIN", when: "2+2" }, async (faults) => {
      client.socket.pause();
      for (const bytes of data) client.send(EchoRequestSchema, { data: bytes });
      await until("a send that fails", () => faults.count > 0);
      await talk();
      const failedCount = faults.count;
      client.socket.resume();
      for (const bytes of data) assertEquals((await client.expect(EchoResponseSchema)).data, bytes);
      // Sends were partial, as the kernel was full, and failed in between.
      assert(faults.count > failedCount + 2, `${faults.count - failedCount} sends failed`);
    });
  },
);

/** Calls whose failure ends the connection they are made for, and what it counts as. */
const FATAL: readonly (SyscallFault & { readonly reason: string })[] = [
  { call: "recvfrom", error: "ECONNRESET", when: "1", reason: "error" },
  // The kernel has given up a peer that was heard of just now.
  { call: "recvfrom", error: "ETIMEDOUT", when: "1", reason: "slow_reader" },
  { call: "sendto", error: "EPIPE", when: "1", reason: "error" },
  { call: "sendto", error: "ECONNRESET", when: "1", reason: "error" },
];

for (const fault of FATAL) {
  syscallTest(
    `serve (epoll) closes the one connection whose ${fault.call} fails with ${fault.error}, and its player resumes`,
    async () => {
      await using victim = await WirePlayer.enter(server, "tcp");
      // What is sent next is sent to the victim: everybody has been shown everybody.
      for (const player of players) {
        await player.untilSees(victim.entityId, "the victim", (seen) => seen !== undefined);
        await victim.untilSees(player.entityId, player.name, (seen) => seen !== undefined);
        await player.settle();
      }
      await victim.settle();
      const before = [await connectionCount(), await closedCount(fault.reason)];
      await whileFailing(fault, async () => {
        victim.client.send(HeartbeatRequestSchema, {});
        await victim.client.ended();
        await talk();
      });
      assertEquals([await connectionCount(), await closedCount(fault.reason)], [before[0] - 1, before[1] + 1]);
      await using again = await connect(server, "tcp");
      const { gap, success } = await resume(again, victim.entry.resumeToken, victim.client.lastSequence);
      assertEquals([success, gap], [true, false]);
      // What was said meanwhile comes now.
      const last = `line ${lineCount}`;
      await again.until(last, () => again.all(ChatMessageSchema).some(({ message }) => message === last));
      assertNumbered(again, victim.client.lastSequence + 1);
    },
  );
}

/** Why nobody can be accepted for now, and whether the operator is told: it is for want of something. */
const ACCEPT: readonly (SyscallFault & { readonly counts: boolean })[] = [
  { call: "accept4", error: "EMFILE", when: "1..2", counts: true },
  { call: "accept4", error: "ENFILE", when: "1..2", counts: true },
  { call: "accept4", error: "ENOMEM", when: "1..2", counts: true },
  { call: "accept4", error: "ENOBUFS", when: "1..2", counts: true },
  { call: "accept4", error: "EINTR", when: "1..2", counts: false },
  { call: "accept4", error: "ECONNABORTED", when: "1..2", counts: false },
];

for (const { counts, ...fault } of ACCEPT) {
  syscallTest(
    `serve (epoll) takes newcomers after accept4 failed with ${fault.error}, ${
      counts ? "and counts" : "not counting"
    } it`,
    async () => {
      const before = await acceptErrors();
      await whileFailing(fault, async () => {
        await using newcomer = await WireClient.tcp(server.ports.game);
        await talk();
        await isServed(newcomer);
      });
      await using next = await WireClient.webSocket(server.ports.gateway);
      await isServed(next);
      assertEquals(await acceptErrors() - before, counts ? 2 : 0);
    },
  );
}

syscallTest(
  "serve (epoll) closes a newcomer whose epoll_ctl fails with ENOMEM, and takes the next",
  async () => {
    const before = await connectionCount();
    await whileFailing({ call: "epoll_ctl", error: "ENOMEM", when: "1" }, async () => {
      await using newcomer = await WireClient.tcp(server.ports.game);
      await newcomer.ended();
      await using next = await WireClient.tcp(server.ports.game);
      await isServed(next);
      await talk();
    });
    await until("both connections' end", async () => await connectionCount() === before);
  },
);
