/**
 * The attackers of `deno task soak:overload`, in a process of their own: many connections from some addresses, which do
 * what their attack says until standard input ends. Reads one {@linkcode AttackerPlan} as a line of JSON; prints how
 * many connections there were and how many bytes were written.
 *
 * @module
 */

import net from "node:net";
import { OVERLOAD_ATTACKS } from "./overload_attacks.ts";

/** What to do. */
export interface AttackerPlan {
  readonly attack: string;
  readonly port: number;
  /** Where from. */
  readonly addresses: readonly string[];
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

function attackFrom(localAddress: string): void {
  const socket = net.connect({ port: plan.port, host: "127.0.0.1", localAddress, noDelay: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let at = 0;
  const { body, everyMs, pieceBytes = body?.length ?? 0 } = attack;
  const writeBody = (): void => {
    if (body === undefined || socket.destroyed) return;
    const piece = body.subarray(at, at + pieceBytes);
    at = at + pieceBytes >= body.length ? 0 : at + pieceBytes;
    byteCount += piece.length;
    const takenAtOnce = socket.write(piece);
    if (everyMs > 0) timer = setTimeout(writeBody, everyMs);
    else if (takenAtOnce) timer = setTimeout(writeBody, 0);
    else socket.once("drain", writeBody);
  };
  socket.on("connect", () => {
    connectionCount++;
    byteCount += attack.head.length;
    if (attack.comesAndGoes) socket.write(attack.head, () => socket.resetAndDestroy());
    else socket.write(attack.head, writeBody);
  });
  socket.on("data", () => {});
  socket.on("error", () => {});
  socket.on("close", () => {
    clearTimeout(timer);
    setTimeout(() => attackFrom(localAddress), RECONNECT_MS * (0.5 + Math.random()));
  });
}

for (const address of plan.addresses) {
  for (let count = 0; count < plan.connectionsPerAddress; count++) {
    // An address may open 500 at once.
    setTimeout(() => attackFrom(address), count * 4);
  }
}
await reader.read();
console.log(JSON.stringify({ connectionCount, byteCount }));
Deno.exit(0);
