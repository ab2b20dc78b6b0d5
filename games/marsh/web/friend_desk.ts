/**
 * The player's friends, and whom it does not want to hear.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/client.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PacketType } from "../../../shared/gen/packet_pb.ts";
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
} from "../../../shared/gen/social_pb.ts";
import { byId } from "./dom.ts";
import { fieldText, onSubmit } from "./form.ts";
import { friendNews, sortFriends } from "./friend_model.ts";
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
  [ErrorCode.NOT_FOUND]: "Nobody has that name.",
  [ErrorCode.ALREADY_EXISTS]: "You are friends, or have asked, already.",
  [ErrorCode.TARGET_INVALID]: "That is you.",
  [ErrorCode.OUT_OF_RANGE]: "One of you has too many friends or requests.",
};
const OTHER_TEXTS: CodeTexts = { ...REQUEST_TEXTS, [ErrorCode.NOT_FOUND]: "That is no longer so." };
const IGNORE_TEXTS: CodeTexts = { ...REQUEST_TEXTS, [ErrorCode.OUT_OF_RANGE]: "You ignore too many players already." };

/** Everything of friends on the page. */
export class FriendDesk {
  readonly #options: FriendDeskOptions;
  readonly #incoming = new RowList(byId("friends-incoming", HTMLElement), "Nobody asks.");
  readonly #friends = new RowList(byId("friends-list", HTMLElement), "No friends yet.");
  readonly #ignored = new RowList(byId("friends-ignored", HTMLElement), "Nobody.");
  #lists: FriendListResponse | null = null;
  #ignoreList: IgnoreListResponse | null = null;
  #names: ReadonlySet<string> = new Set();
  #stay = 0;

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
      panel.say(isFriend ? `${name} is your friend now.` : isAsked ? `${name} was asked.` : "");
      this.refresh();
    });
    client.on(PacketType.IGNORE_RESPONSE, ({ success, errorCode, requestType, player }) => {
      if (!success) return this.refused(requestType, errorCode);
      const isAdded = requestType === PacketType.IGNORE_ADD;
      panel.say(isAdded ? `You will not hear ${player?.name ?? ""} any more.` : "");
      this.refresh();
    });
    onSubmit("friend-add", (form) => {
      const playerName = fieldText(form, "player");
      if (playerName === "") return panel.say("Say who it is.", "bad");
      panel.say("");
      form.reset();
      client.send(FriendRequestSchema, { playerName });
    });
    onSubmit("ignore-add", (form) => {
      const playerName = fieldText(form, "player");
      if (playerName === "") return panel.say("Say who it is.", "bad");
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

  #show(): void {
    const { client, panel, onWhisper } = this.#options;
    const { friends = [], incoming = [], outgoing = [] } = this.#lists ?? {};
    this.#names = new Set(friends.map(({ name }) => name));
    panel.setBadge("friends", incoming.length);
    this.#incoming.show(incoming.map(({ playerId, name }): Row => {
      const answer = (accept: boolean) => client.send(FriendAnswerSchema, { playerName: name, accept });
      return {
        key: String(playerId),
        title: name,
        note: "",
        actions: [
          { text: "Accept", label: `Be friends with ${name}`, onClick: () => answer(true) },
          { text: "Decline", label: `Do not be friends with ${name}`, onClick: () => answer(false) },
        ],
      };
    }));
    const remove = (name: string): RowAction => ({
      text: "Remove",
      label: `Remove ${name}`,
      isGrave: true,
      onClick: () => client.send(FriendRemoveSchema, { playerName: name }),
    });
    const asked: Row[] = outgoing.map(({ playerId, name }) => ({
      key: `asked ${playerId}`,
      title: name,
      note: "asked, no answer yet",
      actions: [remove(name)],
    }));
    const rows: Row[] = sortFriends(friends).map(({ playerId, name, online }) => ({
      key: String(playerId),
      title: name,
      note: online ? "online" : "offline",
      isOnline: online,
      actions: [{ text: "Whisper", label: `Whisper to ${name}`, onClick: () => onWhisper(name) }, remove(name)],
    }));
    this.#friends.show([...rows, ...asked]);
    this.#ignored.show((this.#ignoreList?.players ?? []).map(({ playerId, name }): Row => ({
      key: String(playerId),
      title: name,
      note: "",
      actions: [{
        text: "Hear again",
        label: `Hear ${name} again`,
        onClick: () => client.send(IgnoreRemoveSchema, { playerName: name }),
      }],
    })));
  }
}
