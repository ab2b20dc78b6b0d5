/**
 * The player's party: who is in it, who invites the player, and what its leader may do.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/browser.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PacketType } from "../contract.ts";
import {
  PartyAnswerSchema,
  PartyDisbandRequestSchema,
  PartyInviteRequestSchema,
  PartyKickRequestSchema,
  PartyLeadRequestSchema,
  PartyLeaveRequestSchema,
  type PartyResponse,
  type PartyState,
} from "../../parts/parties/parties_pb.ts";
import { byId } from "./dom.ts";
import { fieldText, onSubmit } from "./form.ts";
import { TEXTS } from "./language.ts";
import { partyNews } from "./party_model.ts";
import { type CodeTexts, outcomeOf } from "./request_answer.ts";
import { type Row, type RowAction, RowList } from "./row_list.ts";
import type { SidePanel } from "./side_panel.ts";

/** What the desk works with, and whom it tells. */
export interface PartyDeskOptions {
  readonly client: DrawbridgeClient;
  readonly panel: SidePanel;
  readonly ownName: () => string;
  /** There is news of the party. */
  readonly onNews: (text: string) => void;
  /** The player is in a party, or is not any more. */
  readonly onParty: (isInOne: boolean) => void;
  /** How many invitations wait. */
  readonly onInvites: (count: number) => void;
}

interface Invite {
  readonly inviterName: string;
  readonly timer: ReturnType<typeof setTimeout>;
}

const REFUSAL_TEXTS: CodeTexts = {
  [ErrorCode.NOT_FOUND]: TEXTS.parties.notFound,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.parties.already,
  [ErrorCode.TARGET_INVALID]: TEXTS.parties.isSelf,
  [ErrorCode.OUT_OF_RANGE]: TEXTS.parties.tooMany,
  [ErrorCode.PERMISSION_DENIED]: TEXTS.parties.notLeader,
  [ErrorCode.SERVER_FULL]: TEXTS.parties.full,
};
const ANSWER_TEXTS: CodeTexts = {
  ...REFUSAL_TEXTS,
  [ErrorCode.NOT_FOUND]: TEXTS.parties.inviteOver,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.parties.leaveFirst,
};

/** Everything of parties on the page. */
export class PartyDesk {
  readonly #options: PartyDeskOptions;
  readonly #invitesList = byId("party-invites", HTMLElement);
  readonly #invited = new RowList(this.#invitesList, "");
  readonly #members = new RowList(byId("party-members", HTMLElement), TEXTS.parties.none);
  readonly #inviteForm = byId("party-invite", HTMLElement);
  readonly #leave = byId("party-leave", HTMLButtonElement);
  readonly #disband = byId("party-disband", HTMLButtonElement);
  /** Invitations that can still be answered, by party. */
  readonly #invites = new Map<bigint, Invite>();
  #party: PartyState | null = null;

  constructor(options: PartyDeskOptions) {
    this.#options = options;
    const { client, panel } = options;
    client.on(PacketType.PARTY_STATE, (state) => this.#changed(state));
    client.on(PacketType.PARTY_INVITE, ({ partyId, inviterName, lifetimeMs }) => {
      this.#forget(partyId);
      this.#invites.set(partyId, { inviterName, timer: setTimeout(() => this.#forget(partyId), lifetimeMs) });
      options.onNews(TEXTS.parties.invitedBy(inviterName));
      this.#show();
    });
    onSubmit("party-invite", (form) => {
      const playerName = fieldText(form, "player");
      if (playerName === "") return panel.say(TEXTS.lists.playerMissing, "bad");
      form.reset();
      this.#act(client.request(PartyInviteRequestSchema, { playerName }), TEXTS.parties.asked(playerName));
    });
    this.#leave.addEventListener("click", () => this.#act(client.request(PartyLeaveRequestSchema, {})));
    this.#disband.addEventListener("click", () => this.#act(client.request(PartyDisbandRequestSchema, {})));
    this.#show();
  }

  /** The newest invitation that waits for an answer; `null`: none. */
  get invite(): { readonly inviterName: string; readonly answer: (accept: boolean) => void } | null {
    const newest = [...this.#invites].at(-1);
    if (newest === undefined) return null;
    const [partyId, { inviterName }] = newest;
    return { inviterName, answer: (accept) => this.#answer(partyId, accept) };
  }

  /** The player has gone, or is another one: it is in no party as far as is known. */
  clear(): void {
    for (const partyId of [...this.#invites.keys()]) this.#forget(partyId);
    this.#party = null;
    this.#options.onParty(false);
    this.#show();
  }

  #changed(state: PartyState): void {
    const news = partyNews(state, this.#options.ownName());
    if (news !== "") this.#options.onNews(news);
    this.#party = state.partyId === 0n ? null : state;
    this.#options.onParty(this.#party !== null);
    this.#show();
  }

  /** Does something, and says what came of it. */
  async #act(request: Promise<PartyResponse>, done = "", texts = REFUSAL_TEXTS): Promise<void> {
    const { panel } = this.#options;
    panel.say("");
    const { response, text } = await outcomeOf(request, texts);
    if (response === null) panel.say(text, "bad");
    else panel.say(done);
  }

  #answer(partyId: bigint, accept: boolean): void {
    this.#forget(partyId);
    this.#act(this.#options.client.request(PartyAnswerSchema, { partyId, accept }), "", ANSWER_TEXTS);
  }

  #forget(partyId: bigint): void {
    const invite = this.#invites.get(partyId);
    if (invite === undefined) return;
    clearTimeout(invite.timer);
    this.#invites.delete(partyId);
    this.#show();
  }

  #show(): void {
    const { client, ownName, onInvites } = this.#options;
    onInvites(this.#invites.size);
    this.#invitesList.hidden = this.#invites.size === 0;
    this.#invited.show([...this.#invites].map(([partyId, { inviterName }]): Row => ({
      key: String(partyId),
      title: inviterName,
      note: TEXTS.parties.invites,
      actions: [
        {
          text: TEXTS.lists.accept,
          label: TEXTS.parties.acceptLabel(inviterName),
          onClick: () => this.#answer(partyId, true),
        },
        {
          text: TEXTS.lists.decline,
          label: TEXTS.parties.declineLabel(inviterName),
          onClick: () => this.#answer(partyId, false),
        },
      ],
    })));
    const { members = [], leaderId = 0n } = this.#party ?? {};
    const leader = members.find(({ playerId }) => playerId === leaderId);
    const isLeader = leader !== undefined && leader.name.toLowerCase() === ownName().toLowerCase();
    const actionsOn = (playerName: string): RowAction[] => [
      {
        text: TEXTS.parties.lead,
        label: TEXTS.parties.leadLabel(playerName),
        onClick: () => this.#act(client.request(PartyLeadRequestSchema, { playerName })),
      },
      {
        text: TEXTS.parties.kick,
        label: TEXTS.parties.kickLabel(playerName),
        isGrave: true,
        onClick: () => this.#act(client.request(PartyKickRequestSchema, { playerName })),
      },
    ];
    this.#members.show(members.map(({ playerId, name, linkDead }): Row => ({
      key: String(playerId),
      title: name,
      note: [playerId === leaderId ? TEXTS.parties.leader : "", linkDead ? TEXTS.parties.linkDead : ""]
        .filter((text) => text !== "").join(" · "),
      isOnline: !linkDead,
      actions: isLeader && playerId !== leaderId ? actionsOn(name) : [],
    })));
    this.#inviteForm.hidden = this.#party !== null && !isLeader;
    this.#leave.hidden = this.#party === null;
    this.#disband.hidden = !isLeader;
  }
}
