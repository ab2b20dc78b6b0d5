/**
 * The client engine on Linux's epoll, through FFI: one receive buffer for all sockets, no objects per packet. The load
 * test shares its machine with the server, so it must cost far less.
 *
 * @module
 */

import { encodeSocketAddress, SOCKET_ADDRESS_BYTES } from "../../server/io/socket_address.ts";
import { EPOLL_EVENTS_PER_ROUND_MAX, READ_CHUNK_BYTES } from "../../shared/limits.ts";
import { ClientLibc, type ClientLibcCalls, Errno, errnoWords } from "./client_libc.ts";
import {
  type ClientEngine,
  type ClientSocket,
  CLOSED_BY_SERVER,
  type Endpoint,
  type EngineDriver,
  type SocketHandler,
} from "./engine.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const SO_LINGER = 13;
const IPPROTO_IP = 0;
const IP_BIND_ADDRESS_NO_PORT = 24;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const CLOCK_MONOTONIC = 1;

/** `struct epoll_event` is packed on x86_64 only: `events u32, data u64`. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const EVENT_DATA_OFFSET = EVENT_BYTES - 8;

/** Rounds before timers, messages and promises have their turn. */
const ROUNDS_PER_TURN = 100;
/** A wait of more than this, in microseconds, that nothing ended is an idle moment. */
const IDLE_US = 2_000;
/** Sends due within this are waited for together, in microseconds: fewer wake-ups, and less than a packet takes. */
const WAIT_MIN_US = 100;
/** Longest wait, in microseconds. */
const WAIT_MAX_US = 20_000;
/** Clocks are compared this often before a run; the quickest comparison counts. */
const CLOCK_COMPARISONS = 20;
const PENDING_BYTES_MIN = 1_024;

/** The engine. It blocks its thread while nothing happens, so it needs one of its own. */
export class EpollClient implements ClientEngine {
  readonly bindsSource = true;
  readonly #libc = new ClientLibc();
  readonly #calls: ClientLibcCalls;
  readonly #epoll: number;
  readonly #events = new Uint8Array(EPOLL_EVENTS_PER_ROUND_MAX * EVENT_BYTES);
  readonly #eventWords = new Uint32Array(this.#events.buffer);
  readonly #change = new Uint8Array(EVENT_BYTES);
  readonly #changeView = new DataView(this.#change.buffer);
  readonly #received = new Uint8Array(READ_CHUNK_BYTES);
  readonly #sockets: (EpollClientSocket | undefined)[] = [];
  /** Sockets that broke, until the round is over: handlers are not called from within their own calls. */
  #broken: EpollClientSocket[] = [];
  readonly #time = new Uint8Array(16);
  readonly #timeWords = new Uint32Array(this.#time.buffer);
  readonly #wait = new Uint8Array(16);
  readonly #waitWords = new Uint32Array(this.#wait.buffer);
  readonly #clockOffsetUs: number;

  /** @param baseUnixMs Where the shared clock begins, in Unix milliseconds. */
  constructor(baseUnixMs: number) {
    this.#calls = this.#libc.calls;
    this.#epoll = this.#calls.epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw new Error(`Cannot create epoll: ${errnoWords(this.#libc.errno)}`);
    this.#clockOffsetUs = this.#compareClocks() - baseUnixMs * 1_000;
  }

  nowUs(): number {
    return this.#monotonicUs() + this.#clockOffsetUs;
  }

  #monotonicUs(): number {
    this.#calls.clock_gettime(CLOCK_MONOTONIC, this.#time);
    return this.#timeWords[0] * 1e6 + this.#timeWords[2] / 1e3;
  }

  /** What turns the kernel's clock into Unix microseconds; Deno's own is exact too, and slower to ask. */
  #compareClocks(): number {
    let offsetUs = 0, shortestUs = Infinity;
    for (let count = 0; count < CLOCK_COMPARISONS; count++) {
      const before = this.#monotonicUs();
      const unixUs = (performance.timeOrigin + performance.now()) * 1_000;
      const after = this.#monotonicUs();
      if (after - before >= shortestUs) continue;
      shortestUs = after - before;
      offsetUs = unixUs - (before + after) / 2;
    }
    return offsetUs;
  }

  connect(endpoint: Endpoint, handler: SocketHandler): ClientSocket {
    const address = encodeSocketAddress(endpoint.address, endpoint.port);
    const calls = this.#calls;
    const family = address.length === SOCKET_ADDRESS_BYTES ? AF_INET6 : AF_INET;
    const descriptor = calls.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const socket = new EpollClientSocket(this, this.#calls, descriptor, handler);
    if (descriptor < 0) {
      this.break(socket, errnoWords(this.#libc.errno));
      return socket;
    }
    this.#sockets[descriptor] = socket;
    this.#setOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    // Closing resets: thousands of ports would stay in TIME_WAIT for a minute.
    this.#calls.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]), 8);
    if (endpoint.source !== undefined && !this.#bind(descriptor, endpoint.source)) {
      this.break(socket, errnoWords(this.#libc.errno));
    } else if (
      calls.connect(descriptor, address, address.length) < 0 && this.#libc.errno !== Errno.EINPROGRESS
    ) {
      this.break(socket, errnoWords(this.#libc.errno));
    } else {
      this.control(EPOLL_CTL_ADD, descriptor, EPOLLIN | EPOLLOUT);
    }
    return socket;
  }

  /** The port is chosen at connect, so that it may be in use towards others. */
  #bind(descriptor: number, source: string): boolean {
    this.#setOption(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const address = encodeSocketAddress(source, 0);
    return this.#calls.bind(descriptor, address, address.length) === 0;
  }

  #setOption(descriptor: number, level: number, option: number, value: number): void {
    this.#calls.setsockopt(descriptor, level, option, new Int32Array([value]), 4);
  }

  run(driver: EngineDriver): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        try {
          if (this.#turn(driver)) setImmediate(turn);
          else resolve();
        } catch (error) {
          this.#close();
          reject(error);
        }
      };
      turn();
    });
  }

  /** Rounds until it is the event loop's turn; gives whether there are more to come. */
  #turn(driver: EngineDriver): boolean {
    for (let round = 0; round < ROUNDS_PER_TURN; round++) {
      const waitUs = driver.onRound();
      if (waitUs < 0) {
        this.#close();
        return false;
      }
      const count = this.#poll(this.#broken.length > 0 ? 0 : Math.min(waitUs, WAIT_MAX_US));
      for (let index = 0; index < count; index++) this.#serve(index);
      this.#tellBroken();
      // An idle moment is a good one for the rest of the thread.
      if (count <= 0 && waitUs > IDLE_US) break;
    }
    return true;
  }

  #poll(waitUs: number): number {
    if (this.#calls.epoll_pwait2 === null) {
      return this.#calls.epoll_wait(this.#epoll, this.#events, EPOLL_EVENTS_PER_ROUND_MAX, Math.ceil(waitUs / 1_000));
    }
    this.#waitWords[2] = (waitUs <= 0 ? 0 : Math.max(WAIT_MIN_US, waitUs)) * 1_000;
    return this.#calls.epoll_pwait2(this.#epoll, this.#events, EPOLL_EVENTS_PER_ROUND_MAX, this.#wait, null);
  }

  #serve(index: number): void {
    const at = index * EVENT_BYTES;
    const events = this.#eventWords[at >>> 2];
    const socket = this.#sockets[this.#eventWords[(at + EVENT_DATA_OFFSET) >>> 2]];
    if (socket === undefined) return;
    if ((events & EPOLLOUT) !== 0) socket.continueWrite();
    // EPOLLERR and EPOLLHUP come unasked: reading tells what they mean.
    if ((events & ~EPOLLOUT) !== 0) socket.receive(this.#received);
  }

  /** Why a connection could not be made, or `""`. */
  connectError(descriptor: number): string {
    const error = new Int32Array(1);
    this.#calls.getsockopt(descriptor, SOL_SOCKET, SO_ERROR, error, new Uint32Array([4]));
    return error[0] === 0 ? "" : errnoWords(error[0]);
  }

  /** Reads what has arrived on a socket. */
  readNow(socket: EpollClientSocket): void {
    socket.receive(this.#received);
  }

  /** Why the call before failed. */
  get errno(): number {
    return this.#libc.errno;
  }

  /** Adds, changes or removes what a descriptor waits for. */
  control(operation: number, descriptor: number, events: number): void {
    this.#changeView.setUint32(0, events, true);
    this.#changeView.setUint32(EVENT_DATA_OFFSET, descriptor, true);
    this.#calls.epoll_ctl(this.#epoll, operation, descriptor, this.#change);
  }

  /** Says that a socket is of no use any more. */
  break(socket: EpollClientSocket, reason: string): void {
    if (socket.brokenReason !== "") return;
    socket.brokenReason = reason;
    // A level-triggered error would be told again every round.
    if (socket.descriptor >= 0) this.control(EPOLL_CTL_DEL, socket.descriptor, 0);
    this.#broken.push(socket);
  }

  #tellBroken(): void {
    if (this.#broken.length === 0) return;
    const broken = this.#broken;
    this.#broken = [];
    for (const socket of broken) {
      if (socket.closed) continue;
      this.release(socket);
      socket.handler.onClosed(socket.brokenReason);
    }
  }

  /** Gives the descriptor back. */
  release(socket: EpollClientSocket): void {
    if (socket.closed) return;
    socket.closed = true;
    if (socket.descriptor < 0) return;
    this.#sockets[socket.descriptor] = undefined;
    this.#calls.close(socket.descriptor);
  }

  #close(): void {
    for (const socket of this.#sockets) if (socket !== undefined) this.release(socket);
    this.#calls.close(this.#epoll);
    this.#libc.close();
  }
}

class EpollClientSocket implements ClientSocket {
  /** Why it is of no use any more; its handler hears so when the round is over. */
  brokenReason = "";
  closed = false;
  readonly #engine: EpollClient;
  readonly #calls: ClientLibcCalls;
  #connecting = true;
  /** What epoll is to tell of, EPOLLOUT aside: nothing while it reads lazily. */
  #readEvents = EPOLLIN;
  /** What the kernel has not taken: `#pending[#start, #end)`. */
  #pending: Uint8Array<ArrayBuffer> | null = null;
  #start = 0;
  #end = 0;

  constructor(
    engine: EpollClient,
    calls: ClientLibcCalls,
    readonly descriptor: number,
    readonly handler: SocketHandler,
  ) {
    this.#engine = engine;
    this.#calls = calls;
  }

  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  get #ended(): boolean {
    return this.closed || this.brokenReason !== "";
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#ended) return;
    if (this.#pending === null) {
      start = this.#write(bytes as Uint8Array<ArrayBuffer>, start, end);
      if (start === end || this.#ended) return;
      this.#engine.control(EPOLL_CTL_MOD, this.descriptor, this.#readEvents | EPOLLOUT);
    }
    this.#keep(bytes, start, end);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const neededBytes = this.pendingBytes + end - start;
    if (this.#pending === null || this.#pending.length - this.#end < end - start) {
      const grown = new Uint8Array(Math.max(PENDING_BYTES_MIN, 2 * neededBytes));
      if (this.#pending !== null) grown.set(this.#pending.subarray(this.#start, this.#end));
      this.#end = this.pendingBytes;
      this.#start = 0;
      this.#pending = grown;
    }
    this.#pending.set(bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  /** The connection is made, or the kernel has room again. */
  continueWrite(): void {
    if (this.#ended) return;
    if (this.#connecting) {
      const reason = this.#engine.connectError(this.descriptor);
      if (reason !== "") return this.#engine.break(this, reason);
      this.#connecting = false;
      if (this.#pending === null) this.#engine.control(EPOLL_CTL_MOD, this.descriptor, this.#readEvents);
      this.handler.onOpen();
      return;
    }
    if (this.#pending === null) return;
    this.#start = this.#write(this.#pending, this.#start, this.#end);
    if (this.#start < this.#end || this.#ended) return;
    this.#pending = null;
    this.#start = this.#end = 0;
    this.#engine.control(EPOLL_CTL_MOD, this.descriptor, this.#readEvents);
  }

  /** Reads once: what a busy server has more to say waits for the next round, behind everyone else. */
  receive(buffer: Uint8Array<ArrayBuffer>): void {
    if (this.#ended || this.#connecting) return;
    const count = this.#calls.recv(this.descriptor, buffer, buffer.length, 0);
    if (count > 0) return this.handler.onBytes(buffer, 0, count);
    if (count === 0) return this.#engine.break(this, CLOSED_BY_SERVER);
    const { errno } = this.#engine;
    if (errno !== Errno.EAGAIN && errno !== Errno.EINTR) this.#engine.break(this, errnoWords(errno));
  }

  /** Sends what the kernel takes; gives where the rest begins. */
  #write(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): number {
    while (start < end) {
      const from = start === 0 ? bytes : bytes.subarray(start);
      const count = this.#calls.send(this.descriptor, from, end - start, MSG_NOSIGNAL);
      if (count > 0) {
        start += count;
        continue;
      }
      const { errno } = this.#engine;
      if (errno === Errno.EINTR) continue;
      if (errno !== Errno.EAGAIN) this.#engine.break(this, errnoWords(errno));
      break;
    }
    return start;
  }

  setLazy(isLazy: boolean): void {
    const events = isLazy ? 0 : EPOLLIN;
    if (this.#ended || events === this.#readEvents) return;
    this.#readEvents = events;
    const writes = this.#connecting || this.#pending !== null ? EPOLLOUT : 0;
    this.#engine.control(EPOLL_CTL_MOD, this.descriptor, events | writes);
  }

  readNow(): void {
    this.#engine.readNow(this);
  }

  close(): void {
    this.#engine.release(this);
  }
}
