import { create, toBinary } from "@bufbuild/protobuf";
import { Documents } from "../../server/game/documents.ts";
import { settleDurable } from "../../server/game/durable.ts";
import { CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { type Asker, ORDINARY } from "../../server/storage/storage.ts";
import { WorkerStorage } from "../../server/storage/worker_storage.ts";
import { Prng } from "../../server/world/prng.ts";
import { type Purse, PurseSchema } from "../game/shop/contract.ts";
import { PURSES } from "../game/shop/game.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedTime } from "./simulated_time.ts";
import { Trace } from "./trace.ts";

const SEEDS = 60;
const PLAYERS = 3;
const PURCHASES = 6;
/** After so long a client asks again, in milliseconds. */
const PATIENCE_MS = 3_000;
const ASKER: Asker = { source: "203.0.113.7", urgency: ORDINARY };

/** One life of logic: what it has not answered when it dies is never answered. */
interface Life {
  readonly storage: WorkerStorage;
  readonly documents: Documents;
  isOver: boolean;
}

function begin(time: SimulatedTime, disk: SimulatedDisk): Life {
  const storage = new WorkerStorage(disk.connect(), { nowMs: () => time.monotonicMs(), timers: time });
  const counters = new CounterBlock(createCounterBlock());
  return {
    storage,
    documents: new Documents({ storage, counters, log: new RecordingLogger(), timers: time }),
    isOver: false,
  };
}

/** How many things the player has bought after this one, as it is told; null: its life ended, or it was told to wait. */
async function attempt(time: SimulatedTime, life: Life, playerId: number, requestKey: number): Promise<number | null> {
  const { documents, storage } = life;
  const request = {
    documents,
    storage,
    player: { playerId, asker: ASKER },
    requestType: 1,
    requestKey,
    atMs: time.unixMs(),
  };
  const done = settleDurable(request, async (transaction) => {
    const purse = await transaction.get(PURSES, playerId) as unknown as Purse | undefined;
    const bought = (purse?.bought ?? 0) + 1;
    transaction.put(PURSES, playerId, { coins: 1_000 - bought, bought });
    return toBinary(PurseSchema, create(PurseSchema, { bought } as Record<string, unknown>));
  }).catch(() => null);
  const reply = await Promise.race([done, time.sleep(PATIENCE_MS).then(() => null)]);
  return reply === null || life.isOver ? null : reply.at(-1)!;
}

async function simulate(seed: number): Promise<{ deaths: number; repeats: number }> {
  const time = new SimulatedTime(), prng = new Prng(seed);
  const disk = new SimulatedDisk(time, prng, new Trace({ keepsLines: false }), () => {});
  const accounts = Array.from({ length: PLAYERS }, (_, index) => {
    const name = `player${index}`;
    return { name, nameKey: name, passwordVerifier: null, createdAtMs: 0 };
  });
  disk.prepare("accounts.createMany", accounts);
  let life = begin(time, disk);
  let repeats = 0, deaths = 0, left = PLAYERS;
  const told = accounts.map(async (_, index) => {
    const playerId = index + 1, answers: number[] = [];
    for (let purchase = 1; purchase <= PURCHASES; purchase++) {
      const requestKey = seed * 1_000 + purchase;
      for (let tries = 0;; tries++) {
        // Now and then it asks twice at once: a session before may still be at it.
        const again = prng.nextFloat() < 0.2 ? attempt(time, life, playerId, requestKey) : null;
        const bought = await attempt(time, life, playerId, requestKey);
        const other = await again;
        if (bought !== null && other !== null) assertEquals(other, bought, `seed ${seed}: two answers to one request`);
        if (tries > 0) repeats++;
        if (bought === null) continue;
        answers.push(bought);
        break;
      }
      await time.sleep(prng.nextFloat() * 500);
    }
    left--;
    return answers;
  });
  while (left > 0) {
    await time.pass(prng.nextFloat() * 300);
    const chance = prng.nextFloat();
    disk.health = { commitMs: chance < 0.2 ? 400 : 5, isFull: chance > 0.93 };
    if (chance > 0.3 && chance < 0.45) {
      deaths++;
      disk.crash();
      life.storage.replacePort(disk.connect());
    } else if (chance > 0.45 && chance < 0.6) {
      deaths++;
      life.isOver = true;
      life = begin(time, disk);
    }
    assert(time.monotonicMs() < 3_600_000, `seed ${seed}: an hour has passed, and somebody still waits`);
  }
  for (const answers of await Promise.all(told)) {
    assertEquals(answers, Array.from({ length: PURCHASES }, (_, index) => index + 1), `seed ${seed}`);
  }
  disk.health = { commitMs: 1, isFull: false };
  for (let playerId = 1; playerId <= PLAYERS; playerId++) {
    const purse = life.documents.get(PURSES, playerId);
    await time.pass(1_000);
    assertEquals((await purse as unknown as Purse).bought, PURCHASES, `seed ${seed}`);
  }
  await life.storage.close();
  disk.close();
  return { deaths, repeats };
}

Deno.test(`What is durable is done once over ${SEEDS} seeds of dying workers, slow and full disks`, async () => {
  const sums = { deaths: 0, repeats: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { deaths, repeats } = await simulate(seed);
    sums.deaths += deaths;
    sums.repeats += repeats;
  }
  assert(sums.deaths > 5 * SEEDS && sums.repeats > SEEDS, `too little went wrong: ${JSON.stringify(sums)}`);
});
