/**
 * Runs every test: files side by side, as many as there are cores, and at last one by one those that need the machine
 * for themselves. Installs what tests start where that is possible without a question. The last line is
 * `N passed, N failed`, with `, N skipped` where some were.
 *
 *     deno task test                   every test
 *     deno task test tests/io          some, as `deno test` takes them
 *
 * @module
 */

import { findProgram, type ProgramName, PROGRAMS, REQUIRE_ALL } from "./support/programs.ts";

const ROOT = new URL("../", import.meta.url).pathname;
/** Test files here start servers. */
const SERVER_TESTS = "tests/e2e/";
/** Those of them that time what they see, or whose load alone fills the machine: each runs with nothing beside it. */
const ALONE = ["frames", "load", "loadtest", "overload", "slow_readers"].map((name) =>
  `${SERVER_TESTS}${name}_test.ts`
);
const OPTIONS = ["--lock=dev.lock", "--no-prompt", "-A"];
/** `ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)`, in colour or not. */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/;
/** `name => ./file:12:6`, as the list of failures has it. */
const FAILURE = /^\S.* => \.\/.*:\d+:\d+$/;

/** What `--help` prints. */
const HELP = `Runs every test, or some: files, folders and flags are those of deno test.

Usage: deno task test [FILE | FOLDER]... [--filter TEXT] [other flags of deno test]

Tests start programs such as Chromium and PostgreSQL. On Debian and Ubuntu those that are missing are installed, as root
or with passwordless sudo; elsewhere the tests that need them are ignored. TEST_REQUIRE_ALL=1 makes those fail instead.`;

/** What a run of `deno test` came to. */
interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
  /** Each test that failed, with its place. */
  readonly failures: readonly string[];
}

function missingPrograms(): ProgramName[] {
  return (Object.keys(PROGRAMS) as ProgramName[]).filter((name) => findProgram(name) === undefined);
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  try {
    const output = new Deno.Command(command, { args: [...args], stdin: "null", stdout: "null", stderr: "null" });
    return (await output.output()).success;
  } catch {
    return false;
  }
}

/** How to become root without a question: `[]` when this is root, `undefined` when there is no way. */
async function rootPrefix(): Promise<string[] | undefined> {
  if (Deno.uid() === 0) return [];
  return await succeeds("sudo", ["-n", "true"]) ? ["sudo", "-n"] : undefined;
}

/** Installs the packages of missing programs on Debian and its like, where this may. */
async function installMissing(): Promise<void> {
  const missing = missingPrograms();
  if (missing.length === 0) return;
  const packages = missing.flatMap((name) => PROGRAMS[name].packages);
  const prefix = await succeeds("apt-get", ["--version"]) ? await rootPrefix() : undefined;
  if (prefix === undefined) {
    console.log(`Tests that need ${missing.join(", ")} are left out. On Debian: apt-get install ${packages.join(" ")}`);
    return;
  }
  console.log(`Installing ${packages.join(" ")}`);
  const aptGet = async (...step: string[]): Promise<boolean> => {
    const [command, ...args] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...step];
    return (await new Deno.Command(command, { args, stdin: "null", stdout: "null" }).output()).success;
  };
  const install = (names: readonly string[]) => aptGet("install", "-y", "--no-install-recommends", ...names);
  await aptGet("update");
  if (await install(packages)) return;
  // Not every release has all of them, and then none was installed. What is missing is left out by its tests.
  for (const name of missing) {
    const { packages } = PROGRAMS[name];
    if (!await install(packages)) console.log(`Cannot install ${packages.join(" ")}, going on without`);
  }
}

/** The test files below a folder, by name. */
async function* testFiles(folder: string): AsyncGenerator<string> {
  const entries = await Array.fromAsync(Deno.readDir(`${ROOT}${folder}`));
  for (const { name, isDirectory } of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    if (isDirectory) yield* testFiles(`${folder}${name}/`);
    else if (name.endsWith("_test.ts")) yield `${folder}${name}`;
  }
}

/**
 * Runs `deno test`, shows what it prints, and reads its summary.
 *
 * @param jobs Files at once where `args` say `--parallel`.
 */
async function runTests(args: readonly string[], jobs: number = navigator.hardwareConcurrency): Promise<Tally> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", ...OPTIONS, ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    env: { NO_COLOR: "1", DENO_JOBS: String(jobs) },
  }).spawn();
  let tally: Omit<Tally, "failures"> | undefined;
  const failures = new Set<string>();
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    await Deno.stdout.write(new TextEncoder().encode(text));
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (FAILURE.test(line)) failures.add(line);
      const found = SUMMARY.exec(line);
      if (found !== null) {
        tally = { passed: Number(found[1]), failed: Number(found[2]), ignored: Number(found[3] ?? 0) };
      }
    }
  }
  const { success } = await child.status;
  if (tally === undefined) {
    console.log("The tests did not come to their end");
    return { passed: 0, failed: 1, ignored: 0, failures: [...failures] };
  }
  // A leak or an error outside of a test fails the run without failing a test.
  const failed = success ? tally.failed : Math.max(1, tally.failed);
  return { ...tally, failed, failures: [...failures] };
}

async function runAll(): Promise<Tally> {
  const files = [...await Array.fromAsync(testFiles("tests/")), ...await Array.fromAsync(testFiles("games/"))];
  const withServer = files.filter((file) => file.startsWith(SERVER_TESTS));
  const tallies = [
    await runTests(["--parallel", ...files.filter((file) => !withServer.includes(file))]),
    // These wait a lot, for the processes that they start.
    await runTests(
      ["--parallel", ...withServer.filter((file) => !ALONE.includes(file))],
      navigator.hardwareConcurrency + 1,
    ),
    await runTests(ALONE),
  ];
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0);
  return {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    ignored: sum(({ ignored }) => ignored),
    failures: tallies.flatMap(({ failures }) => failures),
  };
}

if (import.meta.main) {
  if (Deno.args.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(HELP);
    Deno.exit(0);
  }
  await installMissing();
  const { passed, failed, ignored, failures } = Deno.args.length > 0 ? await runTests(Deno.args) : await runAll();
  // Where nothing may be left out, what was is a failure.
  const failedInAll = REQUIRE_ALL ? failed + ignored : failed;
  const skipped = !REQUIRE_ALL && ignored > 0 ? `, ${ignored} skipped` : "";
  if (failures.length > 0) console.log(`Failed:\n  ${failures.join("\n  ")}`);
  console.log(`${passed} passed, ${failedInAll} failed${skipped}`);
  Deno.exit(failedInAll === 0 ? 0 : 1);
}
