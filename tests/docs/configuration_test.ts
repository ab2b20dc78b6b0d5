import { loadConfig } from "../../server/config/config.ts";
import { optionsMarkdown } from "../../server/config/help.ts";
import marsh from "../../games/marsh/game.ts";
import { assertEquals } from "../support/assert.ts";
import { generatedPart, isUpdating, MarkdownDocument, withoutPadding, writeGeneratedPart } from "./markdown.ts";

const DOCUMENT = await MarkdownDocument.read("docs/configuration.md");

Deno.test("docs/configuration.md has the options as the server and the marsh know them", async () => {
  const markdown = optionsMarkdown("The marsh's own", marsh.options);
  if (isUpdating) return await writeGeneratedPart(DOCUMENT, markdown);
  assertEquals(
    generatedPart(DOCUMENT),
    withoutPadding(markdown),
    `${DOCUMENT.path} is not up to date: deno task docs`,
  );
});

Deno.test("docs/configuration.md's configuration file is valid", () => {
  const files = DOCUMENT.codeBlocks("json");
  assertEquals(files.length, 1);
  const config = loadConfig({
    args: ["--config", "x"],
    env: {},
    gameOptions: marsh.options,
    readTextFile: () => files[0],
  });
  for (const [key, value] of Object.entries(JSON.parse(files[0]))) {
    assertEquals(config[key as keyof typeof config] as unknown, value, key);
  }
});
