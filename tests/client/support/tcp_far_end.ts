/** A server of bare TCP, for the contract of transports. @module */

import type { Transport } from "../../../client/transport.ts";
import type { FarEnd, FarServer } from "./transport_contract.ts";

class TcpFarEnd implements FarEnd {
  readonly #conn: Deno.TcpConn;
  isClosed = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length;) start += await this.#conn.write(bytes.subarray(start));
  }

  async read(byteCount: number): Promise<Uint8Array> {
    const received = new Uint8Array(byteCount);
    let receivedBytes = 0;
    while (receivedBytes < byteCount) {
      const readBytes = await this.#conn.read(received.subarray(receivedBytes));
      if (readBytes === null) break;
      receivedBytes += readBytes;
    }
    return received.subarray(0, receivedBytes);
  }

  close(): void {
    if (!this.isClosed) this.#conn.close();
    this.isClosed = true;
  }
}

/** A listening TCP server, and a way to connect to it. */
export function listenTcp(
  connectTcp: (options: { port: number; signal?: AbortSignal }) => Promise<Transport>,
): FarServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const ends: TcpFarEnd[] = [];
  return {
    connect: (signal) => connectTcp({ port, signal }),
    async accept() {
      const end = new TcpFarEnd(await listener.accept());
      ends.push(end);
      return end;
    },
    stop() {
      listener.close();
      for (const end of ends) end.close();
      return Promise.resolve();
    },
  };
}
