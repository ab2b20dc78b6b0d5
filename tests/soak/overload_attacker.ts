/**
 * The attackers of `deno task soak:overload`, in a process of their own: many connections from some addresses, which do
 * what their attack says until standard input ends. Reads one {@linkcode AttackerPlan} as a line of JSON; prints how
 * many connections there were and how many bytes were written.
 *
 * @module
 */

import net from "node:net";
import tls from "node:tls";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { packet } from "../support/wire.ts";
import { join } from "../support/wire_websocket.ts";
import { ATTACK_MARK, OVERLOAD_ATTACKS } from "./overload_attacks.ts";

/** What to do. */
export interface AttackerPlan {
  readonly attack: string;
  readonly port: number;
  /** Where from. */
  readonly addresses: readonly string[];
  /** Session tokens of those who are players. */
  readonly tokens: readonly string[];
  /** Connections of each address at once. */
  readonly connectionsPerAddress: number;
}

/** Time before a connection that has ended is made anew, in milliseconds: an address may open 100 a second. */
const RECONNECT_MS = 100;

const reader = Deno.stdin.readable.getReader();
const [line] = new TextDecoder().decode((await reader.read()).value).split("\n");
const plan: AttackerPlan = JSON.parse(line);
const attack = OVERLOAD_ATTACKS[plan.attack];
let connectionCount = 0;
let byteCount = 0;

let lineCount = 0;

/** The next line that is said to everyone: honest players know it by its first letter. */
function nextLine(): Uint8Array {
  return packet(ChatMessageSchema, { channel: Channel.GLOBAL, message: `${ATTACK_MARK}${++lineCount}` });
}

/** What a connection begins with. */
function headOf(token: string | undefined): Uint8Array {
  if (attack.linesAtOnce === undefined) return attack.head;
  const lines = Array.from({ length: attack.linesAtOnce }, nextLine);
  return join([packet(EnterWorldRequestSchema, { sessionToken: token }), ...lines]);
}

function attackFrom(localAddress: string, token?: string): void {
  const tcp = net.connect({ port: plan.port, host: "127.0.0.1", localAddress, noDelay: true });
  const socket = attack.speaksTls ? tls.connect({ socket: tcp, rejectUnauthorized: false }) : tcp;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let at = 0;
  const { body, everyMs, linesAtOnce, pieceBytes = body?.length ?? 0 } = attack;
  const nextPiece = (): Uint8Array | undefined => {
    if (linesAtOnce !== undefined) return nextLine();
    const piece = body?.subarray(at, at + pieceBytes);
    at = at + pieceBytes >= (body?.length ?? 0) ? 0 : at + pieceBytes;
    return piece;
  };
  const writeBody = (): void => {
    const piece = socket.destroyed ? undefined : nextPiece();
    if (piece === undefined) return;
    byteCount += piece.length;
    const takenAtOnce = socket.write(piece);
    if (everyMs > 0) timer = setTimeout(writeBody, everyMs);
    else if (takenAtOnce) timer = setTimeout(writeBody, 0);
    else socket.once("drain", writeBody);
  };
  socket.on(attack.speaksTls ? "secureConnect" : "connect", () => {
    connectionCount++;
    const head = headOf(token);
    byteCount += head.length;
    if (attack.comesAndGoes) socket.write(head, () => tcp.resetAndDestroy());
    else socket.write(head, writeBody);
  });
  socket.on("data", () => {});
  socket.on("error", () => {});
  socket.on("close", () => {
    clearTimeout(timer);
    setTimeout(() => attackFrom(localAddress, token), RECONNECT_MS * (0.5 + Math.random()));
  });
}

const tokens = [...plan.tokens];
for (const address of plan.addresses) {
  for (let count = 0; count < plan.connectionsPerAddress; count++) {
    // An address may open 500 at once.
    setTimeout(() => attackFrom(address, tokens.pop()), count * 4);
  }
}
await reader.read();
console.log(JSON.stringify({ connectionCount, byteCount }));
Deno.exit(0);
