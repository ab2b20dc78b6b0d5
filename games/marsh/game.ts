/**
 * The game of this build: a list of parts, its data and a few rules.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { Channel, ChatMessageSchema } from "../../shared/gen/chat_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { KEPT_WHISPER_MS } from "../../shared/limits.ts";
import { defineGame, type Game, type GameModule } from "../../server/game/game.ts";
import type { ServerConfig } from "../../server/config/config.ts";
import type { Participant } from "../../server/session/session.ts";
import { SYSTEM } from "../../server/storage/storage.ts";
import { ChatGuard } from "../parts/chat/chat_guard.ts";
import { registerChatHandlers } from "../parts/chat/chat_handlers.ts";
import { KillCredit } from "../parts/combat/kill_credit.ts";
import { SocialService } from "../parts/friends/social_handlers.ts";
import { SOCIAL } from "../parts/friends/social_store.ts";
import { GuildService } from "../parts/guilds/guild_handlers.ts";
import { GUILDS } from "../parts/guilds/guild_store.ts";
import { dayOf, LeaderboardService } from "../parts/leaderboards/leaderboard_handlers.ts";
import { SCORES } from "../parts/leaderboards/score_store.ts";
import { RoomService } from "../parts/rooms/room_handlers.ts";
import { MARSH_ENTITIES } from "./entities.ts";
import { CombatService } from "./combat_handlers.ts";
import { contract } from "./contract.ts";
import { type GameData, loadGameData } from "./data/game_data.ts";
import { registerMapHandlers } from "./map_handlers.ts";
import { Atlas } from "./maps/atlas.ts";
import { NO_MONSTERS } from "./monsters/monster_data.ts";

/** How often time-outs and what waits are looked at, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;

/** The parts of the game that runs, for tests. */
export interface Marsh {
  readonly combat: CombatService;
  readonly guilds: GuildService;
  readonly leaderboards: LeaderboardService;
  readonly rooms: RoomService;
  readonly social: SocialService;
}

/** The game with other maps or monsters than those of this build. */
export function marshWith(data: GameData): GameModule<Marsh> {
  const atlasOf = (config: ServerConfig) => new Atlas(data.maps, config);
  return defineGame(
    contract,
    { maps: (config) => atlasOf(config).maps, ...MARSH_ENTITIES },
    (game) => start(game, data, atlasOf(game.engine.context.config)),
  );
}

export default marshWith(loadGameData());

function start(game: Game, data: GameData, atlas: Atlas): Marsh {
  const { context, dateMs, directory, dispatcher, sanctions, world } = game.engine;
  const { config, clock, storage } = context;
  const guard = new ChatGuard();
  const social = new SocialService(context, { directory, sanctions, guard });
  const rooms = new RoomService(context, social);
  const guilds = new GuildService(context, social);
  const leaderboards = new LeaderboardService(context);
  const combat = new CombatService(context, world, {
    atlas,
    random: (name) => game.random(name),
    guilds,
    monsters: config.monsters ? data.monsters : NO_MONSTERS,
  });
  registerChatHandlers(dispatcher, context, { directory, guard, guilds, rooms, social, world });
  for (const part of [rooms, social, combat, guilds, leaderboards]) part.register(dispatcher);
  registerMapHandlers(dispatcher, context, { atlas, combat, world, prng: game.random("portals") });

  const credit = new KillCredit();
  combat.onKill((killer: Participant | null, victim: Participant | null) => {
    const killerId = killer?.player?.playerId, victimId = victim?.player?.playerId;
    const isPair = killerId !== undefined && victimId !== undefined;
    // A victim that has been killed by the same player too often does not count.
    if (isPair && !credit.tryCount(killerId, victimId, clock.monotonicMs())) return;
    guilds.onKill(killer, victim);
    leaderboards.onKill(killer, victim);
  });

  const { fanOut } = social.delivery;
  game.system("combat", (nowMs) => combat.step(nowMs));
  game.every(SWEEP_INTERVAL_MS, () => guilds.sweep(dateMs()));
  game.every(SWEEP_INTERVAL_MS, () => leaderboards.sweep());
  game.every(SWEEP_INTERVAL_MS, () => social.sweep());
  game.every(SWEEP_INTERVAL_MS, () => fanOut.sweep());
  game.hooks.turn((untilMs) => fanOut.deliverDue(untilMs));
  game.hooks.load((playerId, stores) => guilds.load(playerId, stores));
  game.hooks.appear((entityId, player, saved) => {
    if (saved !== "stayed") combat.appear(entityId, saved);
    guilds.show(entityId, player);
  });
  game.hooks.deleted((player, { partings }) => {
    guilds.accountRemoved(player.playerId, partings);
    social.accountRemoved(player, partings);
  });
  game.hooks.forgive((playerId) => {
    const wasMuted = guard.mutedForMs(playerId, clock.monotonicMs()) > 0;
    guard.forgive(playerId);
    return wasMuted;
  });
  game.hooks.announce((text) => {
    const message = create(ChatMessageSchema, {
      senderName: config.serverName,
      channel: Channel.SYSTEM,
      message: text,
      timestamp: BigInt(clock.unixMs()),
      messageId: social.delivery.nextMessageId(),
    });
    return context.sessions.broadcastToAll(PacketType.CHAT_MESSAGE, toBinary(ChatMessageSchema, message));
  });
  game.hooks.expire((date) => storage.for(SYSTEM).of(GUILDS).deleteExpiredInvites({ nowMs: date }));
  game.hooks.expire((date) => storage.for(SYSTEM).of(SCORES).deleteOld({ beforeDay: dayOf(date) }));
  game.hooks.expire((date) =>
    storage.for(SYSTEM).of(SOCIAL).deleteOldWhispers({ sentBeforeMs: Math.max(0, date - KEPT_WHISPER_MS) })
  );
  game.hooks.stop(() => social.whispers.stop());
  game.hooks.stop(() => guilds.stop());
  game.hooks.stop(() => leaderboards.stop());
  return { combat, guilds, leaderboards, rooms, social };
}
