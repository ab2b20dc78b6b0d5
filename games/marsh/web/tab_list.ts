/**
 * Tabs as screen readers and keyboards know them: one is chosen, arrows lead to the others.
 *
 * @module
 */

/** The tab an arrow, Home or End leads to; `null` for any other key. */
export function tabAfter(key: string, index: number, count: number): number | null {
  switch (key) {
    case "ArrowRight":
      return (index + 1) % count;
    case "ArrowLeft":
      return (index + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}

/** Shows which of a list's tabs is chosen; only that one is in the order of Tab. */
export function showSelected(list: HTMLElement, selected: HTMLElement): void {
  for (const tab of list.querySelectorAll<HTMLElement>('[role="tab"]')) {
    const isSelected = tab === selected;
    tab.ariaSelected = String(isSelected);
    tab.tabIndex = isSelected ? 0 : -1;
  }
}

/** Lets clicks and arrows choose tabs of a list, those that come later too. */
export function listenToTabs(list: HTMLElement, onSelect: (tab: HTMLElement) => void): void {
  list.addEventListener("click", (event) => {
    const tab = event.target instanceof Element ? event.target.closest<HTMLElement>('[role="tab"]') : null;
    if (tab !== null) onSelect(tab);
  });
  list.addEventListener("keydown", (event) => {
    const tabs = [...list.querySelectorAll<HTMLElement>('[role="tab"]')];
    const next = tabAfter(event.key, tabs.findIndex((tab) => tab === document.activeElement), tabs.length);
    if (next === null) return;
    event.preventDefault();
    tabs[next].focus();
    onSelect(tabs[next]);
  });
}
