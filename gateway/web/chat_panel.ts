/**
 * The chat: what is said, and the line to say it in.
 *
 * @module
 */

import { Channel } from "../../shared/gen/chat_pb.ts";
import { CHAT_BYTES_MAX } from "../../shared/limits.ts";
import { CHAT_HELP, type ChatCommand, parseChat, utf8Bytes } from "./chat_command.ts";
import { byId, make } from "./dom.ts";

/** Lines kept. */
export const CHAT_LINES_MAX = 200;
/** Within this of the end the log follows what is new, in CSS pixels. */
const FOLLOW_PX = 40;
/** Where the chat is folded away at first: what `style.css` calls a phone. */
const PHONE_QUERY = "(max-width: 640px), (max-height: 480px)";

/** A line somebody said. */
export interface SpokenLine {
  readonly channel: Channel;
  readonly senderName: string;
  /** Whom a whisper of our own went to; else empty. */
  readonly recipientName: string;
  readonly text: string;
  /** Unix milliseconds. */
  readonly timestampMs: number;
}

/** What the player wants said. */
export type SayCommand = Extract<ChatCommand, { kind: "say" }>;

const CHANNEL_VALUES: Readonly<Record<string, Channel>> = {
  global: Channel.GLOBAL,
  area: Channel.AREA,
  whisper: Channel.WHISPER,
};
const CHANNEL_LABELS: Readonly<Partial<Record<Channel, string>>> = {
  [Channel.AREA]: "Area",
  [Channel.GUILD]: "Guild",
  [Channel.PARTY]: "Party",
  [Channel.TRADE]: "Trade",
  [Channel.ROOM]: "Room",
  [Channel.SYSTEM]: "Castle",
};
const CHANNEL_CLASSES: Readonly<Partial<Record<Channel, string>>> = {
  [Channel.GLOBAL]: "line-global",
  [Channel.AREA]: "line-area",
  [Channel.WHISPER]: "line-whisper",
  [Channel.SYSTEM]: "line-system",
};

/** The chat panel. */
export class ChatPanel {
  readonly #panel = byId("chat", HTMLElement);
  readonly #toggle = byId("chat-toggle", HTMLButtonElement);
  readonly #preview = byId("chat-preview", HTMLElement);
  readonly #unreadBadge = byId("chat-unread", HTMLElement);
  readonly #log = byId("chat-log", HTMLOListElement);
  readonly #form = byId("chat-form", HTMLFormElement);
  readonly #input = byId("chat-input", HTMLInputElement);
  readonly #recipient = byId("chat-recipient", HTMLInputElement);
  readonly #recipientField = byId("recipient-field", HTMLElement);
  readonly #count = byId("chat-count", HTMLElement);
  readonly #send = byId("chat-send", HTMLButtonElement);
  readonly #onSay: (command: SayCommand) => boolean;
  readonly #onLeave: () => void;
  #lastWhisperer = "";
  #unread = 0;

  /**
   * @param handlers `onSay` gives whether the text was taken, else it stays for another try; `onLeave` is called when the
   * player is done typing.
   */
  constructor(handlers: { readonly onSay: (command: SayCommand) => boolean; readonly onLeave: () => void }) {
    this.#onSay = handlers.onSay;
    this.#onLeave = handlers.onLeave;
    this.#toggle.addEventListener("click", () => this.#setCollapsed(!this.#isCollapsed));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#form.addEventListener("change", (event) => this.#channelChanged(event));
    this.#input.addEventListener("input", () => this.#showCount());
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#onLeave();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.#isCollapsed) this.#setUnread(0);
    });
    this.#setCollapsed(matchMedia(PHONE_QUERY).matches);
    this.#showCount();
  }

  /** Shows the chat, or takes it away. */
  setShown(isShown: boolean): void {
    this.#panel.hidden = !isShown;
    if (!isShown) this.#setUnread(0);
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
    this.#log.replaceChildren();
    this.#input.value = "";
    this.#recipient.value = "";
    this.#lastWhisperer = "";
    this.#preview.textContent = "Chat";
    this.#setUnread(0);
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
    const item = make("li", `line ${CHANNEL_CLASSES[line.channel] ?? "line-other"}`);
    item.append(timeOf(line.timestampMs), " ");
    const label = isWhisper ? (isOwn ? "to" : "from") : CHANNEL_LABELS[line.channel];
    if (label !== undefined) item.append(make("span", "line-channel", isWhisper ? label : `[${label}]`), " ");
    const name = isWhisper && isOwn ? line.recipientName : line.senderName;
    if (name !== "") item.append(make("span", "line-name", name), ": ");
    item.append(make("span", "line-text", line.text));
    this.#append(item);
    this.#preview.textContent = name === "" ? line.text : `${name}: ${line.text}`;
    const isUnseen = this.#isCollapsed || document.hidden;
    if (!isOwn && isUnseen) this.#setUnread(this.#unread + 1);
  }

  /** Shows what the page itself has to say. */
  addNote(text: string, kind: "system" | "error" = "system"): void {
    const item = make("li", `line line-${kind}`);
    item.append(timeOf(Date.now()), " ", make("span", "line-text", text));
    this.#append(item);
  }

  get #isCollapsed(): boolean {
    return this.#panel.classList.contains("is-collapsed");
  }

  get #channel(): Channel {
    return CHANNEL_VALUES[String(new FormData(this.#form).get("channel"))] ?? Channel.GLOBAL;
  }

  #submit(): void {
    const command = parseChat(this.#input.value, {
      channel: this.#channel,
      recipientName: this.#recipient.value,
      lastWhisperer: this.#lastWhisperer,
    });
    switch (command.kind) {
      case "nothing":
        return this.#onLeave();
      case "mistake":
        this.addNote(command.text, "error");
        if (this.#channel === Channel.WHISPER && this.#recipient.value.trim() === "") this.#recipient.focus();
        return;
      case "help":
        for (const line of CHAT_HELP) this.addNote(line);
        break;
      case "say":
        if (!this.#onSay(command)) return;
    }
    this.#input.value = "";
    this.#showCount();
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #channelChanged(event: Event): void {
    if (!(event.target instanceof HTMLInputElement) || event.target.name !== "channel") return;
    const isWhisper = this.#channel === Channel.WHISPER;
    this.#recipientField.hidden = !isWhisper;
    if (isWhisper && this.#recipient.value === "") this.#recipient.value = this.#lastWhisperer;
  }

  /** Counts the text without a command before it. */
  #showCount(): void {
    const command = parseChat(this.#input.value, {
      channel: Channel.GLOBAL,
      recipientName: "",
      lastWhisperer: this.#lastWhisperer,
    });
    const bytes = utf8Bytes(command.kind === "say" ? command.message : this.#input.value.trim());
    const isOver = command.kind === "mistake" && bytes > CHAT_BYTES_MAX;
    this.#count.textContent = `${bytes}/${CHAT_BYTES_MAX}`;
    this.#count.classList.toggle("is-over", isOver);
    this.#send.disabled = isOver;
  }

  #append(item: HTMLLIElement): void {
    const log = this.#log;
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < FOLLOW_PX;
    log.append(item);
    while (log.childElementCount > CHAT_LINES_MAX) log.firstElementChild?.remove();
    if (follows) log.scrollTop = log.scrollHeight;
  }

  #setCollapsed(isCollapsed: boolean): void {
    this.#panel.classList.toggle("is-collapsed", isCollapsed);
    this.#toggle.setAttribute("aria-expanded", String(!isCollapsed));
    if (isCollapsed) return;
    this.#setUnread(0);
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #setUnread(count: number): void {
    this.#unread = count;
    this.#unreadBadge.hidden = count === 0;
    this.#unreadBadge.textContent = count > 99 ? "99+" : String(count);
    this.#unreadBadge.setAttribute("aria-label", `${count} unread`);
    document.title = count === 0 ? "Drawbridge" : `(${count}) Drawbridge`;
  }
}

function timeOf(timestampMs: number): HTMLTimeElement {
  const date = new Date(timestampMs);
  const isValid = timestampMs > 0 && !Number.isNaN(date.getTime());
  const shown = isValid ? date : new Date();
  const element = make(
    "time",
    "line-time",
    shown.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
  );
  element.dateTime = shown.toISOString();
  return element;
}
