import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import {
  GuildActionResponseSchema,
  GuildCreateRequestSchema,
  GuildCreateResponseSchema,
  GuildInfoRequestSchema,
  GuildInfoResponseSchema,
  GuildInviteNoticeSchema,
  GuildInviteRequestSchema,
  GuildInviteResponseSchema,
  GuildJoinRequestSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { connect, enterWorld } from "../support/wire_session.ts";

Deno.test("serve founds a guild, takes a member from another transport and carries its chat", async () => {
  await using server = await ServerProcess.start({ players: 2, flags: ["--monsters", "off"] });
  const [leader, recruit] = [server.takePlayer(), server.takePlayer()];
  await using first = await connect(server, "tcp");
  await using second = await connect(server, "websocket");
  await enterWorld(first, leader.token);
  await enterWorld(second, recruit.token);

  const founding = { name: "Iron Wolves", tag: "IW" };
  const { success, guildId } = await first.ask(GuildCreateRequestSchema, founding, GuildCreateResponseSchema);
  assert(success && guildId > 0n);
  assert((await first.ask(GuildInviteRequestSchema, { playerName: recruit.name }, GuildInviteResponseSchema)).success);
  assertEquals((await second.expect(GuildInviteNoticeSchema)).guildId, guildId);
  assert((await second.ask(GuildJoinRequestSchema, { guildId, accept: true }, GuildActionResponseSchema)).success);
  first.send(ChatMessageSchema, { channel: Channel.GUILD, message: "welcome" });
  assertEquals((await second.expect(ChatMessageSchema)).message, "welcome");
  const info = await second.ask(GuildInfoRequestSchema, {}, GuildInfoResponseSchema);
  assertEquals(info.members.map(({ name, online }) => [name, online]), [[leader.name, true], [recruit.name, true]]);
  await server.stop();
});
