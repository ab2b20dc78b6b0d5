/**
 * Lists of people, rooms and wars: rows with a text and buttons, kept in place while they change.
 *
 * @module
 */

import { ROOMS_MAX } from "../../parts/rooms/limits.ts";
import { make } from "./dom.ts";
import { TEXTS } from "./language.ts";

/** One button of a row. */
export interface RowAction {
  readonly text: string;
  /** What a screen reader reads: the text, and whom it is about. */
  readonly label: string;
  /** Whether it has to be pressed twice. */
  readonly isGrave?: boolean;
  readonly onClick: () => void;
}

/** A password asked for in a row. */
export interface RowField {
  readonly label: string;
  readonly submitText: string;
  readonly onSubmit: (text: string) => void;
}

/** One row. */
export interface Row {
  /** The same as long as the row is about the same. */
  readonly key: string;
  readonly title: string;
  readonly note: string;
  /** A dot before the title; `undefined`: none. */
  readonly isOnline?: boolean;
  /** How many lines are unread. */
  readonly badge?: number;
  readonly actions: readonly RowAction[];
  readonly field?: RowField;
}

/** Rows shown at most: what the longest list of a server has, which is that of rooms. */
export const ROWS_MAX: number = ROOMS_MAX;
/** How long a grave button waits for being pressed again, in milliseconds. */
const CONFIRM_MS = 4_000;

/** What a row looks like, as a text: rows that look the same are left alone. */
export function rowLook({ title, note, isOnline, badge, actions, field }: Row): string {
  return JSON.stringify([title, note, isOnline, badge, actions.map(({ text, label }) => [text, label]), field?.label]);
}

/** One list of the page. */
export class RowList {
  readonly #list: HTMLElement;
  readonly #emptyText: string;
  /** Rows shown, by key. */
  readonly #shown: Map<string, { item: HTMLLIElement; look: string; row: Row }> = new Map();

  /** @param emptyText What it says without rows. */
  constructor(list: HTMLElement, emptyText: string) {
    this.#list = list;
    this.#emptyText = emptyText;
    this.show([]);
  }

  /** Shows these rows in this order; of more than {@linkcode ROWS_MAX} the first. */
  show(all: readonly Row[]): void {
    const rows = all.slice(0, ROWS_MAX);
    const keys = new Set(rows.map(({ key }) => key));
    const focusedIndex = [...this.#list.children].findIndex((item) => item.contains(document.activeElement));
    for (const [key, { item }] of this.#shown) {
      if (keys.has(key)) continue;
      item.remove();
      this.#shown.delete(key);
    }
    rows.forEach((row, index) => {
      const item = this.#itemOf(row);
      if (this.#list.children[index] !== item) this.#list.insertBefore(item, this.#list.children[index] ?? null);
    });
    while (this.#list.childElementCount > rows.length) this.#list.lastElementChild?.remove();
    if (rows.length === 0) this.#list.append(make("li", "row-empty", this.#emptyText));
    if (focusedIndex >= 0 && !this.#list.contains(document.activeElement)) this.#focusNear(focusedIndex);
  }

  /** The row with the focus is gone: keyboard users continue where it was. */
  #focusNear(index: number): void {
    const item = this.#list.children[Math.min(index, this.#list.childElementCount - 1)];
    const button = item.querySelector("button");
    if (button !== null) return button.focus();
    this.#list.tabIndex = -1;
    this.#list.focus();
  }

  #itemOf(row: Row): HTMLLIElement {
    const look = rowLook(row);
    const shown = this.#shown.get(row.key);
    if (shown?.look === look) {
      shown.row = row;
      return shown.item;
    }
    const item = shown?.item ?? make("li", "row");
    const entry = { item, look, row };
    this.#shown.set(row.key, entry);
    const focusedText = item.contains(document.activeElement) ? document.activeElement?.textContent : null;
    // What is clicked is looked up then: a row that looks the same may mean something newer.
    item.replaceChildren(...fill(row, () => entry.row));
    if (row.field !== undefined) item.querySelector("input")?.focus();
    else if (focusedText !== null) {
      const same = [...item.querySelectorAll("button")].find(({ textContent }) => textContent === focusedText);
      same?.focus();
    }
    return item;
  }
}

function fill(row: Row, current: () => Row): HTMLElement[] {
  const text = make("span", "row-text");
  const title = make("span", "row-title");
  if (row.isOnline !== undefined) {
    const dot = make("span", row.isOnline ? "row-dot is-online" : "row-dot");
    dot.role = "img";
    dot.ariaLabel = row.isOnline ? TEXTS.lists.online : TEXTS.lists.offline;
    title.append(dot);
  }
  title.append(row.title);
  if (row.badge !== undefined && row.badge > 0) {
    const badge = make("span", "badge", String(row.badge));
    badge.ariaLabel = TEXTS.chat.unread(row.badge);
    title.append(" ", badge);
  }
  text.append(title);
  if (row.note !== "") text.append(make("span", "row-note", row.note));
  const parts: HTMLElement[] = [text];
  if (row.actions.length > 0) {
    const actions = make("span", "row-actions");
    row.actions.forEach(({ text, label, isGrave = false }, index) => {
      actions.append(actionButton({ text, label, isGrave }, () => current().actions[index]?.onClick()));
    });
    parts.push(actions);
  }
  if (row.field !== undefined) parts.push(fieldForm(row.field, (text) => current().field?.onSubmit(text)));
  return parts;
}

/** Makes a button; a grave one has to be pressed twice. */
function actionButton(
  { text, label, isGrave }: { text: string; label: string; isGrave: boolean },
  onClick: () => void,
): HTMLButtonElement {
  const button = make("button", "button-small", text);
  button.type = "button";
  button.ariaLabel = label;
  if (isGrave) askTwice(button, onClick);
  else button.addEventListener("click", onClick);
  return button;
}

/** Makes a button ask once more before it does what cannot be undone. */
export function askTwice(button: HTMLButtonElement, onConfirm: () => void): void {
  const text = button.textContent ?? "";
  const label = button.ariaLabel;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const calm = () => {
    clearTimeout(timer);
    button.classList.remove("is-asking");
    button.textContent = text;
    button.ariaLabel = label;
  };
  button.addEventListener("click", () => {
    if (button.classList.contains("is-asking")) {
      calm();
      return onConfirm();
    }
    button.classList.add("is-asking");
    button.textContent = TEXTS.lists.sure;
    button.ariaLabel = TEXTS.lists.sureLabel(label ?? text);
    timer = setTimeout(calm, CONFIRM_MS);
  });
}

function fieldForm(field: RowField, onSubmit: (text: string) => void): HTMLFormElement {
  const form = make("form", "row-form");
  const input = make("input", "input");
  input.type = "password";
  input.ariaLabel = field.label;
  input.placeholder = TEXTS.lists.password;
  input.autocomplete = "off";
  input.maxLength = 64;
  const submit = make("button", "button-small", field.submitText);
  submit.type = "submit";
  form.append(input, submit);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onSubmit(input.value);
  });
  return form;
}
