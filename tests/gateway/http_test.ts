import {
  encodeHttpError,
  encodeResponse,
  encodeUpgrade,
  HttpError,
  type HttpHead,
  HttpHeadParser,
  isHostNamed,
  toRequest,
  upgradeDecision,
} from "../../gateway/http.ts";
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_FIELDS_MAX,
  HTTP_HEAD_BYTES_MAX,
  HTTP_REQUESTS_PER_CONNECTION_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { concatenate, Prng, utf8 } from "./frames.ts";

/** One byte for each unit, unlike UTF-8. */
function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

interface ParsedHeads {
  readonly heads: HttpHead[];
  /** What is left after the last head. */
  readonly rest: Uint8Array;
  readonly status?: number;
}

/** Parses heads until the first that does not keep its connection, in pieces. */
function parseHeads(bytes: Uint8Array, pieceBytes = bytes.length): ParsedHeads {
  const parser = new HttpHeadParser();
  const heads: HttpHead[] = [];
  try {
    for (let at = 0; at < bytes.length;) {
      at += parser.push(bytes, at, Math.min(at + pieceBytes, bytes.length));
      if (parser.head === undefined) continue;
      heads.push(parser.head);
      if (!parser.head.keepAlive) return { heads, rest: bytes.subarray(at) };
      parser.next();
    }
  } catch (error) {
    assert(error instanceof HttpError, String(error));
    return { heads, rest: new Uint8Array(0), status: error.status };
  }
  return { heads, rest: new Uint8Array(0) };
}

function parseHead(text: string): HttpHead {
  const { heads, status } = parseHeads(latin1(text));
  assert(heads.length === 1, `Status ${status}`);
  return heads[0];
}

const GET = "GET / HTTP/1.1\r\nHost: x\r\n";

Deno.test("HttpHeadParser.push() reads method, target, version and fields, and leaves what follows", () => {
  const head = "HEAD /a/b%20c?d=/e&f HTTP/1.1\r\nHOST: Play.example:8082\r\nAccept:\t a, b \t\r\n" +
    "X-Empty:\r\naccept: c\r\nX-Latin: caf\u00e9\u00a0\r\nContent-Length: 0\r\nConnection: Foo, CLOSE\r\n\r\n";
  const bytes = latin1(head + "\x82\x00rest");
  for (const pieceBytes of [1, 7, bytes.length]) {
    const { heads, rest } = parseHeads(bytes, pieceBytes);
    assertEquals(heads, [{
      method: "HEAD",
      target: "/a/b%20c?d=/e&f",
      path: "/a/b%20c",
      version: "1.1",
      headers: new Map([
        ["host", "Play.example:8082"],
        ["accept", "a, b, c"],
        ["x-empty", ""],
        ["x-latin", "caf\u00e9\u00a0"],
        ["content-length", "0"],
        ["connection", "Foo, CLOSE"],
      ]),
      keepAlive: false,
      contentBytes: 0,
    }]);
    assertEquals(rest, latin1("\x82\x00rest"));
  }
});

Deno.test("HttpHeadParser.push() reads requests one after the other, each with its own fields", () => {
  const bytes = latin1(`\r\n${GET}A: 1\r\n\r\n${GET}\r\nGET /last HTTP/1.0\r\n\r\n${GET}`);
  for (const pieceBytes of [1, 5, bytes.length]) {
    const { heads, rest } = parseHeads(bytes, pieceBytes);
    assertEquals(heads.map((head) => [head.target, head.headers.get("a"), head.keepAlive]), [
      ["/", "1", true],
      ["/", undefined, true],
      ["/last", undefined, false],
    ]);
    assertEquals(rest, latin1(GET));
  }
});

Deno.test("HttpHeadParser.push() serves a bounded number of requests on a connection", () => {
  // Together over the bounds of one head.
  const request = `${GET}A: ${"a".repeat(100)}\r\nB: c\r\n\r\n`;
  const { heads } = parseHeads(latin1(request.repeat(HTTP_REQUESTS_PER_CONNECTION_MAX + 5)));
  assertEquals(heads.length, HTTP_REQUESTS_PER_CONNECTION_MAX);
  assertEquals(heads.filter((head) => head.keepAlive).length, HTTP_REQUESTS_PER_CONNECTION_MAX - 1);
});

Deno.test("HttpHeadParser.push() refuses each malformed request with its status", () => {
  const table: [number, string][] = [
    // Request lines.
    [400, "\r\n\r\nGET / HTTP/1.1\r\n"],
    [400, " GET / HTTP/1.1\r\n"],
    [400, "GET  / HTTP/1.1\r\n"],
    [400, "GET / HTTP/1.1 \r\n"],
    [400, "GET\t/ HTTP/1.1\r\n"],
    [400, "GET /\r\n"],
    [400, "GET HTTP/1.1\r\n"],
    [400, "GET /a b HTTP/1.1\r\n"],
    [400, "GET /\u00e9 HTTP/1.1\r\n"],
    [400, "GET / http/1.1\r\n"],
    [400, "GET / HTTP/1\r\n"],
    [400, "GET / HTTP/1.10\r\n"],
    [400, "G@T / HTTP/1.1\r\n"],
    [400, "GET ftp://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n"],
    [400, "GET http:///x HTTP/1.1\r\nHost: example.org\r\n\r\n"],
    [400, "GET http://a b/ HTTP/1.1\r\n"],
    [400, "GET http://user@example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n"],
    [400, "GET http://example.org/ HTTP/1.1\r\n\r\n"],
    [400, "GET * HTTP/1.1\r\n"],
    [400, "GET a HTTP/1.1\r\n"],
    [400, "GET /#a HTTP/1.1\r\n"],
    [505, "PRI * HTTP/2.0\r\n"],
    [505, "GET / HTTP/0.9\r\n"],
    [505, "GET / HTTP/1.2\r\n"],
    [505, "GET / HTTP/3.0\r\n"],
    [405, "POST / HTTP/1.1\r\n"],
    [405, "OPTIONS * HTTP/1.1\r\n"],
    [405, "CONNECT a:1 HTTP/1.1\r\n"],
    [405, "get / HTTP/1.1\r\n"],
    // Line ends and control characters.
    [400, "GET / HTTP/1.1\n"],
    [400, "\n"],
    [400, "GET / HTTP/1.1\r\r\n"],
    [400, `${GET}A: b\n`],
    [400, `${GET}A: b\rc\r\n`],
    [400, `${GET}A: b\0\r\n`],
    [400, `${GET}A: \x7f\r\n`],
    [400, `${GET}A: \x1b\r\n`],
    [400, "\x16\x03\x01\x02"],
    // Field lines.
    [400, `${GET} A: b\r\n`],
    [400, `${GET}A: b\r\n c\r\n`],
    [400, `${GET}A: b\r\n\tc\r\n`],
    [400, `${GET}A : b\r\n`],
    [400, `${GET}: b\r\n`],
    [400, `${GET}A\r\n`],
    [400, `${GET}A(b): c\r\n`],
    [400, `${GET}\u00e9: c\r\n`],
    [400, `${GET}A b: c\r\n`],
    // Host and what could carry a second request.
    [400, "GET / HTTP/1.1\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"],
    [400, "GET / HTTP/1.0\r\nHost: a, b\r\n\r\n"],
    [400, `${GET}host: x\r\n`],
    [400, `${GET}Content-Length: 1\r\n\r\n`],
    [400, `${GET}Content-Length: 00\r\n\r\n`],
    [400, `${GET}Content-Length: +0\r\n\r\n`],
    [400, `${GET}Content-Length: -0\r\n\r\n`],
    [400, `${GET}Content-Length: 0, 0\r\n\r\n`],
    [400, `${GET}Content-Length:\r\n\r\n`],
    [400, `${GET}Content-Length: 0\r\nContent-Length: 0\r\n`],
    [400, `${GET}Transfer-Encoding: chunked\r\n\r\n`],
    [400, `${GET}Transfer-Encoding: identity\r\n\r\n`],
    [400, `${GET}Transfer-Encoding:\r\n\r\n`],
    [400, `${GET}Origin: http://a\r\nOrigin: http://a\r\n`],
    [400, `${GET}Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a\r\n`],
  ];
  for (const [status, text] of table) {
    for (const pieceBytes of [text.length, 1]) {
      const parsed = parseHeads(latin1(text), pieceBytes);
      assertEquals([parsed.status, parsed.heads.length], [status, 0], JSON.stringify(text));
    }
  }
});

Deno.test("HttpHeadParser.push() takes every shape of Host", () => {
  for (const host of ["localhost", "a.example:8082", "127.0.0.1:1", "[::1]", "[2001:db8::1]:65535", "A-b_c~d"]) {
    assertEquals(parseHead(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`).headers.get("host"), host);
  }
});

Deno.test("HttpHeadParser.push() takes a head at its limits and answers 431 above them", () => {
  const padded = (headBytes: number) => `${GET}A: ${"a".repeat(headBytes - GET.length - 7)}\r\n\r\n`;
  assertEquals(padded(HTTP_HEAD_BYTES_MAX).length, HTTP_HEAD_BYTES_MAX);
  parseHead(padded(HTTP_HEAD_BYTES_MAX));
  assertEquals(parseHeads(latin1(padded(HTTP_HEAD_BYTES_MAX + 1))).status, 431);
  assertEquals(parseHeads(latin1(`GET /${"a".repeat(HTTP_HEAD_BYTES_MAX)}`)).status, 431);
  parseHead(`${GET}${"A: b\r\n".repeat(HTTP_FIELDS_MAX - 1)}\r\n`);
  assertEquals(parseHeads(latin1(`${GET}${"A: b\r\n".repeat(HTTP_FIELDS_MAX)}`)).status, 431);
});

Deno.test("HttpHeadParser.push() ignores everything after an error", () => {
  const parser = new HttpHeadParser();
  assertThrows(() => parser.push(latin1("\n"), 0, 1), HttpError, "line feed");
  assertEquals(parser.push(latin1(`${GET}\r\n`), 0, 20), 20);
  assertEquals(parser.head, undefined);
});

Deno.test("HttpHeadParser.next() is only for connections that are kept", () => {
  const parser = new HttpHeadParser();
  assertThrows(() => parser.next(), Error, "keeps the connection");
  const bytes = latin1("GET / HTTP/1.0\r\n\r\n");
  parser.push(bytes, 0, bytes.length);
  assertThrows(() => parser.next(), Error, "keeps the connection");
});

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const blank = fc.constantFrom("", " ", "\t", " \t ");
const value = fc.stringMatching(/^([\x21-\x7e]([\x20-\x7e]{0,20}[\x21-\x7e])?)?$/);
const reserved = ["host", "connection", "content-length", "transfer-encoding", "origin"];
const field = fc.tuple(token, blank, value, blank)
  .filter(([name]) => !reserved.includes(name.toLowerCase()) && !name.toLowerCase().startsWith("sec-"));

Deno.test("HttpHeadParser.push() reads every correct request alike for every split, and not one byte more", () => {
  fc.assert(fc.property(
    fc.stringMatching(/^[\x21\x22\x24-\x7e]{0,30}$/),
    fc.uniqueArray(field, { maxLength: 6, selector: ([name]) => name.toLowerCase() }),
    fc.uint8Array({ maxLength: 20 }),
    fc.integer({ min: 1, max: 60 }),
    (target, fields, rest, pieceBytes) => {
      const lines = fields.map(([name, before, value, after]) => `${name}:${before}${value}${after}\r\n`).join("");
      const bytes = concatenate(
        latin1(`GET /${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${lines}\r\n`),
        rest,
      );
      const parsed = parseHeads(bytes, pieceBytes);
      assertEquals(parsed.heads.map((head) => head.target), [`/${target}`]);
      const expected = new Map([["host", "x"], ["connection", "close"]]);
      for (const [name, , value] of fields) expected.set(name.toLowerCase(), value);
      assertEquals(parsed.heads[0].headers, expected);
      assertEquals(new Uint8Array(parsed.rest), rest);
      toRequest(parsed.heads[0], "http://localhost");
    },
  ));
});

Deno.test("HttpHeadParser.push() throws nothing but HttpError on fuzzed requests, the same for every split", () => {
  const seed = Number(Deno.env.get("FUZZ_SEED") ?? 9112);
  const prng = new Prng(seed);
  const valid = `GET /a?b HTTP/1.1\r\nHost: x:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://x:1\r\n\r\n`;
  const pieces = [
    "\r\n",
    "\r",
    "\n",
    " ",
    "\t",
    ":",
    "\0",
    "Host: y\r\n",
    "Transfer-Encoding: x\r\n",
    "HTTP/1.0",
    "\xff",
  ];
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 10_000; round++) {
    let text = valid.repeat(1 + prng.below(2));
    for (let edits = prng.below(4); edits > 0; edits--) {
      const at = prng.below(text.length);
      const piece = prng.below(2) === 0 ? pieces[prng.below(pieces.length)] : String.fromCharCode(prng.below(256));
      text = text.slice(0, at) + piece + text.slice(at + prng.below(3));
    }
    const bytes = latin1(text);
    const whole = parseHeads(bytes);
    assertEquals(parseHeads(bytes, 1 + prng.below(50)), whole, `Seed ${seed}, round ${round}: ${JSON.stringify(text)}`);
    for (const head of whole.heads) {
      toRequest(head, "http://localhost");
      const { kind } = upgradeDecision(head, { allowedOrigins: [] });
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
    }
    if (whole.status !== undefined) outcomes.set("error", (outcomes.get("error") ?? 0) + 1);
  }
  for (const outcome of ["upgrade", "refuse", "none", "error"]) assert((outcomes.get(outcome) ?? 0) > 50, outcome);
});

Deno.test("toRequest() keeps target and fields on the gateway's own origin, and asks HEAD as GET", () => {
  const request = toRequest(
    parseHead("HEAD //evil.example/a?b=c HTTP/1.1\r\nHost: evil\r\nA: \u00e9\r\n\r\n"),
    "http://own:1",
  );
  assertEquals([request.method, request.url, request.headers.get("a")], [
    "GET",
    "http://own:1//evil.example/a?b=c",
    "\u00e9",
  ]);
  for (const target of ["/\\evil.example/", "/@evil.example", "/..//evil.example", "/%00%zz", "/?\\"]) {
    const { url } = toRequest(parseHead(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`), "http://own:1");
    assertEquals(new URL(url).host, "own:1", target);
  }
});

const KEEP = { head: false, keepAlive: true, nowMs: Date.UTC(2024, 1, 29, 1, 2, 3) };

/** Splits a response into its status line, its fields and its body. */
function readResponse(bytes: Uint8Array): { statusLine: string; fields: Map<string, string>; body: string } {
  const text = String.fromCharCode(...bytes);
  const headEnd = text.indexOf("\r\n\r\n");
  const [statusLine, ...lines] = text.slice(0, headEnd).split("\r\n");
  const fields = lines.map((line): [string, string] => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]);
  return { statusLine, fields: new Map(fields), body: text.slice(headEnd + 4) };
}

Deno.test("encodeResponse() writes status, fields with length and date, and body", async () => {
  const response = new Response("hello", { status: 200, headers: { "x-a": "b", "transfer-encoding": "chunked" } });
  const { statusLine, fields, body } = readResponse(await encodeResponse(response, KEEP));
  assertEquals(statusLine, "HTTP/1.1 200 OK");
  assertEquals(
    fields,
    new Map([
      ["content-type", "text/plain;charset=UTF-8"],
      ["x-a", "b"],
      ["date", "Thu, 29 Feb 2024 01:02:03 GMT"],
      ["connection", "keep-alive"],
      ["content-length", "5"],
    ]),
  );
  assertEquals(body, "hello");
});

Deno.test("encodeResponse() leaves the body out for HEAD and closes where it is told to", async () => {
  const { fields, body } = readResponse(
    await encodeResponse(new Response("hello"), { ...KEEP, head: true, keepAlive: false }),
  );
  assertEquals([fields.get("content-length"), fields.get("connection"), body], ["5", "close", ""]);
});

Deno.test("encodeResponse() writes no length where there can be no body", async () => {
  for (const status of [204, 304]) {
    const { fields } = readResponse(await encodeResponse(new Response(null, { status }), KEEP));
    assertEquals(fields.has("content-length"), false);
  }
  const { fields } = readResponse(await encodeResponse(new Response(null), KEEP));
  assertEquals(fields.get("content-length"), "0");
});

Deno.test("encodeResponse() names the upgrade in Connection, and writes each cookie on its line", async () => {
  const headers = new Headers([["upgrade", "websocket"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  const text = String.fromCharCode(...await encodeResponse(new Response(null, { status: 426, headers }), KEEP));
  assert(text.startsWith("HTTP/1.1 426 Upgrade Required\r\n"));
  assert(text.includes("\r\nconnection: keep-alive, upgrade\r\n"));
  assert(text.includes("\r\nset-cookie: a=1\r\n") && text.includes("\r\nset-cookie: b=2\r\n"));
});

Deno.test("encodeResponse() takes a body at the limit and reads no further above it", async () => {
  const atLimit = await encodeResponse(new Response(new Uint8Array(HTTP_BODY_BYTES_MAX)), KEEP);
  assert(atLimit.length > HTTP_BODY_BYTES_MAX);
  let isCancelled = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    cancel: () => void (isCancelled = true),
  });
  const error = await assertRejects(() => encodeResponse(new Response(endless), KEEP), HttpError, "body is over");
  assertEquals([error.status, isCancelled], [500, true]);
});

Deno.test("encodeHttpError() closes, and says what would have been accepted", () => {
  const table: [number, string, string, string][] = [
    [400, "Bad Request", "allow", ""],
    [405, "Method Not Allowed", "allow", "GET, HEAD"],
    [426, "Upgrade Required", "sec-websocket-version", "13"],
    [431, "Request Header Fields Too Large", "allow", ""],
    [505, "HTTP Version Not Supported", "allow", ""],
  ];
  for (const [status, phrase, name, fieldValue] of table) {
    const { statusLine, fields, body } = readResponse(encodeHttpError(new HttpError(status, "Cannot go on"), 0));
    assertEquals(statusLine, `HTTP/1.1 ${status} ${phrase}`);
    assertEquals(fields.get(name) ?? "", fieldValue);
    assertEquals(fields.get("connection"), status === 426 ? "close, upgrade" : "close");
    assertEquals(fields.get("content-length"), "13");
    assertEquals(fields.get("date"), "Thu, 01 Jan 1970 00:00:00 GMT");
    assertEquals(body, "Cannot go on\n");
  }
});

Deno.test("encodeUpgrade() writes exactly the answer of RFC 6455's example", () => {
  assertEquals(
    encodeUpgrade("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    utf8(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    ),
  );
});

const UPGRADE = {
  "Host": "play.example:8082",
  "Upgrade": "websocket",
  "Connection": "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** What {@linkcode upgradeDecision} says of an upgrade with some fields changed; an empty one is left out. */
function decide(
  changes: Record<string, string>,
  allowedOrigins: string[] = [],
  requestLine = "GET /ws HTTP/1.1",
): string {
  const fields = Object.entries({ ...UPGRADE, ...changes }).filter(([, value]) => value !== "");
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const decision = upgradeDecision(parseHead(`${requestLine}\r\n${lines}\r\n`), { allowedOrigins });
  return decision.kind === "refuse" ? String(decision.status) : decision.kind;
}

Deno.test("upgradeDecision() accepts an upgrade in whatever case and list, and gives the proof", () => {
  const lines = Object.entries(UPGRADE).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = parseHead(`GET /ws HTTP/1.1\r\n${lines}\r\n`);
  assertEquals(upgradeDecision(head, { allowedOrigins: [] }), {
    kind: "upgrade",
    accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  });
  assertEquals(decide({ Upgrade: "h2c,\tWebSocket", Connection: "keep-alive , UPGRADE" }), "upgrade");
  assertEquals(decide({ "Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "a" }), "upgrade");
});

Deno.test("upgradeDecision() leaves alone what does not ask for a WebSocket", () => {
  assertEquals(decide({ Upgrade: "" }), "none");
  assertEquals(decide({ Upgrade: "h2c" }), "none");
  assertEquals(decide({ Upgrade: "websockets" }), "none");
  assertEquals(decide({ Connection: "" }), "none");
  assertEquals(decide({ Connection: "keep-alive" }), "none");
  assertEquals(decide({}, [], "HEAD /ws HTTP/1.1"), "none");
  assertEquals(decide({}, [], "GET /ws HTTP/1.0"), "none");
});

Deno.test("upgradeDecision() refuses other versions with 426 and malformed keys with 400", () => {
  for (const version of ["", "8", "013", "13.0"]) assertEquals(decide({ "Sec-WebSocket-Version": version }), "426");
  for (const key of ["", "short", "dGhlIHNhbXBsZSBub25jZWU="]) {
    assertEquals(decide({ "Sec-WebSocket-Key": key }), "400");
  }
});

Deno.test("upgradeDecision() lets in pages of the same host and of listed origins, and programs", () => {
  const table: [string, string, string[], string][] = [
    ["play.example:8082", "", [], "upgrade"],
    ["play.example:8082", "http://play.example:8082", [], "upgrade"],
    ["play.example:8082", "https://PLAY.example:8082", [], "upgrade"],
    ["PLAY.example", "http://play.example", [], "upgrade"],
    ["play.example:80", "http://play.example", [], "upgrade"],
    ["play.example", "http://play.example:80", [], "upgrade"],
    ["play.example", "https://play.example", [], "upgrade"],
    ["play.example:443", "https://play.example", [], "upgrade"],
    ["[::1]:8082", "http://[::1]:8082", [], "upgrade"],
    ["play.example:80", "https://play.example", [], "403"],
    ["play.example:443", "http://play.example", [], "403"],
    ["play.example:8082", "http://play.example", [], "403"],
    ["play.example:8082", "http://play.example:8083", [], "403"],
    ["play.example:8082", "http://evil.example:8082", [], "403"],
    ["play.example:8082", "http://play.example:8082.evil.example", [], "403"],
    ["play.example:8082", "http://evil.example@play.example:8082", [], "403"],
    ["play.example:8082", "http://play.example:8082/", [], "403"],
    ["play.example:8082", "ftp://play.example:8082", [], "403"],
    ["play.example:8082", "play.example:8082", [], "403"],
    ["play.example:8082", "null", [], "403"],
    ["play.example:8082", "https://site.example", ["https://site.example"], "upgrade"],
    ["play.example:8082", "https://site.example:443", ["https://Site.example"], "upgrade"],
    ["play.example:8082", "http://site.example", ["https://site.example"], "403"],
    ["play.example:8082", "https://sub.site.example", ["https://site.example"], "403"],
    ["play.example:8082", "app://game", ["app://game"], "upgrade"],
    ["play.example:8082", "null", ["*"], "upgrade"],
    ["play.example:8082", "http://evil.example", ["https://site.example", "*"], "upgrade"],
  ];
  for (const [host, origin, allowedOrigins, expected] of table) {
    assertEquals(
      decide({ Host: host, Origin: origin }, allowedOrigins),
      expected,
      `${host} ${origin} ${allowedOrigins}`,
    );
  }
});

Deno.test("HttpHeadParser.push() takes a whole URL for a target, and its host in place of the Host field", () => {
  for (
    const [target, path, whole] of [
      ["http://play.example.org/a?b=1", "/a", "/a?b=1"],
      ["HTTPS://play.example.org", "/", "/"],
      ["http://play.example.org?b", "/", "/?b"],
    ]
  ) {
    const head = parseHead(`GET ${target} HTTP/1.1\r\nHost: other.example\r\n\r\n`);
    assertEquals([head.path, head.target, head.headers.get("host")], [path, whole, "play.example.org"]);
  }
});

Deno.test("isHostNamed() takes addresses, localhost and the operator's names, and no other where names count", () => {
  const names = new Set(["play.example.org"]);
  const isNamed = (host: string, known: ReadonlySet<string> | null) =>
    isHostNamed(parseHead(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`), known);
  for (const host of ["127.0.0.1:8082", "192.0.2.7", "[::1]:80", "localhost", "LOCALHOST:1", "a.localhost"]) {
    assertEquals(isNamed(host, names), true, host);
  }
  assertEquals([isNamed("Play.Example.org:443", names), isNamed("evil.example", names)], [true, false]);
  assertEquals([isNamed("1.2.3.4.evil.example", names), isNamed("localhost.evil.example", names)], [false, false]);
  assertEquals(isNamed("evil.example", null), true);
  assertEquals(isHostNamed(parseHead("GET / HTTP/1.0\r\n\r\n"), names), true);
});
