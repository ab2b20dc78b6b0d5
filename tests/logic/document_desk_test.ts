import { defineGame, documents, type Game } from "../../server/game/game.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import type { DocumentAction } from "../../server/moderation/moderation_request.ts";
import { parseModerationRequest } from "../../server/moderation/moderation_request.ts";
import { contract, CountedSchema } from "../game/counter/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";

const NOTES = documents("notes", CountedSchema, {
  owner: "global",
  version: 2,
  migrate: { 1: (old) => old },
  indexes: { count: (document) => (document as unknown as { count: number }).count },
});

/** A game with three documents: one that is well, one that cannot be parsed, one of a newer version. */
async function openShelf() {
  const storage = new DirectStorage({ path: ":memory:" }, { game: "counter", stores: [] });
  const records = storage.of(DOCUMENTS);
  const put = (key: string, version: number, bytes: number[]) => {
    const content = { version, bytes: new Uint8Array(bytes), indexes: { count: 7 }, playerId: null, countMax: 10 };
    return records.commit({ changes: [{ collection: "notes", key, revision: 0, content }], receipt: null });
  };
  await put("good", 2, [16, 7]);
  await put("torn", 2, [255, 255]);
  await put("new", 3, [16, 7]);
  let game!: Game;
  const module = defineGame(
    contract,
    { maps: () => [{ mapId: 0, width: 10, height: 10, interestRadius: 5 }] },
    (made) => {
      game = made;
      void game.store.open(NOTES);
    },
  );
  const harness = await LogicHarness.create({ game: module, storage });
  const ask = async (action: DocumentAction, key = "", collection = key === "" ? "" : "notes") => {
    const request = { act: "documents", action, collection, key, moderator: "m" } as const;
    const outcome = await harness.logic.moderation.run(request);
    return [outcome.kind, "text" in outcome ? outcome.text : ""];
  };
  return { harness, ask, game, put, records };
}

Deno.test("Documents that cannot be read are listed, shown as they are, put aside and restored", async () => {
  const { harness, ask, game, put, records } = await openShelf();
  await using _harness = harness;
  const [kind, text] = await ask("list");
  const lines = text.split("\n");
  assertEquals([kind, lines[0], lines.length], ["done", "2 documents unreadable or put aside", 3]);
  assert(/^ {2}notes new {2}version 3, revision 3, 2 bytes {2}.*newer/.test(lines[1]), lines[1]);
  assert(/^ {2}notes torn {2}version 2, .*unreadable/.test(lines[2]), lines[2]);
  const [, shown] = await ask("show", "torn");
  assert(shown.includes("\n  ff ff\nbase64 //8="), shown);

  assertEquals(await ask("aside", "torn"), ["done", "Document notes torn is put aside"]);
  assertEquals(await game.store.get(NOTES, "torn"), undefined);
  assert((await ask("list"))[1].includes("notes torn  version 2, revision 4, 2 bytes  put aside, "));
  assertEquals((await ask("aside", "torn"))[0], "not_found");
  // The game begins anew in its place, which is not taken from it.
  await put("torn", 2, [16, 1]);
  assertEquals(await ask("restore", "torn"), [
    "not_found",
    "Document notes torn exists: put that one aside, or leave it",
  ]);
  assertEquals((await ask("aside", "torn"))[0], "not_found", "One is there");
  await records.commit({
    changes: [{ collection: "notes", key: "torn", revision: 5, content: null }],
    receipt: null,
  });
  assertEquals(await ask("restore", "torn"), ["done", "Document notes torn is back in place"]);
  assertEquals((await records.load({ collection: "notes", key: "torn" }))?.bytes, new Uint8Array([255, 255]));

  // Its numbers go and come back with it.
  const found = async () => (await game.store.range(NOTES, "count")).map(({ key }) => key);
  assertEquals(await found(), ["good"]);
  await ask("aside", "good");
  assertEquals(await found(), []);
  await ask("restore", "good");
  assertEquals(await found(), ["good"]);
  assertEquals(await ask("show", "none"), ["not_found", "Document notes none does not exist"]);
  assertEquals(await ask("show", "a", "scrolls"), [
    "not_found",
    "There is no collection scrolls. The game has notes",
  ]);
});

Deno.test("parseModerationRequest() takes a document by collection and key, and a list without", () => {
  const problemsOf = (value: object) => {
    const parsed = parseModerationRequest("documents", value);
    return "problems" in parsed ? parsed.problems.length : 0;
  };
  assertEquals(problemsOf({ action: "list" }), 0);
  assertEquals(problemsOf({ action: "show", collection: "notes", key: " odd  key " }), 0);
  for (
    const wrong of [
      { action: "burn" },
      { action: "list", key: "a" },
      { action: "show", collection: "notes" },
      { action: "show", key: "a" },
      { action: "aside", collection: "notes", key: 7 },
      { action: "aside", collection: "notes", key: "x".repeat(10_000) },
    ]
  ) assert(problemsOf(wrong) > 0, JSON.stringify(wrong));
});
