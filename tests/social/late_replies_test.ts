/** Replies of parts that come after their requests were refused, as they took too long. @module */

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import {
  FriendListRequestSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
} from "../../games/parts/friends/friends_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  GuildInviteListRequestSchema,
  GuildInviteRequestSchema,
  GuildLeaveRequestSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { LeaderboardBoard, LeaderboardRequestSchema } from "../../games/parts/leaderboards/leaderboards_pb.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { REQUEST_ANSWER_MS } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";
import { answerTo, gather, settle } from "./company.ts";

/** Stores of a game do nothing until `gate` opens. */
function holdUp(storage: Storage, gate: Promise<void>): void {
  const of = storage.of.bind(storage), once = storage.once.bind(storage);
  const held = <Store extends object>(store: Store): Store =>
    new Proxy(store, {
      get: (target, method) => async (argument: unknown) => {
        await gate;
        return await Reflect.get<object, PropertyKey>(target, method).call(target, argument);
      },
    });
  storage.of = (definition) => held(of(definition));
  storage.once = (definition, request) => held(once(definition, request));
}

function request<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>) {
  return { schema: schema as DescMessage, message: message as MessageInitShape<DescMessage> };
}

for (
  const { schema, message } of [
    request(FriendRequestSchema, { playerName: "bob" }),
    request(FriendListRequestSchema, {}),
    request(IgnoreAddSchema, { playerName: "bob" }),
    request(IgnoreListRequestSchema, {}),
    request(GuildInfoRequestSchema, {}),
    request(GuildInviteRequestSchema, { playerName: "bob" }),
    request(GuildInviteListRequestSchema, {}),
    request(GuildLeaveRequestSchema, {}),
    request(LeaderboardRequestSchema, { board: LeaderboardBoard.KILLS, limit: 3 }),
  ]
) {
  const { name, replyType } = contract.rowOf(schema);
  Deno.test(`${name} that takes too long is refused, and not answered again once it is done`, async () => {
    await using harness = await LogicHarness.create();
    const { ann } = await gather(harness, "ann", "bob");
    harness.send(ann, GuildCreateRequestSchema, { name: "Iron Wolves", tag: "WOLF" });
    await answerTo(harness, ann, PacketType.GUILD_CREATE_RESPONSE);
    const gate = Promise.withResolvers<void>();
    holdUp(harness.storage, gate.promise);
    harness.send(ann, schema, message);
    await settle(harness);
    harness.advance(REQUEST_ANSWER_MS);
    gate.resolve();
    await settle(harness);
    const answers = harness.take(ann, replyType as PacketType.GUILD_ACTION_RESPONSE);
    assertEquals(answers.map(({ errorCode }) => ErrorCode[errorCode]), ["UNAVAILABLE"]);
  });
}
