import { create } from "@bufbuild/protobuf";
import { ErrorResponseSchema, LogoutRequestSchema, LogoutResponseSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  DespawnReason,
  EnterWorldRequestSchema,
  EnterWorldResponseSchema,
  EntityDespawnSchema,
  EntityUpdateSchema,
  LeaveWorldRequestSchema,
  MovementCorrectionSchema,
  MovementUpdateSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { onEachBackend } from "../support/server_process.ts";
import { connect, despawnsOf, enterWorld, TRANSPORTS, WirePlayer } from "../support/wire_session.ts";

const MAP_SIZE = 60;
const INTEREST_RADIUS = 10;
const flags = [
  ...["--map-size", String(MAP_SIZE), "--interest-radius", String(INTEREST_RADIUS), "--max-speed", "60"],
  // Nobody is left standing in the next test's way.
  ...["--link-dead-ms", "0"],
];

onEachBackend({ players: 40, flags }, (backend, server) => {
  for (const [index, transport] of TRANSPORTS.entries()) {
    const other = TRANSPORTS[1 - index];

    Deno.test(`serve (${backend}) takes packets that a ${transport} client sends behind ENTER_WORLD_REQUEST`, async () => {
      await using client = await connect(server(), transport);
      client.send(EnterWorldRequestSchema, { sessionToken: server().takePlayer().token });
      for (const sequence of [1n, 2n]) {
        client.send(ChatMessageSchema, { channel: Channel.GLOBAL, message: `behind ${sequence}` }, { sequence });
      }
      assert((await client.expect(EnterWorldResponseSchema)).success);
      assertEquals((await client.expect(ChatMessageSchema)).message, "behind 1");
      assertEquals((await client.expect(ChatMessageSchema)).message, "behind 2");
    });

    Deno.test(`serve (${backend}) shows a ${other} player to a ${transport} player while it is near, and no longer`, async () => {
      await using viewer = await WirePlayer.enter(server(), transport);
      await using witness = await WirePlayer.enter(server(), transport);
      await using walker = await WirePlayer.enter(server(), other);
      const farAway = { x: 50, z: 50 };
      await Promise.all([
        viewer.walkTo({ x: 10, z: 10 }),
        witness.walkTo({ x: 10, z: 12 }),
        walker.walkTo(farAway),
      ]);
      /** Resolves when the viewer has been told of everything that happened before. */
      const catchUp = async (z: number) => {
        await witness.walkTo({ x: 10, z });
        await viewer.untilSees(witness.entityId, "the witness's step", (seen) => seen?.z === z);
      };
      await viewer.untilSees(viewer.entityId, "itself", (seen) => seen?.name === viewer.name && seen.hp === 100);
      await catchUp(12.5);
      assertEquals(viewer.sees(walker.entityId), undefined);

      await walker.walkTo({ x: 14, z: 10 });
      await viewer.untilSees(walker.entityId, "who came near", (seen) => seen?.x === 14 && seen.z === 10);
      assertEquals(viewer.sees(walker.entityId), { name: walker.name, x: 14, z: 10, hp: 100 });
      await walker.untilSees(viewer.entityId, "whom it came near", (seen) => seen?.name === viewer.name);
      // Where the server stood still for a moment, steps come too fast, and are walked again.
      const corrections = walker.client.all(MovementCorrectionSchema).filter(({ reason }) => reason !== "too_fast");
      assertEquals(corrections, []);

      // Beyond the radius, but not by a tenth: an entity seen stays seen.
      await walker.walkTo({ x: 20.5, z: 10 });
      await viewer.untilSees(walker.entityId, "the border", (seen) => seen?.x === 20.5);
      const before = despawnsOf(viewer.client, walker.entityId).length;
      await walker.walkTo({ x: 24, z: 10 });
      await viewer.untilSees(walker.entityId, "nobody", (seen) => seen === undefined);
      assertEquals(despawnsOf(viewer.client, walker.entityId).slice(before), [DespawnReason.LEFT_INTEREST]);
      // Back at the same place, which is too far to be seen anew.
      await walker.walkTo({ x: 20.5, z: 10 });
      await catchUp(12);
      assertEquals(viewer.sees(walker.entityId), undefined);
      await walker.walkTo({ x: 19, z: 10 });
      await viewer.untilSees(walker.entityId, "it again", (seen) => seen?.x === 19);

      await leave(walker);
      await viewer.untilSees(walker.entityId, "nobody", (seen) => seen === undefined);
      assertEquals(despawnsOf(viewer.client, walker.entityId).at(-1), DespawnReason.LEFT_WORLD);
    });

    Deno.test(`serve (${backend}) corrects a ${transport} player that is too fast, outside or nowhere, and nobody sees it`, async () => {
      await using player = await WirePlayer.enter(server(), transport);
      await using viewer = await WirePlayer.enter(server(), other);
      await Promise.all([player.walkTo({ x: 30, z: 30 }), viewer.walkTo({ x: 30, z: 32 })]);
      await viewer.untilSees(player.entityId, "the player", (seen) => seen?.x === 30 && seen.z === 30);
      const refuse = async (position: { x: number; y?: number; z: number }, reason: string) => {
        const sequenceNumber = player.move(position);
        const correction = await player.client.expect(MovementCorrectionSchema);
        assertEquals([correction.reason, correction.sequenceNumber], [reason, sequenceNumber]);
        const { x, y, z } = correction.position!;
        assertEquals([x, y, z], [30, 0, 30]);
      };
      await refuse({ x: -1, z: 30 }, "outside_map");
      await refuse({ x: 30, z: MAP_SIZE + 0.02 }, "outside_map");
      await refuse({ x: 30, y: 1_001, z: 30 }, "outside_map");
      for (const value of [NaN, Infinity, -Infinity]) await refuse({ x: value, z: 30 }, "non_finite");
      // A tour of 40 jumps in one moment: some are within the tolerance, the tour is not.
      const jumps = Array.from({ length: 40 }, (_, jump) => player.move({ x: jump % 2 === 0 ? 45 : 30, z: 30 }));
      const refused = await player.client.expect(MovementCorrectionSchema);
      assertEquals(refused.reason, "too_fast");
      assert(jumps.includes(refused.sequenceNumber));
      await player.settle();
      const last = player.client.all(MovementCorrectionSchema).at(-1)!.position!;
      await viewer.untilSees(player.entityId, "where it was put", (seen) => seen === undefined || seen.x === last.x);
      // Somebody else's entity.
      player.client.send(MovementUpdateSchema, { entityId: viewer.entityId, position: { x: 1, y: 0, z: 1 } });
      await player.client.expect(MovementCorrectionSchema, ({ reason }) => reason === "not_own_entity");
    });

    Deno.test(`serve (${backend}) keeps the place of a ${transport} player over logout and leaving`, async () => {
      const account = server().takePlayer();
      {
        await using player = await WirePlayer.enter(server(), transport, account);
        await player.walkTo({ x: 12.34, z: 56.78 });
        const answer = await player.client.ask(LogoutRequestSchema, {}, LogoutResponseSchema);
        assert(answer.success);
      }
      await using player = await WirePlayer.enter(server(), other, account);
      const { x, z } = player.entry.spawnPosition!;
      assertEquals([Math.round(x * 100), Math.round(z * 100)], [1_234, 5_678]);
      await leave(player);
      const again = await enterWorld(player.client, "");
      assertEquals([again.spawnPosition!.x, again.spawnPosition!.z], [x, z]);
    });

    Deno.test(`serve (${backend}) delivers chat of a ${transport} player to the area, to everyone and to one`, async () => {
      await using speaker = await WirePlayer.enter(server(), transport);
      await using near = await WirePlayer.enter(server(), other);
      await using far = await WirePlayer.enter(server(), other);
      await Promise.all([
        speaker.walkTo({ x: 10, z: 10 }),
        near.walkTo({ x: 15, z: 10 }),
        far.walkTo({ x: 40, z: 40 }),
      ]);
      speaker.say(Channel.AREA, "to the area");
      speaker.say(Channel.GLOBAL, "to everyone");
      speaker.say(Channel.WHISPER, "by name", { recipientName: far.name.toUpperCase() });
      const toFar = await far.client.expect(ChatMessageSchema, (chat) =>
        chat.channel === Channel.WHISPER &&
        chat.senderName === speaker.name);
      const { senderId } = toFar;
      assert(senderId > 0n && toFar.messageId > 0n && toFar.timestamp > 0n);
      assertEquals([toFar.recipientName, toFar.message], [far.name, "by name"]);
      far.say(Channel.WHISPER, "by id", { recipientId: senderId });
      assertEquals((await speaker.hears(far.name)).message, "by id");
      await near.client.until("both messages", () => near.heard(speaker.name).length === 2);
      const own = speaker.client.all(ChatMessageSchema).filter((chat) =>
        chat.senderName === speaker.name && !chat.message.startsWith("settled")
      );
      assertEquals(own.map(({ message }) => message), ["to the area", "to everyone", "by name"]);
      assertEquals(own.at(-1)!.recipientName, far.name, "The sender's copy names the recipient");
      await near.settle();
      assertEquals(near.heard(speaker.name), ["to the area", "to everyone"]);
      assertEquals(far.heard(speaker.name), ["to everyone", "by name"]);
    });

    Deno.test(`serve (${backend}) refuses chat of a ${transport} player that nobody should read`, async () => {
      await using player = await WirePlayer.enter(server(), transport);
      const refused = async (channel: Channel, message: string, recipientName = "") => {
        const sequence = player.say(channel, message, { recipientName });
        const error = await player.client.expect(ErrorResponseSchema);
        assertEquals([error.requestType, error.requestSequence], [PacketType.CHAT_MESSAGE, BigInt(sequence)]);
        return error.errorCode;
      };
      assertEquals(await refused(Channel.WHISPER, "hi", "Nobody-at-all"), ErrorCode.NOT_FOUND);
      assertEquals(await refused(Channel.WHISPER, "hi"), ErrorCode.NOT_FOUND);
      assertEquals(await refused(Channel.PARTY, "hi"), ErrorCode.NOT_FOUND);
      for (const channel of [Channel.TRADE, Channel.SYSTEM, 99 as Channel]) {
        assertEquals(await refused(channel, "hi"), ErrorCode.UNSUPPORTED, String(channel));
      }
      for (const text of ["", "   ", "bell\u0007", "new\nline", "\u202Ereversed", "a".repeat(256), "é".repeat(128)]) {
        assertEquals(await refused(Channel.GLOBAL, text), ErrorCode.INVALID_PACKET, JSON.stringify(text));
      }
      const longest = "é".repeat(127) + "!";
      player.say(Channel.GLOBAL, longest);
      assertEquals((await player.hears(player.name)).message, longest);
    });
  }
});

/** Leaves the world, but stays logged in; resolves when the server says that the player is out. */
async function leave(player: WirePlayer): Promise<void> {
  const { entityId, client } = player;
  const { update } = await client.ask(LeaveWorldRequestSchema, {}, EntityUpdateSchema);
  assertEquals(update, { case: "despawn", value: create(EntityDespawnSchema, { reason: DespawnReason.LEFT_WORLD }) });
  assertEquals(client.all(EntityUpdateSchema).at(-1)!.entityId, entityId);
}
