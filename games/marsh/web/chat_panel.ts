/**
 * The chat: what is said, and the line to say it in.
 *
 * @module
 */

import { Channel } from "../../parts/chat/chat_pb.ts";
import { CHAT_BYTES_MAX } from "../../parts/chat/limits.ts";
import { bindReply, type ChatCommand, parseChat, utf8Bytes } from "./chat_command.ts";
import { ChatLog } from "./chat_log.ts";
import { byId, hasKeys, make } from "./dom.ts";
import { LANGUAGE, TEXTS } from "./language.ts";
import { listenToTabs, showSelected } from "./tab_list.ts";

/** Where the chat is folded away at first: what `style.css` calls a phone. */
const PHONE_QUERY = "(max-width: 640px), (max-height: 480px)";

/** A line somebody said. */
export interface SpokenLine {
  readonly channel: Channel;
  readonly senderName: string;
  /** Recipient of a whisper of our own; else empty. */
  readonly recipientName: string;
  readonly text: string;
  /** 0 where the channel is no room. */
  readonly roomId: bigint;
  /** Unix milliseconds. */
  readonly timestampMs: number;
}

/** What the player wants said. */
export type SayCommand = Extract<ChatCommand, { kind: "say" }>;

const CHANNEL_VALUES: Readonly<Record<string, Channel>> = {
  global: Channel.GLOBAL,
  area: Channel.AREA,
  guild: Channel.GUILD,
  party: Channel.PARTY,
  whisper: Channel.WHISPER,
};
const CHANNEL_CLASSES: Readonly<Partial<Record<Channel, string>>> = {
  [Channel.GLOBAL]: "line-global",
  [Channel.AREA]: "line-area",
  [Channel.WHISPER]: "line-whisper",
  [Channel.GUILD]: "line-guild",
  [Channel.PARTY]: "line-party",
  [Channel.SYSTEM]: "line-announced",
};

/** What is said in one place, and the tab that leads there. */
interface Conversation {
  /** 0: not in a room. */
  readonly roomId: bigint;
  readonly name: string;
  readonly log: ChatLog;
  readonly tab: HTMLElement;
  readonly badge: HTMLElement;
  unread: number;
}

/** What the chat calls. */
export interface ChatHandlers {
  /** Gives whether the text was taken, else it stays for another try. */
  readonly onSay: (command: SayCommand) => boolean;
  /** The player is done typing. */
  readonly onLeave: () => void;
  /** How many lines of a room are unread. */
  readonly onUnread: (roomId: bigint, count: number) => void;
}

/** The chat panel. */
export class ChatPanel {
  readonly #panel = byId("chat", HTMLElement);
  readonly #toggle = byId("chat-toggle", HTMLButtonElement);
  readonly #preview = byId("chat-preview", HTMLElement);
  readonly #unreadBadge = byId("chat-unread", HTMLElement);
  readonly #tabs = byId("chat-tabs", HTMLElement);
  readonly #form = byId("chat-form", HTMLFormElement);
  readonly #input = byId("chat-input", HTMLInputElement);
  readonly #recipient = byId("chat-recipient", HTMLInputElement);
  readonly #recipientField = byId("recipient-field", HTMLElement);
  readonly #count = byId("chat-count", HTMLElement);
  readonly #send = byId("chat-send", HTMLButtonElement);
  readonly #channels = byId("channels", HTMLElement);
  readonly #handlers: ChatHandlers;
  readonly #main: Conversation = {
    roomId: 0n,
    name: "",
    log: new ChatLog(byId("chat-log", HTMLOListElement)),
    tab: byId("chat-tab-main", HTMLElement),
    badge: byId("chat-tab-main-unread", HTMLElement),
    unread: 0,
  };
  /** Rooms the player is in, by id. */
  readonly #rooms: Map<bigint, Conversation> = new Map();
  #shown: Conversation = this.#main;
  #lastWhisperer = "";

  constructor(handlers: ChatHandlers) {
    this.#handlers = handlers;
    listenToTabs(this.#tabs, (tab) => {
      for (const conversation of this.#conversations()) if (conversation.tab === tab) this.#show(conversation);
    });
    this.#toggle.addEventListener("click", () => this.#setCollapsed(!this.#isCollapsed));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("change", (event) => this.#channelChanged(event));
    this.#input.addEventListener("input", (event) => {
      // What an input method composes is its own until it is done.
      if (!(event as InputEvent).isComposing) this.#bindReply();
      this.#showCount();
    });
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#handlers.onLeave();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.#isCollapsed) this.#setUnread(this.#shown, 0);
    });
    this.#setCollapsed(matchMedia(PHONE_QUERY).matches);
    this.#showCount();
  }

  /** Shows the chat, or takes it away. */
  setShown(isShown: boolean): void {
    this.#panel.hidden = !isShown;
    if (!isShown) this.#setUnread(this.#main, 0);
  }

  /** Offers the channel of a guild or a party, or takes it away. */
  setOffered(channel: "guild" | "party", isOffered: boolean): void {
    byId(`channel-${channel}`, HTMLElement).hidden = !isOffered;
    if (isOffered || this.#channel !== CHANNEL_VALUES[channel]) return;
    byId("channel-global", HTMLInputElement).checked = true;
  }

  /** The player is in a room; what it was in already stays as it is. */
  addRoom(roomId: bigint, name: string, history: readonly SpokenLine[]): void {
    if (this.#rooms.has(roomId)) return;
    const log = ChatLog.forRoom(`chat-room-${roomId}`, name);
    const tab = make("button", "chat-tab");
    const badge = make("span", "badge");
    tab.type = "button";
    tab.role = "tab";
    tab.setAttribute("aria-controls", log.element.id);
    tab.append(make("span", "chat-tab-name", name), badge);
    badge.hidden = true;
    this.#tabs.append(tab);
    this.#main.log.element.after(log.element);
    const room = { roomId, name, log, tab, badge, unread: 0 };
    this.#rooms.set(roomId, room);
    for (const line of history) log.append(this.#spokenItem(line, false));
    this.#tabs.hidden = false;
    showSelected(this.#tabs, this.#shown.tab);
  }

  /** The player is out of a room. */
  removeRoom(roomId: bigint): void {
    const room = this.#rooms.get(roomId);
    if (room === undefined) return;
    if (this.#shown === room) this.#show(this.#main);
    this.#rooms.delete(roomId);
    room.tab.remove();
    room.log.element.remove();
    this.#tabs.hidden = this.#rooms.size === 0;
    this.#showUnread();
  }

  /** Shows a room, to speak in it. */
  openRoom(roomId: bigint): void {
    const room = this.#rooms.get(roomId);
    if (room === undefined) return;
    this.#setCollapsed(false);
    this.#show(room);
    this.#input.focus();
  }

  /** Shows what happened in a room. */
  addRoomNote(roomId: bigint, text: string): void {
    this.#rooms.get(roomId)?.log.append(noteItem(text, "system"));
  }

  /** Begins a whisper. */
  whisperTo(name: string): void {
    this.#show(this.#main);
    byId("channel-whisper", HTMLInputElement).checked = true;
    this.#recipient.value = name;
    this.#recipientField.hidden = false;
    this.focus();
  }

  /**
   * How much of the page's lower end the open chat takes where it takes the whole width, in CSS pixels; else 0. It is
   * measured by every call.
   */
  get coveredBelow(): number {
    if (this.#panel.hidden || this.#isCollapsed) return 0;
    const { top, width } = this.#panel.getBoundingClientRect();
    return width > innerWidth * 0.8 ? innerHeight - top : 0;
  }

  /** Forgets what was said, for another player. */
  clear(): void {
    for (const roomId of [...this.#rooms.keys()]) this.removeRoom(roomId);
    this.#main.log.element.replaceChildren();
    this.setOffered("guild", false);
    this.setOffered("party", false);
    this.#input.value = "";
    this.#recipient.value = "";
    this.#lastWhisperer = "";
    this.#preview.textContent = TEXTS.page.chat;
    this.#setUnread(this.#main, 0);
    this.#showCount();
  }

  /** Begins typing. */
  focus(): void {
    this.#setCollapsed(false);
    this.#input.focus();
  }

  /**
   * Shows what somebody said.
   *
   * @param isOwn Whether it was the player.
   */
  addSpoken(line: SpokenLine, isOwn: boolean): void {
    const isWhisper = line.channel === Channel.WHISPER;
    if (isWhisper && !isOwn) this.#lastWhisperer = line.senderName;
    const conversation = line.channel === Channel.ROOM ? this.#rooms.get(line.roomId) : this.#main;
    // What is said in a room may come before the answer that lets the player in: the history has it too.
    if (conversation === undefined) return;
    conversation.log.append(this.#spokenItem(line, isOwn));
    const name = isWhisper && isOwn ? `${TEXTS.chat.whisperTo} ${line.recipientName}` : line.senderName;
    this.#preview.textContent = name === "" ? line.text : `${name}: ${line.text}`;
    const isUnseen = this.#isCollapsed || document.hidden || conversation !== this.#shown;
    if (!isOwn && isUnseen) this.#setUnread(conversation, conversation.unread + 1);
  }

  /** Shows what the page itself has to say, where the player looks. */
  addNote(text: string, kind: "system" | "error" = "system"): void {
    this.#shown.log.append(noteItem(text, kind));
  }

  #spokenItem(line: SpokenLine, isOwn: boolean): HTMLLIElement {
    const isWhisper = line.channel === Channel.WHISPER;
    const item = make("li", `line ${CHANNEL_CLASSES[line.channel] ?? "line-other"}`);
    item.append(timeOf(line.timestampMs), " ");
    const label = isWhisper
      ? (isOwn ? TEXTS.chat.whisperTo : TEXTS.chat.whisperFrom)
      : TEXTS.chat.channels[line.channel];
    // A room's own log need not say which room it is.
    if (label !== undefined && line.channel !== Channel.ROOM) {
      item.append(make("span", "line-channel", isWhisper ? label : `[${label}]`), " ");
    }
    const name = isWhisper && isOwn ? line.recipientName : line.senderName;
    if (name !== "") item.append(make("span", "line-name", name), ": ");
    item.append(make("span", "line-text", line.text));
    return item;
  }

  get #isCollapsed(): boolean {
    return this.#panel.classList.contains("is-collapsed");
  }

  get #channel(): Channel {
    if (this.#shown !== this.#main) return Channel.ROOM;
    return CHANNEL_VALUES[String(new FormData(this.#form).get("channel"))] ?? Channel.GLOBAL;
  }

  #submit(): void {
    const command = parseChat(this.#input.value, {
      channel: this.#channel,
      recipientName: this.#recipient.value,
      lastWhisperer: this.#lastWhisperer,
      roomId: this.#shown.roomId,
    });
    switch (command.kind) {
      case "nothing":
        return this.#handlers.onLeave();
      case "mistake":
        this.addNote(command.text, "error");
        if (this.#channel === Channel.WHISPER && this.#recipient.value.trim() === "") this.#recipient.focus();
        return;
      case "help":
        for (const line of [...TEXTS.chat.help, ...hasKeys() ? TEXTS.chat.keyHelp : []]) this.addNote(line);
        break;
      case "say":
        if (!this.#handlers.onSay(command)) return;
    }
    this.#input.value = "";
    this.#showCount();
    this.#shown.log.scrollToEnd();
  }

  #channelChanged(event: Event): void {
    if (!(event.target instanceof HTMLInputElement) || event.target.name !== "channel") return;
    const isWhisper = this.#channel === Channel.WHISPER;
    this.#recipientField.hidden = !isWhisper;
    if (isWhisper && this.#recipient.value === "") this.#recipient.value = this.#lastWhisperer;
  }

  #bindReply(): void {
    const line = bindReply(this.#input.value, this.#lastWhisperer);
    if (line !== this.#input.value) this.#input.value = line;
  }

  /** Counts the text without a command before it. */
  #showCount(): void {
    const command = parseChat(this.#input.value, {
      channel: Channel.GLOBAL,
      recipientName: "",
      lastWhisperer: this.#lastWhisperer,
      roomId: 0n,
    });
    const bytes = utf8Bytes(command.kind === "say" ? command.message : this.#input.value.trim());
    const isOver = command.kind === "mistake" && bytes > CHAT_BYTES_MAX;
    this.#count.textContent = `${bytes}/${CHAT_BYTES_MAX}`;
    this.#count.classList.toggle("is-over", isOver);
    this.#send.disabled = isOver;
  }

  *#conversations(): Generator<Conversation> {
    yield this.#main;
    yield* this.#rooms.values();
  }

  #show(shown: Conversation): void {
    this.#shown = shown;
    for (const conversation of this.#conversations()) conversation.log.element.hidden = conversation !== shown;
    showSelected(this.#tabs, shown.tab);
    this.#channels.hidden = shown !== this.#main;
    this.#input.placeholder = shown === this.#main ? TEXTS.page.messagePlaceholder : TEXTS.chat.messageTo(shown.name);
    shown.log.scrollToEnd();
    if (!this.#isCollapsed) this.#setUnread(shown, 0);
  }

  #setCollapsed(isCollapsed: boolean): void {
    this.#panel.classList.toggle("is-collapsed", isCollapsed);
    this.#toggle.setAttribute("aria-expanded", String(!isCollapsed));
    if (isCollapsed) return;
    this.#setUnread(this.#shown, 0);
    this.#shown.log.scrollToEnd();
  }

  #setUnread(conversation: Conversation, count: number): void {
    if (conversation.unread !== count && conversation !== this.#main) {
      this.#handlers.onUnread(conversation.roomId, count);
    }
    conversation.unread = count;
    showBadge(conversation.badge, count);
    this.#showUnread();
  }

  #showUnread(): void {
    let count = 0;
    for (const { unread } of this.#conversations()) count += unread;
    showBadge(this.#unreadBadge, count);
    document.title = count === 0 ? "Drawbridge" : `(${count}) Drawbridge`;
  }
}

function showBadge(badge: HTMLElement, count: number): void {
  badge.hidden = count === 0;
  badge.textContent = count > 99 ? "99+" : String(count);
  badge.setAttribute("aria-label", TEXTS.chat.unread(count));
}

function noteItem(text: string, kind: "system" | "error"): HTMLLIElement {
  const item = make("li", `line line-${kind}`);
  item.append(timeOf(Date.now()), " ", make("span", "line-text", text));
  return item;
}

function timeOf(timestampMs: number): HTMLTimeElement {
  const date = new Date(timestampMs);
  const isValid = timestampMs > 0 && !Number.isNaN(date.getTime());
  const shown = isValid ? date : new Date();
  const element = make(
    "time",
    "line-time",
    shown.toLocaleTimeString(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  );
  element.dateTime = shown.toISOString();
  return element;
}
