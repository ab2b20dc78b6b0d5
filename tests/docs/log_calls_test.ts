import { assertEquals } from "../support/assert.ts";
import { ROOT } from "./markdown.ts";

/**
 * Where lines are written that no limit holds back, and why no peer can cause many of them. Everything else has its
 * logger from `getLimitedLogger()`.
 */
const UNLIMITED: Readonly<Record<string, string>> = {
  'server/main.ts getLogger("main")': "start, stop and signals, which are the operator's",
  'server/main.ts getLogger("moderation")': "what moderators did, with the token: none of it may be missing",
  'server/main.ts getLogger("keeper")': "a server that ended, with a pause that grows",
  "server/main.ts printLine": "what the command answers, once",
  "server/process/dev_desk.ts printLine": "a reload that somebody asked for who works on the game",
  "server/process/signals.ts printLine": "a stop that failed, once",
  "server/process/standard_output.ts console": "where what is printed ends",
  "server/process/standard_output.ts printLine": "the same",
  'server/io/worker.ts getLogger("packets")': "the packet logger has a limit of its own",
  'server/io/worker.ts getLogger("io")': "a drill of the operator's",
  'server/session/worker.ts getLogger("logic")': "a drill of the operator's",
  "server/ops/rate_limited_log.ts getLogger(name)": "what makes limited ones",
  "server/ops/logging.ts getLogger(name)": "what makes the others",
  "server/ops/logging.ts Deno.stderr.": "where all lines end",
};

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${entry.name}`;
    // The page's own code runs at its player's.
    if (entry.isDirectory && entry.name !== "web") yield* sourceFiles(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

Deno.test("getLogger() and console are used only where no peer can cause many lines", async () => {
  const found = new Set<string>();
  for (const folder of ["server", "gateway", "shared", "games"]) {
    for await (const file of sourceFiles(folder)) {
      const source = (await Deno.readTextFile(new URL(file, ROOT))).replace(/^\s*(\/\/|\/?\*).*$/gm, "");
      for (
        const [call] of source.matchAll(/\bgetLogger\([^)]*?(?=[):])\)?|\bconsole\b|\bprintLine\b|\bDeno\.stderr\./g)
      ) {
        found.add(`${file} ${call.startsWith("getLogger(name") ? "getLogger(name)" : call}`);
      }
    }
  }
  assertEquals([...found].sort(), Object.keys(UNLIMITED).sort());
});
