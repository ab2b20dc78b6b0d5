import type { DescMessage } from "@bufbuild/protobuf";
import { queueForMatch } from "../../../games/parts/matchmaking/queue_bot.ts";
import { QueueJoinRequestSchema } from "../../../games/parts/matchmaking/matchmaking_pb.ts";
import { assertEquals } from "../../support/assert.ts";

/** A bot whose time is over: what it asked and noted, and whether it plays. `begins`: its match, as it wants to leave. */
async function stand(joins: boolean, leaves: boolean, begins = false): Promise<[string[], boolean]> {
  const asked: string[] = [];
  let hasBegun = false;
  const isPlaying = await queueForMatch({
    client: {
      request: (schema: DescMessage) => {
        asked.push(schema.name);
        const isJoin = schema === QueueJoinRequestSchema;
        if (!isJoin) hasBegun = begins;
        return Promise.resolve({ success: isJoin ? joins : leaves });
      },
    },
    check: (what, isRight) => void asked.push(`${what} ${isRight}`),
    signal: AbortSignal.abort(),
    time: async (_what, answer) => await answer,
    until: (isSo) => Promise.resolve(isSo()),
  }, () => hasBegun);
  return [asked, isPlaying];
}

Deno.test("queueForMatch() leaves the line once when time is over, whatever it is answered", async () => {
  const asked = ["QueueJoinRequest", "queue true", "QueueLeaveRequest"];
  assertEquals(await stand(true, true), [asked, false]);
  assertEquals(await stand(true, false), [asked, false]);
  assertEquals(await stand(true, false, true), [asked, true]);
});

Deno.test("queueForMatch() does not wait where it may not stand in line", async () => {
  assertEquals(await stand(false, false), [["QueueJoinRequest", "queue false"], false]);
});
