/**
 * The player's own account: another password, logging out everywhere else, deletion.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/browser.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { onSubmit, PASSWORD_LENGTH_MIN } from "./form.ts";
import { TEXTS } from "./language.ts";
import { type CodeTexts, type Outcome, outcomeOf } from "./request_answer.ts";
import type { SidePanel } from "./side_panel.ts";

const REFUSALS: CodeTexts = {
  [ErrorCode.INVALID_CREDENTIALS]: TEXTS.account.wrongPassword,
  [ErrorCode.RATE_LIMITED]: TEXTS.account.tooManyTries,
};

/** What the account panel needs. */
export interface AccountDeskOptions {
  readonly client: DrawbridgeClient;
  readonly panel: Pick<SidePanel, "say">;
  /** The token of before is void. */
  readonly onToken: (token: string) => void;
}

/** The account panel. */
export class AccountDesk {
  readonly #options: AccountDeskOptions;
  #isBusy = false;

  constructor(options: AccountDeskOptions) {
    this.#options = options;
    onSubmit("account-password", (form) => void this.#changePassword(form));
    onSubmit("account-revoke", (form) => void this.#revoke(form));
    onSubmit("account-delete", (form) => void this.#delete(form));
  }

  /** Another player may be looking now. */
  clear(): void {
    for (const form of document.querySelectorAll<HTMLFormElement>("#account form")) form.reset();
  }

  async #changePassword(form: HTMLFormElement): Promise<void> {
    const password = textOf(form, "password");
    const newPassword = textOf(form, "newPassword");
    if (password !== "" && [...newPassword].length < PASSWORD_LENGTH_MIN) {
      return this.#refuse(form, "newPassword", TEXTS.login.passwordShort);
    }
    const response = await this.#ask(form, () => this.#options.client.changePassword(password, newPassword));
    if (response === null) return;
    this.#options.onToken(response.sessionToken);
    this.#options.panel.say(TEXTS.account.passwordChanged);
  }

  async #revoke(form: HTMLFormElement): Promise<void> {
    const response = await this.#ask(form, () => this.#options.client.revokeTokens(textOf(form, "password")));
    if (response === null) return;
    this.#options.onToken(response.sessionToken);
    this.#options.panel.say(TEXTS.account.revoked);
  }

  /** The server ends the session then, and says until when a login keeps the account. */
  async #delete(form: HTMLFormElement): Promise<void> {
    if (new FormData(form).get("sure") === null) {
      return this.#refuse(form, "sure", TEXTS.account.notSure);
    }
    await this.#ask(form, () => this.#options.client.deleteAccount(textOf(form, "password")));
  }

  /** Sends a request with the password of a form; gives the response where it was done. */
  async #ask<R extends object>(form: HTMLFormElement, request: () => Promise<R>): Promise<R | null> {
    if (textOf(form, "password") === "") {
      this.#refuse(form, "password", TEXTS.login.passwordMissing);
      return null;
    }
    if (this.#isBusy) return null;
    this.#isBusy = true;
    this.#options.panel.say(TEXTS.account.busy);
    const { response, code, text }: Outcome<R> = await outcomeOf(request(), REFUSALS);
    this.#isBusy = false;
    if (response !== null) form.reset();
    else if (code === ErrorCode.INVALID_CREDENTIALS) this.#refuse(form, "password", text);
    else this.#options.panel.say(text, "bad");
    return response;
  }

  #refuse(form: HTMLFormElement, name: string, text: string): void {
    this.#options.panel.say(text, "bad");
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLInputElement) field.focus();
  }
}

/** A password, with the spaces that may be part of it. */
function textOf(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name) ?? "");
}
