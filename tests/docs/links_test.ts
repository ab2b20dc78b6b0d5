import manifest from "../../deno.json" with { type: "json" };
import { CONFIG_FILE_KEY, flagOf, OPTION_KEYS } from "../../server/config/schema.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { loadGame } from "../../server/process/game_file.ts";
import { MODERATION_HELP } from "../../tools/admin_moderation.ts";
import { PLAYERS_HELP } from "../../tools/admin_players.ts";
import { CLUSTER_HELP } from "../../tools/cluster.ts";
import { loadtestHelp } from "../../tools/loadtest/options.ts";
import { GAMES } from "../support/games.ts";
import { allDocuments, type MarkdownDocument, ROOT } from "./markdown.ts";

const DOCUMENTS = await allDocuments();
const TASKS: readonly string[] = Object.keys(manifest.tasks);
/** Flags of other programs, and `--flag`, which stands for any. */
const OTHER_FLAGS = [
  "--inspect",
  "--flag",
  "--help",
  "--allow-ffi",
  "--allow-read",
  "--allow-write",
  "--ulimit",
  "--lines",
];

/** All flags there are: the server's, those of every game, those of tools. */
async function knownFlags(): Promise<ReadonlySet<string>> {
  const games = await Promise.all(GAMES.map((path) => loadGame(path)));
  const help = [loadtestHelp(), MODERATION_HELP, PLAYERS_HELP, CLUSTER_HELP].join("\n");
  return new Set([
    ...[...OPTION_KEYS, CONFIG_FILE_KEY, ...games.flatMap(({ module }) => Object.keys(module.options))].map(flagOf),
    ...[...help.matchAll(/--[a-z]+(?:-[a-z]+)*/g)].map(([flag]) => flag),
    ...OTHER_FLAGS,
  ]);
}

/** The text outside of code blocks. */
function prose(text: string): string {
  return text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, "");
}

/** What a heading is linked by. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

function anchorsOf({ text }: MarkdownDocument): string[] {
  return [...prose(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading));
}

async function exists(url: URL): Promise<boolean> {
  return await Deno.stat(url).then(() => true, () => false);
}

Deno.test("Documents link to files and headings that are there", async () => {
  const broken: string[] = [];
  let count = 0;
  for (const document of DOCUMENTS) {
    for (const [, target] of prose(document.text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      count++;
      const [path, anchor] = target.split("#");
      const url = path === "" ? new URL(document.path, ROOT) : new URL(path, new URL(document.path, ROOT));
      const linked = DOCUMENTS.find(({ path }) => new URL(path, ROOT).href === url.href);
      const isThere = anchor === undefined ? await exists(url) : linked && anchorsOf(linked).includes(anchor);
      if (!isThere) broken.push(`${document.path}: ${target}`);
    }
  }
  assertEquals(broken, []);
  assert(count > 100, `Only ${count} links were found`);
});

Deno.test("Documents name files that are there", async () => {
  const pattern = /`((?:client|docs|games|gateway|proto|server|shared|tests|tools|bench)\/[\w./-]*)`/g;
  for (const { path, text } of DOCUMENTS) {
    for (const [, file] of prose(text).matchAll(pattern)) {
      // What adding a packet makes, or a build, is not there before.
      if (path === "docs/add-a-packet.md" && file.includes("emote") || file === "client/npm") continue;
      assert(await exists(new URL(file, ROOT)), `${path} names ${file}, which is not there`);
    }
  }
});

Deno.test("Documents name tasks of deno.json", () => {
  for (const { path, text } of DOCUMENTS) {
    for (const [, task] of text.matchAll(/\b(?:deno|deno@[\d.]+) task ([\w:]+)/g)) {
      assert(TASKS.includes(task), `${path} names the task ${task}, which is not there`);
    }
  }
});

Deno.test("Documents name flags that the server, a game or a tool knows", async () => {
  const known = await knownFlags();
  for (const { path, text } of DOCUMENTS) {
    const inline = [...prose(text).matchAll(/`(--[a-z][a-z-]*)/g)].map(([, flag]) => flag);
    const commands = [...text.matchAll(/task serve\b(.*)$/gm)].flatMap(([, rest]) =>
      rest.match(/--[a-z][a-z-]*/g) ?? []
    );
    for (const flag of [...inline, ...commands]) {
      assert(known.has(flag), `${path} names ${flag}, which is not there`);
    }
  }
});

Deno.test("README.md begins with one sentence, then the way of the data", () => {
  const readme = DOCUMENTS.find(({ path }) => path === "README.md");
  assert(readme !== undefined);
  const [title, sentence, flow] = readme.text.split("\n\n");
  assertEquals(title, "# Drawbridge");
  assertEquals(sentence.replaceAll("\n", " ").match(/[.!?](\s|$)/g)?.length, 1, sentence);
  assert(flow.startsWith("```text"));
});

Deno.test("README.md says of every subject which tests hold it", () => {
  const { text } = DOCUMENTS.find(({ path }) => path === "README.md")!;
  const subjects = text.split("## What it does")[1].split("\n## ")[0].split(/^- /m).slice(1);
  assert(subjects.length >= 12, `Only ${subjects.length} subjects were found`);
  for (const subject of subjects) {
    assert(/Tests:[^]*\]\(tests\//.test(subject), `README.md does not say which tests hold ${subject.slice(0, 30)}`);
  }
});
