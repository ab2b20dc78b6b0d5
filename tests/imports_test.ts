/** Imports point one way, and each library has one door. @module */

import { assert, assertEquals } from "./support/assert.ts";
import { sourceFiles } from "./support/source_files.ts";

const ROOT = new URL("../", import.meta.url);

/** By this name games that lie elsewhere import the engine: the import map of theirs is its deno.json. */
const ENGINE = "drawbridge/";
/** The public modules, by that name. */
const ENGINE_MODULES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT))).exports as Record<string, string>)
    .map(([name, path]) => [name.replace("./", ENGINE), path.slice("./".length)]),
);

/** One import of one file, both from the project's folder; a package or a module of the platform as it is written. */
interface Import {
  readonly file: string;
  readonly target: string;
  /** As it is written. */
  readonly specifier: string;
  readonly isLocal: boolean;
}

interface Source {
  readonly file: string;
  /** Without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const SPECIFIERS = [
  /^(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm,
  /^import\s*["']([^"']+)["']/gm,
  /\bimport\(\s*["']([^"']+)["']/g,
  // Workers.
  /\bnew URL\(\s*["'](\.[^"']+\.ts)["'],\s*import\.meta\.url/g,
];

async function readSource(file: string): Promise<Source> {
  const text = await Deno.readTextFile(new URL(file, ROOT));
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const imports = SPECIFIERS.flatMap((pattern) => [...code.matchAll(pattern)]).map(([, specifier]) => {
    const engine = specifier.startsWith(ENGINE)
      ? ENGINE_MODULES[specifier] ?? specifier.slice(ENGINE.length)
      : undefined;
    const isLocal = specifier.startsWith(".") || engine !== undefined;
    const target = engine ??
      (isLocal ? new URL(specifier, new URL(file, ROOT)).href.slice(ROOT.href.length) : specifier);
    return { file, target, specifier, isLocal };
  });
  return { file, code, imports };
}

const FOLDERS = ["bench", "client", "games", "gateway", "server", "shared", "tests", "tools"];
const SOURCES: Source[] = [];
for (const folder of FOLDERS) {
  for (const file of [...await sourceFiles(folder), ...folder === "shared" ? await sourceFiles("shared/gen") : []]) {
    SOURCES.push(await readSource(file));
  }
}
const IMPORTS = SOURCES.flatMap(({ imports }) => imports);

/** What the files of `pattern` may import; a target is allowed when one of the others matches it. */
interface Rule {
  readonly claim: string;
  readonly files: RegExp;
  readonly allowed: readonly RegExp[];
}

/** Any third-party package. */
const PACKAGE = /^(?!(?:bench|client|games|gateway|server|shared|tests|tools)\/)(?:npm:)?[@a-z][^:]*$/;
const PROTOBUF = /^@bufbuild\/protobuf($|\/)/;
const RULES: readonly Rule[] = [
  { claim: "shared/ imports only itself and protobuf", files: /^shared\//, allowed: [/^shared\//, PROTOBUF] },
  {
    claim: "gateway/ imports only itself and shared/, hono in app.ts, and node:crypto",
    files: /^gateway\/[^/]+\.ts$/,
    allowed: [/^gateway\/[^/]+\.ts$/, /^shared\//, /^hono$/, /^node:crypto$/],
  },
  {
    claim: "a game's web/ imports only itself, the game's contract, bounds, generated messages, client/ and shared/",
    files: /^games\/\w+\/web\//,
    allowed: [
      /^games\/\w+\/(?:web\/|contract\.ts$)/,
      /^games\/(?:.*_pb|(?:\w+|parts\/\w+)\/limits)\.ts$/,
      /^client\//,
      /^shared\//,
    ],
  },
  {
    claim: "client/ imports only itself, shared/, protobuf and fflate; Node's transport, Node's sockets",
    files: /^client\/(?!node_tcp_transport\.ts$|browser\.ts$)/,
    allowed: [/^client\//, /^shared\//, PROTOBUF, /^fflate$/],
  },
  {
    claim: "client/browser.ts, on which the other entries stand, adds the marsh's contract and nothing else of a game",
    files: /^client\/browser\.ts$/,
    allowed: [/^client\//, /^shared\//, PROTOBUF, /^games\/marsh\/contract\.ts$/],
  },
  {
    claim: "client/node_tcp_transport.ts imports only client/, shared/ and Node's sockets",
    files: /^client\/node_tcp_transport\.ts$/,
    allowed: [/^client\//, /^shared\//, /^node:(?:net|tls)$/],
  },
  {
    claim: "client/browser.ts leads to no sockets but WebSockets",
    files: /^client\/(?!node|deno)/,
    allowed: [/^(?!client\/(?:node|deno|tcp))/],
  },
  {
    claim: "server/ imports only itself, gateway/, shared/ and packages",
    files: /^server\//,
    allowed: [/^server\//, /^gateway\//, /^shared\//, /^deno\.json$/, /^node:/, PACKAGE],
  },
  {
    claim: "games/ imports nothing of tools/, tests/ and bench/, and packages only through their doors",
    files: /^games\/(?!.*_test\.ts$)/,
    allowed: [/^games\//, /^client\//, /^server\//, /^shared\//, /^node:crypto$/, PROTOBUF],
  },
  {
    claim: "tests of a game import only games/ and the public modules for games and for tests",
    files: /^games\/.*_test\.ts$/,
    allowed: [/^games\//, /^server\/game\/game\.ts$/, /^tests\/simulation\/game_simulation\.ts$/],
  },
  {
    claim: "games/parts/ imports nothing of a game",
    files: /^games\/parts\//,
    allowed: [/^(?!games\/)/, /^games\/parts\//],
  },
  {
    claim: "tools/ imports nothing of tests/ and bench/",
    files: /^tools\//,
    allowed: [/^tools\//, /^games\//, /^server\//, /^gateway\//, /^client\//, /^shared\//, /^node:/, PACKAGE],
  },
  {
    claim: "server/ring/ imports only itself, the C library and shared/",
    files: /^server\/ring\//,
    allowed: [/^server\/ring\//, /^server\/base\/libc\.ts$/, /^shared\//],
  },
  {
    claim: "server/world/ imports only itself and shared/",
    files: /^server\/world\//,
    allowed: [/^server\/world\//, /^shared\//],
  },
  {
    claim:
      "server/storage/ imports only itself, shared/, what names look like, the clock, the platform, and what watches threads",
    files: /^server\/storage\//,
    allowed: [
      /^server\/storage\//,
      /^server\/names\//,
      /^server\/base\/clock\.ts$/,
      /^server\/ops\/(counters|hang)\.ts$/,
      /^shared\//,
      /^node:/,
      /^server\/moderation\/(sanction_store|stored_sanctions)\.ts$/,
      /^server\/cluster\/(directory_store|stored_directory)\.ts$/,
      /^postgres$/,
    ],
  },
  {
    claim: "server/session/, games/ and server/moderation/ import nothing of server/io/",
    files: /^(?:server\/session|server\/moderation|games)\//,
    allowed: [/^(?!server\/io\/)/],
  },
  {
    claim: "server/base/ imports only itself, shared/ and the platform",
    files: /^server\/base\//,
    allowed: [/^server\/base\//, /^shared\//, /^node:/, PROTOBUF],
  },
];

/** The imports that break a rule. */
function breaches(rule: Rule, imports: readonly { file: string; target: string }[]): string[] {
  return imports
    .filter(({ file, target }) => rule.files.test(file) && !rule.allowed.some((pattern) => pattern.test(target)))
    .map(({ file, target }) => `${file} imports ${target}`);
}

for (const rule of RULES) {
  Deno.test(`imports: ${rule.claim}`, () => {
    assert(IMPORTS.some(({ file }) => rule.files.test(file)), "The rule is about no file");
    assertEquals(breaches(rule, IMPORTS), []);
  });
}

Deno.test("imports: the rules refuse what they are there for", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["shared/limits.ts", "server/config/config.ts"],
    ["shared/limits.ts", "node:zlib"],
    ["shared/limits.ts", "fflate"],
    ["gateway/http.ts", "server/config/config.ts"],
    ["gateway/http.ts", "games/marsh/web/page.ts"],
    ["gateway/http.ts", "node:http"],
    ["client/client.ts", "games/marsh/contract.ts"],
    ["client/browser.ts", "games/marsh/web/page.ts"],
    ["games/parts/chat/fan_out.ts", "games/marsh/map_handlers.ts"],
    ["games/marsh/map_handlers.ts", "server/io/connection.ts"],
    ["client/client.ts", "server/config/config.ts"],
    ["client/client.ts", "node:net"],
    ["server/main.ts", "client/client.ts"],
    ["server/main.ts", "games/marsh/game.ts"],
    ["server/main.ts", "tests/support/wait.ts"],
    ["tools/admin.ts", "tests/support/wait.ts"],
    ["server/ring/byte_ring.ts", "server/base/clock.ts"],
    ["server/world/world.ts", "server/session/session.ts"],
    ["server/storage/storage.ts", "server/session/session.ts"],
    ["server/session/logic.ts", "server/io/connection.ts"],
  ];
  for (const [file, target] of wrong) {
    assertEquals(RULES.flatMap((rule) => breaches(rule, [{ file, target }])).length, 1, `${file} imports ${target}`);
  }
});

/** Everything that is loaded with some modules. */
function loadedWith(entries: readonly string[]): string[] {
  const reached = new Set<string>();
  const visit = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    const { code, imports } = SOURCES.find((source) => source.file === file)!;
    // What is imported for its types alone is not loaded, nor is what runs in another thread.
    const loading = code.replaceAll(/^(?:import|export) type [^;]*;/gm, "").replaceAll(/\bnew URL\([^)]*\)/g, "");
    for (const { target, specifier, isLocal } of imports) {
      if (!loading.includes(`"${specifier}"`)) continue;
      if (isLocal && target.endsWith(".ts")) visit(target);
      else reached.add(target);
    }
  };
  for (const entry of entries) visit(entry);
  return [...reached];
}

const LEAN_THREADS: readonly (readonly [thread: string, entries: readonly string[]])[] = [
  ["the main", ["server/main.ts"]],
  ["an io", ["server/io/worker.ts"]],
  ["the storage's", ["server/storage/storage_worker.ts", "games/marsh/records.ts"]],
];
for (const [thread, entries] of LEAN_THREADS) {
  Deno.test(`imports: ${thread} thread loads no messages, which are 5 MB of a thread's memory, and no game`, () => {
    const loaded = loadedWith(entries);
    assert(loaded.includes("shared/limits.ts"));
    const unwanted = loaded.filter((target) =>
      PROTOBUF.test(target) && target !== "@bufbuild/protobuf/wire" || target.endsWith("_pb.ts") ||
      target.endsWith("/game_file.ts")
    );
    assertEquals(unwanted, []);
  });
}

Deno.test("imports: without their flags, no thread of a server loads the packages of PostgreSQL and NATS", () => {
  const threads = [
    "server/main.ts",
    "server/io/worker.ts",
    "server/session/worker.ts",
    "server/process/launch_reader.ts",
  ];
  const loaded = loadedWith([...threads, "server/storage/storage_worker.ts", "server/storage/sqlite_database.ts"]);
  assertEquals(loaded.filter((target) => /^(?:postgres$|@nats-io\/)/.test(target)), []);
  assert(loadedWith(["server/bus/bus_worker.ts"]).includes("@nats-io/transport-node"));
});

Deno.test("imports: every local one names a file that is there, with its extension", async () => {
  for (const { file, target, isLocal } of IMPORTS) {
    if (!isLocal) continue;
    const { isFile } = await Deno.stat(new URL(target, ROOT));
    assert(isFile, `${file} imports ${target}`);
  }
});

/** Packages with more than one door, and the doors. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  hono: ["gateway/app.ts", "server/ops/admin_site.ts"],
};

/** The name of a package without the path inside it. */
function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

Deno.test("imports: each third-party package is imported in one file, and everywhere by the name in deno.json", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
    imports: Record<string, string>;
  };
  const filesByPackage = new Map<string, Set<string>>();
  for (const { file, target, isLocal } of IMPORTS) {
    if (isLocal || target.startsWith("node:")) continue;
    // What only tests and tools need is no part of deno.json, whose packages everybody downloads who starts a server.
    const isForTests = /^(?:tests|tools|bench)\//.test(file) && /^npm:[^@]+@\d+\.\d+\.\d+$/.test(target);
    assert(target in imports || isForTests, `${file} imports ${target}, which deno.json does not name`);
    const name = packageOf(target);
    if (name !== "@bufbuild/protobuf" && !/^(?:tests|tools|bench)\//.test(file)) {
      filesByPackage.set(name, (filesByPackage.get(name) ?? new Set()).add(file));
    }
  }
  for (const [name, files] of filesByPackage) {
    if (name in DOORS) assertEquals([...files].sort(), [...DOORS[name]], name);
    else assertEquals(files.size, 1, `${name} is imported in ${[...files]}`);
  }
});

Deno.test("imports: every package in deno.json is used, and games elsewhere have a name for each public module", async () => {
  const { imports, exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
    imports: Record<string, string>;
    exports: Record<string, string>;
  };
  const used = new Set(IMPORTS.map(({ target }) => target));
  const names = Object.keys(imports);
  assertEquals(names.filter((name) => !used.has(name) && !name.startsWith(ENGINE)), []);
  // Those that are named by their path need no name more.
  const named = Object.entries(exports).filter(([name, path]) => name !== path);
  assertEquals(
    Object.fromEntries(names.filter((name) => name.startsWith(ENGINE)).map((name) => [name, imports[name]])),
    { [ENGINE]: "./", ...Object.fromEntries(named.map(([name, path]) => [name.replace("./", ENGINE), path])) },
  );
});

/** What only the platform, the clock or chance can give. */
const PLATFORM = /\bDeno\.|\bprocess\.|\bwindow\.|\bdocument\./;
const TIMERS = /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|requestAnimationFrame)\b/;
const CLOCKS_AND_CHANCE = /\bDate\.now\b|\bnew Date\(\)|\bperformance\.|\bMath\.random\b|\bgetRandomValues\b/;

const PURITY: readonly { claim: string; files: RegExp; forbidden: readonly RegExp[] }[] = [
  {
    claim: "shared/ knows no platform, no timers, no clock and no chance",
    files: /^shared\//,
    forbidden: [PLATFORM, TIMERS, CLOCKS_AND_CHANCE],
  },
  {
    claim: "gateway/ knows no platform, no timers, no clock and no chance",
    files: /^gateway\/[^/]+\.ts$/,
    forbidden: [PLATFORM, TIMERS, CLOCKS_AND_CHANCE],
  },
  {
    claim: "server/world/ gets time and chance as arguments",
    files: /^server\/world\//,
    forbidden: [PLATFORM, TIMERS, CLOCKS_AND_CHANCE],
  },
  { claim: "a game's web/ runs without Deno", files: /^games\/\w+\/web\//, forbidden: [/\bDeno\./, /\bprocess\./] },
  {
    claim: "client/ runs without Deno but for its TCP transport",
    files: /^client\/(?!tcp_transport\.ts)/,
    forbidden: [/\bDeno\./, /\bprocess\./],
  },
];

for (const { claim, files, forbidden } of PURITY) {
  Deno.test(`globals: ${claim}`, () => {
    const checked = SOURCES.filter(({ file }) => files.test(file));
    assert(checked.length > 0, "The rule is about no file");
    const wrong = checked.flatMap(({ file, code }) =>
      forbidden.flatMap((pattern) => pattern.exec(code)?.[0] ?? []).map((found) => `${file} uses ${found}`)
    );
    assertEquals(wrong, []);
  });
}

Deno.test("deno.lock holds what deno.json names, and nothing that only tests and tools need", async () => {
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(new URL(name, ROOT)));
  const { imports } = await read("deno.json") as { imports: Record<string, string> };
  const packages = new Set(
    Object.values(imports).filter((target) => target.startsWith("npm:")).map((specifier) =>
      specifier.replace(/(@[\d.]+)\/.*$/, "$1")
    ),
  );
  for (const lock of ["deno.lock", "dev.lock"]) {
    const specifiers = Object.keys((await read(lock)).specifiers as Record<string, string>);
    const missing = [...packages].filter((specifier) => !specifiers.includes(specifier));
    assertEquals(missing, [], `${lock} is not up to date: run deno task lock`);
    if (lock === "dev.lock") continue;
    const more = specifiers.filter((specifier) => !packages.has(specifier));
    assertEquals(more, [], "Take deno.lock back: tests run with --lock=dev.lock, as deno task test does");
  }
});

/** What games import of the engine beside its public modules. */
const BESIDE_PUBLIC: readonly RegExp[] = [
  // The messages of the engine's protos, as games import those.
  /^shared\/gen\/\w+_pb\.ts$/,
];
/** The page of the marsh is written on the entry of the npm package, which has the marsh's contract. */
const MARSH_PAGE: readonly RegExp[] = [/^client\/browser\.ts$/];

Deno.test("imports: games import of the engine only its public modules, and the messages of its protos", async () => {
  const { exports, tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT))) as {
    exports: Record<string, string>;
    tasks: Record<string, string>;
  };
  const open = Object.values(exports).map((path) => path.slice("./".length));
  const wrong = IMPORTS.filter(({ file, target, isLocal }) => {
    if (!isLocal || !file.startsWith("games/") || target.startsWith("games/") || open.includes(target)) return false;
    const beside = file.startsWith("games/marsh/web/") ? [...BESIDE_PUBLIC, ...MARSH_PAGE] : BESIDE_PUBLIC;
    return !beside.some((pattern) => pattern.test(target));
  });
  assertEquals(wrong.map(({ file, target }) => `${file} imports ${target}`), []);

  const linted = tasks["doc:lint"].split(" ").map((path) => new RegExp(`^${path.replace("*", "[^/]*")}$`));
  assertEquals(open.filter((path) => !linted.some((pattern) => pattern.test(path))), [], "doc:lint leaves them out");
});

/** What handles a packet is one file; more of them need it of these, by message. */
const IN_MORE_FILES: Readonly<Record<string, number>> = {
  ChatMessage: 4,
  GuildActionResponse: 3,
  GuildJoinRequest: 2,
  RoomListResponse: 2,
  RoomResponse: 2,
};
/** Written by hand, and part of what a packet needs: no page, no bots, no test. */
const RULES_OF_GAMES = /^games\/(?!.*(?:_pb|_test|_bot|\/contract|\/load)\.ts$)(?!\w+\/web\/)/;

Deno.test("engine: a packet of a game is two files, its proto and what handles it, and none of the engine's", async () => {
  const engine = SOURCES.filter(({ file }) => /^(?:server|gateway|shared)\//.test(file));
  const rules = SOURCES.filter(({ file }) => RULES_OF_GAMES.test(file));
  let count = 0;
  for (const proto of await protosOf("games/")) {
    const text = await Deno.readTextFile(new URL(proto, ROOT));
    for (const [, message] of text.matchAll(/^message (\w+) \{\s+option \((?:drawbridge\.)?packet\)/gm)) {
      const type = message.replaceAll(/(?<=.)(?=[A-Z])/g, "_").toUpperCase();
      const named = new RegExp(`\\b${message}Schema\\b|\\bPacketType\\.${type}\\b`);
      const filesOf = (sources: readonly Source[]) =>
        sources.filter(({ code }) => named.test(code)).map(({ file }) => file);
      const files = filesOf(rules);
      const most = IN_MORE_FILES[message] ?? 1;
      // The reply of a request is what its handler gives: nobody needs to name it.
      assert(files.length <= most, `${message} of ${proto} is named in ${files.join(", ")}`);
      assertEquals(filesOf(engine), [], message);
      count++;
    }
  }
  assert(count > 50, `only ${count} packets are found`);
});

/** The protos below a folder. */
async function protosOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) found.push(...await protosOf(`${folder}${name}/`));
    else if (name.endsWith(".proto")) found.push(`${folder}${name}`);
  }
  return found;
}

/** What starts programs that a machine may lack. */
const STARTS_PROGRAMS =
  /^tests\/support\/(?:browser|certificate|nats|network_namespaces|postgres|reverse_proxy|syscall_faults)\.ts$/;
/** What says which programs a test needs: so do the contracts of what has adapters. */
const SAYS_WHICH = /\b(?:programTest|browserTest)\(|\bprogram: "/;

Deno.test("tests: whoever starts programs of others says which, so that tests are left out where those are missing", () => {
  const starting = SOURCES.filter(({ file, imports }) =>
    file.endsWith("_test.ts") && imports.some(({ target }) => STARTS_PROGRAMS.test(target))
  );
  assert(starting.length > 30, `${starting.length} files start programs`);
  assertEquals(starting.filter(({ code }) => !SAYS_WHICH.test(code)).map(({ file }) => file), []);
});

Deno.test("records: only server/ring/ knows where their fields lie", () => {
  const layout = /\b(?:ring|toLogic|fromLogic)\.(?:words|doubles)\b/i;
  const wrong = SOURCES.filter(({ file, code }) => /^server\/(?!ring\/)/.test(file) && layout.test(code));
  assertEquals(wrong.map(({ file }) => file), []);
});

/** What only games have: a word of them in the engine is a rule in the wrong place. */
const WORDS_OF_GAMES =
  /guild|monster|skill|friend|whisper|leaderboard|\bkills\b|\bkillers?\b|\brooms\b|\broom_id|\bclans?\b/i;
/**
 * What independent clients read from the engine's own messages, by file; why they stay is in
 * docs/decisions/engine-and-games.md. None joins them.
 */
const WORDS_ON_THE_WIRE: Readonly<Record<string, readonly string[]>> = {
  "proto/drawbridge/world.proto": ["ENTITY_KIND_MONSTER = 1;", "uint64 guild_id = 5;", "string guild_tag = 6;"],
};

Deno.test("engine: no file of it speaks of guilds, monsters, skills, or what else is a game's", async () => {
  const files = await Promise.all(["server", "gateway", "shared", "client"].map((folder) => sourceFiles(folder)));
  for await (const { name } of Deno.readDir(new URL("proto/drawbridge/", ROOT))) {
    files.push([`proto/drawbridge/${name}`]);
  }
  const speaking: string[] = [];
  for (const file of files.flat()) {
    const lines = (await Deno.readTextFile(new URL(file, ROOT))).split("\n").map((line) => line.trim());
    const onTheWire = WORDS_ON_THE_WIRE[file] ?? [];
    for (const line of onTheWire) assert(lines.includes(line), `${file} has ${line} no more`);
    const wrong = lines.filter((line) => WORDS_OF_GAMES.test(line) && !onTheWire.includes(line));
    speaking.push(...wrong.map((line) => `${file}: ${line}`));
  }
  assertEquals(speaking, []);
});
