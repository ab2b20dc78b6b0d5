/**
 * The state of the connection, the round trip, the players in view, the player's own health.
 *
 * @module
 */

import { byId } from "./dom.ts";
import { TEXTS } from "./language.ts";
import type { Health } from "./marsh_model.ts";

/**
 * What the connection is doing, in the page's words: `replaced` is a `closed` because of another window, `silent` a
 * `connected` whose server leaves a heartbeat without an answer.
 */
export type ConnectionStatus = "idle" | "connecting" | "connected" | "silent" | "reconnecting" | "replaced" | "closed";

/** The bar at the top. */
export class StatusBar {
  readonly #hud = byId("hud", HTMLElement);
  readonly #connection = byId("connection-text", HTMLElement);
  readonly #countdown = byId("connection-countdown", HTMLElement);
  readonly #ping = byId("ping", HTMLElement);
  readonly #visible = byId("visible-count", HTMLElement);
  readonly #ownName = byId("own-name", HTMLElement);
  readonly #vitals = byId("vitals", HTMLElement);
  readonly #health = byId("own-health", HTMLElement);
  readonly #healthFill = byId("own-health-fill", HTMLElement);
  readonly #healthText = byId("own-health-text", HTMLElement);

  /** @param onLeave Called when the player wants to leave. */
  constructor(onLeave: () => void) {
    byId("leave", HTMLButtonElement).addEventListener("click", onLeave);
  }

  /** Shows the bar, or takes it away. */
  setShown(isShown: boolean): void {
    this.#hud.hidden = !isShown;
  }

  /** Shows whose game this is. */
  setName(name: string): void {
    this.#ownName.textContent = name;
  }

  /**
   * Shows what the connection is doing.
   *
   * @param retryInSeconds When reconnecting: seconds until the next attempt; 0 while it is under way.
   */
  setConnection(status: ConnectionStatus, retryInSeconds = 0): void {
    document.documentElement.dataset.connection = status;
    setText(this.#connection, TEXTS.connect.statuses[status]);
    // Beside the live region, which would speak every second.
    setText(
      this.#countdown,
      status === "reconnecting" && retryInSeconds > 0 ? TEXTS.connect.inSeconds(retryInSeconds) : "",
    );
  }

  /** Shows the round trip, in milliseconds; `null` while unknown. */
  setPing(rttMs: number | null): void {
    setText(this.#ping, rttMs === null ? "" : `${Math.round(rttMs)} ms`);
  }

  /** Shows how many others are in view. */
  setVisible(count: number): void {
    setText(this.#visible, TEXTS.number(count));
  }

  /** Shows the player's own health; `null` while unknown. */
  setHealth(health: Health | null): void {
    this.#vitals.hidden = health === null || health.max <= 0;
    if (health === null || health.max <= 0) return;
    const part = Math.max(0, Math.min(1, health.current / health.max));
    this.#health.setAttribute("aria-valuemax", String(Math.round(health.max)));
    this.#health.setAttribute("aria-valuenow", String(Math.round(health.current)));
    this.#healthFill.style.transform = `scaleX(${part})`;
    const shield = health.shield > 0 ? ` +${Math.round(health.shield)}` : "";
    setText(this.#healthText, `${Math.round(health.current)} / ${Math.round(health.max)}${shield}`);
  }
}

/** Changes a text only where it differs: a live region speaks at every change. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
