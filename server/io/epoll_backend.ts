/**
 * The io backend on Linux's epoll, through FFI: one receive buffer for all connections. No TLS.
 *
 * Fairness: the loop goes over the sockets that have something, each once, before it asks the kernel again, and takes as
 * many rounds for it as time wants.
 *
 * @module
 */

import {
  ACCEPT_PAUSE_MS,
  ACCEPTS_PER_ROUND_MAX,
  EPOLL_EVENTS_PER_ROUND_MAX,
  EPOLL_TURN_MS,
  EPOLL_WAIT_MS,
  EPOLL_YIELD_EVENTS_MAX,
  READ_CHUNK_BYTES,
  SOCKET_UNSENT_BYTES_MAX,
  TCP_USER_TIMEOUT_MS,
} from "../../shared/limits.ts";
import type {
  AcceptHandler,
  IoBackend,
  Listener,
  ListenOptions,
  LoopHandler,
  Socket,
  SocketHandler,
} from "./backend.ts";
import type { DescriptorSet } from "./descriptor_set.ts";
import { Errno, Libc, type LibcCalls } from "../base/libc.ts";
import { AF_INET6, encodeSocketAddress, hostnameOf, portOf, SOCKET_ADDRESS_BYTES } from "./socket_address.ts";

const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_LINGER = 13;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_USER_TIMEOUT = 18;
const TCP_NOTSENT_LOWAT = 25;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EPOLLERR = 8;
const EPOLLHUP = 0x10;
const EPOLLRDHUP = 0x2000;
/** Told once of each change, instead of every round for as long as it lasts, which the kernel would look up each time. */
const EPOLLET = 0x8000_0000;
/** The connection is gone for good, in both directions. */
const GONE = EPOLLERR | EPOLLHUP;
/** Nothing comes after what is there to read: the one change that no later one would tell of. */
const ENDING = GONE | EPOLLRDHUP;
const EFD_NONBLOCK = 0o4000;
const EFD_CLOEXEC = 0o2000000;

/** `struct epoll_event` is packed on x86_64 only: `events u32, data u64`. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const EVENT_DATA_OFFSET = EVENT_BYTES - 8;

/** A failed call: what was tried and the error number. */
function failure(what: string, libc: Libc): Error {
  return new Error(`Cannot ${what}: error ${libc.errno}`);
}

/** The loop on epoll. It blocks its thread for some milliseconds while nothing happens, so it needs one of its own. */
export class EpollBackend implements IoBackend {
  readonly libc: Libc;
  readonly #calls: LibcCalls;
  readonly #descriptors: DescriptorSet;
  readonly #epoll: number;
  readonly #wake: number;
  readonly #events = new Uint8Array(EPOLL_EVENTS_PER_ROUND_MAX * EVENT_BYTES);
  readonly #eventsView = new DataView(this.#events.buffer);
  readonly #eventWords = new Uint32Array(this.#events.buffer);
  readonly #change = new Uint8Array(EVENT_BYTES);
  readonly #changeView = new DataView(this.#change.buffer);
  /** What everything is received into. */
  readonly #received = new Uint8Array(READ_CHUNK_BYTES);
  readonly #sockets: (EpollSocket | undefined)[] = [];
  readonly #listeners = new Map<number, EpollListener>();
  /** Sockets that may have more to read, when all others have been served: nothing new may come that tells of it. */
  #unread: EpollSocket[] = [];
  /** Those of them that are read now, from `#readingAt` on. */
  #reading: EpollSocket[] = [];
  #readingAt = 0;
  /** Events that the kernel told of, those from `#eventAt` on not served yet. */
  #eventCount = 0;
  #eventAt = 0;
  /** Sockets to close, or to tell that they broke, when all events are served: a descriptor is not reused before. */
  #ending: EpollSocket[] = [];
  #handler: LoopHandler | null = null;
  #stopped = false;

  /**
   * Closes what a crashed worker left behind, and begins anew.
   *
   * @param descriptors What this worker holds.
   * @throws {Error} when epoll cannot be used here.
   */
  constructor(descriptors: DescriptorSet) {
    this.libc = new Libc();
    this.#calls = this.libc.calls;
    this.#descriptors = descriptors;
    for (const descriptor of descriptors.takeAll()) this.#calls.close(descriptor);
    this.#epoll = this.#hold(this.#calls.epoll_create1(EPOLL_CLOEXEC), "create epoll");
    this.#wake = this.#hold(this.#calls.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "create eventfd");
    // Never read: each write to it is a change, and it cannot overflow in the time of a universe.
    this.control(EPOLL_CTL_ADD, this.#wake, EPOLLIN | EPOLLET);
  }

  /** An eventfd; writing to it, from any thread, ends the loop's wait. */
  get wakeDescriptor(): number {
    return this.#wake;
  }

  listen(options: ListenOptions, onAccept: AcceptHandler): Listener {
    if (options.tls !== undefined) throw new Error("Cannot listen with TLS on the epoll backend");
    const address = encodeSocketAddress(options.hostname, options.port);
    const calls = this.#calls;
    const family = address.length === SOCKET_ADDRESS_BYTES ? AF_INET6 : 2;
    const descriptor = this.#hold(
      calls.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
      "create socket",
    );
    this.#setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reusePort) this.#setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    // Accepted sockets inherit these.
    if (options.noDelay) this.#setOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    this.#setOption(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS);
    this.#setOption(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, SOCKET_UNSENT_BYTES_MAX);
    if (calls.bind(descriptor, address, address.length) < 0 || calls.listen(descriptor, options.backlog) < 0) {
      const error = failure(`listen on ${options.hostname}:${options.port}`, this.libc);
      this.#release(descriptor);
      throw error;
    }
    const listener = new EpollListener(descriptor, onAccept);
    this.#listeners.set(descriptor, listener);
    this.control(EPOLL_CTL_ADD, descriptor, EPOLLIN);
    return {
      port: portOf(this.localAddress(descriptor)),
      close: () => {
        if (this.#listeners.delete(descriptor)) this.#release(descriptor);
      },
    };
  }

  start(handler: LoopHandler): void {
    this.#handler = handler;
    setImmediate(this.#turn);
  }

  /** Nothing to do: a round follows at once, as `LoopHandler.beforeSleep` sees that there is work. */
  requestRound(): void {}

  /** Nothing to do: the loop never sleeps for longer than {@linkcode EPOLL_WAIT_MS}. */
  requestRoundIn(): void {}

  stop(): void {
    this.#stopped = true;
  }

  /**
   * The event loop's share is one look between turns: it serves timers, messages and promises. That look costs as much
   * as a few packets, also when nothing is due.
   */
  readonly #turn = (): void => {
    const handler = this.#handler!;
    const endMs = handler.nowMs + EPOLL_TURN_MS;
    let served = 0;
    while (!this.#stopped) {
      // Who waits for this core goes first: peers that were just answered may say more meanwhile, which is then served
      // in one round instead of one by one, between sleeps. After a large round there is more to do as it is.
      if (served > 0 && served <= EPOLL_YIELD_EVENTS_MAX) this.#calls.sched_yield();
      if (!this.#isBehind()) this.#wait(handler);
      served = this.#eventCount + this.#reading.length;
      if (served > 0) handler.onWake();
      while (this.#readingAt < this.#reading.length && !handler.isTimeUp()) {
        this.#reading[this.#readingAt++].receive(this.#received, EPOLLIN);
      }
      while (this.#eventAt < this.#eventCount && !handler.isTimeUp()) this.#serve(this.#eventAt++);
      const more = this.#isBehind();
      handler.onRound(more);
      if (!more && this.#ending.length > 0) this.#endSockets();
      if (handler.pendingPromises > 0 || handler.nowMs >= endMs) break;
    }
    if (!this.#stopped) setImmediate(this.#turn);
    else this.#close();
  };

  /** Whether sockets that had something are not served yet. No getter: a private one is a call into the engine. */
  #isBehind(): boolean {
    return this.#eventAt < this.#eventCount || this.#readingAt < this.#reading.length;
  }

  /** Asks the kernel who has something, and sleeps if nobody has and there is nothing else to do. */
  #wait(handler: LoopHandler): void {
    const read = this.#reading;
    read.length = 0;
    this.#reading = this.#unread;
    this.#unread = read;
    this.#readingAt = this.#eventAt = 0;
    const asleep = this.#reading.length === 0 && handler.beforeSleep();
    const waitMs = asleep ? EPOLL_WAIT_MS : 0;
    const count = this.#calls.epoll_wait(this.#epoll, this.#events, EPOLL_EVENTS_PER_ROUND_MAX, waitMs);
    if (asleep) handler.afterSleep();
    this.#eventCount = Math.max(count, 0);
  }

  #serve(index: number): void {
    const at = index * EVENT_BYTES;
    const events = this.#eventWords[at >>> 2];
    const descriptor = this.#eventWords[(at + EVENT_DATA_OFFSET) >>> 2];
    const socket = this.#sockets[descriptor];
    if (socket !== undefined) {
      if ((events & EPOLLOUT) !== 0) socket.continueWrite();
      // EPOLLERR and EPOLLHUP come unasked: reading tells what they mean.
      if ((events & ~EPOLLOUT) !== 0) socket.receive(this.#received, events);
    } else if (descriptor !== this.#wake) {
      const listener = this.#listeners.get(descriptor);
      if (listener !== undefined) this.#accept(listener);
    }
  }

  /** Lets a socket read again, behind everyone else. */
  readLater(socket: EpollSocket): void {
    this.#unread.push(socket);
  }

  #accept(listener: EpollListener): void {
    const { calls } = this.libc;
    for (let count = 0; count < ACCEPTS_PER_ROUND_MAX && !this.#handler!.isTimeUp(); count++) {
      const descriptor = calls.accept4(listener.descriptor, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (descriptor < 0) {
        const { errno } = this.libc;
        if (errno === Errno.EMFILE || errno === Errno.ENFILE || errno === Errno.ENOBUFS || errno === Errno.ENOMEM) {
          this.#handler!.onAcceptError();
          this.#pauseAccepting(listener);
        }
        // EAGAIN: nobody is left; EINTR, ECONNABORTED and the like: the next round goes on.
        return;
      }
      const socket = new EpollSocket(this, descriptor);
      const handler = this.#descriptors.tryAdd(descriptor) ? listener.onAccept(socket) : null;
      if (handler === null) {
        this.#release(descriptor);
        continue;
      }
      socket.handler = handler;
      this.#sockets[descriptor] = socket;
      if (!this.control(EPOLL_CTL_ADD, descriptor, maskOf(EPOLLIN))) socket.break();
    }
  }

  /** Out of descriptors or memory: connections wait in the backlog for a moment, instead of the loop spinning. */
  #pauseAccepting(listener: EpollListener): void {
    // Not removed and added: adding takes memory, and a listener that could not be added would be deaf for good.
    this.control(EPOLL_CTL_MOD, listener.descriptor, 0);
    setTimeout(() => {
      if (this.#listeners.has(listener.descriptor)) this.control(EPOLL_CTL_MOD, listener.descriptor, EPOLLIN);
    }, ACCEPT_PAUSE_MS);
  }

  /** Adds, changes or removes what a descriptor waits for; gives whether that worked. */
  control(operation: number, descriptor: number, events: number): boolean {
    this.#changeView.setUint32(0, events, true);
    this.#changeView.setUint32(EVENT_DATA_OFFSET, descriptor, true);
    return this.#calls.epoll_ctl(this.#epoll, operation, descriptor, this.#change) === 0;
  }

  /** The address a descriptor is bound to. */
  localAddress(descriptor: number): Uint8Array {
    return this.#askAddress(this.#calls.getsockname, descriptor);
  }

  /** The address of a descriptor's peer. */
  peerAddress(descriptor: number): Uint8Array {
    return this.#askAddress(this.#calls.getpeername, descriptor);
  }

  #askAddress(call: LibcCalls["getsockname"], descriptor: number): Uint8Array {
    const address = new Uint8Array(SOCKET_ADDRESS_BYTES);
    const length = new Uint32Array([SOCKET_ADDRESS_BYTES]);
    call(descriptor, address, length);
    return address;
  }

  #setOption(descriptor: number, level: number, option: number, value: number): void {
    if (this.#calls.setsockopt(descriptor, level, option, new Int32Array([value]), 4) < 0) {
      const error = failure(`set socket option ${option}`, this.libc);
      this.#release(descriptor);
      throw error;
    }
  }

  /** Makes the kernel drop what was not sent, and tell the peer by RST, when the descriptor is closed. */
  setAbort(descriptor: number): void {
    this.#calls.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]), 8);
  }

  /** Closes a socket, or tells its handler that it broke, when all events are served. */
  endLater(socket: EpollSocket): void {
    this.#ending.push(socket);
  }

  #endSockets(): void {
    const ending = this.#ending;
    this.#ending = [];
    for (const socket of ending) {
      // The handler may close others, which then end in the next round.
      if (!socket.closeAsked) socket.handler!.onBroken(socket.timedOut);
      this.#sockets[socket.descriptor] = undefined;
      this.#release(socket.descriptor);
    }
  }

  #close(): void {
    this.#endSockets();
    this.#release(this.#epoll);
    this.#release(this.#wake);
  }

  /** Takes a new descriptor into the set. */
  #hold(descriptor: number, what: string): number {
    if (descriptor < 0) throw failure(what, this.libc);
    this.#descriptors.tryAdd(descriptor);
    return descriptor;
  }

  #release(descriptor: number): void {
    this.#descriptors.remove(descriptor);
    this.#calls.close(descriptor);
  }
}

class EpollListener {
  constructor(readonly descriptor: number, readonly onAccept: AcceptHandler) {}
}

/** One connection. */
class EpollSocket implements Socket {
  handler: SocketHandler | null = null;
  /** `close` was called: the handler wants to hear nothing more. */
  closeAsked = false;
  /** It broke as the kernel gave the peer up. */
  timedOut = false;

  readonly descriptor: number;
  readonly #backend: EpollBackend;
  /** What is in flight: `#bytes[#start, #end)`. */
  #bytes: Uint8Array | null = null;
  #start = 0;
  #end = 0;
  #events = EPOLLIN;
  /** Nothing comes after what is there to read, which may be more than one read takes: no event will tell of its end. */
  #isEnding = false;
  /** It is closed or broken: nothing is read or written any more. */
  #ended = false;

  constructor(backend: EpollBackend, descriptor: number) {
    this.#backend = backend;
    this.descriptor = descriptor;
  }

  get remoteAddress(): string {
    return this.#ended ? "" : hostnameOf(this.#backend.peerAddress(this.descriptor));
  }

  get localAddress(): string {
    return this.#ended ? "" : hostnameOf(this.#backend.localAddress(this.descriptor));
  }

  /**
   * Reads once: what a busy peer has more to say waits behind everyone else.
   *
   * @param events What epoll tells of it.
   */
  receive(buffer: Uint8Array<ArrayBuffer>, events: number): void {
    if (this.#ended || (this.#events & EPOLLIN) === 0) {
      // Neither reading nor writing would find it out.
      if (this.#events === 0 && (events & GONE) !== 0) this.break();
      return;
    }
    if ((events & ENDING) !== 0) this.#isEnding = true;
    const { libc } = this.#backend;
    const count = libc.calls.recv(this.descriptor, buffer, buffer.length, 0);
    if (count > 0) {
      // Less than there was room for is all there was, so that what comes later is told of.
      if (this.#isEnding || count === buffer.length) this.#backend.readLater(this);
      this.handler!.onBytes(buffer, 0, count);
    } else if (count === 0) {
      // The end would be told again every round.
      this.#setEvents(this.#events & ~EPOLLIN);
      this.handler!.onEnd();
    } else {
      const { errno } = libc;
      if (errno === Errno.EINTR) this.#backend.readLater(this);
      else if (errno === Errno.EAGAIN) this.#askAnew();
      else this.break(errno);
    }
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const sent = this.#send(bytes, start, end);
    if (sent === end) return true;
    this.#bytes = bytes;
    this.#start = sent;
    this.#end = end;
    if (!this.#ended) this.#setEvents(this.#events | EPOLLOUT);
    return false;
  }

  /** The kernel has room again. */
  continueWrite(): void {
    if (this.#ended || this.#bytes === null) return;
    this.#start = this.#send(this.#bytes, this.#start, this.#end);
    if (this.#start < this.#end) return this.#askAnew();
    this.#bytes = null;
    this.#setEvents(this.#events & ~EPOLLOUT);
    this.handler!.onWritten();
  }

  /** Sends what the kernel takes; gives where the rest begins. */
  #send(bytes: Uint8Array, start: number, end: number): number {
    const { libc } = this.#backend;
    while (start < end && !this.#ended) {
      const from = (start === 0 ? bytes : bytes.subarray(start)) as Uint8Array<ArrayBuffer>;
      const count = libc.calls.send(this.descriptor, from, end - start, MSG_NOSIGNAL);
      if (count > 0) {
        start += count;
        continue;
      }
      const { errno } = libc;
      if (errno === Errno.EINTR) continue;
      if (errno !== Errno.EAGAIN) this.break(errno);
      break;
    }
    return start;
  }

  pauseReading(): void {
    this.#setEvents(this.#events & ~EPOLLIN);
  }

  resumeReading(): void {
    this.#setEvents(this.#events | EPOLLIN);
  }

  endWriting(): void {
    if (!this.#ended) this.#backend.libc.calls.shutdown(this.descriptor, SHUT_WR);
  }

  close(): void {
    if (this.closeAsked) return;
    this.closeAsked = true;
    this.#bytes = null;
    if (!this.#ended) this.#backend.endLater(this);
    this.#ended = true;
  }

  abort(): void {
    if (!this.#ended) this.#backend.setAbort(this.descriptor);
    this.close();
  }

  /**
   * It is of no use any more: its handler hears so when all events are served.
   *
   * @param errno Why, where a call told it.
   */
  break(errno = 0): void {
    if (this.#ended) return;
    this.#ended = true;
    this.timedOut = errno === Errno.ETIMEDOUT;
    this.#backend.endLater(this);
  }

  #setEvents(events: number): void {
    if (events === this.#events || this.#ended) return;
    this.#events = events;
    this.#askAnew();
  }

  /** Makes the kernel look at the socket again: it tells once more of whatever is there already. */
  #askAnew(): void {
    if (!this.#ended) this.#backend.control(EPOLL_CTL_MOD, this.descriptor, maskOf(this.#events));
  }
}

/** What epoll is asked for a socket that waits for `events`. The peer's end is of interest to those who read. */
function maskOf(events: number): number {
  return events | EPOLLET | ((events & EPOLLIN) !== 0 ? EPOLLRDHUP : 0);
}
