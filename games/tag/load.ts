/**
 * Bots of the load test: they queue, run, and buy hats, and keep account of every tag and every coin.
 *
 * @module
 */

import type { GameLoad, LoadBot } from "../../client/load_bot.ts";
import { PLAIN_ENTITIES } from "../../client/world/world_model.ts";
import { WorldView } from "../../client/world/world_view.ts";
import {
  BuyHatRequestSchema,
  contract,
  Kind,
  type MatchEnded,
  MatchEndedSchema,
  MatchStartedSchema,
  type Packets,
  QueueJoinRequestSchema,
  QueueLeaveRequestSchema,
  RunnerSchema,
  TaggedSchema,
  WalletSchema,
} from "./contract.ts";

const FRAME_MS = 100;
/** What a match earned is in the wallet within this, in milliseconds. */
const WALLET_MS = 10_000;

/** One bot at play. */
class Runner {
  readonly #bot: LoadBot<Packets>;
  readonly #view: WorldView;
  #isPlaying = false;
  #ended = Promise.withResolvers<MatchEnded>();
  /** Who is it, as far as was told. */
  #it = 0n;
  #frame = 0;

  constructor(bot: LoadBot<Packets>) {
    this.#bot = bot;
    const { client } = bot;
    this.#view = new WorldView(client, { reader: PLAIN_ENTITIES, onStay: () => {} });
    client.on(MatchStartedSchema, () => {
      this.#isPlaying = true;
      this.#it = 0n;
    });
    client.on(TaggedSchema, ({ fromEntityId, toEntityId }) => {
      // A tag goes on where the one before it ended: none is lost, none comes twice.
      bot.check("tags", fromEntityId === this.#it || fromEntityId === 0n);
      this.#it = toEntityId;
    });
    client.on(MatchEndedSchema, (ended) => {
      bot.check("matches", this.#isPlaying);
      this.#isPlaying = false;
      this.#ended.resolve(ended);
    });
  }

  get coins(): number {
    return this.#view.stay?.model.ownComponents.get(WalletSchema).coins ?? 0;
  }

  /** Moves on by a frame: the one who is it runs after somebody, the others run about. */
  frame(): void {
    const { stay } = this.#view;
    if (stay === null) return;
    this.#view.isHeld = stay.model.ownComponents.get(RunnerSchema).isFrozen;
    this.#view.step(performance.now());
    if (!this.#isPlaying || this.#frame++ % 10 !== 0) return;
    const angle = this.#frame / 7 + this.#bot.index;
    let goal = { x: 20 + 15 * Math.sin(angle), z: 20 + 15 * Math.cos(angle) };
    if (this.#it === BigInt(stay.entityId)) {
      const target = [...stay.model.entities.values()].find(({ kind }) => kind === Kind.RUNNER);
      goal = target?.track.poseAt(this.#view.playbackMs) ?? goal;
    }
    stay.movement.walkTo(goal.x, goal.z);
  }

  async play(): Promise<void> {
    const { check, client, name, signal, time } = this.#bot;
    for (let match = 0; !signal.aborted; match++) {
      this.#ended = Promise.withResolvers();
      const coins = this.coins;
      const { success } = await time("queue", client.request(QueueJoinRequestSchema, {}));
      check("queue", success);
      const ended = await time("match", Promise.race([this.#ended.promise, this.#giveUp()]));
      if (ended === null) return;
      const earned = ended.scores.find((score) => score.name === name)?.coins ?? 0;
      const isSaved = await time("saved", this.#holds(coins + earned));
      // Before the first match what is in the wallet may not have been told yet.
      if (match > 0) check("coins earned", isSaved);
      await this.#buy(1 + match % 3);
    }
  }

  async #buy(hatId: number): Promise<void> {
    const { check, client, time } = this.#bot, before = this.coins;
    const { success, coins } = await time("buy", client.request(BuyHatRequestSchema, { hatId }));
    if (success) check("hats", coins < before);
    check("coins spent", await this.#holds(success ? coins : before));
  }

  /** Resolves with null once the time is over and no match has begun. */
  async #giveUp(): Promise<null> {
    const { client, signal } = this.#bot;
    for (;;) {
      if (signal.aborted && !this.#isPlaying) {
        const { success } = await client.request(QueueLeaveRequestSchema, {});
        if (success) return null;
      }
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    }
  }

  /** Whether the wallet comes to hold so many coins. */
  async #holds(coins: number): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < WALLET_MS && this.coins !== coins; waitedMs += FRAME_MS) {
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    }
    return this.coins === coins;
  }
}

export default {
  contract,
  async play(bot) {
    const runner = new Runner(bot);
    const frames = setInterval(() => runner.frame(), FRAME_MS);
    try {
      await bot.enter();
      await runner.play();
    } finally {
      clearInterval(frames);
    }
  },
} satisfies GameLoad<Packets>;
