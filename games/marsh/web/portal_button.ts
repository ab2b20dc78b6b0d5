/**
 * The way through a portal: a button and a key, shown where one can be used.
 *
 * @module
 */

import { isTyping } from "./controls.ts";
import { byId } from "./dom.ts";
import { TEXTS } from "./language.ts";
import type { PortalLook } from "./map_look.ts";

const KEY = "KeyE";

/** The button. */
export class PortalButton {
  readonly #button = byId("portal", HTMLButtonElement);
  readonly #text = byId("portal-text", HTMLElement);
  #portal: PortalLook | undefined;

  /** @param onUse The player wants to pass a portal. */
  constructor(onUse: (portalId: number) => void) {
    const use = () => this.#portal !== undefined && onUse(this.#portal.portalId);
    this.#button.addEventListener("click", use);
    document.addEventListener("keydown", (event) => {
      if (event.code !== KEY || event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping()) return;
      use();
    });
  }

  /** Offers a portal; `undefined`: none. */
  offer(portal: PortalLook | undefined): void {
    if (portal === this.#portal) return;
    this.#portal = portal;
    this.#button.hidden = portal === undefined;
    if (portal !== undefined) this.#text.textContent = TEXTS.world.portal(portal.targetName);
  }
}
