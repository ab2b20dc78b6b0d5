/**
 * Bots of the load test: they queue, run, and buy hats, and keep account of every tag and every coin.
 *
 * @module
 */

import type { GameLoad } from "../../client/load_bot.ts";
import { queueForMatch } from "../parts/matchmaking/queue_bot.ts";
import {
  BuyHatRequestSchema,
  contract,
  Kind,
  type MatchEnded,
  MatchEndedSchema,
  MatchStartedSchema,
  type Packets,
  RunnerSchema,
  TaggedSchema,
  WalletSchema,
} from "./contract.ts";

/** What a match earned is in the wallet within this, in milliseconds. */
const WALLET_MS = 10_000;

export default {
  contract,
  async play(bot) {
    const { check, client, index, name, signal, time, until, view } = bot;
    const ended: MatchEnded[] = [];
    let started = 0, it = 0n, frame = 0;
    client.on(MatchStartedSchema, () => {
      started++;
      it = 0n;
    });
    client.on(TaggedSchema, ({ fromEntityId, toEntityId }) => {
      // A tag goes on where the one before it ended: none is lost, none comes twice.
      check("tags", fromEntityId === it || fromEntityId === 0n);
      it = toEntityId;
    });
    client.on(MatchEndedSchema, (match) => check("matches", ended.push(match) === started));

    // The one who is it runs after somebody, the others run about.
    await bot.enter(({ entityId, model, movement }) => {
      view.isHeld = model.ownComponents.get(RunnerSchema).isFrozen;
      if (started === ended.length || frame++ % 10 !== 0) return;
      const angle = frame / 7 + index;
      const prey = it === BigInt(entityId) && [...model.entities.values()].find(({ kind }) => kind === Kind.RUNNER);
      const about = { x: 20 + 15 * Math.sin(angle), z: 20 + 15 * Math.cos(angle) };
      const { x, z } = prey ? prey.track.poseAt(view.playbackMs) : about;
      movement.walkTo(x, z);
    });

    const coins = () => view.stay?.model.ownComponents.get(WalletSchema).coins ?? 0;
    const holds = (expected: number) => until(() => coins() === expected, WALLET_MS);
    for (let match = 0; !signal.aborted; match++) {
      const before = coins();
      if (!await queueForMatch(bot, () => started > match)) return;
      await time("match", until(() => ended.length > match));
      const earned = ended[match].scores.find((score) => score.name === name)?.coins ?? 0;
      const isSaved = await time("saved", holds(before + earned));
      // Before the first match what is in the wallet may not have been told yet.
      if (match > 0) check("coins earned", isSaved);
      const rich = coins();
      const hat = await time("buy", client.request(BuyHatRequestSchema, { hatId: 1 + match % 3 }));
      if (hat.success) check("hats", hat.coins < rich);
      check("coins spent", await holds(hat.success ? hat.coins : rich));
    }
  },
} satisfies GameLoad<Packets>;
