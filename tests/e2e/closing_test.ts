/** Every way a connection can end gives its file descriptor back, whatever the peer does or leaves undone. @module */

import { EchoRequestSchema, HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import { makeCertificate } from "../support/certificate.ts";
import { programTest } from "../support/programs.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { IO_BACKENDS, type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { packet } from "../support/wire.ts";
import { join } from "../support/wire_websocket.ts";

/** Longer than any deadline of a connection and the linger behind it, in milliseconds. */
const PATIENCE_MS = 90_000;
/** Peers of each kind; more in `deno task soak:closing`. */
const PEERS = Number(Deno.env.get("CLOSING_PEERS") ?? 3);
/** More than the kernel and the send queue keep for a peer that does not read. */
const UNREAD_PACKETS = 400;
const UNREAD_RESPONSES = 8;

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const MALFORMED = new Uint8Array(8).fill(0xff);
const HALF_CLIENT_HELLO = Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...new Uint8Array(40));
const ECHO = packet(EchoRequestSchema, { data: new Uint8Array(60_000) });
const UPGRADE = utf8(
  "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
);
const request = (path: string): Uint8Array => utf8(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
const HALF_HEAD = request("/").subarray(0, 20);
const PAGE_SCRIPT = request("/page.js");

/** What a peer does once it is there; it holds its side of the connection until the server has let go of its own. */
type Deed = (socket: RawSocket) => void | Promise<void>;

const says = (...parts: Uint8Array[]): Deed => (socket) => socket.write(join(parts));
const doesNotRead = (...parts: Uint8Array[]): Deed => (socket) => {
  socket.pause();
  socket.write(join(parts));
};

/** By port. */
const DEEDS: Readonly<Record<"game" | "gateway", Readonly<Record<string, Deed>>>> = {
  game: {
    "is silent": () => {},
    "sends half a packet": says(packet(HeartbeatRequestSchema, {}).subarray(0, 7)),
    "sends what is no packet": says(MALFORMED),
    "is heard of, then ends its side": async (socket) => {
      await socket.flush(packet(HeartbeatRequestSchema, {}));
      socket.end();
    },
    "ends its side at once": (socket) => socket.end(),
    "resets": (socket) => socket.reset(),
    "goes": (socket) => socket.close(),
    "does not read, and breaks the rules": doesNotRead(...new Array(UNREAD_PACKETS).fill(ECHO), MALFORMED),
  },
  gateway: {
    "is silent": () => {},
    "sends half a head": says(HALF_HEAD),
    "sends what is no head": says(MALFORMED),
    "asks once": says(request("/healthz")),
    "asks, then ends its side": async (socket) => {
      await socket.flush(request("/healthz"));
      socket.end();
    },
    "resets": (socket) => socket.reset(),
    "goes": (socket) => socket.close(),
    "does not read what it asked for": doesNotRead(...new Array(UNREAD_RESPONSES).fill(PAGE_SCRIPT)),
    "becomes a WebSocket and is silent": says(UPGRADE),
    "becomes a WebSocket and breaks the rules": says(UPGRADE, MALFORMED),
    "becomes a WebSocket and ends its side": async (socket) => {
      await socket.flush(UPGRADE);
      socket.end();
    },
    "becomes a WebSocket and resets": async (socket) => {
      await socket.flush(UPGRADE);
      socket.reset();
    },
  },
};

/** What a peer sends instead of shaking hands. */
const NO_HANDSHAKES: Readonly<Record<string, Deed>> = {
  "is silent before its handshake": () => {},
  "sends half a ClientHello": says(HALF_CLIENT_HELLO),
  "sends half a ClientHello and ends its side": async (socket) => {
    await socket.flush(HALF_CLIENT_HELLO);
    socket.end();
  },
  "sends half a ClientHello and resets": async (socket) => {
    await socket.flush(HALF_CLIENT_HELLO);
    socket.reset();
  },
  "speaks no TLS": says(request("/")),
};

/** Sockets that a server holds. */
function socketCount(server: ServerProcess): number {
  const folder = `/proc/${server.pid}/fd`;
  return [...Deno.readDirSync(folder)].filter(({ name }) => {
    try {
      return Deno.readLinkSync(`${folder}/${name}`).startsWith("socket:");
    } catch {
      // It was closed meanwhile.
      return false;
    }
  }).length;
}

/** Peers of one kind. */
interface Peers {
  readonly name: string;
  readonly connect: () => Promise<RawSocket>;
  readonly deed: Deed;
}

/** Lets each kind do its deed on its own, and all of them at once: nothing may be held by the server at the end. */
async function checkDescriptors(server: ServerProcess, kinds: readonly Peers[]): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const before = socketCount(server);
  await Promise.all(kinds.map(async ({ connect, deed }) => {
    for (let count = 0; count < PEERS; count++) {
      const socket = stack.use(await connect());
      await deed(socket);
    }
  }));
  await until("peers that are held", () => socketCount(server) > before);
  await until(
    `the descriptors of ${kinds.length} kinds of peers`,
    () => socketCount(server) === before,
    PATIENCE_MS,
  ).catch((error) => {
    throw new Error(`${socketCount(server) - before} are held`, { cause: error });
  });
}

function kindsOf(server: ServerProcess, isSecure: boolean): Peers[] {
  const connect = isSecure ? RawSocket.secure : RawSocket.connect;
  const kinds: Peers[] = [];
  for (const port of ["game", "gateway"] as const) {
    for (const [name, deed] of Object.entries(DEEDS[port])) {
      kinds.push({ name: `${port}: ${name}`, connect: () => connect(server.ports[port]), deed });
    }
    if (!isSecure) continue;
    for (const [name, deed] of Object.entries(NO_HANDSHAKES)) {
      kinds.push({ name: `${port}: ${name}`, connect: () => RawSocket.connect(server.ports[port]), deed });
    }
  }
  return kinds;
}

/** A server's flags: of either backend, or with TLS. */
async function flavours(dir: string): Promise<[name: string, backend: IoBackendName, flags: string[]][]> {
  const { cert, key } = await makeCertificate(dir);
  return [
    ...IO_BACKENDS.map((backend): [string, IoBackendName, string[]] => [backend, backend, []]),
    ["TLS", "deno", ["--tls-cert", cert, "--tls-key", key]],
  ];
}

programTest(
  "openssl",
  "serve gives the descriptor of every connection back, however it ends: plain, TLS, HTTP, WebSocket",
  async () => {
    await withTempDir(async (dir) => {
      await Promise.all((await flavours(dir)).map(async ([name, backend, flags]) => {
        await using server = await ServerProcess.start({
          backend,
          flags: [...flags, "--diagnostics", "--flood-control", "off"],
        });
        await checkDescriptors(server, kindsOf(server, name === "TLS"));
        await server.stop();
      }));
    });
  },
);

/** What makes each of the ways to be refused: an address with too many connections, a banned one, a full port. */
const LIMITS = ["--trusted-addresses", "127.0.0.1", "--address-max-connections", "4", "--login-max-connections", "1"];
const FLOOD = join(new Array(2_000).fill(packet(HeartbeatRequestSchema, {})));

programTest(
  "openssl",
  "serve gives the descriptor of everyone it refuses back: full, too many of one address, banned",
  async () => {
    await withTempDir(async (dir) => {
      await Promise.all((await flavours(dir)).map(async ([name, backend, flags]) => {
        await using server = await ServerProcess.start({ backend, flags: [...flags, ...LIMITS] });
        const { login, game, gateway } = server.ports;
        const isSecure = name === "TLS";
        const before = socketCount(server);
        await using stack = new AsyncDisposableStack();
        const hold = async (port: number, address: string, secure = isSecure) => {
          const connect = secure ? RawSocket.secure : RawSocket.connect;
          // Who is refused may be gone before its handshake is done.
          const socket = await connect(port, address).catch(() => null);
          if (socket !== null) stack.use(socket);
          return socket;
        };
        const flooding = await hold(game, "127.0.0.2");
        flooding!.write(FLOOD);
        await flooding!.ended;
        for (const port of [login, game, gateway]) await hold(port, "127.0.0.2");
        for (let count = 0; count < 12; count++) await hold(count % 2 === 0 ? game : gateway, "127.0.0.3", false);
        for (let count = 0; count < 6; count++) await hold(login, "127.0.0.1");
        await until("the descriptors of those who were refused", () => socketCount(server) === before, PATIENCE_MS);
        await server.stop();
      }));
    });
  },
);
