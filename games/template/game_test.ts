/** Each test is played once for every seed: no sockets, no waiting, and whatever can break does. @module */

import { simulate } from "drawbridge/test";
import { contract, ErrorCode, WavedSchema, WaveRequestSchema, WavesSchema } from "./contract.ts";
import game from "./game.ts";

Deno.test("a wave is counted once and seen by everybody, whatever breaks", () =>
  simulate(game, { contract, seeds: 20, faults: ["network", "threads", "disk"] }, async (t) => {
    const [ann, ben] = await t.join("ann", "ben");
    await ann.walkTo({ x: 50, z: 50 });
    await ben.walkTo({ x: 55, z: 50 });
    for (const count of [2, 4, 6]) {
      const reply = await ann.request(WaveRequestSchema, { times: 2 });
      t.equal(reply.count, count);
    }
    await t.settle();
    t.equal(ben.received(WavedSchema).map(({ count }) => count), [2, 4, 6]);
    t.equal(ben.component(ann.entityId, WavesSchema)?.count, 6);
  }));

Deno.test("nobody waves four times at once", () =>
  simulate(game, { contract, seeds: 1 }, async (t) => {
    const [ann] = await t.join("ann");
    const { success, errorCode } = await ann.request(WaveRequestSchema, { times: 4 });
    t.equal([success, errorCode], [false, ErrorCode.OUT_OF_RANGE]);
  }));
