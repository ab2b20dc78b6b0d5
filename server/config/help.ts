/**
 * What `--help` and `--version` print, and the table of options in the documentation.
 *
 * @module
 */

import { INFORMATION_FLAGS } from "./config.ts";
import {
  CONFIG_FILE_KEY,
  environmentVariableOf,
  flagOf,
  type GameOption,
  type Option,
  OPTION_KEYS,
  type OptionGroup,
  OPTIONS,
} from "./schema.ts";
import { EXIT_STATUSES } from "../process/exit_statuses.ts";
import { VERSION } from "../ops/build_info.ts";

const COLUMNS = 100;
const FLAG_COLUMNS = 34;
const GROUPS: readonly OptionGroup[] = [
  "Listening",
  "Limits",
  "Identity",
  "Storage",
  "Accounts",
  "World",
  "Operation",
];

/** What to print instead of starting, when `args` ask for help or the version. */
export function informationText(
  args: readonly string[],
  gameOptions: Readonly<Record<string, GameOption>> = {},
): string | undefined {
  const asked = args.find((arg) => INFORMATION_FLAGS.has(arg));
  if (asked === undefined) return undefined;
  return asked === "--version" || asked === "-V" ? versionText() : helpText(gameOptions);
}

/** One line with the versions of the server and of what it runs on. */
export function versionText(): string {
  return `drawbridge ${VERSION} (deno ${Deno.version.deno}, v8 ${Deno.version.v8}, ${Deno.build.target})`;
}

/** All options by subject, at most 100 columns wide. */
export function helpText(gameOptions: Readonly<Record<string, GameOption>> = {}): string {
  return [
    `Drawbridge ${VERSION}: a game server for native and browser players`,
    "",
    "Usage: deno task serve [flags]",
    "",
    ...wrap(
      "Flags override environment variables, which override the JSON file of --config, which overrides the defaults in " +
        "brackets. " +
        `--login-port is ${environmentVariableOf("loginPort")} in the environment and "loginPort" in the file. ` +
        "--flag=value and --flag value mean the same. An on|off flag alone means on. If a flag is given twice, the last one " +
        "counts.",
      COLUMNS,
    ),
    ...GROUPS.flatMap(groupText),
    ...gameText(gameOptions),
    "",
    "Other",
    ...entryText(
      `${flagOf(CONFIG_FILE_KEY)} FILE`,
      `JSON file with any of the above (${environmentVariableOf(CONFIG_FILE_KEY)})`,
    ),
    ...entryText("-h, --help", "Print this help"),
    ...entryText("-V, --version", "Print the version"),
    "",
    "Exit status",
    ...EXIT_STATUSES.flatMap(({ status, meaning }) => entryText(status, meaning)),
  ].join("\n");
}

/** The options as Markdown tables, a heading for each subject, and below them those of a game. */
export function optionsMarkdown(title: string, gameOptions: Readonly<Record<string, GameOption>>): string {
  return [
    ...GROUPS.map((group) => tableText(group, keysOf(group).map((key) => [key, OPTIONS[key] as Option<unknown>]))),
    tableText(title, Object.entries(gameOptions)),
  ].join("\n");
}

function tableText(heading: string, options: readonly (readonly [string, Option<unknown> | GameOption])[]): string {
  const rows = options.map(([key, option]) => {
    const cells = [
      `\`${flagOf(key)}\``,
      `\`${environmentVariableOf(key)}\``,
      `\`${key}\``,
      escapeCell(option.kind.expects),
      escapeCell(defaultText(option)),
      escapeCell(option.help),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `## ${heading}`,
    "",
    "| Flag | Environment variable | Key | Value | Default | What it does |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function groupText(group: OptionGroup): string[] {
  const entries = keysOf(group).flatMap((key) => {
    const option = OPTIONS[key] as Option<unknown>;
    return entryText(`${flagOf(key)} ${option.kind.placeholder}`, `${option.help} [${defaultText(option)}]`);
  });
  return ["", group, ...entries];
}

function gameText(options: Readonly<Record<string, GameOption>>): string[] {
  const entries = Object.entries(options).flatMap(([key, option]) =>
    entryText(`${flagOf(key)} ${option.kind.placeholder}`, `${option.help} [${defaultText(option)}]`)
  );
  return entries.length === 0 ? [] : ["", "The game's own", ...entries];
}

function entryText(flag: string, help: string): string[] {
  const lines = wrap(help, COLUMNS - FLAG_COLUMNS);
  // A flag too long for its column has the line to itself.
  const first = flag.length + 4 > FLAG_COLUMNS ? [`  ${flag}`] : [];
  return [
    ...first,
    ...lines.map((line, index) => (index === 0 && first.length === 0 ? `  ${flag}` : "").padEnd(FLAG_COLUMNS) + line),
  ];
}

function keysOf(group: OptionGroup): (keyof typeof OPTIONS)[] {
  return OPTION_KEYS.filter((key) => OPTIONS[key].group === group);
}

function defaultText(option: Option<unknown> | GameOption): string {
  if ("defaultText" in option && option.defaultText !== undefined) return option.defaultText;
  return typeof option.default === "boolean" ? (option.default ? "on" : "off") : String(option.default);
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function wrap(text: string, columns: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= columns) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
