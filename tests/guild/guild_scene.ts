/** Guilds to test with, and how to ask the server about them. @module */

import { GUILDS, type GuildStore } from "../../games/parts/guilds/guild_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { MessageByType } from "../../client/browser.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DependencyError, type DependencyErrorCode } from "../../shared/errors.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  GuildInviteRequestSchema,
  GuildJoinRequestSchema,
  GuildRank,
  GuildSetRankRequestSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { assertEquals } from "../support/assert.ts";
import { type HarnessClient, type HarnessOptions, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";

/** A request's answer: the name of its code (`NONE`: success) and the type it came by. */
export interface Answer {
  readonly code: string;
  readonly type: PacketType;
}

/** Sends a request and waits for its answer, which is taken. */
export async function ask<Desc extends DescMessage>(
  harness: LogicHarness,
  client: HarnessClient,
  schema: Desc,
  message: MessageInitShape<Desc>,
): Promise<Answer> {
  const row = contract.rowOf(schema);
  const own = row.refusal?.type ?? PacketType.GUILD_INFO_RESPONSE;
  const types = [own, PacketType.ERROR_RESPONSE];
  client.packets = client.packets.filter(({ type }) => !types.includes(type));
  harness.send(client, schema, message);
  await harness.until(() => client.packets.some(({ type }) => types.includes(type)));
  const { type } = client.packets.find(({ type }) => types.includes(type))!;
  const [response, ...more] = harness.take(client, type as PacketType.GUILD_ACTION_RESPONSE);
  assertEquals(more, []);
  if (type !== PacketType.ERROR_RESPONSE) assertEquals(response.success, response.errorCode === ErrorCode.NONE);
  if (type === PacketType.ERROR_RESPONSE || type === PacketType.GUILD_ACTION_RESPONSE) {
    assertEquals(response.requestType, row.type);
  }
  return { code: ErrorCode[response.errorCode], type };
}

/** The same where it must succeed. */
export async function must<Desc extends DescMessage>(
  harness: LogicHarness,
  client: HarnessClient,
  schema: Desc,
  message: MessageInitShape<Desc>,
): Promise<void> {
  assertEquals((await ask(harness, client, schema, message)).code, "NONE", schema.typeName);
}

/** What GUILD_INFO_RESPONSE says of a guild. */
export async function infoOf(
  harness: LogicHarness,
  client: HarnessClient,
  guildId = 0n,
): Promise<MessageByType[PacketType.GUILD_INFO_RESPONSE]> {
  harness.take(client, PacketType.GUILD_INFO_RESPONSE);
  harness.send(client, GuildInfoRequestSchema, { guildId });
  await harness.until(() => harness.received(client, PacketType.GUILD_INFO_RESPONSE).length > 0);
  return harness.take(client, PacketType.GUILD_INFO_RESPONSE)[0];
}

/** Names and ranks of the guild of a player, in the order of joining. */
export async function rosterOf(harness: LogicHarness, client: HarnessClient): Promise<string[]> {
  const { members } = await infoOf(harness, client);
  return members.map(({ name, rank }) => `${name} ${GuildRank[rank]}`);
}

/** Founds a guild; gives its id. */
export async function found(
  harness: LogicHarness,
  leader: HarnessClient,
  name: string,
  tag: string,
): Promise<bigint> {
  await must(harness, leader, GuildCreateRequestSchema, { name, tag });
  return (await infoOf(harness, leader)).guildId;
}

/** Invites a player, who accepts. */
export async function enlist(
  harness: LogicHarness,
  leader: HarnessClient,
  recruit: HarnessClient,
  rank = GuildRank.MEMBER,
): Promise<void> {
  const { guildId } = await infoOf(harness, leader);
  await must(harness, leader, GuildInviteRequestSchema, { playerName: recruit.name });
  await must(harness, recruit, GuildJoinRequestSchema, { guildId, accept: true });
  if (rank !== GuildRank.MEMBER) {
    await must(harness, leader, GuildSetRankRequestSchema, { playerName: recruit.name, rank });
  }
}

/**
 * Anna leads the Iron Wolves, with Otto, an officer, and Mia; Bela leads the Red Foxes, with Rosa; Ines is invited by
 * the Wolves; Lena is nobody's.
 */
export async function twoGuilds(options: HarnessOptions = {}) {
  const harness = await LogicHarness.create(options);
  const connect = (name: string, index: number) => harness.connect({ name, at: { x: 500 + index / 2, z: 500 } });
  const names = ["Anna", "Otto", "Mia", "Bela", "Rosa", "Ines", "Lena"];
  const [anna, otto, mia, bela, rosa, ines, lena] = await Promise.all(names.map(connect));
  const wolves = await found(harness, anna, "Iron Wolves", "IW");
  const foxes = await found(harness, bela, "Red Foxes", "RF");
  await enlist(harness, anna, otto, GuildRank.OFFICER);
  await enlist(harness, anna, mia);
  await enlist(harness, bela, rosa);
  await must(harness, anna, GuildInviteRequestSchema, { playerName: "Ines" });
  harness.tick();
  harness.forget();
  const players = { anna, otto, mia, bela, rosa, ines, lena };
  return { harness, wolves, foxes, ...players, [Symbol.asyncDispose]: () => harness.close() };
}

/** What {@linkcode twoGuilds} gives. */
export type Scene = Awaited<ReturnType<typeof twoGuilds>>;

/** Begins a war of the Wolves against the Foxes; gives its id. */
export async function declareWar({ harness, anna, foxes }: Scene): Promise<bigint> {
  await must(harness, anna, GuildWarStartSchema, { enemyGuildId: foxes });
  const [{ warId }] = harness.take(anna, PacketType.GUILD_WAR_START);
  return warId;
}

/** Lets everything logic asked the storage for be answered. */
export async function settle(harness: LogicHarness): Promise<void> {
  let turns = 0;
  await harness.until(() => ++turns > 20);
}

/** A storage whose guilds can fail: with nothing done, or with it unknown what was done. */
export function breakableStorage(): { storage: Storage; fail: (code: DependencyErrorCode | null) => void } {
  const direct = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS);
  let failure: DependencyErrorCode | null = null;
  const guilds = new Proxy(direct.of(GUILDS), {
    get: (target, method: keyof GuildStore) => async (argument: never) => {
      if (failure !== null && failure !== "timeout") throw new DependencyError(failure, `Cannot run ${method}`);
      const result: unknown = await target[method](argument);
      if (failure === "timeout") throw new DependencyError(failure, `Cannot run ${method}`);
      return result;
    },
  });
  return { storage: storageWith(direct, {}, { guilds }), fail: (code) => failure = code };
}
