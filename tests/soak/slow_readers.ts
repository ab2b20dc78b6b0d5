/**
 * Players that enter the world and never read a byte: their kernel takes next to nothing for them. They go on sending
 * heartbeats, so that nothing but their not reading can be held against them. Linux only.
 *
 * @module
 */

import { encodeSocketAddress } from "../../server/io/socket_address.ts";
import { HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { ClientLibc, errnoWords } from "../../tools/loadtest/client_libc.ts";
import { packet } from "../support/wire.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_LINGER = 13;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** What is asked for; the kernel makes its least of it, some 2 KiB. */
const RECEIVE_BUFFER_BYTES = 1_024;
const HEARTBEAT = packet(HeartbeatRequestSchema, {}) as Uint8Array<ArrayBuffer>;

/** The players. */
export class SlowReaders implements Disposable {
  readonly #libc = new ClientLibc();
  readonly #descriptors: number[] = [];
  /** Whose heartbeat is next. */
  #next = 0;

  /** Players whose connection is not known to be broken. */
  get count(): number {
    return this.#descriptors.length;
  }

  /**
   * Connects one more and sends its entry into the world.
   *
   * @throws {Error} when the server cannot be reached.
   */
  enter(gamePort: number, sessionToken: string): void {
    const { calls } = this.#libc;
    const address = encodeSocketAddress("127.0.0.1", gamePort);
    const descriptor = calls.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) throw this.#error("make socket");
    this.#descriptors.push(descriptor);
    calls.setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, new Int32Array([RECEIVE_BUFFER_BYTES]), 4);
    calls.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]), 8);
    if (calls.connect(descriptor, address, address.length) < 0) throw this.#error("connect");
    if (!this.#send(descriptor, packet(EnterWorldRequestSchema, { sessionToken }))) throw this.#error("enter");
  }

  /** Sends heartbeats from the next `count` of them, in turn. */
  beat(count: number): void {
    for (let sent = 0; sent < count && this.#descriptors.length > 0; sent++) {
      if (this.#next >= this.#descriptors.length) this.#next = 0;
      const descriptor = this.#descriptors[this.#next];
      if (this.#send(descriptor, HEARTBEAT)) {
        this.#next++;
      } else {
        this.#libc.calls.close(descriptor);
        this.#descriptors.splice(this.#next, 1);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#descriptors) this.#libc.calls.close(descriptor);
    this.#libc.close();
  }

  #send(descriptor: number, bytes: Uint8Array): boolean {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return this.#libc.calls.send(descriptor, bytes as Uint8Array<ArrayBuffer>, bytes.length, flags) === bytes.length;
  }

  #error(act: string): Error {
    return new Error(`Cannot ${act}: ${errnoWords(this.#libc.errno)}`);
  }
}
