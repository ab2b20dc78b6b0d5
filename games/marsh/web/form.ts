/** The page's small forms. @module */

import { byId } from "./dom.ts";

/** Least characters of a new password: the server only sees its hash. */
export const PASSWORD_LENGTH_MIN = 8;

/** Listens to a form of the page. */
export function onSubmit(id: string, submit: (form: HTMLFormElement) => void): void {
  const form = byId(id, HTMLFormElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
}

/**
 * Leaves Enter and Escape to an input method while it composes: they end the composition, and neither send nor close
 * anything. Safari ends it before it tells of the key, which has the code 229 then.
 */
export function guardComposition(): void {
  document.addEventListener("keydown", (event) => {
    if (!event.isComposing && event.keyCode !== 229) return;
    if (event.key === "Enter") event.preventDefault();
    if (event.key === "Enter" || event.key === "Escape") event.stopPropagation();
  }, { capture: true });
}

/** What is in a form's field, without spaces around it. */
export function fieldText(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name) ?? "").trim();
}
