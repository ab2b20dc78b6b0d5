/**
 * Where a point of the world is on the screen. What is painted there is measured in pixels of the camera, which are CSS
 * pixels, and more of them on a large screen: see {@linkcode Camera.uiScale}.
 *
 * @module
 */

/** Screen pixels per unit, least and most: a phone shows some 45 units across, a large screen more than a crowd needs. */
export const ZOOM_MIN = 5;
export const ZOOM_MAX = 28;

/** Units that a screen shows across, as the mean of both sides, before the player zooms. */
const UNITS_ACROSS = 78;

/** A view from above: x to the right, z down. Screen coordinates are the camera's pixels. */
export class Camera {
  /** The point of the world in the middle of what is seen of the screen, in units. */
  x = 0;
  z = 0;
  /** The camera's pixels. */
  width = 1;
  height = 1;
  /** CSS pixels to one of the camera's: 1 up to 1920 x 1080, 2 at 3840 x 2160. */
  uiScale = 1;
  /** How much of the screen's lower end is covered: the middle moves up by half of it. */
  coveredBelow = 0;
  /** Chosen by the player; 1 at first. */
  #zoomFactor = 1;

  /** Pixels per unit. */
  get scale(): number {
    const fitted = Math.sqrt(this.width * this.height) / UNITS_ACROSS;
    return Math.max(ZOOM_MIN, Math.min(ZOOM_MAX, Math.max(fitted, 7.5) * this.#zoomFactor));
  }

  /** Screen y of the camera's point. */
  get middleY(): number {
    return (this.height - this.coveredBelow) / 2;
  }

  /** Zooms by a factor; above 1 comes nearer. */
  zoomBy(factor: number): void {
    this.#zoomFactor = Math.max(0.4, Math.min(2.5, this.#zoomFactor * factor));
  }

  /** Screen x of a world x. */
  screenX(x: number): number {
    return (x - this.x) * this.scale + this.width / 2;
  }

  /** Screen y of a world z. */
  screenY(z: number): number {
    return (z - this.z) * this.scale + this.middleY;
  }

  /** The point of the world under a point of the screen. */
  worldAt(screenX: number, screenY: number): { x: number; z: number } {
    return {
      x: (screenX - this.width / 2) / this.scale + this.x,
      z: (screenY - this.middleY) / this.scale + this.z,
    };
  }
}
