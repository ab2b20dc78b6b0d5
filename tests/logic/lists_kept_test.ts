import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { GuildCreateRequestSchema, GuildInfoRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  FriendListRequestSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { assertEquals } from "../support/assert.ts";
import { answerTo, gather, settle } from "../social/company.ts";
import { LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";

/** A storage that counts what is read of lists and rosters. */
function countingStorage() {
  const direct = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS);
  const counts = { lists: 0, guilds: 0 };
  const guilds = direct.of(GUILDS), social = direct.of(SOCIAL);
  const storage = storageWith(direct, {}, {
    social: { load: (playerId: number) => (counts.lists++, social.load(playerId)) },
    guilds: {
      load: (query: { guildId: number }) => (counts.guilds++, guilds.load(query)),
      loadOf: (query: { playerId: number }) => (counts.guilds++, guilds.loadOf(query)),
    },
  });
  return { storage, counts };
}

Deno.test("Lists and rosters are read once, however often they are asked for, and anew after a change", async () => {
  const { storage, counts } = countingStorage();
  await using harness = await LogicHarness.create({ storage, config: { floodControl: false } });
  const { ann } = await gather(harness, "ann", "bob", "cid");
  harness.send(ann, GuildCreateRequestSchema, { name: "Wolves", tag: "WLF" });
  const { guildId } = await answerTo(harness, ann, PacketType.GUILD_CREATE_RESPONSE);
  counts.lists = counts.guilds = 0;
  const types = [
    PacketType.IGNORE_LIST_RESPONSE,
    PacketType.FRIEND_LIST_RESPONSE,
    PacketType.GUILD_INFO_RESPONSE,
  ] as const;
  const flood = async () => {
    for (let round = 0; round < 30; round++) {
      harness.send(ann, IgnoreListRequestSchema, {});
      harness.send(ann, FriendListRequestSchema, {});
      harness.send(ann, GuildInfoRequestSchema, { guildId: round % 2 === 0 ? 0n : guildId });
    }
    await harness.until(() => types.every((type) => harness.received(ann, type).length === 30));
    harness.forget();
  };
  await flood();
  await flood();
  assertEquals(counts, { lists: 1, guilds: 1 });
  harness.send(ann, IgnoreAddSchema, { playerName: "bob" });
  await answerTo(harness, ann, PacketType.IGNORE_RESPONSE);
  harness.send(ann, FriendRequestSchema, { playerName: "cid" });
  await answerTo(harness, ann, PacketType.FRIEND_RESPONSE);
  await flood();
  await settle(harness);
  assertEquals(counts, { lists: 2, guilds: 1 });
});
