/**
 * The game of this build: a list of parts, its data and a few rules.
 *
 * @module
 */

import {
  defineGame,
  type Game,
  type GameModule,
  type GameOption,
  onOff,
  type OptionValues,
} from "../../server/game/game.ts";
import { chat } from "../parts/chat/chat_handlers.ts";
import { combat as combatPart, type CombatService } from "../parts/combat/combat_handlers.ts";
import { KillCredit } from "../parts/combat/kill_credit.ts";
import { SafeAreas } from "../parts/combat/safe_areas.ts";
import { friends, type SocialService } from "../parts/friends/social_handlers.ts";
import { GUILD_OPTIONS, guilds as guildsPart, type GuildService } from "../parts/guilds/guild_handlers.ts";
import {
  leaderboards as leaderboardsPart,
  type LeaderboardService,
} from "../parts/leaderboards/leaderboard_handlers.ts";
import { parties as partiesPart, type PartyService } from "../parts/parties/parties.ts";
import { rooms as roomsPart, type RoomService } from "../parts/rooms/room_handlers.ts";
import { MARSH_ENTITIES } from "./entities.ts";
import { contract } from "./contract.ts";
import { type GameData, loadGameData } from "./data/game_data.ts";
import { startMaps } from "./map_handlers.ts";
import { Atlas, type AtlasOptions } from "./maps/atlas.ts";
import { NO_MONSTERS } from "./monsters/monster_data.ts";
import { startMonsters } from "./monsters/monster_handlers.ts";
import type { Monsters } from "./monsters/monsters.ts";

/** As many as stay together in a fight. */
export const PARTY_MEMBERS = 6;

const OPTIONS = {
  monsters: {
    kind: onOff(),
    default: true,
    help: "Whether monsters live on the maps; larger maps have more of them",
    alsoCalled: ["npcs", "mobs"],
  },
  ...GUILD_OPTIONS,
} satisfies Record<string, GameOption>;

/** The parts of the game that runs, for tests. */
export interface Marsh {
  readonly combat: CombatService;
  readonly guilds: GuildService;
  readonly leaderboards: LeaderboardService;
  readonly monsters: Monsters;
  readonly parties: PartyService;
  readonly rooms: RoomService;
  readonly social: SocialService;
}

/** The game with other maps or monsters than those of this build. */
export function marshWith(data: GameData): GameModule<Marsh> {
  const atlasOf = (config: AtlasOptions) => new Atlas(data.maps, config);
  return defineGame(
    contract,
    { maps: (config) => atlasOf(config).maps, ...MARSH_ENTITIES, options: OPTIONS },
    (game, options) => start(game, options, { data, atlas: atlasOf(game.config) }),
  );
}

export default marshWith(loadGameData());

function start(
  game: Game,
  { monsters: hasMonsters, guildWarMinutes }: OptionValues<typeof OPTIONS>,
  { data, atlas }: { readonly data: GameData; readonly atlas: Atlas },
): Marsh {
  const social = game.use(friends);
  const rooms = game.use(roomsPart, { friends: social });
  const guilds = game.use(guildsPart, { friends: social, guildWarMinutes });
  const parties = game.use(partiesPart, { friends: social, membersMax: PARTY_MEMBERS });
  const leaderboards = game.use(leaderboardsPart);
  game.use(chat, { friends: social, guilds, parties, rooms });
  const combat = game.use(combatPart, {
    safeAreas: new SafeAreas(atlas.maps),
    areAtWar: (playerId, otherId) => guilds.areAtWar(playerId, otherId),
  });
  const monsters = startMonsters(game, { atlas, combat, data: hasMonsters ? data.monsters : NO_MONSTERS });
  startMaps(game, { atlas, combat });

  const credit = new KillCredit();
  combat.onKill((killer, victim) => {
    // A victim that has been killed by the same player too often does not count.
    const isPair = killer !== null && victim !== null;
    if (isPair && !credit.tryCount(killer.playerId, victim.playerId, game.nowMs)) return;
    guilds.onKill(killer, victim);
    leaderboards.onKill(killer, victim);
  });
  return { combat, guilds, leaderboards, monsters, parties, rooms, social };
}
