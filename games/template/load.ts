/** The load test: bots walk about, wave, and keep account of what they are told. @module */

import type { GameLoad } from "drawbridge/client/load_bot.ts";
import { contract, type Packets, WaveRequestSchema, WavesSchema } from "./contract.ts";

export default {
  contract,
  async play({ check, client, enter, index, signal, time, until, view }) {
    await enter(({ movement }) => {
      const angle = performance.now() / 2_000 + index;
      movement.walkTo(50 + 40 * Math.sin(angle), 50 + 40 * Math.cos(angle));
    });
    const own = () => view.stay?.model.ownComponents.get(WavesSchema).count;
    while (!signal.aborted) {
      const { count } = await time("wave", client.request(WaveRequestSchema, { times: 1 }));
      check("waves", await until(() => own() === count, 5_000));
    }
  },
} satisfies GameLoad<Packets>;
