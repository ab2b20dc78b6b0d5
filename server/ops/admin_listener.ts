/**
 * The admin site's own HTTP server: Deno's has no time-outs, so a client that sends half a head would hold a descriptor
 * forever. Head, body and answer each have a time limit. When there are too many connections, the address that has the
 * most loses one: the one that has been waiting longest for its peer, for a request or the rest of one, or for the peer to
 * read or to close.
 *
 * @module
 */

import { encodeHttpError, encodeResponse, HttpError, type HttpHead, HttpHeadParser } from "../../gateway/http.ts";
import {
  ACCEPT_PAUSE_MS,
  ADMIN_ANSWER_TIMEOUT_MS,
  ADMIN_BODY_BYTES_MAX,
  ADMIN_CONNECTIONS_MAX,
  ADMIN_IDLE_TIMEOUT_MS,
  ADMIN_STOP_TIMEOUT_MS,
  HTTP_HEAD_TIMEOUT_MS,
  LINGER_TIMEOUT_MS,
  SWEEP_INTERVAL_MS,
} from "../../shared/limits.ts";
import { isPeerGone } from "../base/accept_error.ts";
import { addressGroup } from "../base/ip_address.ts";

const READ_BYTES = 4_096;

/** What an {@linkcode AdminListener} needs. */
export interface AdminListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Answers a request; must not reject. */
  readonly handle: (request: Request) => Response | Promise<Response>;
  /** A connection could not be accepted: there are no descriptors left. */
  readonly onAcceptError: (error: unknown) => void;
}

/** Listens, and answers what comes. */
export class AdminListener {
  readonly port: number;
  readonly #options: AdminListenerOptions;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<AdminConnection>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #isStopping = false;

  /** @throws what `Deno.listen` does. */
  constructor(options: AdminListenerOptions) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: options.host, port: options.port });
    this.port = this.#listener.addr.port;
    this.#sweep = setInterval(() => this.#closeLate(), SWEEP_INTERVAL_MS);
    void this.#accept();
  }

  /** Stops; requests that take too long are cut off. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#listener.close();
    const untilMs = performance.now() + ADMIN_STOP_TIMEOUT_MS;
    for (const connection of this.#connections) {
      if (connection.isWaiting) connection.close();
      else connection.deadlineMs = Math.min(connection.deadlineMs, untilMs);
    }
    while (this.#connections.size > 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      this.#closeLate();
    }
    clearInterval(this.#sweep);
  }

  async #accept(): Promise<void> {
    while (!this.#isStopping) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (this.#isStopping) return;
        const isOutOfRoom = !isPeerGone(error);
        if (isOutOfRoom) this.#options.onAcceptError(error);
        // The listener stays open: waiting connections are accepted when there is room.
        await new Promise((resolve) => setTimeout(resolve, isOutOfRoom ? ACCEPT_PAUSE_MS : 0));
      }
    }
  }

  #take(conn: Deno.TcpConn): void {
    if (this.#connections.size >= ADMIN_CONNECTIONS_MAX && !this.#tryMakeRoom()) return conn.close();
    const connection = new AdminConnection(conn, this.#options.handle);
    this.#connections.add(connection);
    void connection.serve(() => this.#isStopping).finally(() => {
      connection.close();
      this.#connections.delete(connection);
    });
  }

  /**
   * Closes the connection that has waited longest for its peer, of the address that has the most of those; `false` when
   * all wait for us.
   */
  #tryMakeRoom(): boolean {
    const waiting = [...this.#connections].filter(({ waitsSinceMs }) => waitsSinceMs < Infinity);
    const ofAddresses = [...Map.groupBy(waiting, ({ address }) => address).values()];
    const most = ofAddresses.reduce((most, each) => each.length > most.length ? each : most, []);
    if (most.length === 0) return false;
    const oldest = most.reduce((oldest, each) => each.waitsSinceMs < oldest.waitsSinceMs ? each : oldest);
    oldest.close();
    this.#connections.delete(oldest);
    return true;
  }

  #closeLate(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections) if (nowMs >= connection.deadlineMs) connection.close();
  }
}

/** One connection: requests one after the other. */
class AdminConnection {
  /** When it is closed whatever it does, in `performance.now()`. */
  deadlineMs: number;
  /** Since when its peer is waited for, likewise; infinite while a request is carried out. */
  waitsSinceMs: number;
  /** Whether a head is waited for: nothing is lost when it is closed. */
  isWaiting = true;
  /** What its address counts as. */
  readonly address: string;
  readonly #conn: Deno.TcpConn;
  readonly #handle: (request: Request) => Response | Promise<Response>;
  readonly #parser = new HttpHeadParser({ anyMethod: true, contentBytesMax: ADMIN_BODY_BYTES_MAX });
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** What was read and not used: `#buffer[#start, #end)`. */
  #start = 0;
  #end = 0;
  #isClosed = false;

  constructor(conn: Deno.TcpConn, handle: (request: Request) => Response | Promise<Response>) {
    this.address = addressGroup(conn.remoteAddr.hostname);
    this.#conn = conn;
    this.#handle = handle;
    this.waitsSinceMs = performance.now();
    this.deadlineMs = this.waitsSinceMs + HTTP_HEAD_TIMEOUT_MS;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }

  /** Resolves when nothing more comes. */
  async serve(isStopping: () => boolean): Promise<void> {
    try {
      while (await this.#serveOne(isStopping)) this.#awaitNext();
      await this.#endInOrder();
    } catch (error) {
      if (error instanceof HttpError) await this.#refuse(error);
      // All else is the peer's end, or ours.
    }
  }

  #awaitNext(): void {
    this.isWaiting = true;
    this.waitsSinceMs = performance.now();
    this.deadlineMs = this.waitsSinceMs + ADMIN_IDLE_TIMEOUT_MS;
  }

  /** Answers one request; gives whether another may follow. */
  async #serveOne(isStopping: () => boolean): Promise<boolean> {
    const head = await this.#readHead();
    if (head === null) return false;
    this.isWaiting = false;
    this.deadlineMs = performance.now() + HTTP_HEAD_TIMEOUT_MS;
    const body = await this.#readBody(head);
    const request = toRequest(head, body);
    this.deadlineMs = performance.now() + ADMIN_ANSWER_TIMEOUT_MS;
    this.waitsSinceMs = Infinity;
    const response = await this.#handle(request);
    this.waitsSinceMs = performance.now();
    const keepAlive = head.keepAlive && !isStopping();
    const options = { head: head.method === "HEAD", keepAlive, nowMs: Date.now() };
    await this.#write(await encodeResponse(response, options));
    if (keepAlive) this.#parser.next();
    return keepAlive;
  }

  async #readHead(): Promise<HttpHead | null> {
    const parser = this.#parser;
    while (true) {
      this.#start += parser.push(this.#buffer, this.#start, this.#end);
      if (parser.head !== undefined) return parser.head;
      if (!await this.#read()) return null;
      // From its first byte on a head has so long, however long the connection was idle before.
      if (parser.isAtStart) this.deadlineMs = performance.now() + HTTP_HEAD_TIMEOUT_MS;
    }
  }

  async #readBody({ contentBytes }: HttpHead): Promise<Uint8Array<ArrayBuffer>> {
    const body = new Uint8Array(contentBytes);
    let filled = 0;
    while (filled < contentBytes) {
      if (this.#start === this.#end && !await this.#read()) throw new Deno.errors.UnexpectedEof();
      const count = Math.min(contentBytes - filled, this.#end - this.#start);
      body.set(this.#buffer.subarray(this.#start, this.#start + count), filled);
      this.#start += count;
      filled += count;
    }
    return body;
  }

  async #read(): Promise<boolean> {
    const count = await this.#conn.read(this.#buffer);
    this.#start = 0;
    this.#end = count ?? 0;
    return count !== null;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  async #refuse(error: HttpError): Promise<void> {
    try {
      await this.#write(encodeHttpError(error, Date.now()));
      await this.#endInOrder();
    } catch {
      // The peer did not want to hear it.
    }
  }

  /** Closing with bytes unread would reset the connection, and the last answer with it. */
  async #endInOrder(): Promise<void> {
    this.deadlineMs = Math.min(this.deadlineMs, performance.now() + LINGER_TIMEOUT_MS);
    await this.#conn.closeWrite();
    while (await this.#read());
  }
}

/** @throws {HttpError} 400 or 405 for what the platform's `Request` cannot be. */
function toRequest({ method, target, headers }: HttpHead, body: Uint8Array<ArrayBuffer>): Request {
  const url = `http://${headers.get("host") ?? "localhost"}${target}`;
  if (!URL.canParse(url)) throw new HttpError(400, "Cannot accept request: host or path are malformed");
  if (/^(?:CONNECT|TRACE|TRACK)$/i.test(method)) throw new HttpError(405, "Cannot accept request: not this method");
  return new Request(url, {
    // Of HEAD the body is left out when it is sent, and its length known.
    method: method === "HEAD" ? "GET" : method,
    headers: [...headers],
    ...(method === "GET" || method === "HEAD" ? {} : { body }),
  });
}
