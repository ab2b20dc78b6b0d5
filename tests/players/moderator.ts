/** Somebody who moderates, by the admin site: mutes, kicks, announces, and looks who is there. @module */

import { listForModerators, moderate, type ModerationOptions } from "../../server/moderation/moderation_site.ts";
import type { ModerationList } from "../../server/moderation/moderation_request.ts";
import type { LogicHarness } from "../support/logic_harness.ts";
import { type Actor, Contradiction } from "./board.ts";
import type { Chance } from "./chance.ts";
import type { Checker } from "./checker.ts";

const MUTE_SECONDS = [1, 5, 20, 60];
const NOBODY = "Nobody-at-all";
/** Players that a list shows, at most, of contract and documentation. */
const LISTED_MAX = 1_000;

/** What the moderator is asked to do by chance. */
export class Moderator {
  readonly #harness: LogicHarness;
  readonly #checker: Checker;
  readonly #chance: Chance;
  readonly #site: ModerationOptions;
  #announcementCount = 0;
  muteCount = 0;
  kickCount = 0;

  constructor(harness: LogicHarness, checker: Checker, chance: Chance) {
    this.#harness = harness;
    this.#checker = checker;
    this.#chance = chance;
    this.#site = { run: (request) => harness.logic.moderation.run(request), audit: harness.log };
  }

  /**
   * Does something, when nothing else is under way.
   *
   * @param beforeKick Called before somebody is thrown out who has a session.
   */
  async act(beforeKick: (actor: Actor) => void): Promise<void> {
    const actor = this.#chance.pick(this.#checker.board.actors);
    const roll = this.#chance.below(100);
    if (roll < 35) await this.#mute(actor);
    else if (roll < 50) await this.#unmute(actor);
    else if (roll < 75) await this.#kick(actor, beforeKick);
    else if (roll < 85) await this.#announce();
    else if (roll < 95) await this.#list();
    else await this.#askWrongly();
  }

  async #mute(actor: Actor): Promise<void> {
    const seconds = this.#chance.pick(MUTE_SECONDS);
    await this.#post("mute", { player: actor.name, seconds }, 200);
    this.#checker.chat.mute(actor, this.#harness.clock.unixMs() + seconds * 1_000);
    this.muteCount++;
  }

  async #unmute(actor: Actor): Promise<void> {
    await this.#post("unmute", { player: actor.name }, this.#checker.chat.isMuted(actor) ? 200 : 404);
    this.#checker.chat.mute(actor, 0);
  }

  async #kick(actor: Actor, beforeKick: (actor: Actor) => void): Promise<void> {
    if (!actor.isOnline) return await this.#post("kick", { player: actor.name }, 404);
    beforeKick(actor);
    this.#checker.expectKick(actor);
    await this.#post("kick", { player: actor.name, reason: "enough" }, 200);
    this.kickCount++;
  }

  async #announce(): Promise<void> {
    const text = `announcement-${++this.#announcementCount}`;
    this.#checker.chat.announce(`${this.#harness.config.serverName}: ${text}`);
    await this.#post("announce", { text }, 200);
  }

  /** What is wrong is refused, and nothing comes of it. */
  async #askWrongly(): Promise<void> {
    await this.#post("mute", { player: NOBODY, seconds: 10 }, 404);
    await this.#post("kick", {}, 400);
    await this.#post("mute", { player: this.#checker.board.actors[0].name, seconds: -1 }, 400);
  }

  async #list(): Promise<void> {
    const response = await listForModerators(this.#site);
    const { playerCount, players }: ModerationList = await response.json();
    const online = this.#checker.board.actors.filter(({ isOnline }) => isOnline);
    if (playerCount !== online.length || players.length !== Math.min(playerCount, LISTED_MAX)) {
      throw new Contradiction(`${playerCount} players are listed as online, there are ${online.length}`);
    }
    for (const { isInWorld, isMuted, name } of players) {
      const actor = this.#checker.board.find(name)!;
      const told = [isInWorld, isMuted].join(),
        wanted = [actor.standing === "world", this.#checker.chat.isMuted(actor)];
      if (told !== wanted.join()) throw new Contradiction(`${name} is listed as ${told} instead of ${wanted}`);
    }
  }

  async #post(act: string, body: Record<string, unknown>, status: number): Promise<void> {
    const headers = { "content-type": "application/json" };
    const request = new Request(`http://localhost/moderation/${act}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    const response = await moderate(act, request, this.#site);
    const answer = await response.text();
    if (response.status !== status) {
      throw new Contradiction(
        `${act} ${JSON.stringify(body)} was answered ${response.status} instead of ${status}: ${answer}`,
      );
    }
  }
}
