/** The page's elements. @module */

/**
 * An element of the page.
 *
 * @throws {Error} when `index.html` has no such element.
 */
export function byId<E extends Element>(id: string, elementClass: abstract new () => E): E {
  const element = document.getElementById(id);
  if (element instanceof elementClass) return element;
  throw new Error(`Cannot find #${id}: the page has no such ${elementClass.name}`);
}

/** Every element of a class. */
export function byClass<E extends Element>(className: string, elementClass: abstract new () => E): E[] {
  return [...document.getElementsByClassName(className)].filter((element): element is E =>
    element instanceof elementClass
  );
}

/** Makes an element with a class and a text; the text is never read as markup. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== "") element.textContent = text;
  return element;
}

/** Whether there are keys to speak of: a device that is touched has none. */
export function hasKeys(): boolean {
  return !matchMedia("(hover: none) and (pointer: coarse)").matches;
}

/** Whether the player asked the system for less motion. */
export function prefersStill(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** CSS pixels to one pixel of what is painted: the style sheet's rem, against what it is on a screen of 1920 x 1080. */
export function uiScale(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}
