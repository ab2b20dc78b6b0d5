/** The page's small forms. @module */

import { byId } from "./dom.ts";

/** Listens to a form of the page. */
export function onSubmit(id: string, submit: (form: HTMLFormElement) => void): void {
  const form = byId(id, HTMLFormElement);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
}

/** What is in a form's field, without spaces around it. */
export function fieldText(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name) ?? "").trim();
}
