import { DatabaseSync } from "node:sqlite";
import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { HeartbeatRequestSchema, LogoutRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { GuildCreateRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { FriendRequestSchema } from "../../games/parts/friends/friends_pb.ts";
import {
  STORAGE_LOG_BYTES_KEPT,
  STORAGE_LOG_BYTES_WARNED,
  STORAGE_TIMEOUT_MS,
  THREAD_STALL_MS,
} from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type ProgramName, programTest, WITH_OWN_MOUNTS } from "../support/programs.ts";
import { type ServerOptions, ServerProcess } from "../support/server_process.ts";
import { SyscallFaults } from "../support/syscall_faults.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const PASSWORD = "correct horse";
/** Room for the database and some write-ahead log. */
const DISK_KIB = 1_024;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than it takes to show, and a request that comes then may take at the storage, by twice as much again. */
const HANG_MS: number = 3 * (THREAD_STALL_MS + STORAGE_TIMEOUT_MS);
/** Whoever takes the lock waits for what the server writes at that moment. */
const LOCK_PATIENCE = { timeout: 10_000 } as const;
/** How long accounts may take to fill what is left of the disk: each waits for the hash of its password. */
const FILL_PATIENCE_MS = 60_000;
const LOG_HEADER_BYTES = 32;
/** SIGXFSZ, which ends a process that writes beyond its limit unless it is ignored. */
const SIGXFSZ = 25;

/** A way to make the disk of a running server fail, and to mend it. */
interface DiskFault {
  readonly name: string;
  /** What is started for it. Default: what every Linux has. */
  readonly needs?: ProgramName;
  /** How to start the server on the folder `dir`, which is empty. */
  options(dir: string): Partial<ServerOptions>;
  begin(server: ServerProcess, dir: string): Promise<void>;
  end(server: ServerProcess, dir: string): Promise<void>;
}

async function run(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assert(success, `${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** The command that runs what follows it on a small disk of its own at `dir`, which goes with it. */
function onSmallDisk(dir: string): string[] {
  const mount = `mount -t tmpfs -o size=${DISK_KIB}k tmpfs "${dir}" && exec "$@"`;
  return [...WITH_OWN_MOUNTS, "sh", "-c", mount, "sh"];
}

/** What the server sees at `dir`. */
function inside(server: ServerProcess, dir: string): string {
  return `/proc/${server.pid}/root${dir}`;
}

const FAULTS: readonly DiskFault[] = [
  {
    name: "a full disk",
    needs: "unshare",
    options: (dir) => ({ launcher: onSmallDisk(dir) }),
    begin: async (server, dir) => {
      using file = await Deno.open(`${inside(server, dir)}/filler`, { write: true, create: true });
      const chunk = new Uint8Array(4_096);
      try {
        for (;;) file.writeSync(chunk);
      } catch (error) {
        assert(String(error).includes("No space left"), String(error));
      }
    },
    end: (server, dir) => Deno.remove(`${inside(server, dir)}/filler`),
  },
  {
    name: "a disk that refuses writes",
    options: () => ({ launcher: ["sh", "-c", `trap "" ${SIGXFSZ}; exec "$@"`, "sh"] }),
    begin: (server) => run("prlimit", "--pid", String(server.pid), "--fsize=512:unlimited"),
    end: (server) => run("prlimit", "--pid", String(server.pid), "--fsize=unlimited:unlimited"),
  },
  {
    name: "a file system that turns read-only",
    needs: "strace",
    options: () => ({}),
    begin: async (server) => {
      readOnly = await SyscallFaults.inject(server.pid, { call: "pwrite64", error: "EROFS", when: "1+" });
    },
    end: async () => await readOnly!.stop(),
  },
];
/** What answers every write to a file as the kernel does on a file system that it has made read-only after an error. */
let readOnly: SyscallFaults | null = null;

function clientOf(port: number): DrawbridgeClient {
  return new DrawbridgeClient({
    connect: () => connectTcp({ port }),
    reconnect: false,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
}

/** Registers and gives the error code. */
async function register(server: ServerProcess, name: string): Promise<ErrorCode> {
  const client = clientOf(server.ports.login);
  await client.open();
  const { success, errorCode } = await client.register(name, PASSWORD);
  await client.close();
  assertEquals(success, errorCode === ErrorCode.NONE);
  return errorCode;
}

/** Logs in and enters the world. */
async function enter(server: ServerProcess, name: string): Promise<DrawbridgeClient> {
  const login = clientOf(server.ports.login);
  await login.open();
  const { sessionToken } = await login.login(name, PASSWORD);
  await login.close();
  const client = clientOf(server.ports.game);
  await client.open();
  assert((await client.enterWorld({ token: sessionToken })).success);
  return client;
}

/** Says something and resolves when it is heard: playing goes on. */
async function say(client: DrawbridgeClient, message: string): Promise<void> {
  const heard = new Promise<void>((resolve) => {
    const stop = client.on(PacketType.CHAT_MESSAGE, (chat) => {
      if (chat.message !== message) return;
      stop();
      resolve();
    });
  });
  client.send(ChatMessageSchema, { channel: Channel.GLOBAL, message });
  await heard;
}

/** Whispers to someone offline; gives the error code. */
async function whisper(client: DrawbridgeClient, recipientName: string, message: string): Promise<ErrorCode> {
  const { promise, resolve } = Promise.withResolvers<ErrorCode>();
  const stops = [
    client.on(PacketType.CHAT_MESSAGE, (chat) => chat.message === message && resolve(ErrorCode.NONE)),
    client.on(PacketType.ERROR_RESPONSE, ({ errorCode }) => resolve(errorCode)),
  ];
  client.send(ChatMessageSchema, { channel: Channel.WHISPER, message, recipientName });
  const code = await promise;
  for (const stop of stops) stop();
  return code;
}

/** Sends what `DrawbridgeClient.request` would send again after UNAVAILABLE; gives the error code of the first answer. */
async function sendOnce(
  client: DrawbridgeClient,
  answer: PacketType.GUILD_CREATE_RESPONSE | PacketType.FRIEND_RESPONSE,
  send: () => void,
): Promise<ErrorCode> {
  const codes: ErrorCode[] = [];
  const stop = client.on(answer, ({ errorCode }) => codes.push(errorCode));
  send();
  await until(PacketType[answer], () => codes.length > 0);
  stop();
  return codes[0];
}

/** Tries everything that must be written before it is answered; gives what became of each. */
async function tryWrites(server: ServerProcess, player: DrawbridgeClient): Promise<Record<string, ErrorCode>> {
  const [account, guild, request, whispered] = await Promise.all([
    register(server, "Tried"),
    sendOnce(player, PacketType.GUILD_CREATE_RESPONSE, () => {
      player.send(GuildCreateRequestSchema, { name: "Tried", tag: "TRY" });
    }),
    sendOnce(player, PacketType.FRIEND_RESPONSE, () => player.send(FriendRequestSchema, { playerName: "Absent" })),
    whisper(player, "Absent", "tried"),
  ]);
  return { account, guild, request, whisper: whispered };
}

/** What is in the database of a folder, by kind; from a copy, as SQLite does not find its way to the disks of others. */
async function rowsOf(dir: string): Promise<Record<string, unknown[]>> {
  return await withTempDir(async (copy) => {
    await until("a copy of one state", async () => {
      const before = logStart(`${dir}/drawbridge.db-wal`);
      for (const suffix of ["", "-wal"]) {
        await Deno.copyFile(`${dir}/drawbridge.db${suffix}`, `${copy}/drawbridge.db${suffix}`);
      }
      // What was taken from the log into the file meanwhile is still in the log, unless that was started over.
      return before === logStart(`${copy}/drawbridge.db-wal`);
    });
    return readRows(`${copy}/drawbridge.db`);
  });
}

/** What the header of a write-ahead log has: other numbers each time it is started over. */
function logStart(path: string): string {
  using file = Deno.openSync(path);
  const header = new Uint8Array(LOG_HEADER_BYTES);
  file.readSync(header);
  return header.toHex();
}

function readRows(path: string): Record<string, unknown[]> {
  const database = new DatabaseSync(path);
  try {
    const all = (sql: string) => database.prepare(sql).all().map((row) => Object.values(row)[0]);
    return {
      accounts: all("SELECT name FROM accounts ORDER BY name"),
      guilds: all("SELECT name FROM guilds ORDER BY name"),
      requests: all("SELECT count(*) FROM friend_requests"),
      whispers: all("SELECT message FROM kept_whispers ORDER BY id"),
      damages: all("PRAGMA integrity_check"),
    };
  } finally {
    database.close();
  }
}

for (const fault of FAULTS) {
  const name = `serve refuses with UNAVAILABLE what ${fault.name} cannot take, plays on, and recovers by itself`;
  programTest(fault.needs ?? [], name, async () => {
    await withTempDir(async (dir) => {
      await using server = await ServerProcess.start({
        dataDir: dir,
        errorsExpected: true,
        flags: ["--address-registrations-per-hour", "1000000"],
        ...fault.options(dir),
      });
      const accounts = ["Present", "Absent"];
      for (const name of accounts) assertEquals(await register(server, name), ErrorCode.NONE);
      const player = await enter(server, "Present");

      await fault.begin(server, dir);
      // The write-ahead log is written over once it is in the database, so a full disk still has room for some accounts.
      let tried = 0;
      const registerOneMore = async () => {
        const name = `Last${tried++}`;
        const code = await register(server, name);
        if (code === ErrorCode.NONE) accounts.push(name);
        return code;
      };
      await until("the readiness to tell", async () => {
        await registerOneMore();
        return (await server.readiness()).includes("cannot be written");
      }, FILL_PATIENCE_MS);
      await until("a refusal", async () => await registerOneMore() === ErrorCode.UNAVAILABLE);
      const codes = await tryWrites(server, player);
      for (const each of Object.values(codes)) {
        assert(each === ErrorCode.NONE || each === ErrorCode.UNAVAILABLE, JSON.stringify(codes));
      }
      await say(player, "still here");
      // Whoever can come without a write can do so.
      await (await enter(server, "Present")).close();

      await fault.end(server, dir);
      await server.untilReady();
      const late = await enter(server, "Present");
      assertEquals(await register(server, "Later"), ErrorCode.NONE);
      assertEquals(await whisper(late, "Absent", "later"), ErrorCode.NONE);
      assert((await late.request(LogoutRequestSchema, {})).success);
      await Promise.all([player.close(), late.close()]);
      // What was acknowledged is there, and nothing else.
      const done = (kind: string) => codes[kind] === ErrorCode.NONE;
      assertEquals(await rowsOf(inside(server, dir)), {
        accounts: [...accounts, "Later", ...done("account") ? ["Tried"] : []].sort(),
        guilds: done("guild") ? ["Tried"] : [],
        requests: [done("request") ? 1 : 0],
        whispers: [...done("whisper") ? ["tried"] : [], "later"],
        damages: ["ok"],
      });
      await server.stop();
    });
  });
}

Deno.test("serve is not ready while players' writes fail and those of its own check do not", async () => {
  await withTempDir(async (dir) => {
    const flags = ["--address-registrations-per-hour", "1000000"];
    await using server = await ServerProcess.start({ dataDir: dir, errorsExpected: true, flags });
    const other = new DatabaseSync(`${dir}/drawbridge.db`, LOCK_PATIENCE);
    try {
      // As on a full disk, where the check comes right after the write-ahead log was started over, and finds room.
      other.exec("CREATE TRIGGER full BEFORE INSERT ON accounts BEGIN SELECT RAISE(FAIL, 'disk is full'); END");
      await until("the readiness to tell", async () => {
        assertEquals(await register(server, "Tried"), ErrorCode.UNAVAILABLE);
        return (await server.readiness()).includes("cannot be written");
      });
      other.exec("DROP TRIGGER full");
    } finally {
      other.close();
    }
    await server.untilReady();
    assertEquals(await register(server, "Tried"), ErrorCode.NONE);
    await server.stop();
  });
});

Deno.test("serve waits for a slow disk, refuses with UNAVAILABLE what waits too long, plays on, and recovers by itself", async () => {
  await withTempDir(async (dir) => {
    await using server = await ServerProcess.start({ dataDir: dir, errorsExpected: true });
    for (const name of ["Present", "Absent"]) assertEquals(await register(server, name), ErrorCode.NONE);
    const player = await enter(server, "Present");
    const other = new DatabaseSync(`${dir}/drawbridge.db`, LOCK_PATIENCE);
    try {
      // Another process writes for longer than anybody waits.
      other.exec("BEGIN IMMEDIATE");
      const tried = tryWrites(server, player);
      await say(player, "not held up");
      assertEquals([...new Set(Object.values(await tried))], [ErrorCode.UNAVAILABLE]);
      // It writes for a moment: the answer waits for the disk, and is true.
      let hasEnded = false;
      const answer = register(server, "Patient").then((code) => [code, hasEnded]);
      await say(player, "nor now");
      hasEnded = true;
      other.exec("COMMIT");
      assertEquals(await answer, [ErrorCode.NONE, true]);
      const names = other.prepare("SELECT name FROM accounts ORDER BY name").all().map(({ name }) => name);
      assertEquals(names, ["Absent", "Patient", "Present"]);
      assertEquals(other.prepare("SELECT count(*) AS count FROM guilds").get()?.count, 0);
    } finally {
      other.close();
    }
    await server.untilReady();
    await player.close();
    await server.stop();
  });
});

Deno.test("serve answers logins, entries, logouts and heartbeats while another process keeps the database locked", async () => {
  await withTempDir(async (dir) => {
    await using server = await ServerProcess.start({ dataDir: dir, errorsExpected: true });
    assertEquals(await register(server, "Present"), ErrorCode.NONE);
    const other = new DatabaseSync(`${dir}/drawbridge.db`, LOCK_PATIENCE);
    try {
      other.exec("BEGIN IMMEDIATE");
      const player = await enter(server, "Present");
      const id = String(other.prepare("SELECT x FROM characters").get()?.x);
      // Everything behind it on the connection is answered as well.
      const [logout, heartbeat] = await Promise.all([
        player.request(LogoutRequestSchema, {}),
        player.request(HeartbeatRequestSchema, {}),
      ]);
      assert(logout.success && heartbeat.serverTimestamp > 0n);
      await player.close();
      other.exec("COMMIT");
      await until("the save", () => String(other.prepare("SELECT x FROM characters").get()?.x) !== id);
    } finally {
      other.close();
    }
    await server.stop();
  });
});

Deno.test("serve warns of a write-ahead log that another process keeps from ending, and ends it by itself", async () => {
  await withTempDir(async (dir) => {
    await using server = await ServerProcess.start({ dataDir: dir, errorsExpected: true });
    const [reader, writer] = [0, 1].map(() => new DatabaseSync(`${dir}/drawbridge.db`, LOCK_PATIENCE));
    const logs = (line: string) => async () => (await server.log()).includes(line);
    try {
      reader.exec("BEGIN");
      reader.prepare("SELECT count(*) FROM accounts").get();
      writer.exec(`UPDATE health SET bytes = zeroblob(${STORAGE_LOG_BYTES_WARNED})`);
      await until("the warning", logs("The write-ahead log of the database keeps growing"));
      reader.exec("COMMIT");
      await until("the end of the log", logs("The write-ahead log of the database is back to its usual size"));
      assert(Deno.statSync(`${dir}/drawbridge.db-wal`).size <= STORAGE_LOG_BYTES_KEPT);
    } finally {
      for (const each of [reader, writer]) each.close();
    }
    await server.stop();
  });
});

Deno.test("serve plays on while the storage hangs, is not ready meanwhile, and saves afterwards", async () => {
  await withTempDir(async (dir) => {
    await using server = await ServerProcess.start({
      dataDir: dir,
      flags: ["--diagnostics", "on"],
      errorsExpected: true,
    });
    assertEquals(await register(server, "Present"), ErrorCode.NONE);
    const player = await enter(server, "Present");
    const drill = await fetch(`http://127.0.0.1:${server.ports.admin}/drill/hang-storage-worker?ms=${HANG_MS}`, {
      method: "POST",
      headers: { "X-Drawbridge-Drill": "yes" },
    });
    await drill.body?.cancel();
    assert(drill.ok);
    await until("the readiness to tell", async () => (await server.readiness()).includes("storage makes no progress"));
    await say(player, "still here");
    assertEquals(await register(server, "Late"), ErrorCode.UNAVAILABLE);
    assert((await player.request(LogoutRequestSchema, {})).success);
    await player.close();
    await server.untilReady();
    assertEquals(await register(server, "Later"), ErrorCode.NONE);
    const database = new DatabaseSync(`${dir}/drawbridge.db`);
    const names = database.prepare("SELECT name FROM accounts ORDER BY name").all().map(({ name }) => name);
    const saved = database.prepare("SELECT map_id FROM characters WHERE name = 'Present'").get();
    database.close();
    assertEquals(names, ["Later", "Present"], "what was refused is not done later");
    assert(saved?.map_id !== null, "the logout is saved");
    await server.stop();
  });
});

Deno.test("serve does not start on a damaged database, and says when the database beside its key is new", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/drawbridge.db`;
    await (await ServerProcess.start({ dataDir: dir })).stop();
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE filler (text TEXT)");
    for (let row = 0; row < 100; row++) database.prepare("INSERT INTO filler VALUES (?)").run("x".repeat(4_096));
    database.close();
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.fill(0xa5, bytes.length / 2));
    const error = await assertRejects(() => ServerProcess.start({ dataDir: dir }), Error, "exited with");
    assert(error.message.includes("restore a backup"), error.message);
    await Deno.remove(path);
    const server = await ServerProcess.start({ dataDir: dir, errorsExpected: true });
    assert((await server.log()).includes("The database is new"));
    await server.stop();
  });
});

programTest(
  "unshare",
  "serve does not start on a folder that cannot be written, says so, and starts when it can",
  async () => {
    await withTempDir(async (dir) => {
      await (await ServerProcess.start({ dataDir: dir })).stop();
      const readOnly = `mount --bind "${dir}" "${dir}" && mount -o remount,ro,bind "${dir}" && exec "$@"`;
      const launcher = [...WITH_OWN_MOUNTS, "sh", "-c", readOnly, "sh"];
      const error = await assertRejects(() => ServerProcess.start({ dataDir: dir, launcher }), Error, "exited with");
      assert(error.message.includes("no files can be created in it (Read-only file system"), error.message);
      await (await ServerProcess.start({ dataDir: dir })).stop();
    });
  },
);
