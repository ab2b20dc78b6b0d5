/**
 * What was said in one place: to all who play, or in one room.
 *
 * @module
 */

import { make } from "./dom.ts";
import { TEXTS } from "./language.ts";

/** Lines kept. */
export const CHAT_LINES_MAX = 200;
/** Within this of the end the log follows what is new, in CSS pixels. */
const FOLLOW_PX = 40;

/** One list of lines. */
export class ChatLog {
  readonly element: HTMLOListElement;

  /** @param element Where the lines go. */
  constructor(element: HTMLOListElement) {
    this.element = element;
  }

  /** Makes the log of a room. */
  static forRoom(id: string, name: string): ChatLog {
    const element = make("ol", "chat-log");
    element.id = id;
    element.role = "log";
    element.ariaLive = "polite";
    element.setAttribute("aria-relevant", "additions");
    element.ariaLabel = TEXTS.chat.messagesIn(name);
    element.tabIndex = 0;
    element.hidden = true;
    return new ChatLog(element);
  }

  /** Adds a line at the end; the oldest goes where there are too many. */
  append(item: HTMLLIElement): void {
    const { element } = this;
    const follows = element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX;
    element.append(item);
    while (element.childElementCount > CHAT_LINES_MAX) element.firstElementChild?.remove();
    if (follows) this.scrollToEnd();
  }

  /** Shows what was said last. */
  scrollToEnd(): void {
    this.element.scrollTop = this.element.scrollHeight;
  }
}
