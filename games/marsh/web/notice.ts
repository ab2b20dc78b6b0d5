/**
 * A panel over the world for what the player has to know: the connection is lost, somebody plays elsewhere, the player
 * is down.
 *
 * @module
 */

import { byId } from "./dom.ts";

/** One button of a notice. */
export interface NoticeButton {
  readonly text: string;
  readonly isDisabled?: boolean;
  readonly onClick: () => void;
}

/** What a notice says. */
export interface NoticeContent {
  readonly title: string;
  readonly text: string;
  /** Whether the world can still be used behind it. */
  readonly isLight: boolean;
  readonly action?: NoticeButton;
  readonly second?: NoticeButton;
}

/** The one notice of the page. */
export class Notice {
  readonly #section = byId("notice", HTMLElement);
  readonly #title = byId("notice-title", HTMLElement);
  readonly #announcer = byId("announcer", HTMLElement);
  readonly #text = byId("notice-text", HTMLElement);
  readonly #action = byId("notice-action", HTMLButtonElement);
  readonly #second = byId("notice-second", HTMLButtonElement);
  #content: NoticeContent | null = null;

  constructor() {
    this.#action.addEventListener("click", () => this.#content?.action?.onClick());
    this.#second.addEventListener("click", () => this.#content?.second?.onClick());
  }

  /** Shows a notice in place of the one before; `null` shows none. */
  show(content: NoticeContent | null): void {
    const wasShown = !this.#section.hidden;
    this.#content = content;
    this.#section.hidden = content === null;
    const isBlocking = content !== null && !content.isLight;
    // Nothing behind a blocking notice can be reached, not by Tab either.
    for (const element of this.#section.parentElement?.children ?? []) {
      if (
        element instanceof HTMLElement && element !== this.#section && element !== this.#announcer &&
        element.id !== "gate"
      ) {
        element.inert = isBlocking;
      }
    }
    if (content === null) {
      this.#announcer.textContent = "";
      return;
    }
    this.#section.classList.toggle("is-light", content.isLight);
    this.#section.setAttribute("role", isBlocking ? "alertdialog" : "group");
    if (this.#title.textContent !== content.title || !wasShown) {
      this.#title.textContent = content.title;
      // A dialog is read when it takes the focus; a light notice takes none.
      if (!isBlocking) this.#announcer.textContent = content.title;
    }
    if (this.#text.textContent !== content.text) this.#text.textContent = content.text;
    fill(this.#action, content.action);
    fill(this.#second, content.second);
    if (!wasShown && isBlocking && content.action !== undefined) this.#action.focus();
  }
}

function fill(element: HTMLButtonElement, button: NoticeButton | undefined): void {
  element.hidden = button === undefined;
  if (button === undefined) return;
  if (element.textContent !== button.text) element.textContent = button.text;
  element.disabled = button.isDisabled === true;
}
