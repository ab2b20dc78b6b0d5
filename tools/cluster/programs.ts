/** The programs of others that a cluster on one machine needs. @module */

/** Where PostgreSQL's programs and nats-server are. */
export interface Programs {
  /** The folder of `initdb`, `postgres` and `pg_isready`. */
  readonly postgresFolder: string;
  readonly nats: string;
}

/** Debian has PostgreSQL's server programs in a folder for each version. */
const POSTGRES_FOLDERS = "/usr/lib/postgresql";

/**
 * Looks for the programs.
 *
 * @param folders Where to look, the best first.
 * @returns Or what is to be installed, in one line.
 */
export function findPrograms(folders: readonly string[]): Programs | string {
  const postgresFolder = folders.find((folder) => isFile(`${folder}/initdb`));
  const nats = folders.map((folder) => `${folder}/nats-server`).find(isFile);
  if (postgresFolder !== undefined && nats !== undefined) return { postgresFolder, nats };
  const missing = [...postgresFolder === undefined ? ["postgresql"] : [], ...nats === undefined ? ["nats-server"] : []];
  return `Cannot find ${missing.join(" and ")}: apt-get install ${missing.join(" ")}`;
}

/** The folders of programs that Debian and the environment variable `PATH` name. */
export function programFolders(path: string): string[] {
  return [...debianFolders(), ...path.split(":").filter((folder) => folder !== ""), "/usr/sbin", "/usr/bin"];
}

/** The newest version first. */
function debianFolders(): string[] {
  try {
    return [...Deno.readDirSync(POSTGRES_FOLDERS)].map(({ name }) => name)
      .sort((a, b) => Number(b) - Number(a)).map((version) => `${POSTGRES_FOLDERS}/${version}/bin`);
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
