/**
 * As much of HTTP/1.1 as a gateway needs, read strictly: heads of GET and HEAD requests in, whole responses out.
 *
 * What two parsers could read in two ways is refused, not repaired, and a request never has a body, so there is nowhere
 * to smuggle a second one. Every refusal closes the connection.
 *
 * @module
 */

import { assert } from "../shared/errors.ts";
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_FIELDS_MAX,
  HTTP_HEAD_BYTES_MAX,
  HTTP_REQUESTS_PER_CONNECTION_MAX,
} from "../shared/limits.ts";
import { acceptKey, isWebSocketKey } from "./websocket.ts";

/** A request that is answered with an error and the end of its connection. */
export class HttpError extends Error {
  /** What a log calls it. */
  override name = "HttpError";

  /**
   * Says what cannot be done.
   *
   * @param status 400 to 599.
   * @param message Act, value, limit; sent to the peer, so it repeats nothing of the request.
   * @param retryAfterSeconds When the peer may try again; 0 says nothing.
   */
  constructor(readonly status: number, message: string, readonly retryAfterSeconds = 0) {
    super(message);
  }
}

/** The head of one request. */
export interface HttpHead {
  /** What is asked for. */
  readonly method: string;
  /** In origin form, whichever it came in: begins with "/", may hold a query, nothing decoded. */
  readonly target: string;
  /** The target without its query. */
  readonly path: string;
  /** Of the protocol. */
  readonly version: "1.0" | "1.1";
  /** Values by lower-case name; those of repeated fields are joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
  /** Whether another request may follow on the connection. */
  readonly keepAlive: boolean;
  /** Bytes of the body that follows; 0 unless bodies are allowed. */
  readonly contentBytes: number;
}

/** What an {@linkcode HttpHeadParser} takes beyond GET and HEAD requests without a body. */
export interface HttpHeadOptions {
  /** Requests of any method. */
  readonly anyMethod: boolean;
  /** Bytes of a body, whose length must be told; the bytes themselves are the caller's to read. */
  readonly contentBytesMax: number;
}

const LINE_BYTES_MIN = 256;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DELETE = 0x7f;

const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/([0-9])\.([0-9])$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)$/;
const HOST = /^(?:[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
/** A target as proxies write it: scheme, host, path (RFC 9112, section 3.2.2). */
const ABSOLUTE_TARGET = /^https?:\/\/([^/?]+)(.*)$/i;
/** Fields that mean something else when they come twice. */
const SINGLE_FIELDS = new Set([
  "content-length",
  "host",
  "origin",
  "sec-websocket-key",
  "sec-websocket-version",
]);

/**
 * Reads the request heads of one connection, one after the other.
 *
 * A head is checked line by line as it arrives and bounded by {@linkcode HTTP_HEAD_BYTES_MAX}; only the current line is
 * kept as bytes.
 *
 * @example
 * ```ts ignore
 * const consumed = parser.push(bytes, start, end);
 * if (parser.head !== undefined) answer(parser.head);
 * // Once answered: `parser.next()`, then `push` what is left from `start + consumed` on.
 * ```
 * @see RFC 9112, sections 2 to 5
 */
export class HttpHeadParser {
  readonly #options: HttpHeadOptions;
  #line: Uint8Array = EMPTY;
  #lineBytes = 0;
  #isAfterCr = false;
  #headBytes = 0;
  #request: RegExpExecArray | undefined;
  #headers = new Map<string, string>();
  #fieldCount = 0;
  #requestCount = 0;
  #head: HttpHead | undefined;
  #hasFailed = false;

  constructor(options: HttpHeadOptions = GATEWAY_HEADS) {
    this.#options = options;
  }

  /** Whether nothing of the next head has come. */
  get isAtStart(): boolean {
    return this.#headBytes === 0;
  }

  /** The head, once it is complete. */
  get head(): HttpHead | undefined {
    return this.#head;
  }

  /**
   * Takes the next bytes of the stream, cut anywhere, up to the end of the head and not one further.
   *
   * @returns Bytes taken; less than `end - start` only when the head is complete. After an error all are, unseen.
   * @throws {HttpError} once, when the request is refused; nothing may follow it but its answer.
   */
  push(bytes: Uint8Array, start: number, end: number): number {
    if (this.#hasFailed) return end - start;
    let at = start;
    try {
      while (at < end && this.#head === undefined) this.#pushByte(bytes[at++]);
    } catch (error) {
      this.#hasFailed = true;
      this.#line = EMPTY;
      throw error;
    }
    return at - start;
  }

  /** Forgets the head; the request after it may come. Only when the head was complete and its `keepAlive` true. */
  next(): void {
    assert(this.#head?.keepAlive === true, "A request follows only one that keeps the connection");
    this.#head = undefined;
    this.#request = undefined;
    this.#headers = new Map();
    this.#fieldCount = 0;
    this.#headBytes = 0;
  }

  #pushByte(byte: number): void {
    if (++this.#headBytes > HTTP_HEAD_BYTES_MAX) {
      throw new HttpError(
        431,
        `Cannot accept request: its head, cookies and all, is over ${HTTP_HEAD_BYTES_MAX} bytes`,
      );
    }
    if (this.#isAfterCr) {
      if (byte !== LF) throw new HttpError(400, "Cannot accept request: a carriage return ends no line");
      this.#isAfterCr = false;
      this.#endLine();
    } else if (byte === CR) {
      this.#isAfterCr = true;
    } else if ((byte < SPACE && byte !== TAB) || byte === DELETE) {
      throw new HttpError(400, "Cannot accept request: its head holds a control character or a bare line feed");
    } else {
      if (this.#lineBytes === this.#line.length) this.#growLine();
      this.#line[this.#lineBytes++] = byte;
    }
  }

  #growLine(): void {
    const line = new Uint8Array(Math.max(LINE_BYTES_MIN, this.#line.length * 2));
    line.set(this.#line);
    this.#line = line;
  }

  #endLine(): void {
    // The bytes are ISO 8859-1, one unit each; TextDecoder would take that name for windows-1252.
    const line = String.fromCharCode(...this.#line.subarray(0, this.#lineBytes));
    this.#lineBytes = 0;
    if (this.#request !== undefined) {
      if (line === "") this.#endHead(this.#request);
      else this.#addField(line);
    } else if (line !== "" || this.#headBytes > 2) {
      // One empty line before a request is let through (RFC 9112, section 2.2).
      this.#request = parseRequestLine(line, this.#options.anyMethod);
    }
  }

  #addField(line: string): void {
    if (++this.#fieldCount > HTTP_FIELDS_MAX) {
      throw new HttpError(431, `Cannot accept request: its head has over ${HTTP_FIELDS_MAX} fields`);
    }
    const field = FIELD_LINE.exec(line);
    if (field === null) throw new HttpError(400, "Cannot accept request: a field line is malformed");
    const name = field[1].toLowerCase();
    const value = trimBlanks(field[2]);
    const before = this.#headers.get(name);
    if (before !== undefined && SINGLE_FIELDS.has(name)) {
      throw new HttpError(400, `Cannot accept request: ${name} comes twice`);
    }
    this.#headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }

  #endHead(request: RegExpExecArray): void {
    const headers = this.#headers;
    const version = request[4] === "0" ? "1.0" : "1.1";
    const absolute = ABSOLUTE_TARGET.exec(request[2]);
    const target = absolute === null ? request[2] : absolute[2].startsWith("/") ? absolute[2] : `/${absolute[2]}`;
    // Required beside a whole URL, too, which then counts in its place.
    const host = headers.has("host") ? absolute?.[1] ?? headers.get("host") : undefined;
    if (host === undefined ? version === "1.1" : !HOST.test(host)) {
      throw new HttpError(400, "Cannot accept request: host is missing or malformed");
    }
    const contentBytes = contentBytesOf(headers, this.#options.contentBytesMax);
    if (host !== undefined) headers.set("host", host);
    this.#requestCount++;
    this.#line = EMPTY;
    this.#head = {
      method: request[1],
      target,
      path: target.split("?", 1)[0],
      version,
      headers,
      keepAlive: version === "1.1" && this.#requestCount < HTTP_REQUESTS_PER_CONNECTION_MAX &&
        !hasToken(headers.get("connection"), "close"),
      contentBytes,
    };
  }
}

const EMPTY = new Uint8Array(0);
const GATEWAY_HEADS: HttpHeadOptions = { anyMethod: false, contentBytesMax: 0 };

function contentBytesOf(headers: ReadonlyMap<string, string>, bytesMax: number): number {
  const length = headers.get("content-length") ?? "0";
  const isPlain = /^(?:0|[1-9]\d{0,14})$/.test(length) && !headers.has("transfer-encoding");
  if (!isPlain || (bytesMax === 0 && length !== "0")) {
    throw new HttpError(400, `Cannot accept request: it announces a body, limit is ${bytesMax} bytes of a told length`);
  }
  if (Number(length) > bytesMax) {
    throw new HttpError(413, `Cannot accept request: its body is ${length} bytes, limit is ${bytesMax} bytes`);
  }
  return Number(length);
}

function parseRequestLine(line: string, anyMethod: boolean): RegExpExecArray {
  const request = REQUEST_LINE.exec(line);
  if (request === null) throw new HttpError(400, "Cannot accept request: its request line is malformed");
  const [, method, target, major, minor] = request;
  if (major !== "1" || minor > "1") throw new HttpError(505, "Cannot accept request: only HTTP/1.0 and 1.1 are spoken");
  if (!anyMethod && method !== "GET" && method !== "HEAD") {
    throw new HttpError(405, "Cannot accept request: its method is not GET or HEAD");
  }
  if (target.includes("#") || (target[0] !== "/" && !ABSOLUTE_TARGET.test(target))) {
    throw new HttpError(400, "Cannot accept request: its target is neither a path nor the URL of one");
  }
  return request;
}

/** Takes spaces and tabs off both ends; `String.trim` would take U+00A0 as well. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && (text[start] === " " || text[start] === "\t")) start++;
  while (end > start && (text[end - 1] === " " || text[end - 1] === "\t")) end--;
  return text.slice(start, end);
}

/** Whether a comma-separated field value has `token` in it, in whatever case. */
function hasToken(value: string | undefined, token: string): boolean {
  return value !== undefined && value.split(",").some((part) => trimBlanks(part).toLowerCase() === token);
}

/**
 * Makes the request that a router takes. HEAD is asked as GET: {@linkcode encodeResponse} leaves the body out and still
 * knows its length.
 *
 * @param origin The gateway's own, such as `http://localhost:8082`, never the peer's Host: without a "/" at its end.
 */
export function toRequest(head: HttpHead, origin: string): Request {
  return new Request(origin + head.target, { method: "GET", headers: [...head.headers] });
}

/** How {@linkcode encodeResponse} writes. */
export interface EncodeResponseOptions {
  /** The request was HEAD: the body is left out. */
  readonly head: boolean;
  /** The connection stays open. */
  readonly keepAlive: boolean;
  /** The time for the Date field, in Unix milliseconds. */
  readonly nowMs: number;
}

/** Fields that are this module's to write. */
const OWN_FIELDS = new Set(["connection", "content-length", "date", "keep-alive", "trailer", "transfer-encoding"]);

/**
 * Writes a response whole: status line, fields with Content-Length, body.
 *
 * @returns Its bytes, ready to send.
 * @throws {HttpError} 500 when the body is over {@linkcode HTTP_BODY_BYTES_MAX}; it is read no further.
 */
export async function encodeResponse(response: Response, options: EncodeResponseOptions): Promise<Uint8Array> {
  const body = await readBody(response);
  const fields = [...response.headers].filter(([name]) => !OWN_FIELDS.has(name));
  return encodeAnswer({ status: response.status, fields, body }, options);
}

/** An answer whose body is at hand. */
export interface HttpAnswer {
  readonly status: number;
  /** Those that are this module's to write are left out. */
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/** Writes an answer. @returns Its bytes, ready to send. */
export function encodeAnswer(answer: HttpAnswer, options: EncodeResponseOptions): Uint8Array {
  const head = encodeAnswerHead(answer, options), body = options.head ? EMPTY : answer.body;
  return concatenate([head, body], head.length + body.length);
}

/** Writes an answer without its body. @returns Its bytes, ready to send in front of the body. */
export function encodeAnswerHead({ status, fields, body }: HttpAnswer, options: EncodeResponseOptions): Uint8Array {
  const connection = options.keepAlive ? "keep-alive" : "close";
  const isUpgrade = fields.some(([name]) => name === "upgrade");
  const all = [
    ...fields,
    ["date", new Date(options.nowMs).toUTCString()] as const,
    ["connection", isUpgrade ? `${connection}, upgrade` : connection] as const,
  ];
  // With 204 a length is forbidden, with 304 it would be that of the body left out (RFC 9110, section 8.6).
  if (status !== 204 && status !== 304) all.push(["content-length", String(body.length)]);
  return encodeMessage(status, all, EMPTY);
}

/** Writes the answer to a refused request; it closes the connection. `nowMs` as in {@linkcode EncodeResponseOptions}. */
export function encodeHttpError(error: HttpError, nowMs: number): Uint8Array {
  const body = new TextEncoder().encode(`${error.message}\n`);
  const needsUpgrade = error.status === 426;
  const fields: [string, string][] = [
    ["content-type", "text/plain; charset=utf-8"],
    ["x-content-type-options", "nosniff"],
    ["date", new Date(nowMs).toUTCString()],
    ["connection", needsUpgrade ? "close, upgrade" : "close"],
    ["content-length", String(body.length)],
  ];
  if (error.retryAfterSeconds > 0) fields.push(["retry-after", String(error.retryAfterSeconds)]);
  if (error.status === 405) fields.push(["allow", "GET, HEAD"]);
  if (needsUpgrade) fields.push(["upgrade", "websocket"], ["sec-websocket-version", "13"]);
  return encodeMessage(error.status, fields, body);
}

/** Writes the response that turns the connection into a WebSocket; `accept` comes from {@linkcode upgradeDecision}. */
export function encodeUpgrade(accept: string): Uint8Array {
  const fields: [string, string][] = [
    ["upgrade", "websocket"],
    ["connection", "Upgrade"],
    ["sec-websocket-accept", accept],
  ];
  return encodeMessage(101, fields, EMPTY);
}

async function readBody(response: Response): Promise<Uint8Array> {
  if (response.body === null) return EMPTY;
  const chunks: Uint8Array[] = [];
  let bodyBytes = 0;
  const reader = response.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    chunks.push(read.value);
    bodyBytes += read.value.length;
    if (bodyBytes > HTTP_BODY_BYTES_MAX) {
      await reader.cancel();
      throw new HttpError(500, `Cannot send response: its body is over ${HTTP_BODY_BYTES_MAX} bytes`);
    }
  }
  return concatenate(chunks, bodyBytes);
}

function encodeMessage(status: number, fields: readonly (readonly [string, string])[], body: Uint8Array): Uint8Array {
  let head = `HTTP/1.1 ${status} ${REASON_PHRASES[status] ?? ""}\r\n`;
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  head += "\r\n";
  // A value has been through `Headers` or is ours, so each unit is one byte and none ends a line.
  const message = new Uint8Array(head.length + body.length);
  for (let index = 0; index < head.length; index++) message[index] = head.charCodeAt(index);
  message.set(body, head.length);
  return message;
}

function concatenate(chunks: readonly Uint8Array[], byteCount: number): Uint8Array {
  const whole = new Uint8Array(byteCount);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

const REASON_PHRASES: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  202: "Accepted",
  204: "No Content",
  303: "See Other",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** What becomes of a request: a WebSocket, an error, or an ordinary answer. */
export type UpgradeDecision =
  | { readonly kind: "upgrade"; readonly accept: string }
  | { readonly kind: "refuse"; readonly status: number; readonly message: string }
  | { readonly kind: "none" };

/**
 * Decides whether a request becomes a WebSocket. Neither extensions nor subprotocols are negotiated.
 *
 * A browser's page may connect from the host it talks to or from a listed origin; without an Origin it is no browser.
 *
 * @param options.allowedOrigins Such as `https://play.example.org`; `*` allows every page.
 * @returns `none` when the request does not ask for a WebSocket, or not by RFC 6455.
 * @see RFC 6455, section 4.2
 */
export function upgradeDecision(
  head: HttpHead,
  options: { readonly allowedOrigins: readonly string[] },
): UpgradeDecision {
  const { headers } = head;
  const asks = head.method === "GET" && head.version === "1.1" &&
    hasToken(headers.get("upgrade"), "websocket") && hasToken(headers.get("connection"), "upgrade");
  if (!asks) return { kind: "none" };
  if (headers.get("sec-websocket-version") !== "13") {
    return { kind: "refuse", status: 426, message: "Cannot accept WebSocket: its version is not 13" };
  }
  const key = headers.get("sec-websocket-key");
  if (key === undefined || !isWebSocketKey(key)) {
    return { kind: "refuse", status: 400, message: "Cannot accept WebSocket: its key is not 16 bytes" };
  }
  if (!isOriginAllowed(headers.get("origin"), headers.get("host"), options.allowedOrigins)) {
    return { kind: "refuse", status: 403, message: "Cannot accept WebSocket: pages of this origin are not allowed" };
  }
  return { kind: "upgrade", accept: acceptKey(key) };
}

/**
 * Whether a request names the gateway as its operator does. A page of a foreign site can have its own name lead to this
 * machine (DNS rebinding), and would then be taken for the gateway's own; that name gives it away.
 *
 * @param names Lower case; IP addresses and `localhost` need not be among them. `null`: the gateway can be reached by
 * other machines, under whatever names.
 */
export function isHostNamed(head: HttpHead, names: ReadonlySet<string> | null): boolean {
  const host = head.headers.get("host")?.toLowerCase().replace(/:\d+$/, "");
  // Without a Host it is no browser.
  if (names === null || host === undefined || names.has(host)) return true;
  return host === "localhost" || host.endsWith(".localhost") || host.startsWith("[") || /^\d+(\.\d+){3}$/.test(host);
}

/**
 * Whether a page of this origin may open the WebSocket.
 *
 * @param host Of the request, which is the page's own where a browser asks its own host.
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowedOrigins: readonly string[],
): boolean {
  if (origin === undefined || allowedOrigins.includes("*")) return true;
  const normalized = normalizeOrigin(origin);
  if (allowedOrigins.some((allowed) => normalizeOrigin(allowed) === normalized)) return true;
  // A proxy may have taken TLS off, so the scheme is the page's to know.
  const scheme = /^https?:\/\//.exec(normalized)?.[0];
  return scheme !== undefined && host !== undefined && normalizeOrigin(scheme + host) === normalized;
}

/** Lower case, without the port that the scheme implies. */
function normalizeOrigin(origin: string): string {
  const lower = origin.toLowerCase();
  const defaultPort = lower.startsWith("https://") ? ":443" : lower.startsWith("http://") ? ":80" : undefined;
  return defaultPort !== undefined && lower.endsWith(defaultPort) ? lower.slice(0, -defaultPort.length) : lower;
}
