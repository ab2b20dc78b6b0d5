/**
 * Chat rooms: which there are, and which the player is in.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/browser.ts";
import { type ChatMessage } from "../../parts/chat/chat_pb.ts";
import {
  RoomCreateRequestSchema,
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
  type RoomResponse,
} from "../../parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PacketType } from "../contract.ts";
import { ROOM_MEMBERS_MAX, ROOM_NAME_LENGTH_MIN } from "../../parts/rooms/limits.ts";
import { byId } from "./dom.ts";
import { fieldText, onSubmit } from "./form.ts";
import { TEXTS } from "./language.ts";
import { type CodeTexts, outcomeOf } from "./request_answer.ts";
import { RoomModel, roomText } from "./room_model.ts";
import { type Row, RowList } from "./row_list.ts";
import type { SidePanel } from "./side_panel.ts";

/** What the desk works with, and whom it tells. */
export interface RoomDeskOptions {
  readonly client: DrawbridgeClient;
  readonly panel: SidePanel;
  readonly ownName: () => string;
  /** The player is in a room; `history` is what was said there, oldest first. */
  readonly onJoined: (roomId: bigint, name: string, history: readonly ChatMessage[]) => void;
  readonly onLeft: (roomId: bigint) => void;
  /** Something happened in a room. */
  readonly onEvent: (roomId: bigint, text: string) => void;
  /** There is news of rooms. */
  readonly onNews: (text: string) => void;
  /** Shows a room's chat. */
  readonly onOpen: (roomId: bigint) => void;
}

/** How often the list is asked for while it is looked at, in milliseconds. */
const REFRESH_MS = 5_000;

const JOIN_TEXTS: CodeTexts = {
  [ErrorCode.PERMISSION_DENIED]: TEXTS.rooms.wrongPassword,
  [ErrorCode.SERVER_FULL]: TEXTS.rooms.full,
  [ErrorCode.NOT_FOUND]: TEXTS.rooms.gone,
  [ErrorCode.OUT_OF_RANGE]: TEXTS.rooms.tooMany,
};
const CREATE_TEXTS: CodeTexts = {
  [ErrorCode.ALREADY_EXISTS]: TEXTS.rooms.nameTaken,
  [ErrorCode.NAME_INVALID]: TEXTS.rooms.nameRule,
  [ErrorCode.SERVER_FULL]: TEXTS.rooms.tooManyRooms,
  [ErrorCode.OUT_OF_RANGE]: TEXTS.rooms.tooMany,
};
const LEAVE_TEXTS: CodeTexts = { [ErrorCode.NOT_FOUND]: TEXTS.rooms.notInside };

/** Everything of rooms on the page, but what is said in them. */
export class RoomDesk {
  readonly #options: RoomDeskOptions;
  readonly #model = new RoomModel();
  readonly #joined = new RowList(byId("rooms-joined", HTMLElement), TEXTS.rooms.noneJoined);
  readonly #others = new RowList(byId("rooms-list", HTMLElement), TEXTS.rooms.noneOther);
  /** Passwords the player typed, to come back in after a long loss; by room name. */
  readonly #passwords: Map<string, string> = new Map();
  /** The room whose password is asked for. */
  #askedId: bigint | null = null;
  #isAsking = false;
  #askedMs = -Infinity;
  #stay = 0;

  constructor(options: RoomDeskOptions) {
    this.#options = options;
    options.client.on(PacketType.ROOM_EVENT, (event) => {
      const news = this.#model.apply(event, options.ownName());
      if (news === null) return;
      if (news.isOver) {
        this.#forget(event.roomId);
        options.onNews(news.text);
      } else {
        options.onEvent(event.roomId, news.text);
      }
      this.#show();
    });
    onSubmit("room-create", (form) => this.#create(form));
  }

  /** What the rooms that the player is in are called. */
  get roomNames(): string[] {
    return [...this.#model.joined.values()].map(({ name }) => name);
  }

  /**
   * A player came in.
   *
   * @param names Rooms the player was in before: the server may have kept it there, or not.
   */
  entered(names: readonly string[]): void {
    this.#stay++;
    this.#isAsking = false;
    for (const roomId of [...this.#model.joined.keys()]) this.#forget(roomId);
    this.#show();
    for (const name of names) this.#comeBack(name);
  }

  /** The player has gone. */
  clear(): void {
    this.#stay++;
    this.#passwords.clear();
    for (const roomId of [...this.#model.joined.keys()]) this.#forget(roomId);
    this.#model.clear();
    this.#show();
  }

  /** Asks for the list. */
  async refresh(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#askedMs = performance.now();
    const stay = this.#stay;
    const { response, text } = await outcomeOf(this.#options.client.request(RoomListRequestSchema, {}), {});
    if (stay !== this.#stay) return;
    this.#isAsking = false;
    if (response !== null) this.#model.setList(response.rooms);
    else if (this.#options.panel.shown === "rooms") this.#options.panel.say(text, "bad");
    this.#show();
  }

  /** Lines of a room were read, or not. */
  setUnread(roomId: bigint, count: number): void {
    const room = this.#model.joined.get(roomId);
    if (room === undefined) return;
    room.unread = count;
    this.#show();
  }

  /** Brings up to date what changes with time alone. */
  tick(): void {
    const { panel, client } = this.#options;
    if (panel.shown !== "rooms" || client.state !== "connected") return;
    if (performance.now() - this.#askedMs > REFRESH_MS) this.refresh();
  }

  #show(): void {
    this.#options.panel.setBadge("rooms", this.#model.unread);
    this.#joined.show([...this.#model.joined.values()].map((room): Row => ({
      key: String(room.id),
      title: room.name,
      note: roomText({ ...room, hasPassword: false }),
      badge: room.unread,
      actions: [
        {
          text: TEXTS.rooms.open,
          label: TEXTS.rooms.openLabel(room.name),
          onClick: () => this.#options.onOpen(room.id),
        },
        { text: TEXTS.rooms.leave, label: TEXTS.rooms.leaveLabel(room.name), onClick: () => this.#leave(room.id) },
      ],
    })));
    this.#others.show(this.#model.others.map((room): Row => {
      const isAsked = this.#askedId === room.roomId;
      const join = {
        text: TEXTS.rooms.join,
        label: TEXTS.rooms.joinLabel(room.name),
        onClick: () => this.#ask(room.roomId, room.hasPassword),
      };
      const field = {
        label: TEXTS.rooms.passwordLabel(room.name),
        submitText: TEXTS.rooms.join,
        onSubmit: (password: string) => this.#join(room.roomId, password),
      };
      const row = { key: String(room.roomId), title: room.name, note: roomText(room) };
      return isAsked ? { ...row, actions: [], field } : { ...row, actions: [join] };
    }));
  }

  #ask(roomId: bigint, hasPassword: boolean): void {
    if (!hasPassword) return void this.#join(roomId, "");
    this.#askedId = roomId;
    this.#show();
  }

  async #join(roomId: bigint, password: string): Promise<void> {
    const request = this.#options.client.request(RoomJoinRequestSchema, { roomId, password });
    const stay = this.#stay;
    const { response, text } = await outcomeOf(request, JOIN_TEXTS);
    if (stay !== this.#stay) return;
    if (response === null) return this.#options.panel.say(text, "bad");
    this.#askedId = null;
    this.#options.panel.say("");
    this.#taken(response, password);
    if (response.room !== undefined) this.#options.onOpen(response.room.roomId);
  }

  /** Joins a room again after the session was lost, or the page was loaded anew. */
  async #comeBack(name: string): Promise<void> {
    const password = this.#passwords.get(name) ?? "";
    const stay = this.#stay;
    const request = this.#options.client.request(RoomJoinRequestSchema, { name, password });
    const { response, code } = await outcomeOf(request, JOIN_TEXTS);
    if (stay !== this.#stay) return;
    if (response !== null) this.#taken(response, password);
    else if (code === ErrorCode.PERMISSION_DENIED) {
      this.#options.onNews(TEXTS.rooms.passwordAgain(name));
    } else if (code === ErrorCode.NOT_FOUND) this.#options.onNews(TEXTS.rooms.closedMeanwhile(name));
  }

  async #create(form: HTMLFormElement): Promise<void> {
    const { panel, client } = this.#options;
    const name = fieldText(form, "name");
    if ([...name].length < ROOM_NAME_LENGTH_MIN) {
      return panel.say(TEXTS.rooms.nameRule, "bad");
    }
    const most = Number(fieldText(form, "most"));
    if (!Number.isInteger(most) || most < 0 || most > ROOM_MEMBERS_MAX) {
      return panel.say(TEXTS.rooms.placesRule, "bad");
    }
    const password = String(new FormData(form).get("password") ?? "");
    const stay = this.#stay;
    const request = client.request(RoomCreateRequestSchema, { name, maxMembers: most, password });
    const { response, text } = await outcomeOf(request, CREATE_TEXTS);
    if (stay !== this.#stay) return;
    if (response === null) return panel.say(text, "bad");
    form.reset();
    panel.say(TEXTS.rooms.created(name));
    this.#taken(response, password);
    if (response.room !== undefined) this.#options.onOpen(response.room.roomId);
    this.refresh();
  }

  #taken({ room, history }: RoomResponse, password: string): void {
    if (room === undefined) return;
    this.#model.join(room);
    this.#passwords.set(room.name, password);
    this.#options.onJoined(room.roomId, room.name, history);
    this.#show();
  }

  async #leave(roomId: bigint): Promise<void> {
    const stay = this.#stay;
    const { client, panel } = this.#options;
    const { response, code, text } = await outcomeOf(client.request(RoomLeaveRequestSchema, { roomId }), LEAVE_TEXTS);
    if (stay !== this.#stay) return;
    if (response === null && code !== ErrorCode.NOT_FOUND) return panel.say(text, "bad");
    this.#forget(roomId);
    this.#show();
    this.refresh();
  }

  #forget(roomId: bigint): void {
    const room = this.#model.leave(roomId);
    if (room !== undefined) this.#options.onLeft(roomId);
  }
}
