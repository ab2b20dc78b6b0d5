/**
 * Guilds, as the page shows them.
 *
 * @module
 */

import { type GuildInvite, type GuildMember, GuildRank, type GuildWar } from "../../parts/guilds/guilds_pb.ts";
import { GUILD_NAME_LENGTH_MIN, GUILD_TAG_LENGTH_MIN } from "../../parts/guilds/limits.ts";
import { TEXTS } from "./language.ts";

/** What is said of one member. */
export type MemberEntry = Pick<GuildMember, "name" | "rank" | "online">;

/** What a rank is called. */
export function rankName(rank: GuildRank): string {
  return TEXTS.guilds.ranks[rank] ?? TEXTS.guilds.ranks[GuildRank.MEMBER];
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
  return TEXTS.guilds.members(members.length, online);
}

/** How a war stands, and how long it goes on. */
export function warText({ ownKills, enemyKills, endsAt }: Omit<GuildWar, "$typeName">, nowMs: number): string {
  const lead = ownKills === enemyKills ? "even" : ownKills > enemyKills ? "ahead" : "behind";
  return `${TEXTS.guilds.war(lead, ownKills, enemyKills)} · ${timeLeft(Number(endsAt) - nowMs)}`;
}

/** Who invited a player, and how long the invitation stands. */
export function invitedText(
  { inviterName, expiresAt }: Pick<GuildInvite, "inviterName" | "expiresAt">,
  nowMs: number,
): string {
  return `${TEXTS.guilds.invitedBy(inviterName)} · ${timeLeft(Number(expiresAt) - nowMs)}`;
}

/** How a war ended for a guild. */
export function warEndText(
  { ownKills, enemyKills, winnerGuildId }: { ownKills: number; enemyKills: number; winnerGuildId: bigint },
  ownGuildId: bigint,
): string {
  const outcome = winnerGuildId === 0n ? "draw" : winnerGuildId === ownGuildId ? "victory" : "defeat";
  return TEXTS.guilds.warEnded(outcome, ownKills, enemyKills);
}

const NAME_PATTERN = /^[\p{L}\p{M}\p{Nd}_-]+(?: [\p{L}\p{M}\p{Nd}_-]+)*$/u;
const TAG_PATTERN = /^[\p{L}\p{M}\p{Nd}]+$/u;

/**
 * What is wrong with a new guild before it is sent; empty: nothing. The server looks closer: at scripts, and at names
 * that look like others.
 */
export function checkNewGuild(name: string, tag: string): string {
  if ([...name].length < GUILD_NAME_LENGTH_MIN || !NAME_PATTERN.test(name)) {
    return TEXTS.guilds.nameRule;
  }
  if ([...tag].length >= GUILD_TAG_LENGTH_MIN && TAG_PATTERN.test(tag)) return "";
  return TEXTS.guilds.tagRule;
}

function timeLeft(ms: number): string {
  return ms <= 0 ? TEXTS.guilds.ending : TEXTS.guilds.timeLeft(TEXTS.duration(ms));
}
