/**
 * The card to log in with, or to make an account.
 *
 * @module
 */

import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PLAYER_NAME_LENGTH_MIN } from "../../../shared/limits.ts";
import { byId } from "./dom.ts";
import { errorText } from "./error_text.ts";
import { PASSWORD_LENGTH_MIN } from "./form.ts";
import { TEXTS } from "./language.ts";
import { rememberedName } from "./page_storage.ts";

/** What any name is; the server looks closer at a new one. */
const NAME_PATTERN = /^[\p{L}\p{M}\p{Nd}_-]+$/u;

/** Whether an account is to be made first. */
export type LoginMode = "login" | "register";

/** What the player typed. */
export interface LoginEntry {
  readonly mode: LoginMode;
  readonly name: string;
  readonly password: string;
}

/**
 * What is wrong with an entry before it is sent.
 *
 * @returns A text for each field; empty where nothing is wrong.
 */
export function checkLoginEntry({ mode, name, password }: LoginEntry): { name: string; password: string } {
  const isNew = mode === "register";
  return {
    name: name === ""
      ? TEXTS.login.nameMissing
      : NAME_PATTERN.test(name) && [...name].length >= PLAYER_NAME_LENGTH_MIN
      ? ""
      : errorText(ErrorCode.NAME_INVALID),
    password: password === ""
      ? TEXTS.login.passwordMissing
      : isNew && [...password].length < PASSWORD_LENGTH_MIN
      ? TEXTS.login.passwordShort
      : "",
  };
}

/** The login form. */
export class LoginCard {
  readonly #gate = byId("gate", HTMLElement);
  readonly #form = byId("login-form", HTMLFormElement);
  readonly #name = byId("login-name", HTMLInputElement);
  readonly #password = byId("login-password", HTMLInputElement);
  readonly #submit = byId("login-submit", HTMLButtonElement);
  readonly #error = byId("login-error", HTMLElement);
  readonly #status = byId("login-status", HTMLElement);
  readonly #queue = byId("queue", HTMLElement);
  readonly #queuePlace = byId("queue-place", HTMLElement);
  readonly #queueWait = byId("queue-wait", HTMLElement);
  readonly #queueLeave = byId("queue-leave", HTMLButtonElement);

  /**
   * @param onSubmit Takes an entry that looks right.
   * @param onLeaveQueue Called when the player does not want to wait any longer.
   */
  constructor(onSubmit: (entry: LoginEntry) => void, onLeaveQueue: () => void) {
    this.#name.value = rememberedName();
    this.#queueLeave.addEventListener("click", onLeaveQueue);
    this.#form.addEventListener("change", () => this.#showMode());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const entry = {
        mode: this.#mode,
        name: this.#name.value.trim().normalize("NFC"),
        password: this.#password.value,
      };
      const wrong = checkLoginEntry(entry);
      this.#error.textContent = "";
      this.#showFieldError(this.#name, wrong.name);
      this.#showFieldError(this.#password, wrong.password);
      if (wrong.name !== "") this.#name.focus();
      else if (wrong.password !== "") this.#password.focus();
      else onSubmit(entry);
    });
    this.#showMode();
  }

  get #mode(): LoginMode {
    return new FormData(this.#form).get("mode") === "register" ? "register" : "login";
  }

  /** Shows the card, ready for typing. */
  show(): void {
    this.#gate.hidden = false;
    this.#gate.inert = false;
    this.#gate.classList.remove("is-open");
    this.setBusy("");
    (this.#name.value === "" ? this.#name : this.#password).focus({ preventScroll: true });
  }

  /**
   * Lets the player in and forgets the password.
   *
   * @param isInstant Whether the gate is gone at once; else it fades from before the world.
   */
  hide(isInstant: boolean): void {
    this.#showQueued(false);
    this.#gate.hidden = isInstant;
    this.#gate.inert = true;
    this.#gate.classList.add("is-open");
    this.#password.value = "";
    this.#clearErrors();
  }

  /** The account is made: whatever follows, the same entry logs in with it. */
  setRegistered(): void {
    byId("login-mode", HTMLInputElement).checked = true;
    this.#showMode();
  }

  /** Holds the card while something is under way; empty releases it. */
  setBusy(text: string): void {
    const isBusy = text !== "";
    this.#showQueued(false);
    this.#form.setAttribute("aria-busy", String(isBusy));
    this.#submit.disabled = isBusy;
    this.#name.readOnly = isBusy;
    this.#password.readOnly = isBusy;
    this.#status.textContent = text;
    if (isBusy) this.#clearErrors();
  }

  /** Shows the place in the login queue, from 1, and about how long it takes, in milliseconds. */
  showQueue(position: number, etaMs: number): void {
    const { place, placeSpoken, wait } = TEXTS.queue;
    // Spoken at each new place, and not at each new estimate.
    const spoken = placeSpoken(position);
    if (this.#status.textContent !== spoken) this.#status.textContent = spoken;
    this.#queuePlace.textContent = place(position);
    this.#queueWait.textContent = wait(Math.ceil(etaMs / 60_000));
    if (!this.#queue.hidden) return;
    this.#showQueued(true);
    this.#queueLeave.focus({ preventScroll: true });
  }

  /** Says why it did not work, at the field it is about. */
  showRefusal(code: ErrorCode): void {
    const text = errorText(code);
    if (code === ErrorCode.NAME_TAKEN || code === ErrorCode.NAME_INVALID) {
      this.#showFieldError(this.#name, text);
      this.#name.focus();
    } else if (code === ErrorCode.INVALID_CREDENTIALS) {
      this.#showFieldError(this.#password, text);
      this.#password.focus();
      this.#password.select();
    } else {
      this.showProblem(text);
    }
  }

  /** Says why it did not work where no field is to blame. */
  showProblem(text: string): void {
    this.#error.textContent = text;
  }

  #showQueued(isQueued: boolean): void {
    this.#queue.hidden = !isQueued;
    this.#form.classList.toggle("is-queued", isQueued);
    this.#status.classList.toggle("visually-hidden", isQueued);
  }

  #clearErrors(): void {
    this.#error.textContent = "";
    this.#showFieldError(this.#name, "");
    this.#showFieldError(this.#password, "");
  }

  #showFieldError(input: HTMLInputElement, text: string): void {
    byId(`${input.id}-error`, HTMLElement).textContent = text;
    // What is wrong takes the place of what is asked for.
    byId(`${input.id}-help`, HTMLElement).hidden = text !== "" || this.#mode !== "register";
    if (text === "") input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
  }

  #showMode(): void {
    const isNew = this.#mode === "register";
    this.#submit.textContent = isNew ? TEXTS.login.createAccount : TEXTS.login.logIn;
    this.#password.autocomplete = isNew ? "new-password" : "current-password";
    byId("login-name-help", HTMLElement).hidden = !isNew;
    byId("login-password-help", HTMLElement).hidden = !isNew;
  }
}
