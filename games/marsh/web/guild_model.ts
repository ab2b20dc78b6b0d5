/**
 * Guilds, as the page shows them.
 *
 * @module
 */

import { type GuildInvite, type GuildMember, GuildRank, type GuildWar } from "../../../shared/gen/guild_pb.ts";
import {
  GUILD_NAME_LENGTH_MAX,
  GUILD_NAME_LENGTH_MIN,
  GUILD_TAG_LENGTH_MAX,
  GUILD_TAG_LENGTH_MIN,
} from "../../../shared/limits.ts";

const RANK_NAMES: Readonly<Record<GuildRank, string>> = {
  [GuildRank.MEMBER]: "Member",
  [GuildRank.OFFICER]: "Officer",
  [GuildRank.LEADER]: "Leader",
};

/** What is said of one member. */
export type MemberEntry = Pick<GuildMember, "name" | "rank" | "online">;

/** What a rank is called. */
export function rankName(rank: GuildRank): string {
  return RANK_NAMES[rank] ?? RANK_NAMES[GuildRank.MEMBER];
}

/** What a member may do; the server decides, this is what the page offers. */
export interface GuildRights {
  readonly mayInvite: boolean;
  readonly mayDeclareWar: boolean;
  readonly maySetRank: boolean;
  mayKick(rank: GuildRank): boolean;
}

/** What a member of a rank may do. */
export function rightsOf(rank: GuildRank): GuildRights {
  return {
    mayInvite: rank >= GuildRank.OFFICER,
    mayDeclareWar: rank >= GuildRank.OFFICER,
    maySetRank: rank >= GuildRank.LEADER,
    mayKick: (other) => rank >= GuildRank.OFFICER && other < rank,
  };
}

/** Members from the leader down; of one rank those online first, then by name. */
export function sortMembers<M extends MemberEntry>(members: readonly M[]): M[] {
  return [...members].sort((a, b) =>
    b.rank - a.rank || Number(b.online) - Number(a.online) || a.name.localeCompare(b.name)
  );
}

/** How many members there are, and how many of them are online. */
export function membersText(members: readonly MemberEntry[]): string {
  const online = members.filter((member) => member.online).length;
  return `${members.length} ${members.length === 1 ? "member" : "members"}, ${online} online`;
}

/** How a war stands, and how long it goes on. */
export function warText({ ownKills, enemyKills, endsAt }: Omit<GuildWar, "$typeName">, nowMs: number): string {
  const lead = ownKills === enemyKills ? "even" : ownKills > enemyKills ? "ahead" : "behind";
  return `${ownKills} : ${enemyKills}, ${lead} · ${timeLeft(Number(endsAt) - nowMs)}`;
}

/** Who invited a player, and how long the invitation stands. */
export function invitedText(
  { inviterName, expiresAt }: Pick<GuildInvite, "inviterName" | "expiresAt">,
  nowMs: number,
): string {
  return `by ${inviterName} · ${timeLeft(Number(expiresAt) - nowMs)}`;
}

/** How a war ended for a guild. */
export function warEndText(
  { ownKills, enemyKills, winnerGuildId }: { ownKills: number; enemyKills: number; winnerGuildId: bigint },
  ownGuildId: bigint,
): string {
  const outcome = winnerGuildId === 0n ? "a draw" : winnerGuildId === ownGuildId ? "victory" : "defeat";
  return `The war is over: ${outcome}, ${ownKills} to ${enemyKills}.`;
}

/** A time to come, in its two largest units. */
export function timeLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  if (seconds <= 0) return "ending";
  if (seconds < 60) return `${seconds} s left`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s left`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min left` : `${Math.floor(hours / 24)} d ${hours % 24} h left`;
}

const NAME_PATTERN = /^[\p{L}\p{M}\p{Nd}_-]+(?: [\p{L}\p{M}\p{Nd}_-]+)*$/u;
const TAG_PATTERN = /^[\p{L}\p{M}\p{Nd}]+$/u;

/**
 * What is wrong with a new guild before it is sent; empty: nothing. The server looks closer: at scripts, and at names
 * that look like others.
 */
export function checkNewGuild(name: string, tag: string): string {
  if ([...name].length < GUILD_NAME_LENGTH_MIN || !NAME_PATTERN.test(name)) {
    return `A guild's name has ${GUILD_NAME_LENGTH_MIN} to ${GUILD_NAME_LENGTH_MAX} letters of one script, digits, ` +
      '"_", "-" or spaces.';
  }
  if ([...tag].length >= GUILD_TAG_LENGTH_MIN && TAG_PATTERN.test(tag)) return "";
  return `A guild's tag has ${GUILD_TAG_LENGTH_MIN} to ${GUILD_TAG_LENGTH_MAX} letters of one script, or digits.`;
}
