/**
 * The drawbridge of the login picture: up until somebody is let in.
 *
 * @module
 */

import { byId, prefersStill } from "./dom.ts";

/** Where the bridge turns, and where its chain leaves the wall, in the picture's units. */
const HINGE = { x: 548, y: 600 };
const CHAIN_HOLE = { x: 547, y: 372 };
/** How far out on the bridge the chain holds it. */
const CHAIN_REACH = 250;
/** Angles of the bridge in degrees: 0 lies over the moat. */
const RAISED = -64;
const LOWERED = 0;
/** Time for the whole way, in milliseconds. */
const TURN_MS = 1_100;

/** The bridge in the picture. */
export class GateScene {
  readonly #plank = byId("bridge-plank", SVGGElement);
  readonly #chain = byId("bridge-chain", SVGPathElement);
  #angle = RAISED;
  #frame = 0;

  constructor() {
    this.#place(RAISED);
  }

  /** Lets the bridge down, or pulls it up. */
  turn(isLowered: boolean): void {
    const from = this.#angle;
    const to = isLowered ? LOWERED : RAISED;
    cancelAnimationFrame(this.#frame);
    if (prefersStill() || from === to) return this.#place(to);
    const durationMs = TURN_MS * Math.abs(to - from) / (LOWERED - RAISED);
    let startMs = -1;
    const step = (nowMs: number) => {
      if (startMs < 0) startMs = nowMs;
      const part = Math.min(1, (nowMs - startMs) / durationMs);
      // Chains let go fast and hold at the end.
      const eased = part < 0.5 ? 2 * part * part : 1 - 2 * (1 - part) * (1 - part);
      this.#place(from + (to - from) * eased);
      if (part < 1) this.#frame = requestAnimationFrame(step);
    };
    this.#frame = requestAnimationFrame(step);
  }

  #place(angle: number): void {
    this.#angle = angle;
    const radians = angle * Math.PI / 180;
    const endX = HINGE.x + Math.cos(radians) * CHAIN_REACH;
    const endY = HINGE.y + Math.sin(radians) * CHAIN_REACH;
    this.#plank.setAttribute("transform", `translate(${HINGE.x} ${HINGE.y}) rotate(${angle})`);
    this.#chain.setAttribute("d", `M${CHAIN_HOLE.x} ${CHAIN_HOLE.y}L${endX.toFixed(1)} ${endY.toFixed(1)}`);
  }
}
