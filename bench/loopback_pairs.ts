/**
 * Connected loopback sockets, to time the calls of the kernel that the epoll backend makes.
 *
 * @module
 */

import { Libc } from "../server/base/libc.ts";
import { encodeSocketAddress, portOf, SOCKET_ADDRESS_BYTES } from "../server/io/socket_address.ts";
import { assert } from "../shared/errors.ts";
import { ClientLibc } from "../tools/loadtest/client_libc.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;

/** The calls of a server that echoes. */
export type EchoCall = "wait" | "receive" | "send";

/** Pairs of a client's and a server's socket; one thread holds both ends. */
export class LoopbackPairs implements Disposable {
  readonly #libc = new Libc();
  readonly #client = new ClientLibc();
  readonly #clients: number[] = [];
  readonly #servers: number[] = [];
  readonly #epoll: number;
  readonly #events: Uint8Array<ArrayBuffer>;
  readonly #buffer = new Uint8Array(65_536);

  /** @param count Pairs. */
  constructor(count: number) {
    const { calls } = this.#libc;
    const noDelay = new Int32Array([1]);
    const any = encodeSocketAddress("127.0.0.1", 0);
    const listener = calls.socket(AF_INET, SOCK_STREAM, 0);
    calls.setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, noDelay, 4);
    assert(calls.bind(listener, any, any.length) === 0 && calls.listen(listener, count) === 0, "It listens");
    const bound = new Uint8Array(SOCKET_ADDRESS_BYTES);
    calls.getsockname(listener, bound, new Uint32Array([SOCKET_ADDRESS_BYTES]));
    const address = encodeSocketAddress("127.0.0.1", portOf(bound));
    this.#epoll = calls.epoll_create1(0);
    this.#events = new Uint8Array(count * EVENT_BYTES);
    for (let pair = 0; pair < count; pair++) {
      const client = calls.socket(AF_INET, SOCK_STREAM, 0);
      calls.setsockopt(client, IPPROTO_TCP, TCP_NODELAY, noDelay, 4);
      assert(this.#client.calls.connect(client, address, address.length) === 0, "It connects");
      const server = calls.accept4(listener, null, null, SOCK_NONBLOCK);
      const change = new Uint8Array(EVENT_BYTES);
      new DataView(change.buffer).setUint32(0, EPOLLIN, true);
      assert(calls.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, server, change) === 0, "It is waited for");
      this.#clients.push(client);
      this.#servers.push(server);
    }
    calls.close(listener);
  }

  /**
   * Echoes so many packets, one a pair and round, and times one of the server's calls. `send` takes a packet all the way
   * into the peer's socket; `wait` finds all pairs ready.
   *
   * @returns Milliseconds.
   */
  time(call: EchoCall, packets: number, packet: Uint8Array<ArrayBuffer>): number {
    let ms = 0;
    for (let left = packets; left > 0; left -= this.#clients.length) {
      this.#send(this.#clients, packet);
      const waitMs = this.#timed(() => this.#wait());
      const receiveMs = this.#timed(() => this.#receive(this.#servers, packet.length));
      const sendMs = this.#timed(() => this.#send(this.#servers, packet));
      this.#receive(this.#clients, packet.length);
      ms += { wait: waitMs, receive: receiveMs, send: sendMs }[call];
    }
    return ms;
  }

  #wait(): void {
    const found = this.#libc.calls.epoll_wait(this.#epoll, this.#events, this.#servers.length, 0);
    assert(found === this.#servers.length, "All are ready");
  }

  #timed(act: () => void): number {
    const startMs = performance.now();
    act();
    return performance.now() - startMs;
  }

  #send(descriptors: readonly number[], packet: Uint8Array<ArrayBuffer>): void {
    const { calls } = this.#libc;
    for (const descriptor of descriptors) {
      assert(calls.send(descriptor, packet, packet.length, MSG_NOSIGNAL) === packet.length, "It is sent");
    }
  }

  #receive(descriptors: readonly number[], bytes: number): void {
    const { calls } = this.#libc;
    for (const descriptor of descriptors) {
      assert(calls.recv(descriptor, this.#buffer, this.#buffer.length, 0) === bytes, "It is received");
    }
  }

  [Symbol.dispose](): void {
    for (const descriptor of [...this.#clients, ...this.#servers, this.#epoll]) this.#libc.calls.close(descriptor);
    this.#client.close();
    this.#libc.close();
  }
}
