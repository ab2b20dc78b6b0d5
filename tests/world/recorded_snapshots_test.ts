import { assertEquals } from "../support/assert.ts";
import { playRecorded } from "./recorded_scenario.ts";

// Made with the world as it was before components, when it knew hit points, status and guilds itself.
const RECORDED: string[] = JSON.parse(await Deno.readTextFile(new URL("recorded_snapshots.json", import.meta.url)));

Deno.test("World.buildSnapshot() writes marsh's components byte for byte as before there were components", async () => {
  assertEquals(RECORDED.length, 60);
  const played: string[] = [];
  for (let seed = 1; seed <= RECORDED.length; seed++) played.push(await playRecorded(seed));
  assertEquals(played, RECORDED);
});
