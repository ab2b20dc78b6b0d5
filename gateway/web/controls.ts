/**
 * Keys, mouse and fingers, as where the player wants to go.
 *
 * @module
 */

import type { Camera } from "./camera.ts";
import type { OwnMovement } from "./own_movement.ts";

/** Directions by key, whatever the keyboard's layout. */
const KEY_DIRECTIONS: Readonly<Record<string, { readonly x: number; readonly z: number }>> = {
  KeyW: { x: 0, z: -1 },
  ArrowUp: { x: 0, z: -1 },
  KeyS: { x: 0, z: 1 },
  ArrowDown: { x: 0, z: 1 },
  KeyA: { x: -1, z: 0 },
  ArrowLeft: { x: -1, z: 0 },
  KeyD: { x: 1, z: 0 },
  ArrowRight: { x: 1, z: 0 },
};
/** A pointer held this long leads the player on, in milliseconds; shorter is a click. */
const HOLD_MS = 180;
const WHEEL_ZOOM = 1.0015;
const KEY_ZOOM = 1.15;

/** Keys that are held down, as a direction. */
export class HeldKeys {
  readonly #held: Set<string> = new Set();

  /** Takes a key; `false` when it is none of ours. */
  tryPress(code: string): boolean {
    if (!Object.hasOwn(KEY_DIRECTIONS, code)) return false;
    this.#held.add(code);
    return true;
  }

  /** Lets a key go. */
  release(code: string): void {
    this.#held.delete(code);
  }

  /** Lets all keys go. */
  clear(): void {
    this.#held.clear();
  }

  /** The direction, each axis -1, 0 or 1: opposite keys cancel. */
  get direction(): { x: number; z: number } {
    let x = 0;
    let z = 0;
    for (const code of this.#held) {
      x += KEY_DIRECTIONS[code].x;
      z += KEY_DIRECTIONS[code].z;
    }
    return { x: Math.sign(x), z: Math.sign(z) };
  }
}

/** Steers one movement while the world is shown. */
export class Controls {
  readonly #canvas: HTMLCanvasElement;
  readonly #camera: Camera;
  readonly #keys = new HeldKeys();
  readonly #pointers: Map<number, { x: number; y: number; sinceMs: number }> = new Map();
  readonly #listening = new AbortController();
  readonly #onMoved: () => void;
  #wasSteering = false;
  /** Where a click wants to go, until the next frame. */
  #click: { x: number; z: number } | null = null;

  /** @param onMoved Called whenever the player asks to move. */
  constructor(canvas: HTMLCanvasElement, camera: Camera, onMoved: () => void) {
    this.#canvas = canvas;
    this.#camera = camera;
    this.#onMoved = onMoved;
    const { signal } = this.#listening;
    document.addEventListener("keydown", (event) => this.#keyDown(event), { signal });
    document.addEventListener("keyup", (event) => this.#keys.release(event.code), { signal });
    addEventListener("blur", () => this.release(), { signal });
    // Keys let go while typing are not seen here.
    addEventListener("focusin", () => isTyping() && this.#keys.clear(), { signal });
    canvas.addEventListener("pointerdown", (event) => this.#pointerDown(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#pointerMove(event), { signal });
    for (const type of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(type, (event) => this.#pointers.delete(event.pointerId), { signal });
    }
    canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#camera.zoomBy(WHEEL_ZOOM ** -event.deltaY);
    }, { signal, passive: false });
  }

  /** Lets everything go. */
  release(): void {
    this.#keys.clear();
    this.#pointers.clear();
    this.#click = null;
  }

  /** Stops listening. */
  close(): void {
    this.release();
    this.#listening.abort();
  }

  /** Tells a movement what is wanted now. */
  apply(movement: OwnMovement, nowMs: number): void {
    const { x, z } = this.#keys.direction;
    const isSteering = x !== 0 || z !== 0;
    if (isSteering || this.#wasSteering) movement.steer(x, z);
    this.#wasSteering = isSteering;
    if (isSteering) return;
    if (this.#click !== null) movement.walkTo(this.#click.x, this.#click.z);
    this.#click = null;
    const [pointer] = this.#pointers.values();
    if (this.#pointers.size === 1 && nowMs - pointer.sinceMs > HOLD_MS) {
      // The world moves under a pointer that is held still.
      const goal = this.#camera.worldAt(pointer.x, pointer.y);
      movement.walkTo(goal.x, goal.z);
    }
  }

  #keyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping()) return;
    if (event.key === "+" || event.key === "-") this.#camera.zoomBy(event.key === "+" ? KEY_ZOOM : 1 / KEY_ZOOM);
    // Arrows scroll and choose wherever something else has the focus.
    if (event.code.startsWith("Arrow") && !isWorldFocused(this.#canvas)) return;
    if (!this.#keys.tryPress(event.code)) return;
    event.preventDefault();
    this.#onMoved();
  }

  #pointerDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#canvas.focus({ preventScroll: true });
    event.preventDefault();
    const { offsetX: x, offsetY: y } = event;
    this.#pointers.set(event.pointerId, { x, y, sinceMs: performance.now() });
    this.#canvas.setPointerCapture(event.pointerId);
    // A second finger zooms and does not walk.
    this.#click = this.#pointers.size === 1 ? this.#camera.worldAt(x, y) : null;
    this.#onMoved();
  }

  #pointerMove(event: PointerEvent): void {
    const pointer = this.#pointers.get(event.pointerId);
    if (pointer === undefined) return;
    const before = this.#spread();
    pointer.x = event.offsetX;
    pointer.y = event.offsetY;
    const after = this.#spread();
    if (before > 0 && after > 0) this.#camera.zoomBy(after / before);
  }

  /** Distance of two fingers; 0 with one, or more. */
  #spread(): number {
    if (this.#pointers.size !== 2) return 0;
    const [a, b] = this.#pointers.values();
    return Math.hypot(a.x - b.x, a.y - b.y);
  }
}

/** Whether keys belong to a field. */
export function isTyping(): boolean {
  const { activeElement } = document;
  return activeElement instanceof HTMLTextAreaElement || activeElement instanceof HTMLInputElement;
}

function isWorldFocused(canvas: HTMLCanvasElement): boolean {
  return document.activeElement === canvas || document.activeElement === document.body;
}
