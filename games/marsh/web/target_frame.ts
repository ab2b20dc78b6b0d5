/**
 * The player's target: name and health.
 *
 * @module
 */

import { EntityKind } from "../../../shared/gen/world_pb.ts";
import { byId } from "./dom.ts";
import { TEXTS } from "./language.ts";
import { calledOf, type SeenEntity } from "./marsh_model.ts";

/** The panel of the target. */
export class TargetFrame {
  readonly #frame = byId("target", HTMLElement);
  readonly #name = byId("target-name", HTMLElement);
  readonly #meter = byId("target-health", HTMLElement);
  readonly #fill = byId("target-health-fill", HTMLElement);
  readonly #text = byId("target-health-text", HTMLElement);

  /** @param onClear Called when the player wants no target. */
  constructor(onClear: () => void) {
    byId("target-clear", HTMLButtonElement).addEventListener("click", onClear);
  }

  /** Shows somebody; `null` shows nobody. */
  show(target: SeenEntity | null): void {
    this.#frame.hidden = target === null;
    if (target === null) {
      delete document.documentElement.dataset.target;
      return;
    }
    document.documentElement.dataset.target = String(target.id);
    this.#frame.classList.toggle("is-monster", target.kind === EntityKind.MONSTER);
    const called = calledOf(target), name = target.guildTag === "" ? called : `[${target.guildTag}] ${called}`;
    if (this.#name.textContent !== name) this.#name.textContent = name;
    const { current, max } = target.health ?? { current: 0, max: 0 };
    this.#meter.hidden = max <= 0;
    if (max <= 0) return;
    this.#meter.setAttribute("aria-valuemax", String(Math.ceil(max)));
    this.#meter.setAttribute("aria-valuenow", String(Math.ceil(current)));
    this.#fill.style.transform = `scaleX(${Math.max(0, Math.min(1, current / max))})`;
    const text = `${Math.ceil(current)} / ${Math.ceil(max)}${target.isStunned ? ` · ${TEXTS.combat.isStunned}` : ""}`;
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }
}
