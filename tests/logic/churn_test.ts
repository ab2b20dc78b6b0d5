import type { MessageType } from "../../client/browser.ts";
import { LoginRequestSchema, LogoutRequestSchema, RegisterRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomCreateRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { EnterWorldRequestSchema, LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { LeaderboardRequestSchema } from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { FriendRequestSchema } from "../../games/parts/friends/friends_pb.ts";
import { assertEquals } from "../support/assert.ts";
import { Census } from "../support/census.ts";
import { LogicHarness } from "../support/logic_harness.ts";

const WAVE = 60;
const PASSWORD_HASH = "ab".repeat(32);

/** New players register, log in, enter, speak, ask somebody to be a friend, and go, in one way or another. */
async function comeAndGo(harness: LogicHarness, wave: number): Promise<void> {
  for (let count = 0; count < WAVE; count++) {
    const username = `wave${wave}p${count}`;
    const client = harness.open({ name: username, address: `10.${wave}.0.${count}` });
    const answered = (type: MessageType) => harness.until(() => harness.received(client, type).length > 0);
    harness.send(client, RegisterRequestSchema, { username, passwordHash: PASSWORD_HASH });
    await answered(PacketType.REGISTER_RESPONSE);
    harness.send(client, LoginRequestSchema, { username, passwordHash: PASSWORD_HASH.replace("a", "b") });
    await answered(PacketType.LOGIN_RESPONSE);
    harness.take(client, PacketType.LOGIN_RESPONSE);
    harness.send(client, LoginRequestSchema, { username, passwordHash: PASSWORD_HASH });
    await answered(PacketType.LOGIN_RESPONSE);
    harness.send(client, EnterWorldRequestSchema, {});
    await answered(PacketType.ENTER_WORLD_RESPONSE);
    for (const channel of [Channel.GLOBAL, Channel.AREA]) {
      harness.send(client, ChatMessageSchema, { channel, message: `hello, I am ${username}` });
    }
    harness.send(client, ChatMessageSchema, { channel: Channel.WHISPER, recipientName: "wave0p0", message: "psst" });
    harness.send(client, FriendRequestSchema, { playerName: `wave${wave}p0` });
    harness.send(client, LeaderboardRequestSchema, {});
    harness.send(client, RoomCreateRequestSchema, { name: `room of ${username}` });
    await answered(PacketType.LEADERBOARD_RESPONSE);
    if (count % 3 === 0) {
      harness.send(client, LeaveWorldRequestSchema, {});
      harness.send(client, LogoutRequestSchema, {});
      await answered(PacketType.LOGOUT_RESPONSE);
    } else if (count % 3 === 1) {
      harness.send(client, LogoutRequestSchema, {});
      await answered(PacketType.LOGOUT_RESPONSE);
    }
    harness.disconnect(client);
    harness.tick();
  }
  // Everything that holds a player back for a time is over.
  for (let minute = 0; minute < 180; minute++) {
    harness.clock.advance(60_000);
    harness.tick();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

Deno.test("Logic keeps nothing of players who have come and gone", async () => {
  using census = new Census();
  await using harness = await LogicHarness.create();
  // Only from the second wave on there are others whose traces are forgotten.
  for (const wave of [0, 1]) await comeAndGo(harness, wave);
  const before = census.entries();
  for (const wave of [2, 3]) await comeAndGo(harness, wave);
  const grown = census.entries().filter(({ made, count }) =>
    count > (before.find((other) => other.made === made)?.count ?? 0)
  );
  assertEquals(grown, []);
});
