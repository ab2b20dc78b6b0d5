/**
 * Who has killed and died most, and where the player stands.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/browser.ts";
import {
  type LeaderboardBoard,
  type LeaderboardEntry,
  type LeaderboardPeriod,
  LeaderboardRequestSchema,
  type LeaderboardResponse,
} from "../../parts/leaderboards/leaderboards_pb.ts";
import { byId, make } from "./dom.ts";
import { TEXTS } from "./language.ts";
import { dayEndText, ownRankText } from "./rank_model.ts";
import { outcomeOf } from "./request_answer.ts";
import type { SidePanel } from "./side_panel.ts";

/** How often an open board is brought up to date, in milliseconds. */
const REFRESH_MS = 5_000;

/** Everything of leaderboards on the page. */
export class RankDesk {
  readonly #client: DrawbridgeClient;
  readonly #panel: SidePanel;
  readonly #choice = byId("ranks-choice", HTMLFormElement);
  readonly #own = byId("ranks-own", HTMLElement);
  readonly #caption = byId("ranks-caption", HTMLElement);
  readonly #rows = byId("ranks-rows", HTMLElement);
  readonly #end = byId("ranks-end", HTMLElement);

  constructor(options: { readonly client: DrawbridgeClient; readonly panel: SidePanel }) {
    this.#client = options.client;
    this.#panel = options.panel;
    this.#choice.addEventListener("change", () => this.refresh());
    this.#choice.addEventListener("submit", (event) => event.preventDefault());
    setInterval(() => {
      if (this.#panel.shown === "ranks" && !document.hidden && this.#client.state === "connected") this.refresh();
    }, REFRESH_MS);
  }

  /** Another player may be looking now. */
  clear(): void {
    this.#rows.replaceChildren();
    this.#own.textContent = this.#end.textContent = "";
  }

  /** Asks for the board that is chosen. */
  async refresh(): Promise<void> {
    const { board, period } = this.#chosen;
    const { response, text } = await outcomeOf(this.#client.request(LeaderboardRequestSchema, { board, period }), {});
    const now = this.#chosen;
    // Another board may have been chosen meanwhile.
    if (now.board !== board || now.period !== period || this.#panel.shown !== "ranks") return;
    this.#panel.say(text, "bad");
    if (response !== null) this.#show(response);
  }

  get #chosen(): { board: LeaderboardBoard; period: LeaderboardPeriod } {
    const fields = new FormData(this.#choice);
    return { board: Number(fields.get("board")), period: Number(fields.get("period")) };
  }

  #show({ board, period, entries, own, endsAt }: LeaderboardResponse): void {
    setText(this.#own, ownRankText(board, period, own));
    setText(this.#end, dayEndText(Number(endsAt), Date.now()));
    const names = [...this.#choice.querySelectorAll("select")].map(({ selectedOptions }) => selectedOptions[0].text);
    this.#caption.textContent = TEXTS.ranks.caption(names[0], names[1]);
    this.#rows.replaceChildren(...entries.map((entry) => rowOf(entry, entry.playerId === own?.playerId)));
    if (entries.length === 0) this.#rows.append(emptyRow());
  }
}

/** What has not changed is not read aloud again. */
function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function rowOf({ rank, name, kills, deaths, monsterKills }: LeaderboardEntry, isOwn: boolean): HTMLElement {
  const row = make("tr", isOwn ? "is-own" : "");
  const title = make("th", "", name);
  title.scope = "row";
  row.append(make("td", "", TEXTS.number(rank)), title);
  for (const count of [kills, deaths, monsterKills]) row.append(make("td", "", TEXTS.number(count)));
  return row;
}

function emptyRow(): HTMLElement {
  const row = make("tr", "");
  const cell = make("td", "ranks-empty", TEXTS.ranks.nobody);
  cell.colSpan = 5;
  row.append(cell);
  return row;
}
