/**
 * The player's guild: who is in it, who may come, and its wars.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/browser.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  type GuildInfoResponse,
  type GuildInvite,
  GuildInviteListRequestSchema,
  GuildInviteRequestSchema,
  GuildInviteWithdrawSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  type GuildMember,
  GuildRank,
  GuildSetRankRequestSchema,
  GuildWarStartSchema,
} from "../../parts/guilds/guilds_pb.ts";
import { PacketType } from "../contract.ts";
import { byId } from "./dom.ts";
import { fieldText, onSubmit } from "./form.ts";
import {
  checkNewGuild,
  invitedText,
  membersText,
  rankName,
  rightsOf,
  sortMembers,
  warEndText,
  warText,
} from "./guild_model.ts";
import { TEXTS } from "./language.ts";
import { type Answer, type CodeTexts, outcomeOf, refusalText } from "./request_answer.ts";
import { askTwice, type Row, type RowAction, RowList } from "./row_list.ts";
import type { SidePanel } from "./side_panel.ts";

/** What the desk works with, and whom it tells. */
export interface GuildDeskOptions {
  readonly client: DrawbridgeClient;
  readonly panel: SidePanel;
  readonly ownName: () => string;
  /** The player's guild is known; empty texts: there is none. */
  readonly onGuild: (name: string, tag: string) => void;
  /** There is news of the guild. */
  readonly onNews: (text: string) => void;
  /** A war has begun. */
  readonly onWar: (text: string) => void;
}

/** How often the roster is asked for while it is looked at, in milliseconds. */
const REFRESH_MS = 5_000;
/** Invitations kept; beyond that the oldest goes. */
const INVITES_MAX = 16;

const CREATE_TEXTS: CodeTexts = {
  [ErrorCode.NAME_TAKEN]: TEXTS.guilds.nameTaken,
  [ErrorCode.NAME_INVALID]: TEXTS.guilds.nameInvalid,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.guilds.inGuild,
};
const GUILD_TEXTS: CodeTexts = {
  [ErrorCode.NOT_FOUND]: TEXTS.guilds.notFound,
  [ErrorCode.PERMISSION_DENIED]: TEXTS.guilds.rankTooLow,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.guilds.already,
  [ErrorCode.SERVER_FULL]: TEXTS.guilds.full,
  [ErrorCode.INVALID_STATE]: TEXTS.guilds.notNow,
};
const INVITE_TEXTS: CodeTexts = {
  ...GUILD_TEXTS,
  [ErrorCode.NOT_FOUND]: TEXTS.guilds.playerNotFound,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.guilds.invitedAlready,
  [ErrorCode.OUT_OF_RANGE]: TEXTS.guilds.tooManyInvitations,
};
const WITHDRAW_TEXTS: CodeTexts = {
  ...GUILD_TEXTS,
  [ErrorCode.NOT_FOUND]: TEXTS.guilds.invitationGone,
};
const WAR_TEXTS: CodeTexts = {
  ...GUILD_TEXTS,
  [ErrorCode.NOT_FOUND]: TEXTS.guilds.guildNotFound,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.guilds.atWarAlready,
  [ErrorCode.OUT_OF_RANGE]: TEXTS.guilds.tooManyWars,
  [ErrorCode.RATE_LIMITED]: TEXTS.guilds.warTooSoon,
  [ErrorCode.TARGET_INVALID]: TEXTS.guilds.warWithSelf,
};
const LEAVE_TEXTS: CodeTexts = {
  ...GUILD_TEXTS,
  [ErrorCode.NOT_FOUND]: TEXTS.guilds.noGuild,
  [ErrorCode.TARGET_INVALID]: TEXTS.guilds.leaderStays,
};
const JOIN_TEXTS: CodeTexts = {
  ...GUILD_TEXTS,
  [ErrorCode.NOT_FOUND]: TEXTS.guilds.invitationGone,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.guilds.inGuild,
};

/** Everything of guilds on the page. */
export class GuildDesk {
  readonly #options: GuildDeskOptions;
  readonly #none = byId("guild-none", HTMLElement);
  readonly #own = byId("guild-own", HTMLElement);
  readonly #title = byId("guild-title", HTMLElement);
  readonly #summary = byId("guild-summary", HTMLElement);
  readonly #inviteForm = byId("guild-invite", HTMLFormElement);
  readonly #warForm = byId("guild-war", HTMLFormElement);
  readonly #invitedPart = byId("guild-invited-part", HTMLElement);
  readonly #invited = new RowList(byId("guild-invited", HTMLElement), TEXTS.guilds.nobodyInvited);
  readonly #inviteList = new RowList(byId("guild-invites", HTMLElement), TEXTS.guilds.noInvitations);
  readonly #roster = new RowList(byId("guild-roster", HTMLElement), TEXTS.guilds.noMembers);
  readonly #wars = new RowList(byId("guild-wars", HTMLElement), TEXTS.guilds.noWars);
  readonly #invites: Map<bigint, { readonly guildName: string; readonly inviterName: string }> = new Map();
  #guild: GuildInfoResponse | null = null;
  /** Players the guild has invited; known to members who may invite. */
  #openInvites: readonly GuildInvite[] = [];
  #isAsking = false;
  #askedMs = -Infinity;
  /** Rises with each player who enters: answers for the one before are dropped. */
  #stay = 0;

  constructor(options: GuildDeskOptions) {
    this.#options = options;
    const { client } = options;
    client.on(PacketType.GUILD_INVITE_NOTICE, ({ guildId, guildName, inviterName }) => {
      this.#invites.delete(guildId);
      this.#invites.set(guildId, { guildName, inviterName });
      const [oldest] = this.#invites.keys();
      if (this.#invites.size > INVITES_MAX) this.#invites.delete(oldest);
      options.onNews(TEXTS.guilds.invitation(inviterName, guildName));
      this.#show();
    });
    client.on(PacketType.GUILD_INFO_RESPONSE, (guild) => {
      if (guild.success) this.#take(guild.guildId === 0n ? null : guild);
    });
    client.on(PacketType.GUILD_WAR_START, ({ enemyName }) => {
      options.onNews(TEXTS.guilds.warBegan(enemyName));
      options.onWar(TEXTS.guilds.warBegan(enemyName));
      this.refresh();
    });
    client.on(PacketType.GUILD_WAR_END, (end) => {
      options.onNews(warEndText(end, this.#guild?.guildId ?? 0n));
      this.refresh();
    });
    onSubmit("guild-create", (form) => this.#create(form));
    onSubmit("guild-invite", (form) => this.#invite(form));
    onSubmit("guild-war", (form) => this.#declareWar(form));
    const leave = byId("guild-leave", HTMLButtonElement);
    askTwice(leave, () => this.#act(client.request(GuildLeaveRequestSchema, {}), LEAVE_TEXTS, TEXTS.guilds.left));
  }

  /** A player came in: another one than before, or anew. */
  entered(): void {
    this.#stay++;
    this.#isAsking = false;
    this.refresh();
  }

  /** The player has gone. */
  clear(): void {
    this.#stay++;
    this.#invites.clear();
    this.#take(null);
  }

  /** Asks for the guild. */
  async refresh(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#askedMs = performance.now();
    const stay = this.#stay;
    const { response, code, text } = await outcomeOf(this.#options.client.request(GuildInfoRequestSchema, {}), {});
    if (stay !== this.#stay) return;
    this.#isAsking = false;
    if (response !== null) return;
    if (code === ErrorCode.NOT_FOUND) return this.#take(null);
    if (this.#options.panel.shown === "guild") this.#options.panel.say(text, "bad");
  }

  /** GUILD_SET_RANK_REQUEST was refused, which has no response of its own. */
  refused(code: ErrorCode): void {
    this.#options.panel.say(refusalText(code, GUILD_TEXTS), "bad");
  }

  /** Brings up to date what changes with time alone. */
  tick(): void {
    if (this.#options.panel.shown !== "guild") return;
    if (performance.now() - this.#askedMs > REFRESH_MS && this.#options.client.state === "connected") this.refresh();
    this.#showWars();
  }

  #take(guild: GuildInfoResponse | null): void {
    const before = this.#guild;
    this.#guild = guild;
    if (guild !== null) this.#invites.delete(guild.guildId);
    if (before?.name !== guild?.name || before?.tag !== guild?.tag) {
      this.#options.onGuild(guild?.name ?? "", guild?.tag ?? "");
    }
    const mayInvite = guild !== null && rightsOf(this.#ownRank).mayInvite;
    if (!mayInvite) this.#openInvites = [];
    else if (this.#options.panel.shown === "guild") this.#listInvites();
    this.#show();
  }

  async #listInvites(): Promise<void> {
    const stay = this.#stay;
    const { response } = await outcomeOf(this.#options.client.request(GuildInviteListRequestSchema, {}), {});
    // Refused, the rank is another than it was: the roster tells.
    if (stay !== this.#stay || response === null) return;
    this.#openInvites = response.invites;
    this.#showInvited();
  }

  #show(): void {
    const guild = this.#guild;
    this.#none.hidden = guild !== null;
    this.#own.hidden = guild === null;
    this.#options.panel.setBadge("guild", guild === null ? this.#invites.size : 0);
    this.#inviteList.show([...this.#invites].map(([id, { guildName, inviterName }]): Row => ({
      key: String(id),
      title: guildName,
      note: TEXTS.guilds.invitedBy(inviterName),
      actions: [
        { text: TEXTS.lists.accept, label: TEXTS.guilds.acceptLabel(guildName), onClick: () => this.#answer(id, true) },
        {
          text: TEXTS.lists.decline,
          label: TEXTS.guilds.declineLabel(guildName),
          onClick: () => this.#answer(id, false),
        },
      ],
    })));
    if (guild === null) return;
    this.#title.textContent = `[${guild.tag}] ${guild.name}`;
    this.#summary.textContent = membersText(guild.members);
    const rights = rightsOf(this.#ownRank);
    this.#inviteForm.hidden = !rights.mayInvite;
    this.#warForm.hidden = !rights.mayDeclareWar;
    this.#invitedPart.hidden = !rights.mayInvite;
    this.#showInvited();
    this.#roster.show(
      sortMembers(guild.members).map((member) => ({
        key: String(member.playerId),
        title: member.name,
        note: rankName(member.rank),
        isOnline: member.online,
        actions: this.#isOwn(member) ? [] : this.#memberActions(member),
      })),
    );
    this.#showWars();
  }

  #showInvited(): void {
    const nowMs = Date.now();
    this.#invited.show(this.#openInvites.map((invite) => ({
      key: String(invite.playerId),
      title: invite.playerName,
      note: invitedText(invite, nowMs),
      actions: [{
        text: TEXTS.guilds.withdraw,
        label: TEXTS.guilds.withdrawLabel(invite.playerName),
        onClick: () => this.#withdraw(invite.playerName),
      }],
    })));
  }

  #showWars(): void {
    const nowMs = Date.now();
    this.#wars.show((this.#guild?.wars ?? []).map((war) => ({
      key: String(war.warId),
      title: war.enemyName,
      note: warText(war, nowMs),
      actions: [],
    })));
  }

  #memberActions({ name, rank }: GuildMember): RowAction[] {
    const rights = rightsOf(this.#ownRank);
    const actions: RowAction[] = [];
    if (rights.maySetRank && rank < GuildRank.LEADER) {
      const isOfficer = rank === GuildRank.OFFICER;
      const next = isOfficer ? GuildRank.MEMBER : GuildRank.OFFICER;
      actions.push({
        text: isOfficer ? TEXTS.guilds.demote : TEXTS.guilds.promote,
        label: isOfficer ? TEXTS.guilds.demoteLabel(name) : TEXTS.guilds.promoteLabel(name),
        onClick: () => this.#setRank(name, next),
      });
      if (isOfficer) {
        actions.push({
          text: TEXTS.guilds.makeLeader,
          label: TEXTS.guilds.makeLeaderLabel(name),
          isGrave: true,
          onClick: () => this.#setRank(name, GuildRank.LEADER),
        });
      }
    }
    if (rights.mayKick(rank)) {
      const label = TEXTS.guilds.kickLabel(name);
      actions.push({ text: TEXTS.guilds.kick, label, isGrave: true, onClick: () => this.#kick(name) });
    }
    return actions;
  }

  get #ownRank(): GuildRank {
    return this.#guild?.members.find((member) => this.#isOwn(member))?.rank ?? GuildRank.MEMBER;
  }

  #isOwn({ name }: GuildMember): boolean {
    return name.toLowerCase() === this.#options.ownName().toLowerCase();
  }

  async #create(form: HTMLFormElement): Promise<void> {
    const name = fieldText(form, "name");
    const tag = fieldText(form, "tag");
    const wrong = checkNewGuild(name, tag);
    if (wrong !== "") return this.#options.panel.say(wrong, "bad");
    const request = this.#options.client.request(GuildCreateRequestSchema, { name, tag });
    if (await this.#act(request, CREATE_TEXTS, TEXTS.guilds.created(name))) form.reset();
  }

  async #invite(form: HTMLFormElement): Promise<void> {
    const playerName = fieldText(form, "player");
    if (playerName === "") return this.#options.panel.say(TEXTS.lists.playerMissing, "bad");
    const request = this.#options.client.request(GuildInviteRequestSchema, { playerName });
    if (await this.#act(request, INVITE_TEXTS, TEXTS.guilds.invited(playerName))) form.reset();
  }

  #withdraw(playerName: string): void {
    const request = this.#options.client.request(GuildInviteWithdrawSchema, { playerName });
    this.#act(request, WITHDRAW_TEXTS, TEXTS.guilds.withdrawn(playerName));
  }

  async #answer(guildId: bigint, accept: boolean): Promise<void> {
    const request = this.#options.client.request(GuildJoinRequestSchema, { guildId, accept });
    const stay = this.#stay;
    await this.#act(request, JOIN_TEXTS, accept ? TEXTS.guilds.joined : TEXTS.guilds.declined);
    if (stay !== this.#stay) return;
    this.#invites.delete(guildId);
    this.#show();
  }

  #kick(playerName: string): void {
    const request = this.#options.client.request(GuildKickRequestSchema, { playerName });
    this.#act(request, GUILD_TEXTS, TEXTS.guilds.kicked(playerName));
  }

  #setRank(playerName: string, rank: GuildRank): void {
    this.#options.panel.say("");
    // Answered with the guild as it is then.
    this.#options.client.send(GuildSetRankRequestSchema, { playerName, rank });
  }

  async #declareWar(form: HTMLFormElement): Promise<void> {
    const enemyName = fieldText(form, "enemy");
    if (enemyName === "") return this.#options.panel.say(TEXTS.guilds.enemyMissing, "bad");
    const request = this.#options.client.request(GuildWarStartSchema, { enemyName });
    if (await this.#act(request, WAR_TEXTS, TEXTS.guilds.warDeclared(enemyName))) form.reset();
  }

  /** Awaits an answer, says what came of it and asks for the guild anew. */
  async #act<R extends Answer>(request: Promise<R>, texts: CodeTexts, done: string): Promise<boolean> {
    const stay = this.#stay;
    const { response, text } = await outcomeOf(request, texts);
    if (stay !== this.#stay) return false;
    this.#options.panel.say(response === null ? text : done, response === null ? "bad" : "good");
    this.#isAsking = false;
    this.refresh();
    return response !== null;
  }
}
