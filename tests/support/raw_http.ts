/** HTTP/1.1 by its bytes, for requests that no client library sends. @module */

import { RawSocket, type SocketEnd } from "./raw_socket.ts";
import { join } from "./wire_websocket.ts";

/** One response. */
export interface RawResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection that speaks HTTP. */
export class RawHttp {
  readonly socket: RawSocket;
  #received: Uint8Array = new Uint8Array(0);

  private constructor(socket: RawSocket) {
    this.socket = socket;
    socket.onBytes((bytes) => this.#received = join([this.#received, bytes]));
  }

  /** Connects. */
  static async connect(port: number, localAddress?: string): Promise<RawHttp> {
    return new RawHttp(await RawSocket.connect(port, localAddress));
  }

  /** Connects by TLS; see {@linkcode RawSocket.secure}. */
  static async secure(port: number, localAddress?: string): Promise<RawHttp> {
    return new RawHttp(await RawSocket.secure(port, localAddress));
  }

  /** Bytes that came so far. */
  get receivedBytes(): number {
    return this.#received.length;
  }

  /** Sends text as it is. */
  send(text: string): void {
    this.socket.write(new TextEncoder().encode(text));
  }

  /** Everything that came until the server closed, cut into responses, and how it closed. */
  async readToEnd(): Promise<{ responses: RawResponse[]; end: SocketEnd }> {
    const end = await this.socket.ended;
    const responses: RawResponse[] = [];
    let rest = new TextDecoder().decode(this.#received);
    while (rest !== "") {
      const headEnd = rest.indexOf("\r\n\r\n");
      const [statusLine, ...lines] = rest.slice(0, headEnd).split("\r\n");
      const headers = new Map(lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }));
      // The bodies asked for here are ASCII.
      const bodyEnd = headEnd + 4 + Number(headers.get("content-length") ?? 0);
      responses.push({ status: Number(statusLine.split(" ")[1]), headers, body: rest.slice(headEnd + 4, bodyEnd) });
      rest = rest.slice(bodyEnd);
    }
    return { responses, end };
  }

  /** Closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.socket.close();
  }
}
