/**
 * The player's friends, and whom it does not want to hear.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/browser.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PacketType } from "../contract.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  type FriendListResponse,
  FriendRemoveSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
  type IgnoreListResponse,
  IgnoreRemoveSchema,
} from "../../parts/friends/friends_pb.ts";
import { byId } from "./dom.ts";
import { fieldText, onSubmit } from "./form.ts";
import { friendNews, sortFriends } from "./friend_model.ts";
import { TEXTS } from "./language.ts";
import { type CodeTexts, outcomeOf, refusalText } from "./request_answer.ts";
import { type Row, type RowAction, RowList } from "./row_list.ts";
import type { SidePanel } from "./side_panel.ts";

/** What the desk works with, and whom it tells. */
export interface FriendDeskOptions {
  readonly client: DrawbridgeClient;
  readonly panel: SidePanel;
  /** There is news of friends. */
  readonly onNews: (text: string) => void;
  /** The player wants to whisper to somebody. */
  readonly onWhisper: (name: string) => void;
}

const REQUEST_TEXTS: CodeTexts = {
  [ErrorCode.NOT_FOUND]: TEXTS.friends.notFound,
  [ErrorCode.ALREADY_EXISTS]: TEXTS.friends.already,
  [ErrorCode.TARGET_INVALID]: TEXTS.friends.isSelf,
  [ErrorCode.OUT_OF_RANGE]: TEXTS.friends.tooMany,
};
const OTHER_TEXTS: CodeTexts = { ...REQUEST_TEXTS, [ErrorCode.NOT_FOUND]: TEXTS.friends.changed };
const IGNORE_TEXTS: CodeTexts = { ...REQUEST_TEXTS, [ErrorCode.OUT_OF_RANGE]: TEXTS.friends.tooManyIgnored };

/** Everything of friends on the page. */
export class FriendDesk {
  readonly #options: FriendDeskOptions;
  readonly #incoming = new RowList(byId("friends-incoming", HTMLElement), TEXTS.friends.noRequests);
  readonly #friends = new RowList(byId("friends-list", HTMLElement), TEXTS.friends.noFriends);
  readonly #ignored = new RowList(byId("friends-ignored", HTMLElement), TEXTS.friends.noIgnored);
  #lists: FriendListResponse | null = null;
  #ignoreList: IgnoreListResponse | null = null;
  #names: ReadonlySet<string> = new Set();
  #stay = 0;
  #invites = 0;

  constructor(options: FriendDeskOptions) {
    this.#options = options;
    const { client, panel } = options;
    client.on(PacketType.FRIEND_NOTICE, ({ kind, player }) => {
      const text = friendNews(kind, player?.name ?? "");
      if (text !== "") options.onNews(text);
      this.refresh();
    });
    client.on(PacketType.FRIEND_RESPONSE, ({ success, errorCode, requestType, player, isFriend }) => {
      if (!success) return this.refused(requestType, errorCode);
      const name = player?.name ?? "";
      const isAsked = requestType === PacketType.FRIEND_REQUEST && !isFriend;
      panel.say(isFriend ? TEXTS.friends.isFriend(name) : isAsked ? TEXTS.friends.asked(name) : "");
      this.refresh();
    });
    client.on(PacketType.IGNORE_RESPONSE, ({ success, errorCode, requestType, player }) => {
      if (!success) return this.refused(requestType, errorCode);
      const isAdded = requestType === PacketType.IGNORE_ADD;
      panel.say(isAdded ? TEXTS.friends.ignored(player?.name ?? "") : "");
      this.refresh();
    });
    onSubmit("friend-add", (form) => {
      const playerName = fieldText(form, "player");
      if (playerName === "") return panel.say(TEXTS.lists.playerMissing, "bad");
      panel.say("");
      form.reset();
      client.send(FriendRequestSchema, { playerName });
    });
    onSubmit("ignore-add", (form) => {
      const playerName = fieldText(form, "player");
      if (playerName === "") return panel.say(TEXTS.lists.playerMissing, "bad");
      panel.say("");
      form.reset();
      client.send(IgnoreAddSchema, { playerName });
    });
  }

  /** Whether a player is a friend, by name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** A player came in: another one than before, or anew. */
  entered(): void {
    this.#stay++;
    this.refresh();
  }

  /** The player has gone. */
  clear(): void {
    this.#stay++;
    this.#lists = this.#ignoreList = null;
    this.#show();
  }

  /** So many invitations to parties wait on the same panel. */
  setInvites(count: number): void {
    this.#invites = count;
    this.#showBadge();
  }

  /** Asks for the lists. */
  async refresh(): Promise<void> {
    const stay = this.#stay;
    const { client, panel } = this.#options;
    const [friends, ignored] = await Promise.all([
      outcomeOf(client.request(FriendListRequestSchema, {}), {}),
      outcomeOf(client.request(IgnoreListRequestSchema, {}), {}),
    ]);
    if (stay !== this.#stay) return;
    this.#lists = friends.response ?? this.#lists;
    this.#ignoreList = ignored.response ?? this.#ignoreList;
    if (friends.response === null && panel.shown === "friends") panel.say(friends.text, "bad");
    this.#show();
  }

  /** The server refused one of this desk's requests. */
  refused(requestType: PacketType, code: ErrorCode): void {
    const isRequest = requestType === PacketType.FRIEND_REQUEST;
    const isIgnore = requestType === PacketType.IGNORE_ADD || requestType === PacketType.IGNORE_REMOVE;
    this.#options.panel.say(
      refusalText(code, isRequest ? REQUEST_TEXTS : isIgnore ? IGNORE_TEXTS : OTHER_TEXTS),
      "bad",
    );
    if (code === ErrorCode.NOT_FOUND) this.refresh();
  }

  #showBadge(): void {
    this.#options.panel.setBadge("friends", (this.#lists?.incoming.length ?? 0) + this.#invites);
  }

  #show(): void {
    const { client, onWhisper } = this.#options;
    const { friends = [], incoming = [], outgoing = [] } = this.#lists ?? {};
    this.#names = new Set(friends.map(({ name }) => name));
    this.#showBadge();
    this.#incoming.show(incoming.map(({ playerId, name }): Row => {
      const answer = (accept: boolean) => client.send(FriendAnswerSchema, { playerName: name, accept });
      return {
        key: String(playerId),
        title: name,
        note: "",
        actions: [
          { text: TEXTS.lists.accept, label: TEXTS.friends.acceptLabel(name), onClick: () => answer(true) },
          { text: TEXTS.lists.decline, label: TEXTS.friends.declineLabel(name), onClick: () => answer(false) },
        ],
      };
    }));
    const remove = (name: string): RowAction => ({
      text: TEXTS.friends.remove,
      label: TEXTS.friends.removeLabel(name),
      isGrave: true,
      onClick: () => client.send(FriendRemoveSchema, { playerName: name }),
    });
    const asked: Row[] = outgoing.map(({ playerId, name }) => ({
      key: `asked ${playerId}`,
      title: name,
      note: TEXTS.friends.pending,
      actions: [remove(name)],
    }));
    const rows: Row[] = sortFriends(friends).map(({ playerId, name, online }) => ({
      key: String(playerId),
      title: name,
      note: online ? TEXTS.lists.online : TEXTS.lists.offline,
      isOnline: online,
      actions: [
        { text: TEXTS.friends.whisper, label: TEXTS.friends.whisperLabel(name), onClick: () => onWhisper(name) },
        remove(name),
      ],
    }));
    this.#friends.show([...rows, ...asked]);
    this.#ignored.show((this.#ignoreList?.players ?? []).map(({ playerId, name }): Row => ({
      key: String(playerId),
      title: name,
      note: "",
      actions: [{
        text: TEXTS.friends.unignore,
        label: TEXTS.friends.unignoreLabel(name),
        onClick: () => client.send(IgnoreRemoveSchema, { playerName: name }),
      }],
    })));
  }
}
