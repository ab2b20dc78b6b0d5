/**
 * TLS over a socket of any backend: bytes are enciphered here, and opening, closing and counting stay with the socket
 * below. `Deno.listenTls` cannot be used for that: closing one of its connections waits for the peer, who may never
 * finish its handshake or never read, and holds the descriptor for as long.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { nextTick } from "node:process";
import type { Duplex } from "node:stream";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { TLS_WRITE_BYTES_MAX } from "../../shared/limits.ts";
import type { TlsFiles } from "../process/tls.ts";
import type { AcceptHandler, Socket, SocketHandler } from "./backend.ts";
import { TlsRecordCounter } from "./tls_records.ts";

/** What newcomers are shown: listeners stay open while it changes. */
export class TlsIdentity {
  #context: SecureContext;

  /** Begins with this certificate and key. */
  constructor(files: TlsFiles) {
    this.#context = createSecureContext(files);
  }

  /** For the next handshake. */
  get context(): SecureContext {
    return this.#context;
  }

  /** Shows another certificate from now on; handshakes that have begun go on with the one before. */
  replace(files: TlsFiles): void {
    this.#context = createSecureContext(files);
  }
}

/** Makes a listener speak TLS: `onAccept` is given sockets that carry plain bytes. */
export function acceptTls(identity: TlsIdentity, onAccept: AcceptHandler): AcceptHandler {
  return (carrier) => {
    const socket = new TlsSocket(carrier);
    // Who is not wanted costs no handshake.
    const handler = onAccept(socket);
    if (handler === null) return null;
    socket.start(handler, identity.context);
    return socket;
  };
}

/** As much of a stream as a `TLSSocket` asks of what it runs on: its bytes go to the socket below and come from there. */
class Wire extends EventEmitter {
  readonly allowHalfOpen = true;
  readonly readable = true;
  readonly writable = true;
  /** Nothing is to be read, though TLS would. */
  isHeld = false;
  readonly #carrier: Socket;
  readonly #waiting: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  #onEnd: (() => void) | null = null;
  #isWriting = false;
  constructor(carrier: Socket) {
    super();
    this.#carrier = carrier;
  }

  pause(): void {
    this.#carrier.pauseReading();
  }

  resume(): void {
    if (!this.isHeld) this.#carrier.resumeReading();
  }

  write(bytes: Uint8Array, done: () => void): boolean {
    this.#waiting.push({ bytes, done });
    this.#writeOn();
    return true;
  }

  end(done: () => void): void {
    this.#onEnd = done;
    this.#writeOn();
  }

  cork(): void {}

  uncork(): void {}

  /** The socket below is closed by its owner. */
  destroy(): void {}

  onWritten(): void {
    this.#isWriting = false;
    this.#waiting.shift()!.done();
    this.#writeOn();
  }

  /** `done` may have more written at once. */
  #writeOn(): void {
    while (!this.#isWriting && this.#waiting.length > 0) {
      this.#isWriting = true;
      const { bytes } = this.#waiting[0];
      if (this.#carrier.write(bytes, 0, bytes.length)) this.onWritten();
    }
    if (this.#waiting.length === 0 && this.#onEnd !== null) this.#finish();
  }

  #finish(): void {
    const done = this.#onEnd!;
    this.#onEnd = null;
    this.#carrier.endWriting();
    done();
  }
}

/** One connection: the socket above is plain, the one below carries TLS. */
class TlsSocket implements Socket, SocketHandler {
  readonly #carrier: Socket;
  readonly #wire: Wire;
  readonly #records = new TlsRecordCounter();
  #handler: SocketHandler | null = null;
  #tls: TLSSocket | null = null;
  /** Bytes that came before TLS could or should take any; `null` once it takes them as they come. */
  #early: Uint8Array[] | null = [];
  /** TLS can take bytes. */
  #isSetUp = false;
  /** The handler was told of the handshake. */
  #isAnnounced = false;
  #isClosed = false;
  #isEndAsked = false;
  #hasPeerEnded = false;

  constructor(carrier: Socket) {
    this.#carrier = carrier;
    this.#wire = new Wire(carrier);
  }

  /** Begins the handshake. */
  start(handler: SocketHandler, secureContext: SecureContext): void {
    this.#handler = handler;
    if (this.#isClosed) return;
    const tls = new TLSSocket(this.#wire as unknown as Duplex, { isServer: true, secureContext });
    this.#tls = tls;
    tls.on("data", (bytes: Uint8Array) => {
      if (!this.#isClosed) handler.onBytes(bytes, 0, bytes.length);
    });
    tls.on("end", () => {
      this.#hasPeerEnded = true;
      if (!this.#isClosed) handler.onEnd();
    });
    tls.on("error", () => this.#break(false));
    tls.on("close", () => {
      if (!this.#isEndAsked || !this.#hasPeerEnded) this.#break(false);
    });
    // It begins in a tick of its own, which must find it whole: neither fed nor destroyed.
    nextTick(() => {
      this.#isSetUp = true;
      if (this.#isClosed) tls.destroy();
      else this.#tryBegin();
    });
  }

  /** Begins the handshake once the peer has begun it and the handler lets it: that is where most of the work is. */
  #tryBegin(): void {
    const early = this.#early;
    if (early === null || early.length === 0 || !this.#isSetUp || this.#isClosed) return;
    if (!this.#isAnnounced) {
      this.#isAnnounced = true;
      this.#handler!.onHandshake();
    }
    if (this.#wire.isHeld || this.#isClosed) return;
    this.#early = null;
    for (const bytes of early) this.#wire.emit("data", bytes);
  }

  get remoteAddress(): string {
    return this.#carrier.remoteAddress;
  }

  get localAddress(): string {
    return this.#carrier.localAddress;
  }

  // Socket: what the connection above asks for.

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const partEnd = Math.min(end, start + TLS_WRITE_BYTES_MAX);
    this.#tls?.write(bytes.subarray(start, partEnd), (error) => {
      if (this.#isClosed || (error !== null && error !== undefined)) return;
      if (partEnd < end) this.write(bytes, partEnd, end);
      else this.#handler!.onWritten();
    });
    return false;
  }

  pauseReading(): void {
    this.#wire.isHeld = true;
    this.#tls?.pause();
    this.#carrier.pauseReading();
  }

  resumeReading(): void {
    this.#wire.isHeld = false;
    this.#tls?.resume();
    this.#carrier.resumeReading();
    this.#tryBegin();
  }

  endWriting(): void {
    if (this.#isEndAsked || this.#isClosed) return;
    this.#isEndAsked = true;
    this.#tls?.end();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The peer's end was answered by ours a moment ago: one turn of the loop takes it (close_notify) to the kernel.
    if (this.#isEndAsked) setImmediate(() => this.#drop());
    else this.#drop();
  }

  abort(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#destroy();
    this.#carrier.abort();
  }

  // SocketHandler: what the socket below tells.

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    const part = bytes.subarray(start, end);
    this.#handler!.onRecords(this.#records.count(bytes, start, end));
    if (this.#isClosed) return;
    if (this.#early === null) {
      this.#wire.emit("data", part);
    } else {
      this.#early.push(part.slice());
      this.#tryBegin();
    }
  }

  /** The socket below carries no TLS of its own. */
  onHandshake(): void {}

  onRecords(): void {}

  onWritten(): void {
    this.#wire.onWritten();
  }

  onEnd(): void {
    if (this.#early !== null) this.#break(false);
    else this.#wire.emit("end");
  }

  onBroken(timedOut: boolean): void {
    this.#break(timedOut);
  }

  #break(timedOut: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#drop();
    this.#handler?.onBroken(timedOut);
  }

  #drop(): void {
    this.#destroy();
    this.#carrier.close();
  }

  #destroy(): void {
    if (this.#isSetUp) this.#tls?.destroy();
  }
}
