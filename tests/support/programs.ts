/**
 * The programs besides Deno that tests start. A test that needs one that is not here is ignored and says which package
 * has it; where nothing may be left out it fails.
 *
 * @module
 */

/** A program, and Debian's packages that bring it. */
interface Program {
  /** What it is found by: a command, by any of these names. */
  readonly commands: readonly string[];
  readonly packages: readonly string[];
  /** Where it is, if no path leads there: `bin` in a folder for each version here, of which the newest counts. */
  readonly versions?: string;
  /** A command that succeeds only where it may do what tests do with it: often not in a container, or not as a user. */
  readonly trial?: readonly string[];
}

/** The command that runs what follows it where it can mount what nobody else sees; a user becomes root there. */
export const WITH_OWN_MOUNTS: readonly string[] = ["unshare", Deno.uid() === 0 ? "-m" : "-Urm"];

/** Every program that tests start. */
export const PROGRAMS = {
  caddy: { commands: ["caddy"], packages: ["caddy"] },
  chromium: {
    commands: ["chromium", "chromium-browser", "google-chrome"],
    // What the page shows is measured, so the letters must be the same everywhere.
    packages: ["chromium", "fonts-liberation"],
  },
  nats: { commands: ["nats-server"], packages: ["nats-server"] },
  nft: {
    commands: ["nft"],
    packages: ["nftables", "iproute2"],
    trial: ["unshare", "-mn", "nft", "list", "ruleset"],
  },
  nginx: { commands: ["nginx"], packages: ["nginx"] },
  npm: { commands: ["npm"], packages: ["npm"] },
  openssl: { commands: ["openssl"], packages: ["openssl"] },
  postgresql: { commands: ["initdb"], packages: ["postgresql"], versions: "/usr/lib/postgresql" },
  systemd: { commands: ["systemd-analyze"], packages: ["systemd"] },
  script: { commands: ["script"], packages: ["bsdutils"] },
  slowhttptest: { commands: ["slowhttptest"], packages: ["slowhttptest"] },
  strace: { commands: ["strace"], packages: ["strace"], trial: ["strace", "-qq", "-o", "/dev/null", "true"] },
  unshare: {
    commands: ["unshare"],
    packages: ["util-linux"],
    trial: [...WITH_OWN_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/tmp"],
  },
} satisfies Readonly<Record<string, Program>>;

/** The name of a program that tests start. */
export type ProgramName = keyof typeof PROGRAMS;

/** Whether the environment variable `TEST_REQUIRE_ALL` says that nothing may be left out. */
export const REQUIRE_ALL: boolean = Deno.env.get("TEST_REQUIRE_ALL") === "1";

/** The path of a program, or `undefined` when it is not here. */
export function findProgram(name: ProgramName): string | undefined {
  return placesOf(name).find(isExecutable);
}

/** Where a program may be, the best place first. */
export function placesOf(name: ProgramName): string[] {
  const { commands, versions }: Program = PROGRAMS[name];
  const paths = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  const folders = new Set([...versionFolders(versions), ...paths, "/usr/bin", "/usr/sbin"]);
  return commands.flatMap((command) => [...folders].map((folder) => `${folder}/${command}`));
}

/** Debian's packages of different releases have different versions. */
function versionFolders(versions: string | undefined): string[] {
  if (versions === undefined) return [];
  try {
    return [...Deno.readDirSync(versions)].map(({ name }) => name)
      .toSorted((a, b) => Number(b) - Number(a)).map((version) => `${versions}/${version}/bin`);
  } catch {
    // No such folder: none of its versions is installed.
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}

/** Why a program cannot be used here; `undefined` when it can. */
function obstacle(name: ProgramName): string | undefined {
  const { packages, trial }: Program = PROGRAMS[name];
  if (findProgram(name) === undefined) return `needs ${name}: Debian's package ${packages[0]}`;
  if (trial !== undefined && !succeeds(trial)) return `needs ${name} with more rights than it has here`;
}

/** What came of each trial. */
const trials = new Map<string, boolean>();

function succeeds(trial: readonly string[]): boolean {
  const key = trial.join(" ");
  const known = trials.get(key) ?? tryOut(trial);
  trials.set(key, known);
  return known;
}

function tryOut([command, ...args]: readonly string[]): boolean {
  try {
    return new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    // The program is not there, or must not be started.
    return false;
  }
}

/** Registers a test that starts programs: where one cannot be used it is ignored, or fails when {@linkcode REQUIRE_ALL}. */
export function programTest(
  programs: ProgramName | readonly ProgramName[],
  name: string,
  run: () => void | Promise<void>,
): void {
  const [missing] = [programs].flat().map(obstacle).filter((text) => text !== undefined);
  if (missing === undefined) return Deno.test(name, run);
  Deno.test({
    name: `${name} (${missing})`,
    ignore: !REQUIRE_ALL,
    fn: () => {
      throw new Error(`Cannot run: ${missing}`);
    },
  });
}
