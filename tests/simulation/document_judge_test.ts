import { contract, PacketType } from "../../games/marsh/contract.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { IgnoreResponseSchema } from "../../games/parts/friends/friends_pb.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { assertEquals } from "../support/assert.ts";
import { DocumentJudge } from "./document_judge.ts";
import { Verdict } from "./verdict.ts";

/** A judge that has seen a write for request 7 of player 1, as often as there are results. */
function judgeOf(...results: readonly unknown[]) {
  const verdict = new Verdict(() => 0);
  const judge = new DocumentJudge(verdict, contract, MARSH_RECORDS.stores);
  for (const result of results) {
    judge.onCommit({
      number: 1,
      operation: "social.addIgnored",
      argument: { playerId: 1, otherId: 2 },
      once: { playerId: 1, requestType: 5, requestKey: 7, atMs: 0 },
    } as never, { value: { isRepeated: false, result } } as never);
  }
  return { judge, verdict };
}

Deno.test("DocumentJudge.onCommit() counts what a store has done, and no refusal of it", () => {
  const reply = toBinary(IgnoreResponseSchema, create(IgnoreResponseSchema, { success: true }));
  const tell = ({ judge }: ReturnType<typeof judgeOf>) => judge.onReply(1, PacketType.IGNORE_RESPONSE, reply);
  // Refused at first, and done later, under the same key.
  const late = judgeOf("list_full", "ignored_already", "added");
  tell(late);
  assertEquals(late.verdict.first, null);
  // A success of which nothing was done.
  const refused = judgeOf("list_full");
  tell(refused);
  assertEquals(refused.verdict.first?.text.includes("nothing is on disk"), true);
  assertEquals(judgeOf("added", "added").verdict.first?.text, "Request 1 5 7 was done twice");
});
