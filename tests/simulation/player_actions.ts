/** What players do, by chance. @module */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RequestSchema } from "../../client/browser.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import {
  RoomCreateRequestSchema,
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
} from "../../games/parts/rooms/rooms_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PortalRequestSchema } from "../../games/marsh/marsh_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  GuildInviteRequestSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  FriendRemoveSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreRemoveSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { MAP_SIZE } from "./simulated_server.ts";
import type { SimulatedPlayer } from "./simulated_player.ts";

const SPEED = 8;
const GUILD_COUNT = 4;
const ROOM_COUNT = 3;

/** An action and how often it is chosen. */
type Action = readonly [weight: number, act: (player: SimulatedPlayer) => void | Promise<unknown>];

/** What players do most. */
export type Habit = "anything" | "talk" | "come and go";

const ANYTHING: readonly Action[] = [
  [40, walk],
  [24, fight],
  [8, (player) => say(player, Channel.GLOBAL)],
  [4, (player) => say(player, Channel.AREA)],
  [5, (player) => say(player, Channel.GUILD)],
  [4, (player) => say(player, Channel.WHISPER)],
  [8, sayInRoom],
  [1, shout],
  [3, (player) => ask(player, RoomCreateRequestSchema, { name: roomName(player) })],
  [5, (player) => ask(player, RoomJoinRequestSchema, { name: roomName(player) })],
  [2, leaveRoom],
  [1, (player) => ask(player, RoomListRequestSchema, {})],
  [4, foundGuild],
  [6, (player) => ask(player, GuildInviteRequestSchema, { playerName: somebody(player) })],
  [5, answerInvite],
  [1, (player) => ask(player, GuildLeaveRequestSchema, {})],
  [1, (player) => ask(player, GuildKickRequestSchema, { playerName: somebody(player) })],
  [1, (player) => ask(player, GuildInfoRequestSchema, {})],
  [3, (player) => ask(player, GuildWarStartSchema, { enemyName: guildName(player) })],
  [2, (player) => ask(player, FriendRequestSchema, { playerName: somebody(player) })],
  [
    2,
    (player) => ask(player, FriendAnswerSchema, { playerName: somebody(player), accept: player.prng.nextInt(4) > 0 }),
  ],
  [1, (player) => ask(player, FriendRemoveSchema, { playerName: somebody(player) })],
  [1, (player) => ask(player, FriendListRequestSchema, {})],
  [1, ignore],
  [1, (player) => ask(player, IgnoreRemoveSchema, { playerName: somebody(player) })],
  [4, (player) => void player.client.send(RespawnRequestSchema, {})],
  [6, (player) => ask(player, PortalRequestSchema, { portalId: 1 + player.prng.nextInt(2) })],
  [2, (player) => player.client.reconnectNow()],
  [1, (player) => void player.client.send(LeaveWorldRequestSchema, {})],
  [1, (player) => player.client.logout()],
  [1, (player) => player.client.close()],
];

const TALK: readonly Action[] = [
  [4, (player) => say(player, Channel.WHISPER)],
  [2, (player) => say(player, Channel.GLOBAL)],
  [2, (player) => say(player, Channel.GUILD)],
  [1, walk],
];
const COME_AND_GO: readonly Action[] = [
  [4, walk],
  [4, (player) => player.client.reconnectNow()],
  [1, (player) => void player.client.send(LeaveWorldRequestSchema, {})],
  [1, (player) => player.client.logout()],
  [2, (player) => player.client.close()],
];

const ACTIONS: Readonly<Record<Habit, readonly Action[]>> = {
  "anything": ANYTHING,
  "talk": TALK,
  "come and go": COME_AND_GO,
};

/** Does one thing. */
export async function actAtRandom(player: SimulatedPlayer): Promise<void> {
  const actions = ACTIONS[player.around.habit];
  let dart = player.prng.nextInt(actions.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, act] of actions) {
    dart -= weight;
    if (dart < 0) return void await act(player);
  }
}

/** Asks and does not wait: the answer is the judges' business. */
function ask<D extends RequestSchema>(player: SimulatedPlayer, schema: D, message: MessageInitShape<D>): void {
  player.client.request(schema, message).catch(() => {});
}

function walk(player: SimulatedPlayer): void {
  const { place, prng, around, client } = player;
  const nowMs = around.time.monotonicMs();
  const seconds = Math.min(1, (nowMs - player.walkedMs) / 1_000);
  const prey = prng.nextInt(2) === 0 ? nearest(player, 1)[0] : undefined;
  const angle = prey === undefined
    ? prng.nextFloat() * 2 * Math.PI
    : Math.atan2(prey.x / 100 - place.x, prey.z / 100 - place.z);
  // Now and then somebody cheats, and is put back.
  const distance = prng.nextInt(40) === 0 ? 30 : seconds * SPEED;
  const x = clamp(place.x + Math.sin(angle) * distance), z = clamp(place.z + Math.cos(angle) * distance);
  client.send(MovementUpdateSchema, {
    position: { x, y: 0, z },
    velocity: { x: Math.sin(angle) * SPEED, y: 0, z: Math.cos(angle) * SPEED },
    rotation: { x: 0, y: angle, z: 0 },
    sequenceNumber: ++player.movementCount,
  });
  place.x = x;
  place.z = z;
  player.walkedMs = nowMs;
}

function clamp(coordinate: number): number {
  return Math.max(1, Math.min(MAP_SIZE - 1, coordinate));
}

function fight(player: SimulatedPlayer): void {
  const { prng, client } = player;
  const targets = nearest(player, 3);
  const target = targets[prng.nextInt(Math.max(1, targets.length))];
  if (target === undefined) return;
  const skillId = 1 + prng.nextInt(3);
  client.send(CombatActionSchema, {
    skillId,
    targetId: skillId === 3 ? 0n : BigInt(target.id),
    targetPosition: { x: target.x / 100, y: 0, z: target.z / 100 },
  });
}

/** The nearest of those it sees. */
function nearest({ sight, place }: SimulatedPlayer, count: number): { id: number; x: number; z: number }[] {
  const seen = [...sight?.model.shown ?? []].map(([id, { x, z }]) => ({ id, x, z }));
  return seen.sort((a, b) => distanceTo(place, a) - distanceTo(place, b)).slice(0, count);
}

function distanceTo(place: { x: number; z: number }, entity: { x: number; z: number }): number {
  return Math.hypot(place.x - entity.x / 100, place.z - entity.z / 100);
}

function say(player: SimulatedPlayer, channel: Channel, roomId = 0n): void {
  const recipientName = channel === Channel.WHISPER ? somebody(player) : "";
  const message = `${player.id}.${player.sayingCount++}`;
  player.client.send(ChatMessageSchema, { channel, message, roomId, recipientName });
}

function sayInRoom(player: SimulatedPlayer): void {
  const rooms = [...player.rooms];
  if (rooms.length > 0) say(player, Channel.ROOM, rooms[player.prng.nextInt(rooms.length)]);
}

/** Says more at once than a ring or an outbox may hold. */
function shout(player: SimulatedPlayer): void {
  const { shoutCount } = player.around;
  for (let count = 0; count < shoutCount; count++) say(player, Channel.GLOBAL);
}

function leaveRoom(player: SimulatedPlayer): void {
  const [roomId] = player.rooms;
  if (roomId !== undefined) ask(player, RoomLeaveRequestSchema, { roomId });
}

function foundGuild(player: SimulatedPlayer): void {
  const name = guildName(player);
  ask(player, GuildCreateRequestSchema, { name, tag: `G${name.at(-1)}` });
}

function answerInvite(player: SimulatedPlayer): void {
  const guildId = player.invites.pop();
  if (guildId !== undefined) ask(player, GuildJoinRequestSchema, { guildId, accept: player.prng.nextInt(5) > 0 });
}

function ignore(player: SimulatedPlayer): void {
  const { chat } = player.around.judges;
  chat.exempt(player.playerId);
  ask(player, IgnoreAddSchema, { playerName: somebody(player) });
}

function somebody({ around, prng }: SimulatedPlayer): string {
  return around.names[prng.nextInt(around.names.length)];
}

function guildName({ prng }: SimulatedPlayer): string {
  return `Guild ${prng.nextInt(GUILD_COUNT)}`;
}

function roomName({ prng }: SimulatedPlayer): string {
  return `Room ${prng.nextInt(ROOM_COUNT)}`;
}
