/**
 * What moderators ask of the running server: mute, kick, ban, announce, and who is there.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import {
  ModerationAnswerSchema,
  type ModerationAsked,
  ModerationAsked_Act,
  ModerationAskedSchema,
  SanctionsChangedSchema,
} from "../../shared/gen/cluster_pb.ts";
import type { Explanation } from "../../shared/gen/common_pb.ts";
import { Cause, DisconnectReason } from "../../shared/gen/enums.ts";
import {
  ADDRESS_BANS_MAX,
  ADDRESS_BANS_READ_INTERVAL_MS,
  DECISIONS_READ_INTERVAL_MS,
  STORAGE_ROWS_MAX,
} from "../../shared/limits.ts";
import type { Question, Topic } from "../bus/bus.ts";
import { durationText } from "./duration.ts";
import type { ModerationOutcome, ModerationRequest, ModerationTarget } from "./moderation_request.ts";
import type { GameActions } from "../game/game_actions.ts";
import type { HookLists } from "../game/hooks.ts";
import { PlayerLists } from "./player_lists.ts";
import type { NewSanction, Sanction, SanctionKind } from "./sanction_store.ts";
import { type PlayerName, SYSTEM } from "../storage/storage.ts";
import type { AccountService } from "../session/account_service.ts";
import type { LogicContext } from "../session/context.ts";
import { DocumentDesk } from "../game/document_desk.ts";
import type { Documents } from "../game/documents.ts";
import { RequestError } from "../session/dispatcher.ts";
import { reasonTold, type Sanctions } from "./sanctions.ts";
import type { Players } from "../session/players.ts";
import type { Session } from "../session/session.ts";
import { explain, textOf, type Told } from "../session/told.ts";
import type { WorldService } from "../session/world_service.ts";

/** What moderation acts through. */
export interface ModerationParts {
  /** What the game keeps. */
  readonly documents: Pick<Documents, "collections">;
  readonly accounts: Pick<AccountService, "remove" | "restore" | "revoke" | "scheduleDeletion" | "setPassword">;
  readonly sanctions: Sanctions;
  readonly players: Players;
  readonly actions: GameActions;
  readonly hooks: Pick<HookLists, "announce" | "forgive">;
  readonly world: Pick<WorldService, "expel" | "sessionsOf">;
}

/** Who a sanction is against, found. */
type FoundTarget =
  | { readonly player: PlayerName; readonly address: null }
  | { readonly player: null; readonly address: string };

/** Does what moderators ask. */
export class ModerationService {
  readonly #context: LogicContext;
  readonly #parts: ModerationParts;
  /** When banned addresses are read next, monotonic milliseconds. */
  #nextReadMs = 0;
  /** When it is looked next what other servers have decided, monotonic milliseconds. */
  #nextCatchUpMs = 0;
  #isCatchingUp = false;
  readonly #changed: Topic<typeof SanctionsChangedSchema>;
  readonly #asked: Question<typeof ModerationAskedSchema, typeof ModerationAnswerSchema>;
  readonly #lists: PlayerLists;

  constructor(context: LogicContext, parts: ModerationParts) {
    const { bus, log } = context;
    this.#context = context;
    this.#parts = parts;
    this.#changed = bus.topic(SanctionsChangedSchema);
    this.#changed.on(({ playerId }) => {
      const apply = playerId === 0n ? this.#turnOut() : this.#update({ playerId: Number(playerId) });
      apply.catch((error) => {
        log.warn("Cannot apply what another server decided, will try again", { error: String(error) });
        this.#nextCatchUpMs = 0;
      });
    });
    this.#asked = bus.question(ModerationAskedSchema, ModerationAnswerSchema);
    this.#asked.answer((asked) => ({ count: this.#actHere(asked) }));
    bus.onMissed(() => this.#nextCatchUpMs = 0);
    this.#lists = new PlayerLists(context);
  }

  /** Does one request, or says why not; what it did is on disk when it answers. */
  async run(request: ModerationRequest): Promise<ModerationOutcome> {
    try {
      return await this.#run(request);
    } catch (error) {
      if (error instanceof RequestError) return { kind: "not_found", text: error.message };
      if (!(error instanceof DependencyError)) throw error;
      // Looked up, and gone when something was written of it.
      if (error.code === "conflict") return { kind: "not_found", text: "The account no longer exists" };
      this.#context.log.error("Cannot moderate", { act: request.act, error: error.message });
      return { kind: "unavailable", text: "The storage cannot be reached right now" };
    }
  }

  /**
   * Applies the bans of addresses that the storage knows, by now and then reading them; to be called at the start and
   * every second or so.
   */
  sweep(): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#context.isShared && nowMs >= this.#nextCatchUpMs && !this.#isCatchingUp) {
      // Another server's news may have been missed.
      if (this.#nextCatchUpMs === 0) this.#nextReadMs = nowMs;
      this.#nextCatchUpMs = nowMs + DECISIONS_READ_INTERVAL_MS;
      this.#isCatchingUp = true;
      this.#catchUp().catch((error) => {
        this.#context.log.warn("Cannot read mutes and bans, will try again", { error: String(error) });
        this.#nextCatchUpMs = 0;
      }).finally(() => this.#isCatchingUp = false);
    }
    if (nowMs < this.#nextReadMs) return;
    this.#nextReadMs = nowMs + ADDRESS_BANS_READ_INTERVAL_MS;
    this.#turnOut().catch((error) => {
      this.#context.log.warn("Cannot read banned addresses, will try again", { error: String(error) });
      this.#nextReadMs = 0;
    });
  }

  async #run(request: ModerationRequest): Promise<ModerationOutcome> {
    switch (request.act) {
      case "mute":
      case "ban":
        return await this.#impose(request.act, request);
      case "unmute":
      case "unban":
        return await this.#lift(request.act === "unmute" ? "mute" : "ban", request.target);
      case "kick":
        return await this.#kick(request.target.player, request.reason);
      case "announce":
        return await this.#announceEverywhere(request.text);
      case "password":
      case "revoke":
      case "delete":
      case "restore":
        return await this.#changeAccount(request);
      case "maintenance":
        throw new TypeError("Cannot plan maintenance: the main thread does");
      case "game":
        return await this.#runAction(request);
      case "documents":
        return await this.#lookAtDocuments(request);
      case "list":
        return { kind: "list", list: await this.#lists.read() };
    }
  }

  async #impose(
    kind: SanctionKind,
    { target, seconds, reason, moderator }: Extract<ModerationRequest, { act: "mute" | "ban" }>,
  ): Promise<ModerationOutcome> {
    const { clock, storage } = this.#context;
    const found = await this.#find(target);
    const createdAtMs = clock.unixMs();
    const sanction: NewSanction = {
      kind,
      playerId: found.player?.playerId ?? null,
      address: found.address,
      reason,
      moderator,
      createdAtMs,
      endsAtMs: seconds === null ? null : createdAtMs + seconds * 1_000,
    };
    if (await storage.for(SYSTEM).sanctions.set(sanction) === "full") {
      return { kind: "full", text: `${ADDRESS_BANS_MAX} address ranges are banned already, which is the limit` };
    }
    if (found.player !== null) await this.#update(found.player);
    else await this.#turnOut();
    const later = this.#tellOthers(found.player);
    const done = kind === "mute" ? "muted" : "banned";
    const time = seconds === null ? "until it is lifted" : `for ${durationText(seconds * 1_000)}`;
    return { kind: "done", text: `${found.player?.name ?? found.address} is ${done} ${time}: ${reason}${later}` };
  }

  async #lift(kind: SanctionKind, target: ModerationTarget): Promise<ModerationOutcome> {
    const { clock, storage } = this.#context;
    const { player, address } = await this.#find(target);
    const name = player?.name ?? address;
    const word = kind === "mute" ? "muted" : "banned";
    // Of a mute by the game's own rules nothing is stored.
    const forgiven = kind === "mute" && player !== null && await this.#forgiveEverywhere(player);
    const lifted = await storage.for(SYSTEM).sanctions.lift({
      kind,
      playerId: player?.playerId ?? null,
      address,
      nowMs: clock.unixMs(),
    });
    if (!lifted && !forgiven) return { kind: "not_found", text: `${name} is not ${word}` };
    if (player !== null) await this.#update(player);
    else await this.#parts.sanctions.readAddresses();
    return { kind: "done", text: `${name} is no longer ${word}${this.#tellOthers(player)}` };
  }

  // Other servers

  /** Tells the others whose mutes and bans to read. @returns What the moderator is to know of that. */
  #tellOthers(player: PlayerName | null): string {
    return this.#changed.publish({ playerId: BigInt(player?.playerId ?? 0) })
      ? ""
      : " (other servers cannot be reached, and will know when they can)";
  }

  /** Asks all others to do something. @returns How much was done, and whether somebody did not answer. */
  async #askOthers(
    act: ModerationAsked_Act,
    playerId: number,
    more: { readonly text?: string; readonly explanation?: Explanation } = {},
  ): Promise<{ readonly count: number; readonly isPartial: boolean }> {
    const { bus } = this.#context;
    const asked = Array.from(bus.nodes, (node) => this.#asked.ask(node, { act, playerId: BigInt(playerId), ...more }));
    const answers = await Promise.allSettled(asked);
    const done = answers.filter((answer) => answer.status === "fulfilled").map(({ value }) => value.count);
    return {
      count: done.reduce((sum, count) => sum + count, 0),
      isPartial: !bus.isUp || done.length < answers.length,
    };
  }

  #actHere({ act, explanation, playerId, text }: ModerationAsked): number {
    switch (act) {
      case ModerationAsked_Act.KICK:
        return this.#kickHere(Number(playerId), explanation ?? text);
      case ModerationAsked_Act.FORGIVE:
        return Number(this.#forgive({ playerId: Number(playerId) }));
      case ModerationAsked_Act.ANNOUNCE:
        return this.#announceHere(text);
    }
  }

  /** Looks what others have decided meanwhile of those who are online: the database alone is sure to know. */
  async #catchUp(): Promise<void> {
    const { clock, sessions, storage } = this.#context;
    const playerIds = [...new Set([...sessions.all].flatMap(({ player }) => player === null ? [] : [player.playerId]))];
    for (let from = 0; from < playerIds.length; from += STORAGE_ROWS_MAX) {
      const asked = playerIds.slice(from, from + STORAGE_ROWS_MAX), nowMs = clock.unixMs();
      const found = await storage.for(SYSTEM).sanctions.ofPlayers({ playerIds: asked, nowMs });
      const byPlayer = Map.groupBy(found, ({ playerId }) => playerId);
      for (const playerId of asked) {
        const standing = byPlayer.get(playerId) ?? [];
        if (this.#isNews(playerId, standing, nowMs)) await this.#update({ playerId });
      }
    }
  }

  /** Whether what stands against a player is another than is known here. */
  #isNews(playerId: number, standing: readonly Sanction[], nowMs: number): boolean {
    const known = this.#context.sessions.findPlayer(playerId)?.mute ?? null;
    const mute = standing.find(({ kind }) => kind === "mute");
    if (standing.length > (mute === undefined ? 0 : 1)) return true;
    if (mute === undefined) return known !== null && (known.endsAtMs ?? Infinity) > nowMs;
    return known === null || known.createdAtMs !== mute.createdAtMs || known.endsAtMs !== mute.endsAtMs;
  }

  async #forgiveEverywhere(player: PlayerName): Promise<boolean> {
    const isForgivenHere = this.#forgive(player);
    return (await this.#askOthers(ModerationAsked_Act.FORGIVE, player.playerId)).count > 0 || isForgivenHere;
  }

  #forgive({ playerId }: Pick<PlayerName, "playerId">): boolean {
    let wasMuted = false;
    for (const forgive of this.#parts.hooks.forgive) {
      this.#context.faults.run("forgive", () => wasMuted = forgive(playerId) || wasMuted);
    }
    return wasMuted;
  }

  /** Applies at once what stands against a player. */
  async #update({ playerId }: Pick<PlayerName, "playerId">): Promise<void> {
    const { clock, storage } = this.#context;
    const standing = await storage.for(SYSTEM).sanctions.ofPlayer({ playerId, nowMs: clock.unixMs() });
    this.#parts.sanctions.setStanding(playerId, standing);
    if (standing.ban === null) return;
    const told = this.#parts.sanctions.explain(Cause.BANNED, standing.ban);
    for (const session of this.#parts.world.sessionsOf(playerId)) this.#end(session, DisconnectReason.BANNED, told);
  }

  /** Ends everything that goes on from banned addresses. */
  async #turnOut(): Promise<void> {
    const { sanctions } = this.#parts;
    await sanctions.readAddresses();
    if (!sanctions.hasBannedAddresses) return;
    // Connections that logic has not heard of hold their places too; they are turned away as they are announced.
    if (!this.#context.sessions.tryCallRoll()) this.#nextReadMs = 0;
    this.#context.wake();
    for (const session of [...this.#context.sessions.all]) {
      const ban = session.link === null ? undefined : sanctions.banOf(session.link.info.address);
      if (ban !== undefined) this.#end(session, DisconnectReason.BANNED, sanctions.explain(Cause.BANNED, ban));
    }
  }

  async #kick(name: string, reason: string): Promise<ModerationOutcome> {
    const player = await this.#parts.players.lookUp(name, SYSTEM);
    const explanation = explain(Cause.KICKED, { reason: reasonTold(reason) });
    const here = this.#kickHere(player.playerId, explanation);
    const { count, isPartial } = await this.#askOthers(ModerationAsked_Act.KICK, player.playerId, { explanation });
    if (here + count > 0) return { kind: "done", text: `${player.name} is kicked: ${reason}` };
    if (!isPartial) return { kind: "not_found", text: `${player.name} is not online` };
    return { kind: "unavailable", text: `${player.name} is not online here, and other servers do not answer` };
  }

  #kickHere(playerId: number, told: Told): number {
    const sessions = this.#parts.world.sessionsOf(playerId);
    for (const session of sessions) this.#end(session, DisconnectReason.KICKED, told);
    return sessions.size;
  }

  async #changeAccount(
    request: Extract<ModerationRequest, { act: "password" | "revoke" | "delete" | "restore" }>,
  ): Promise<ModerationOutcome> {
    const { accounts } = this.#parts;
    const player = await this.#parts.players.lookUp(request.target.player, SYSTEM);
    const { name } = player;
    switch (request.act) {
      case "password":
        if (!await accounts.setPassword(player, request.passwordHash)) return gone(name);
        return { kind: "done", text: `${name} has a new password, and its sessions and tokens have ended` };
      case "revoke":
        if (!await accounts.revoke(player)) return gone(name);
        return { kind: "done", text: `The sessions and tokens of ${name} have ended` };
      case "restore":
        if (!await accounts.restore(player)) return { kind: "not_found", text: `${name} is not going to be deleted` };
        return { kind: "done", text: `${name} will not be deleted` };
      case "delete":
        return request.now ? await this.#remove(player) : await this.#scheduleDeletion(player);
    }
  }

  async #scheduleDeletion(player: PlayerName): Promise<ModerationOutcome> {
    const deleteAtMs = await this.#parts.accounts.scheduleDeletion(player);
    if (deleteAtMs === undefined) return gone(player.name);
    const date = new Date(deleteAtMs).toISOString().slice(0, 16).replace("T", " ");
    return {
      kind: "done",
      text: `${player.name} will be deleted on ${date} UTC, unless it logs in or is restored before then`,
    };
  }

  async #remove(player: PlayerName): Promise<ModerationOutcome> {
    const { name } = player;
    const result = await this.#parts.accounts.remove(player);
    if (result === "removed") return { kind: "done", text: `${name} is deleted` };
    if (result !== "sanctioned") return gone(name);
    return { kind: "conflict", text: `A mute or ban of ${name} is in force: lift it first` };
  }

  async #lookAtDocuments(
    { action, collection, key }: Extract<ModerationRequest, { act: "documents" }>,
  ): Promise<ModerationOutcome> {
    const desk = new DocumentDesk(this.#context.storage, this.#parts.documents.collections);
    const { isDone, text } = await desk.run(action, { collection, key });
    return { kind: isDone ? "done" : "not_found", text };
  }

  async #runAction(
    { action, input, moderator }: Extract<ModerationRequest, { act: "game" }>,
  ): Promise<ModerationOutcome> {
    const { actions } = this.#parts;
    if (action === "") return { kind: "done", text: actions.help };
    if (!actions.has(action)) return { kind: "not_found", text: `There is no action ${action}. ${actions.usage}` };
    try {
      const said = await actions.run(action, input, moderator);
      if (typeof said === "string") return { kind: "done", text: said };
      return { kind: "conflict", text: `${said.problems.join("; ")}. ${actions.usage}` };
    } catch (error) {
      if (error instanceof RequestError || error instanceof DependencyError) throw error;
      this.#context.faults.report("action", error, { action });
      return { kind: "conflict", text: `The game failed to do ${action}; the log says why` };
    } finally {
      this.#context.wake();
    }
  }

  /** Tells everybody who is online here. */
  announce(told: Told): void {
    this.#announceHere(told);
  }

  async #announceEverywhere(text: string): Promise<ModerationOutcome> {
    if (this.#parts.hooks.announce.length === 0) {
      return { kind: "not_found", text: "This game has no way to announce anything" };
    }
    const here = this.#announceHere(text);
    const { count, isPartial } = await this.#askOthers(ModerationAsked_Act.ANNOUNCE, 0, { text });
    const players = `${here + count} ${here + count === 1 ? "player" : "players"}`;
    return { kind: "done", text: `Announced to ${players}${isPartial ? "; other servers do not answer" : ""}` };
  }

  #announceHere(told: Told): number {
    const { faults, wake } = this.#context;
    const text = textOf(told), explanation = typeof told === "string" ? undefined : told;
    let count = 0;
    for (const tell of this.#parts.hooks.announce) {
      faults.run("announce", () => count = Math.max(count, tell(text, explanation)));
    }
    wake();
    return count;
  }

  /** @throws {RequestError} `NOT_FOUND` when there is no such player. */
  async #find(target: ModerationTarget): Promise<FoundTarget> {
    if ("address" in target) return { player: null, address: target.address };
    return { player: await this.#parts.players.lookUp(target.player, SYSTEM), address: null };
  }

  /** Ends a session for good: it cannot be resumed. What its player was is saved. */
  #end(session: Session, reason: DisconnectReason, told: Told): void {
    this.#parts.world.expel(session, reason, told);
    this.#context.wake();
  }
}

function gone(name: string): ModerationOutcome {
  return { kind: "not_found", text: `The account of ${name} no longer exists` };
}
