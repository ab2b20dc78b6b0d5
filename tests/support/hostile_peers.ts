/**
 * Hostile peers in a process of their own: each goes from one attack to the next, on fresh connections, until standard
 * input ends. Reads one {@linkcode HostilePlan} as a line of JSON and writes one {@linkcode HostileReport} at its end.
 * Every attack is bounded in bytes and time, and goes to this machine.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { HeartbeatRequestSchema, LoginRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { CombatActionSchema } from "../../games/parts/combat/combat_pb.ts";
import { EnterWorldRequestSchema, LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { CheapChance } from "../fuzz/chance.ts";
import { bend, CLIENT_ROWS, payloadPool } from "../fuzz/messages.ts";
import { RawSocket } from "./raw_socket.ts";
import { frame, packet, packetBody, passwordHash } from "./wire.ts";
import { encodeWebSocketFrame, join, OPCODE } from "./wire_websocket.ts";

/** What to attack, and with how many at once. */
export interface HostilePlan {
  readonly loginPort: number;
  readonly gamePort: number;
  readonly gatewayPort: number;
  readonly peerCount: number;
  readonly seed: number;
  /** Session tokens of players who misbehave in the world. */
  readonly tokens: readonly string[];
  /** The names of the attacks of peers without a token; all of them if left out. */
  readonly attacks?: readonly string[];
  /** Longest time one attack holds its connection, in milliseconds. */
  readonly holdMs: number;
}

/** What was done. */
export interface HostileReport {
  /** Attacks by name. */
  readonly attacks: Readonly<Record<string, number>>;
  /** Connections that the server ended before the attack did. */
  readonly endedByServer: number;
}

/** What one attack works with. */
interface Scene {
  readonly plan: HostilePlan;
  readonly chance: CheapChance;
  /** Resolves after some time, or as soon as the server has ended the connection. */
  wait(socket: RawSocket, ms: number): Promise<void>;
}

type Attack = (scene: Scene) => Promise<RawSocket>;

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const HEARTBEAT = packet(HeartbeatRequestSchema, {});
const FLOOD = join(new Array(1_200).fill(HEARTBEAT));
const BOMB = frame(
  packetBody(PacketType.CHAT_MESSAGE, new Uint8Array(deflateRawSync(new Uint8Array(4 * 1_048_576))), {
    isCompressed: true,
  }),
);
const UPGRADE = [
  ...["GET /ws HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"],
  ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
].join("\r\n");
const SMUGGLED = [
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "GET / HTTP/1.1\nHost: a\n\n",
  "GET http://evil/ HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd",
  "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
];

/** Opens a connection, writes, and holds it for a while. */
function attack(
  port: keyof Pick<HostilePlan, "loginPort" | "gamePort" | "gatewayPort">,
  bytesOf: (scene: Scene) => Uint8Array,
): Attack {
  return async (scene) => {
    const socket = await RawSocket.connect(scene.plan[port]);
    socket.onBytes(() => {});
    socket.write(bytesOf(scene));
    await scene.wait(socket, 200 + scene.chance.below(800));
    return socket;
  };
}

/** Writes a piece every now and then. */
function drip(port: keyof Pick<HostilePlan, "gamePort" | "gatewayPort">, bytes: Uint8Array): Attack {
  return async (scene) => {
    const socket = await RawSocket.connect(scene.plan[port]);
    socket.onBytes(() => {});
    const pauseMs = 150;
    for (let at = 0; at * pauseMs < scene.plan.holdMs; at++) {
      socket.write(bytes.subarray(at % bytes.length, at % bytes.length + 1));
      await scene.wait(socket, pauseMs);
    }
    return socket;
  };
}

/** A WebSocket, opened without waiting for the answer, with frames behind it. */
function webSocket(...frames: Uint8Array[]): Attack {
  return attack("gatewayPort", () => join([text(`${UPGRADE}\r\n\r\n`), ...frames]));
}

/** Announces a message of a size, and sends little of it. */
function announced(length: bigint): Uint8Array {
  const head = new Uint8Array(14).fill(0x82, 0, 1).fill(0xff, 1, 2);
  new DataView(head.buffer).setBigUint64(2, length);
  return join([head, new Uint8Array(500)]);
}

function forgedToken(chance: CheapChance): string {
  const encode = (value: unknown) => text(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });
  const nowS = Math.floor(Date.now() / 1_000);
  const claims = {
    iss: "drawbridge",
    aud: "drawbridge",
    sub: "1",
    name: "Mira",
    sid: "x",
    iat: nowS,
    exp: nowS + 9_999,
  };
  const header = { typ: "JWT", alg: chance.pick(["none", "HS256", "RS256"]) };
  return chance.oneIn(5) ? "e".repeat(3_900) : `${encode(header)}.${encode(claims)}.${chance.oneIn(2) ? "" : "AAAA"}`;
}

/** Bytes that fill a fragmented message without an end, some hundred kilobytes of them. */
const FRAGMENTS = join([
  encodeWebSocketFrame({ opcode: OPCODE.BINARY, payload: new Uint8Array(1_000), fin: false }),
  ...new Array(200).fill(
    encodeWebSocketFrame({ opcode: OPCODE.CONTINUATION, payload: new Uint8Array(1_000), fin: false }),
  ),
]);

/** Attacks that need no account, by name. */
const ATTACKS: Readonly<Record<string, Attack>> = {
  "flood of packets": attack("gamePort", () => FLOOD),
  "noise": attack("gamePort", ({ chance }) => chance.bytes(2_000)),
  "announced length": attack("gamePort", () => new Uint8Array([0xff, 0xff, 0xff, 0x7f, 1, 2, 3])),
  "decompression bomb": attack("gamePort", () => BOMB),
  "bent packets": attack("gamePort", ({ chance }) =>
    join(Array.from({ length: 12 }, () => {
      const row = chance.pick(CLIENT_ROWS);
      const [{ payload, isCompressed }] = payloadPool(chance, row, 1);
      const bytes = frame(packetBody(row.type, payload, { isCompressed }));
      return chance.oneIn(4) ? bend(chance, bytes) : bytes;
    }))),
  "silence": async (scene) => {
    const socket = await RawSocket.connect(scene.chance.pick([scene.plan.gamePort, scene.plan.gatewayPort]));
    await scene.wait(socket, scene.plan.holdMs);
    return socket;
  },
  "frame byte by byte": drip("gamePort", HEARTBEAT),
  "head byte by byte": drip("gatewayPort", text("GET / HTTP/1.1\r\nHost: a\r\nX-A: ".padEnd(4_000, "b"))),
  "huge head": attack("gatewayPort", () => text(`GET / HTTP/1.1\r\nHost: a\r\nX-A: ${"b".repeat(20_000)}\r\n\r\n`)),
  "smuggled request": attack("gatewayPort", ({ chance }) => text(chance.pick(SMUGGLED))),
  "page of another origin": attack("gatewayPort", () => text(`${UPGRADE}\r\nOrigin: https://evil.example\r\n\r\n`)),
  "unmasked frame": webSocket(encodeWebSocketFrame({ opcode: OPCODE.BINARY, payload: HEARTBEAT, masked: false })),
  "text message": webSocket(encodeWebSocketFrame({ opcode: OPCODE.TEXT, payload: "hello" })),
  "oversized message": webSocket(announced(2n ** 40n)),
  "fragments without an end": webSocket(FRAGMENTS),
  "guessed password": attack("loginPort", ({ chance }) =>
    packet(LoginRequestSchema, {
      username: `Guess${chance.below(1_000)}`,
      passwordHash: passwordHash(String(chance.below(9_999))),
      clientVersion: "1.0.0",
    })),
  "forged token": attack(
    "gamePort",
    ({ chance }) => packet(EnterWorldRequestSchema, { sessionToken: forgedToken(chance) }),
  ),
  "guessed resume token": attack(
    "gamePort",
    () => packet(ResumeRequestSchema, { resumeToken: randomBytes(24).toString("base64url") }),
  ),
  "broken connection": async ({ plan }) => {
    const socket = await RawSocket.connect(plan.gamePort);
    socket.write(HEARTBEAT.subarray(0, 7));
    socket.reset();
    return socket;
  },
};

/** Plays against the rules: enters, then sends what no client should, as fast as is allowed and faster. */
async function cheat(scene: Scene, sessionToken: string): Promise<RawSocket> {
  const { chance, plan } = scene;
  const socket = await RawSocket.connect(plan.gamePort);
  socket.onBytes(() => {});
  socket.write(packet(EnterWorldRequestSchema, { sessionToken }));
  for (let spentMs = 0; spentMs < plan.holdMs; spentMs += 100) {
    await scene.wait(socket, 100);
    const moves = Array.from({ length: 8 }, () =>
      packet(MovementUpdateSchema, {
        position: { x: chance.pick([NaN, -5, 1e30, 500]), y: 0, z: chance.below(1_000) },
        sequenceNumber: chance.below(9),
      }));
    // Never a blow that the rules allow: a skill that nobody has, or a target that does not exist.
    const blow = packet(
      CombatActionSchema,
      chance.pick([
        { skillId: 1_000 + chance.below(9), targetId: BigInt(chance.below(2_000)) },
        { skillId: chance.below(9), targetId: BigInt(1_000_000 + chance.below(2_000)) },
      ]),
    );
    const whisper = packet(ChatMessageSchema, { channel: 4, recipientName: "nobody", message: "x".repeat(300) });
    socket.write(join([...moves, blow, whisper]));
    // A client that never reads makes the server keep what it cannot send.
    if (chance.oneIn(8)) socket.pause();
  }
  socket.write(packet(LeaveWorldRequestSchema, {}));
  return socket;
}

async function run(plan: HostilePlan, isOver: () => boolean): Promise<HostileReport> {
  const attacks: Record<string, number> = {};
  let endedByServer = 0;
  const names = plan.attacks ?? Object.keys(ATTACKS);
  const runOne = async (index: number) => {
    const chance = new CheapChance(plan.seed + 7_919 * index);
    const token = plan.tokens[index];
    for (let round = 0; !isOver(); round++) {
      let hasEnded = false;
      const scene: Scene = {
        plan,
        chance,
        wait: async (socket, ms) => {
          if (isOver() || hasEnded) return;
          let timer: ReturnType<typeof setTimeout> | undefined;
          const ended = socket.ended.then(() => hasEnded = true);
          await Promise.race([new Promise((resolve) => timer = setTimeout(resolve, ms)), ended]);
          clearTimeout(timer);
        },
      };
      const name = token !== undefined ? "cheat" : names[(index + round) % names.length];
      try {
        const socket = await (token !== undefined ? cheat(scene, token) : ATTACKS[name](scene));
        await socket.close();
        attacks[name] = (attacks[name] ?? 0) + 1;
      } catch {
        attacks["refused connection"] = (attacks["refused connection"] ?? 0) + 1;
      }
      if (hasEnded) endedByServer++;
      await new Promise((resolve) => setTimeout(resolve, 100 + chance.below(400)));
    }
  };
  await Promise.all(Array.from({ length: plan.peerCount }, (_, index) => runOne(index)));
  return { attacks, endedByServer };
}

/** Hostile peers that run. */
export class HostilePeers {
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
  }

  /** Starts them. */
  static async start(plan: HostilePlan): Promise<HostilePeers> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "-A", new URL(import.meta.url).pathname],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(text(`${JSON.stringify(plan)}\n`));
    writer.releaseLock();
    return new HostilePeers(child);
  }

  /** Ends them; gives what they did. */
  async stop(): Promise<HostileReport> {
    await this.#child.stdin.close();
    const { stdout, success } = await this.#child.output();
    if (!success) throw new Error("The hostile peers' process failed");
    return JSON.parse(new TextDecoder().decode(stdout));
  }
}

if (import.meta.main) {
  let input = "";
  let isOver = false;
  const started = Promise.withResolvers<HostilePlan>();
  const reading = (async () => {
    for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      input += chunk;
      if (input.includes("\n")) started.resolve(JSON.parse(input));
    }
    isOver = true;
  })();
  const report = await run(await started.promise, () => isOver);
  await reading;
  console.log(JSON.stringify(report));
}
