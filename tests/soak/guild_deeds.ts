/** What a player changes for good: it founds a guild and leaves it, again and again, and keeps account of it. @module */

import type { DrawbridgeClient } from "../../client/browser.ts";
import { GuildCreateRequestSchema, GuildLeaveRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import type { Deed } from "./partition_history.ts";

/** Guilds as the database has them at the end, by their only members, for `problemsOf`. */
export const GUILDS = `SELECT accounts.name, guilds.name FROM guild_members JOIN guilds ON guilds.id = guild_id
  JOIN accounts ON accounts.id = player_id`;

/** Whether a player is in a guild, by how founding or leaving one was refused; undefined: that does not say. */
export function inGuildBy(errorCode: ErrorCode): boolean | undefined {
  if (errorCode === ErrorCode.ALREADY_EXISTS) return true;
  return errorCode === ErrorCode.NOT_FOUND ? false : undefined;
}

/** The deeds of one player. */
export class GuildDeeds {
  readonly deeds: Deed[] = [];
  /** Answers that cannot be, after what was answered before. */
  readonly surprises: string[] = [];
  /** When something was done last; 0: nothing was. */
  lastDoneMs = 0;
  readonly #doneMs: number[] = [];
  readonly #name: string;
  readonly #index: number;
  #guild = "";
  /** The last deed had no answer: either may be. */
  #isUnsure = false;

  /** @param index No other player has it. */
  constructor(name: string, index: number) {
    this.#name = name;
    this.#index = index;
  }

  /** When something was done first after a moment; undefined: nothing was. */
  firstDoneAfter(atMs: number): number | undefined {
    return this.#doneMs.find((doneMs) => doneMs > atMs);
  }

  /** Does the next one. */
  async act(client: DrawbridgeClient): Promise<void> {
    const kind = this.#guild === "" ? "found" : "leave";
    const count = this.deeds.length;
    const guild = kind === "found" ? `${this.#name} ${count.toString(36)}` : this.#guild;
    const askedAtMs = Date.now();
    let outcome: Deed["outcome"] = "unknown", isInGuild: boolean | undefined;
    try {
      const { errorCode, success } = kind === "found"
        ? await client.request(GuildCreateRequestSchema, { name: guild, tag: this.#tagOf(count) })
        : await client.request(GuildLeaveRequestSchema, {});
      const isUnknown = errorCode === ErrorCode.UNAVAILABLE || errorCode === ErrorCode.TIMEOUT;
      isInGuild = inGuildBy(errorCode);
      outcome = success ? "done" : isUnknown ? "unknown" : "refused";
      // What was asked once and is answered must fit what was answered before.
      if (outcome === "refused" && !this.#isUnsure) {
        this.surprises.push(`${this.#name} was refused to ${kind} ${guild}: ${ErrorCode[errorCode]}`);
      }
      // Who cannot found has a guild already, who cannot leave has none.
      if (outcome === "done") this.#guild = kind === "found" ? guild : "";
      else if (outcome === "refused") this.#guild = kind === "found" ? "some" : "";
    } catch {
      // No answer in time.
    }
    this.#isUnsure = outcome === "unknown" || outcome === "refused";
    const answeredAtMs = Date.now();
    this.deeds.push({ player: this.#name, serverId: 0, kind, guild, askedAtMs, answeredAtMs, outcome, isInGuild });
    if (outcome !== "done") return;
    this.lastDoneMs = performance.now();
    this.#doneMs.push(this.lastDoneMs);
  }

  /** No two players share one. */
  #tagOf(count: number): string {
    const code = (this.#index * 1_679 + count % 1_679).toString(36).toUpperCase();
    return code.padStart(4, "0");
  }
}
