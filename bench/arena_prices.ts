/** What a token buys of the packets that the arena has and the marsh has not, as `bench/prices.ts` has it of the others. @module */

import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { contract as marsh } from "../games/marsh/contract.ts";
import {
  BuyHatRequestSchema,
  contract,
  PacketType,
  PartyAnswerSchema,
  PartyInviteRequestSchema,
  PurseSchema,
  QueueJoinRequestSchema,
  QueueLeaveRequestSchema,
  RanksRequestSchema,
  RecordSchema,
} from "../games/tag/contract.ts";
import tag from "../games/tag/game.ts";
import type { GameModule } from "../server/game/define_game.ts";
import { DOCUMENTS } from "../server/storage/document_store.ts";
import { assert } from "../shared/errors.ts";
import { DOCUMENT_RANK_MAX, DOCUMENTS_PER_TRANSACTION_MAX } from "../shared/limits.ts";
import type { PacketRow } from "../shared/packet_table.ts";
import { type HarnessClient, LogicHarness } from "../tests/support/logic_harness.ts";
import { processorMs } from "./processor_time.ts";
import { TimedStorage } from "./timed_storage.ts";

/** A match has room for one more: two of them never play together. */
const PARTY = 3;
const COINS = 100;

/** One line of the table, in microseconds for each token; `refused`: how many packets were. */
export interface ArenaRow {
  readonly name: string;
  readonly tokens: number;
  readonly logicUs: number;
  readonly storageUs: number;
  readonly refused: number;
}

/** The arena with so many players. */
class House {
  private constructor(
    readonly harness: LogicHarness,
    readonly storage: TimedStorage,
    readonly players: readonly HarnessClient[],
  ) {}

  static async open(count: number): Promise<House> {
    const storage = new TimedStorage({ game: tag.name, stores: [] });
    const config = { floodControl: false, gameOptions: { fillSeconds: 600 } };
    const harness = await LogicHarness.create({ game: tag as GameModule, storage, config, isTimed: true });
    const players: HarnessClient[] = [];
    for (let index = 0; index < count; index++) {
      players.push(await harness.connect({ address: `203.0.${index}.7` }));
    }
    return new House(harness, storage, players);
  }

  post<Desc extends DescMessage>(index: number, schema: Desc, message: MessageInitShape<Desc>): void {
    this.harness.post(this.players[index], schema, message);
  }

  /** Lets everything be done that was asked for; gives the processor time it took, in milliseconds. */
  async settle(): Promise<number> {
    const { harness } = this, startMs = processorMs();
    for (let idle = 0; idle < 4;) {
      const before = harness.packetCount;
      harness.turn();
      await new Promise((resolve) => setImmediate(resolve));
      idle = harness.packetCount === before ? idle + 1 : 0;
    }
    return processorMs() - startMs;
  }

  /** Puts a document of each of these players; its number is the same for all. */
  async put(collection: string, playerIds: readonly number[], bytes: Uint8Array, best: number): Promise<void> {
    for (let from = 0; from < playerIds.length; from += DOCUMENTS_PER_TRANSACTION_MAX) {
      const changes = playerIds.slice(from, from + DOCUMENTS_PER_TRANSACTION_MAX).map((playerId) => ({
        collection,
        key: String(playerId),
        revision: 0,
        content: { version: 1, bytes, indexes: { best }, playerId, countMax: 1 },
      }));
      await this.storage.of(DOCUMENTS).commit({ changes, receipt: null });
    }
  }

  get playerIds(): number[] {
    return this.players.map(({ playerId }) => playerId);
  }
}

/** The worst content of a type, and what has to be there before. */
interface Content {
  prepare(house: House): Promise<unknown>;
  post(house: House, index: number): void;
}

const CONTENTS: Readonly<Partial<Record<PacketType, Content>>> = {
  // Every fourth begins a match.
  [PacketType.QUEUE_JOIN_REQUEST]: {
    prepare: (house) => house.settle(),
    post: (house, index) => house.post(index, QueueJoinRequestSchema, {}),
  },
  // Parties wait, and each hears of it.
  [PacketType.QUEUE_LEAVE_REQUEST]: {
    prepare: async (house) => {
      for (let leader = 0; leader + PARTY <= house.players.length; leader += PARTY) {
        for (let member = leader + 1; member < leader + PARTY; member++) {
          house.post(leader, PartyInviteRequestSchema, { playerName: house.players[member].name });
          await house.settle();
          const partyId = BigInt(1 + leader / PARTY);
          house.post(member, PartyAnswerSchema, { partyId, accept: true });
        }
        await house.settle();
        house.post(leader, QueueJoinRequestSchema, {});
      }
      await house.settle();
    },
    post: (house, index) => house.post(index * PARTY, QueueLeaveRequestSchema, {}),
  },
  [PacketType.BUY_HAT_REQUEST]: {
    prepare: (house) =>
      house.put("purses", house.playerIds, toBinary(PurseSchema, create(PurseSchema, { coins: COINS })), COINS),
    post: (house, index) => house.post(index, BuyHatRequestSchema, { hatId: 1 }),
  },
  // As many as are counted have more, and all of them the same.
  [PacketType.RANKS_REQUEST]: {
    prepare: async (house) => {
      const named = Array.from({ length: DOCUMENT_RANK_MAX }, (_, index) => `rank${index}`);
      const accounts = named.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 }));
      const above = (await house.storage.accounts.createMany(accounts)).map(({ accountId }) => accountId);
      const record = toBinary(
        RecordSchema,
        create(RecordSchema, { best: 9, wins: 9, matches: 9, name: "x".repeat(16) }),
      );
      await house.put("records", above, record, 9);
      await house.put("records", house.playerIds, toBinary(RecordSchema, create(RecordSchema, { best: 1 })), 1);
    },
    post: (house, index) => house.post(index, RanksRequestSchema, {}),
  },
};

async function measure(row: PacketRow, packets: number): Promise<ArenaRow> {
  const content = CONTENTS[row.type as PacketType];
  assert(content !== undefined, `${row.name} has no price`);
  const house = await House.open(packets * PARTY), { harness, storage } = house;
  await content.prepare(house);
  await house.settle();
  harness.advance(3_000);
  harness.forget();
  storage.workMs = 0;
  for (let index = 0; index < packets; index++) content.post(house, index);
  const ms = await house.settle();
  harness.tick(4);
  const { workMs } = storage, perToken = 1_000 / packets / row.cost;
  const schema = contract.schemaOf(row.replyType)!;
  const replies = house.players.flatMap((player) => player.packets).filter(({ type }) =>
    Number(type) === row.replyType
  );
  const done = replies.filter(({ payload }) => (fromBinary(schema, payload) as { success?: boolean }).success);
  await harness.close();
  return {
    name: row.name,
    tokens: row.cost,
    logicUs: (ms - workMs) * perToken,
    storageUs: workMs * perToken,
    refused: packets - done.length,
  };
}

/** Prices each packet type that clients of the arena send and those of the marsh do not. */
export async function measureArena({ packets }: { readonly packets: number }): Promise<ArenaRow[]> {
  const rows: ArenaRow[] = [];
  for (const row of contract.packets.rows) {
    if (row.direction !== "server" && marsh.packets.row(row.type) === undefined) rows.push(await measure(row, packets));
  }
  return rows;
}

/** The table of them. */
export function arenaTable(rows: readonly ArenaRow[]): string {
  const line = (name: string, ...columns: (string | number)[]) =>
    name.padEnd(26) + columns.map((column) => String(column).padStart(9)).join("");
  const lines = rows.map(({ name, tokens, logicUs, storageUs }) =>
    line(name, tokens, logicUs.toFixed(1), storageUs.toFixed(1))
  );
  return [line("The arena's, likewise", "tokens", "logic", "storage"), ...lines].join("\n");
}
