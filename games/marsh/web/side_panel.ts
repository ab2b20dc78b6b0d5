/**
 * The panel of guild, rooms, friends, ranks and account: beside the world, or a sheet over its lower half where there is no beside.
 *
 * @module
 */

import { isTyping } from "./controls.ts";
import { byId } from "./dom.ts";
import { listenToTabs, showSelected } from "./tab_list.ts";

/** What the panel can show. */
export type SideTab = "guild" | "rooms" | "friends" | "ranks" | "account";

const TABS: readonly SideTab[] = ["guild", "rooms", "friends", "ranks", "account"];
const TAB_BY_KEY: Readonly<Record<string, SideTab>> = {
  KeyG: "guild",
  KeyR: "rooms",
  KeyF: "friends",
  KeyL: "ranks",
  KeyU: "account",
};

/** The side panel. */
export class SidePanel {
  readonly #panel = byId("side", HTMLElement);
  readonly #tabs = byId("side-tabs", HTMLElement);
  readonly #menu = byId("menu", HTMLElement);
  readonly #message = byId("side-message", HTMLElement);
  readonly #onShown: (tab: SideTab) => void;
  #shown: SideTab | null = null;
  #isOffered = false;
  /** What had the focus before. */
  #opener: Element | null = null;

  /** @param onShown Called when a tab is opened, so that it can be brought up to date. */
  constructor(onShown: (tab: SideTab) => void) {
    this.#onShown = onShown;
    for (const tab of TABS) {
      byId(`open-${tab}`, HTMLButtonElement).addEventListener("click", () => this.toggle(tab));
    }
    listenToTabs(this.#tabs, (tab) => this.#show(tab.id.replace("tab-", "") as SideTab));
    byId("side-close", HTMLButtonElement).addEventListener("click", () => this.close());
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
    document.addEventListener("keydown", (event) => {
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
      if (!this.#isOffered || !isPlain || isTyping() || !Object.hasOwn(TAB_BY_KEY, event.code)) return;
      event.preventDefault();
      this.toggle(TAB_BY_KEY[event.code]);
    });
  }

  /** The tab that is open; `null`: none. */
  get shown(): SideTab | null {
    return this.#shown;
  }

  /** Offers the panel, or takes it away. */
  setShown(isOffered: boolean): void {
    this.#isOffered = isOffered;
    this.#menu.hidden = !isOffered;
    if (!isOffered) this.close();
  }

  /** Opens a tab, or closes the panel where it is open already. */
  toggle(tab: SideTab): void {
    if (this.#shown === tab) return this.close();
    if (this.#shown === null) this.#opener = document.activeElement;
    this.#show(tab);
    byId(`tab-${tab}`, HTMLElement).focus({ preventScroll: true });
  }

  /** Closes the panel. */
  close(): void {
    if (this.#shown === null) return;
    const hadFocus = this.#panel.contains(document.activeElement);
    this.#shown = null;
    this.#panel.hidden = true;
    this.#markMenu();
    const opener = this.#opener;
    if (hadFocus && opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    this.#opener = null;
  }

  /** Tells what came of something; empty takes it away. */
  say(text: string, kind: "good" | "bad" = "good"): void {
    this.#message.textContent = text;
    this.#message.classList.toggle("is-bad", kind === "bad");
  }

  /** Marks a tab that has something to see; 0 takes the mark away. */
  setBadge(tab: Exclude<SideTab, "account">, count: number): void {
    for (const id of [`badge-${tab}`, `badge-tab-${tab}`]) {
      const badge = byId(id, HTMLElement);
      badge.hidden = count === 0;
      badge.textContent = count > 99 ? "99+" : String(count);
    }
  }

  /** How much of the page's lower end a sheet takes, in CSS pixels; 0 beside the world. */
  get coveredBelow(): number {
    if (this.#panel.hidden) return 0;
    const { top, width } = this.#panel.getBoundingClientRect();
    return width > innerWidth * 0.8 ? innerHeight - top : 0;
  }

  #show(tab: SideTab): void {
    this.#shown = tab;
    this.#panel.hidden = false;
    this.say("");
    for (const each of TABS) byId(each, HTMLElement).hidden = each !== tab;
    showSelected(this.#tabs, byId(`tab-${tab}`, HTMLElement));
    this.#markMenu();
    this.#onShown(tab);
  }

  #markMenu(): void {
    for (const tab of TABS) byId(`open-${tab}`, HTMLElement).ariaExpanded = String(tab === this.#shown);
  }
}
