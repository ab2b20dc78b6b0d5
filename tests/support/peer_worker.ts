/// <reference lib="deno.worker" />
/**
 * A TCP server in a thread of its own, for clients that block theirs: does one thing with its only connection.
 *
 * @module
 */

/** What to do with the connection. */
export type PeerTask =
  | { readonly kind: "hang_up" }
  | { readonly kind: "greet" }
  /** Reads so many bytes once it is told to, then writes as many as `replyBytes`. */
  | { readonly kind: "swallow"; readonly bytes: number; readonly replyBytes: number };

/** What the server tells. */
export type PeerReport =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "done"; readonly remoteAddress: string; readonly sum: number };

const told = Promise.withResolvers<void>();

async function swallow(conn: Deno.TcpConn, bytes: number): Promise<number> {
  await told.promise;
  const buffer = new Uint8Array(65_536);
  let sum = 0;
  for (let left = bytes; left > 0;) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error(`${left} bytes are missing`);
    for (let at = 0; at < count; at++) sum += buffer[at];
    left -= count;
  }
  return sum;
}

async function serve(task: PeerTask): Promise<void> {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  self.postMessage({ kind: "listening", port: listener.addr.port } satisfies PeerReport);
  using conn = await listener.accept();
  const remoteAddress = conn.remoteAddr.hostname;
  let sum = 0;
  if (task.kind === "swallow") {
    sum = await swallow(conn, task.bytes);
    const reply = new Uint8Array(task.replyBytes).fill(1);
    for (let sent = 0; sent < reply.length;) sent += await conn.write(reply.subarray(sent));
  } else if (task.kind === "greet") {
    await conn.write(Uint8Array.of(1));
  }
  self.postMessage({ kind: "done", remoteAddress, sum } satisfies PeerReport);
  // Until the client hangs up, with or without a word.
  if (task.kind !== "hang_up") await conn.read(new Uint8Array(1)).catch(() => null);
}

self.onmessage = ({ data }: MessageEvent<PeerTask | { readonly kind: "read" }>) => {
  if (data.kind === "read") told.resolve();
  else {
    serve(data).catch((error) => {
      // A client that is only greeted may be gone before.
      if (data.kind !== "greet") throw error;
    });
  }
};
