/**
 * Makes the npm package of the client in `client/npm/`: JavaScript modules and their types, one of each for every source
 * file that the entries lead to.
 *
 * @module
 */

import ts from "npm:typescript@6.0.3";
import { EXIT_CONFIG } from "../shared/errors.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const OUTPUT = `${ROOT}client/npm/`;
const ENTRIES = ["client/browser.ts", "client/node.ts"];
/** What the sources are checked against besides the packages they import; no part of the package. */
const NODE_TYPES = "22.20.7";
/** `from "./x.ts"`, of which npm has `./x.js`. */
const LOCAL_SPECIFIER = /\b((?:from|import)\s*\(?\s*"\.{1,2}\/[^"]+)\.ts"/g;

interface Manifest {
  readonly version: string;
  readonly imports: Readonly<Record<string, string>>;
}

/** The source files that the entries lead to, and the packages that those import. */
async function sourcesOf(entries: readonly string[]): Promise<{ paths: Set<string>; packages: Set<string> }> {
  const paths = new Set(entries), packages = new Set<string>();
  for (const path of paths) {
    const { importedFiles } = ts.preProcessFile(await Deno.readTextFile(`${ROOT}${path}`));
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith(".")) paths.add(new URL(fileName, `file:///${path}`).pathname.slice(1));
      else if (!fileName.startsWith("node:")) packages.add(fileName);
    }
  }
  return { paths, packages };
}

/** The packages with the exact versions that `deno.json` names. */
function dependenciesOf(specifiers: ReadonlySet<string>, { imports }: Manifest): Record<string, string> {
  const dependencies: Record<string, string> = {};
  for (const specifier of [...specifiers].sort()) {
    const [, name, version] = /^npm:(@?[^@]+)@([^/]+)/.exec(imports[specifier] ?? "") ?? [];
    if (name === undefined) throw new Error(`Cannot build client: deno.json does not name ${specifier}`);
    dependencies[name] = version;
  }
  return dependencies;
}

function packageOf(manifest: Manifest, dependencies: Readonly<Record<string, string>>): Record<string, unknown> {
  const entry = (name: string) => ({ types: `./client/${name}.d.ts`, default: `./client/${name}.js` });
  const browser = entry("browser"), node = entry("node");
  return {
    name: "drawbridge-client",
    version: manifest.version,
    description: "Client of Drawbridge game servers, for browsers, Node and Deno",
    license: "MIT",
    type: "module",
    sideEffects: false,
    engines: { node: ">=22" },
    exports: { ".": { browser, deno: node, node, default: browser } },
    dependencies,
  };
}

/** Compiles the entries of a copy of the sources, with everything they lead to, into the package. */
function compile(dir: string): void {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2024.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    types: ["node"],
    typeRoots: [`${dir}/node_modules/@types`],
    rootDir: dir,
    outDir: OUTPUT,
    strict: true,
    declaration: true,
    verbatimModuleSyntax: true,
    rewriteRelativeImportExtensions: true,
  };
  const program = ts.createProgram(ENTRIES.map((path) => `${dir}/${path}`), options);
  const write: ts.WriteFileCallback = (path, text) => {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text.replaceAll(LOCAL_SPECIFIER, '$1.js"'));
  };
  const { diagnostics } = program.emit(undefined, write);
  const problems = [...ts.getPreEmitDiagnostics(program), ...diagnostics];
  if (problems.length === 0) return;
  const names = {
    getCanonicalFileName: (name: string) => name,
    getCurrentDirectory: () => dir,
    getNewLine: () => "\n",
  };
  throw new Error(`Cannot build client:\n${ts.formatDiagnostics(problems, names)}`);
}

async function build(dir: string): Promise<void> {
  const manifest = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as Manifest;
  const { packages, paths } = await sourcesOf(ENTRIES);
  const dependencies = dependenciesOf(packages, manifest);
  for (const path of paths) {
    await Deno.mkdir(`${dir}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.copyFile(`${ROOT}${path}`, `${dir}/${path}`);
  }
  const types = { "@types/node": NODE_TYPES };
  const own = { type: "module", dependencies: { ...dependencies, ...types } };
  await Deno.writeTextFile(`${dir}/package.json`, JSON.stringify(own));
  const install = new Deno.Command(Deno.execPath(), { args: ["install", "--quiet"], cwd: dir });
  const { success, stderr } = await install.output();
  if (!success) throw new Error(`Cannot install packages: ${new TextDecoder().decode(stderr)}`);

  await Deno.remove(OUTPUT, { recursive: true }).catch(() => {});
  compile(dir);
  await Deno.writeTextFile(
    `${OUTPUT}package.json`,
    `${JSON.stringify(packageOf(manifest, dependencies), null, 2)}\n`,
  );
  await Deno.copyFile(`${ROOT}LICENSE`, `${OUTPUT}LICENSE`);
  await Deno.copyFile(`${ROOT}client/README.md`, `${OUTPUT}README.md`);
}

if (import.meta.main) {
  if (Deno.args.length > 0) {
    console.log("Usage: deno task build:client");
    Deno.exit(Deno.args[0] === "--help" ? 0 : EXIT_CONFIG);
  }
  const dir = await Deno.makeTempDir({ prefix: "drawbridge-client-" });
  try {
    await build(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
