/**
 * Keys, mouse and fingers, as where the player wants to go.
 *
 * @module
 */

import type { Camera } from "./camera.ts";
import type { OwnMovement } from "../../../client/world/own_movement.ts";

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

/** What the controls call. */
export interface ControlHandlers {
  /** The player asked to move. */
  readonly onMoved: () => void;
  /** The player pressed a point of the screen, in the camera's pixels; gives whether that was meant for somebody there. */
  readonly onPress: (x: number, y: number, press: { readonly isTouch: boolean }) => boolean;
}

/** Steers one movement while the world is shown. */
export class Controls {
  readonly #canvas: HTMLCanvasElement;
  readonly #camera: Camera;
  readonly #keys = new HeldKeys();
  readonly #pointers: Map<number, { x: number; y: number; sinceMs: number }> = new Map();
  /** Pointers that pressed on somebody: they lead nowhere until they are let go. */
  readonly #busy: Set<number> = new Set();
  readonly #listening = new AbortController();
  readonly #handlers: ControlHandlers;
  #wasSteering = false;
  #hover: { readonly x: number; readonly y: number } | null = null;
  /** Where a click wants to go, until the next frame. */
  #click: { x: number; z: number } | null = null;

  constructor(canvas: HTMLCanvasElement, camera: Camera, handlers: ControlHandlers) {
    this.#canvas = canvas;
    this.#camera = camera;
    this.#handlers = handlers;
    const { signal } = this.#listening;
    document.addEventListener("keydown", (event) => this.#keyDown(event), { signal });
    document.addEventListener("keyup", (event) => this.#keys.release(event.code), { signal });
    addEventListener("blur", () => this.release(), { signal });
    // Keys let go while typing are not seen here.
    addEventListener("focusin", () => isTyping() && this.#keys.clear(), { signal });
    canvas.addEventListener("pointerdown", (event) => this.#pointerDown(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#pointerMove(event), { signal });
    for (const type of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(type, (event) => {
        this.#pointers.delete(event.pointerId);
        this.#busy.delete(event.pointerId);
      }, { signal });
    }
    canvas.addEventListener("pointerleave", () => this.#hover = null, { signal });
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
    this.#busy.clear();
    this.#click = null;
    this.#hover = null;
  }

  /** Where the mouse points on the world; `null`: nowhere. */
  get pointer(): { x: number; z: number } | null {
    return this.#hover === null ? null : this.#camera.worldAt(this.#hover.x, this.#hover.y);
  }

  /** Stops listening. */
  close(): void {
    this.release();
    this.#listening.abort();
  }

  /**
   * Tells a movement what is wanted now.
   *
   * @returns Whether anything is.
   */
  apply(movement: OwnMovement, nowMs: number): boolean {
    const { x, z } = this.#keys.direction;
    const isSteering = x !== 0 || z !== 0;
    if (isSteering || this.#wasSteering) movement.steer(x, z);
    this.#wasSteering = isSteering;
    if (isSteering) return true;
    const click = this.#click;
    if (click !== null) movement.walkTo(click.x, click.z);
    this.#click = null;
    const [pointer] = this.#pointers.values();
    const isLed = this.#pointers.size === 1 && this.#busy.size === 0 && nowMs - pointer.sinceMs > HOLD_MS;
    if (isLed) {
      // The world moves under a pointer that is held still.
      const goal = this.#camera.worldAt(pointer.x, pointer.y);
      movement.walkTo(goal.x, goal.z);
    }
    return click !== null || isLed;
  }

  #keyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping()) return;
    if (event.key === "+" || event.key === "-") this.#camera.zoomBy(event.key === "+" ? KEY_ZOOM : 1 / KEY_ZOOM);
    // Arrows scroll and choose wherever something else has the focus.
    if (event.code.startsWith("Arrow") && !isWorldFocused(this.#canvas)) return;
    if (!this.#keys.tryPress(event.code)) return;
    event.preventDefault();
    this.#handlers.onMoved();
  }

  #pointerDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#canvas.focus({ preventScroll: true });
    event.preventDefault();
    const { x, y } = this.#placeOf(event);
    this.#pointers.set(event.pointerId, { x, y, sinceMs: performance.now() });
    this.#canvas.setPointerCapture(event.pointerId);
    this.#click = null;
    // A second finger zooms and does not walk.
    if (this.#pointers.size > 1) return;
    if (this.#handlers.onPress(x, y, { isTouch: event.pointerType !== "mouse" })) {
      this.#busy.add(event.pointerId);
      return;
    }
    this.#click = this.#camera.worldAt(x, y);
    this.#handlers.onMoved();
  }

  #pointerMove(event: PointerEvent): void {
    const { x, y } = this.#placeOf(event);
    if (event.pointerType === "mouse") this.#hover = { x, y };
    const pointer = this.#pointers.get(event.pointerId);
    if (pointer === undefined) return;
    const before = this.#spread();
    pointer.x = x;
    pointer.y = y;
    const after = this.#spread();
    if (before > 0 && after > 0) this.#camera.zoomBy(after / before);
  }

  #placeOf({ offsetX, offsetY }: PointerEvent): { x: number; y: number } {
    const { uiScale } = this.#camera;
    return { x: offsetX / uiScale, y: offsetY / uiScale };
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
