import { assert, assertEquals } from "../support/assert.ts";
import { IO_BACKENDS, type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { copySource } from "../support/source_copy.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ENTRIES = [
  "server/main.ts",
  "server/io/worker.ts",
  "server/session/worker.ts",
  "server/storage/storage_worker.ts",
];

/** What each thread of a copy of the server tries, added at the end of its entry. */
function probeSource(paths: { dataDir: string; root: string; libc: string; port: number }): string {
  const attempts: Record<string, string> = {
    "read a file of the machine": `Deno.readTextFileSync("/etc/passwd")`,
    "read the session key": `Deno.readTextFileSync("${paths.dataDir}/session.key")`,
    "read the database": `Deno.readFileSync("${paths.dataDir}/drawbridge.db")`,
    "read the source": `Deno.readTextFileSync("${paths.root}/deno.json")`,
    "write a file of the machine": `Deno.writeTextFileSync("${paths.root}/../stray", "")`,
    "write the source": `Deno.writeTextFileSync("${paths.root}/server/stray.ts", "")`,
    "write to the data folder": `Deno.writeTextFileSync("${paths.dataDir}/stray", "")`,
    "read the environment": `Deno.env.get("HOME")`,
    "run a program": `new Deno.Command("/bin/true").outputSync()`,
    "ask for the host's name": `Deno.hostname()`,
    "call the C library": `Deno.dlopen("${paths.libc}", { getpid: { parameters: [], result: "i32" } }).close()`,
    "connect elsewhere": `(await Deno.connect({ hostname: "127.0.0.1", port: ${paths.port} })).close()`,
    "import from the network": `await import(["https:", "", "127.0.0.1:1", "stray.ts"].join("/"))`,
    "start a worker that may more": `new Worker("data:text/javascript,", ` +
      `{ type: "module", deno: { permissions: { read: true, run: true, env: true } } }).terminate()`,
  };
  const calls = Object.entries(attempts).map(([name, code]) =>
    `await attempt(${JSON.stringify(name)}, async () => { ${code}; });`
  );
  return `
const allowed: string[] = [];
async function attempt(name: string, act: () => Promise<void>) {
  try {
    await act();
    allowed.push(name);
  } catch (error) {
    // A file that is not there yet could be read all the same.
    if (error instanceof Deno.errors.NotFound) allowed.push(name);
    else if (!/Requires \\w+ access|escalate/.test(String(error))) allowed.push(name + ": " + error);
  }
}
${calls.join("\n")}
console.error("may " + JSON.stringify([globalThis.name || "main", allowed]));
`;
}

/** A copy of everything the server is made of, each of whose threads tells what it may. */
async function copyWithProbes(root: string, probe: string): Promise<void> {
  await copySource(root);
  for (const entry of ENTRIES) {
    await Deno.writeTextFile(`${root}/${entry}`, `\nsetTimeout(async () => {${probe}}, 0);\n`, { append: true });
  }
}

async function allowedByThread(server: ServerProcess): Promise<Record<string, string[]>> {
  const lines = await until("what every thread may", async () => {
    const found = [...(await server.log()).matchAll(/^may (.*)$/gm)];
    return found.length === 5 ? found : undefined;
  });
  return Object.fromEntries(lines.map(([, json]) => JSON.parse(json) as [string, string[]]));
}

function libcPath(): string {
  return Deno.build.arch === "x86_64" ? "/lib/x86_64-linux-gnu/libc.so.6" : "/lib/aarch64-linux-gnu/libc.so.6";
}

/** What is to be allowed, thread by thread. */
function expected(backend: IoBackendName): Record<string, string[]> {
  const library = backend === "epoll" ? ["call the C library"] : [];
  return {
    main: [
      "read the session key",
      "read the database",
      "read the source",
      "write to the data folder",
      ...library,
      "connect elsewhere",
    ],
    "io-0": library,
    "io-1": library,
    logic: library,
    storage: ["read the database"],
  };
}

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) leaves each of its threads only what it needs`, async () => {
    await withTempDir(async (dir) => {
      const [root, dataDir] = [`${dir}/source`, `${dir}/data`];
      await Deno.mkdir(root);
      using elsewhere = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = elsewhere.addr as Deno.NetAddr;
      await copyWithProbes(root, probeSource({ dataDir, root, libc: libcPath(), port }));
      await using server = await ServerProcess.start({ backend, root, dataDir });
      assertEquals(await allowedByThread(server), expected(backend));
      await server.stop();
    });
  });
}

Deno.test("serve works with a data folder that a link leads to", async () => {
  await withTempDir(async (dir) => {
    await Deno.mkdir(`${dir}/real`);
    await Deno.symlink(`${dir}/real`, `${dir}/link`);
    await using server = await ServerProcess.start({ dataDir: `${dir}/link` });
    assert((await Deno.stat(`${dir}/real/drawbridge.db`)).isFile);
    await server.stop();
  });
});

/** Where epoll cannot be used, and what is said then. */
const REFUSALS: readonly (readonly [why: string, denoFlags: string[], serverFlags: string[], words: string])[] = [
  ["without --allow-ffi", [], [], `start with --allow-ffi=${libcPath()}`],
  ["with --allow-ffi for another library", ["--allow-ffi=/lib/other.so"], [], `start with --allow-ffi=${libcPath()}`],
  [
    "with a certificate",
    [`--allow-ffi=${libcPath()}`],
    ["--tls-cert", "CERT", "--tls-key", "KEY"],
    "it does not support TLS, which --tls-cert asks for",
  ],
];

for (const [why, denoFlags, serverFlags, words] of REFUSALS) {
  Deno.test({
    name: `serve refuses --io-backend epoll ${why} in one line, and exits 78`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await withTempDir(async (dir) => {
        await Deno.writeTextFile(`${dir}/CERT`, "-----BEGIN CERTIFICATE-----");
        await Deno.writeTextFile(`${dir}/KEY`, "-----BEGIN PRIVATE KEY-----");
        const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-prompt", "--allow-net", "--allow-env", "--allow-read=/", "--allow-write=/"]
            .concat(denoFlags, `${ROOT}server/main.ts`, "--data-dir", `${dir}/data`, "--io-backend", "epoll")
            .concat(serverFlags.map((flag) => flag.startsWith("--") ? flag : `${dir}/${flag}`)),
          cwd: ROOT,
        }).output();
        assertEquals([code, stdout.length], [78, 0]);
        const problems = new TextDecoder().decode(stderr).split("\n").filter((line) => line.startsWith("  - "));
        assertEquals(problems, [`  - Cannot use --io-backend epoll: ${words}`]);
      });
    },
  });
}

Deno.test("serve says which permission it lacks, and exits 78", async () => {
  await withTempDir(async (dir) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-net", "--allow-env", `--allow-read=${ROOT},${dir}/given`]
        .concat(`--allow-write=${dir}`, `${ROOT}server/main.ts`, "--data-dir", `${dir}/other`, "--admin-port", "0"),
      cwd: ROOT,
    }).output();
    assertEquals([code, stdout.length], [78, 0]);
    const text = new TextDecoder().decode(stderr);
    assert(text.includes(`Cannot read ${dir}/other: start with --allow-read=${dir}/other`), text);
  });
});
