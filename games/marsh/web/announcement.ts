/** What the operator tells everybody, over the world for a while; the chat keeps it. @module */

import { byId } from "./dom.ts";

/** How long it is shown, in milliseconds: long enough to be read by who is in a fight. */
const SHOWN_MS = 15_000;

/** The one announcement of the page. */
export class Announcement {
  readonly #element = byId("announcement", HTMLElement);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Shows a text in place of the one before. */
  show(text: string): void {
    clearTimeout(this.#timer);
    this.#element.textContent = text;
    this.#element.hidden = false;
    this.#timer = setTimeout(() => this.clear(), SHOWN_MS);
  }

  /** Shows none. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#element.hidden = true;
    this.#element.textContent = "";
  }
}
