/**
 * The skills at the player's hand: buttons, keys, and what is told in passing.
 *
 * @module
 */

import { isTyping } from "./controls.ts";
import type { Cooldowns } from "./cooldowns.ts";
import { byId, make } from "./dom.ts";
import { findSkill, SKILLS } from "./skills.ts";

/** How long a note stays, in milliseconds. */
const NOTE_MS = 1_800;

/** What the bar asks for. */
export interface SkillBarHandlers {
  readonly onUse: (skillId: number) => void;
  /** Choose the next target. */
  readonly onNext: () => void;
  /** Choose nobody. */
  readonly onClear: () => void;
}

/** One skill's button, and what it shows. */
interface SkillButton {
  readonly element: HTMLButtonElement;
  readonly shade: HTMLElement;
  readonly seconds: HTMLElement;
}

/** The skill bar. */
export class SkillBar {
  readonly #bar = byId("skills", HTMLElement);
  readonly #note = byId("combat-note", HTMLElement);
  readonly #buttons: Map<number, SkillButton> = new Map();
  #noteUntilMs = 0;

  constructor(handlers: SkillBarHandlers) {
    for (const { id, name } of SKILLS) {
      const element = byId(`skill-${id}`, HTMLButtonElement);
      const shade = make("span", "skill-shade");
      const seconds = make("span", "skill-seconds");
      shade.ariaHidden = seconds.ariaHidden = "true";
      element.append(shade, seconds);
      element.title = `${name} (${id})`;
      element.addEventListener("click", () => handlers.onUse(id));
      this.#buttons.set(id, { element, shade, seconds });
    }
    document.addEventListener("keydown", (event) => {
      if (this.#bar.hidden || event.ctrlKey || event.metaKey || event.altKey || isTyping()) return;
      const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
      const skill = digit === undefined ? undefined : findSkill(Number(digit));
      if (skill !== undefined && !event.repeat) handlers.onUse(skill.id);
      if (event.code === "KeyQ") handlers.onNext();
      if (event.code === "Escape") handlers.onClear();
    });
  }

  /** Shows the bar, or takes it away. */
  setShown(isShown: boolean): void {
    this.#bar.hidden = !isShown;
    this.note("");
  }

  /** Tells something in passing; empty takes it away. */
  note(text: string): void {
    this.#noteUntilMs = performance.now() + NOTE_MS;
    this.#note.textContent = text;
  }

  /**
   * Shows what is ready.
   *
   * @param canAct Whether the player can do anything now.
   */
  update(cooldowns: Cooldowns, canAct: boolean, nowMs: number): void {
    for (const { id, cooldownMs } of SKILLS) {
      const button = this.#buttons.get(id);
      if (button === undefined) continue;
      const remainingMs = cooldowns.remainingMs(id, nowMs);
      button.shade.style.transform = `scaleY(${(remainingMs / cooldownMs).toFixed(3)})`;
      // Tenths of a short cooldown would only flicker.
      const seconds = remainingMs > 0 && cooldownMs >= 1_000 ? (remainingMs / 1_000).toFixed(1) : "";
      if (button.seconds.textContent !== seconds) button.seconds.textContent = seconds;
      // Not `disabled`, which would take the focus away in the middle of a fight.
      const isOff = !canAct || remainingMs > 0;
      if (button.element.ariaDisabled !== String(isOff)) button.element.ariaDisabled = String(isOff);
      button.element.classList.toggle("is-off", !canAct);
    }
    if (nowMs > this.#noteUntilMs && this.#note.textContent !== "") this.#note.textContent = "";
  }
}
