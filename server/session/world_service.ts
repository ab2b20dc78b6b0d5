/**
 * Sessions in the world: how they leave it, lose their connection and are saved. Entry, movement, ways between maps
 * and snapshots have files of their own.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { DisconnectReason } from "../../shared/gen/enums.ts";
import { DespawnReason, EntityUpdateSchema, LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { CHARACTER_SAVE_INTERVAL_MS, LOGOUT_SAVE_WAIT_MS } from "../../shared/limits.ts";
import { STATE_AUTHENTICATED } from "../../shared/packet_table.ts";
import type { Game } from "../game/game.ts";
import type { HookLists, LeaveReason } from "../game/hooks.ts";
import type { WorldImage } from "../world/world_image.ts";
import { type AsideImage, Characters } from "./characters.ts";
import type { LogicContext } from "./context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { Entries, type EntryParts } from "./entries.ts";
import type { Link } from "./link.ts";
import { Movements } from "./movements.ts";
import { Occupants, type Stay } from "./occupants.ts";
import { Player } from "./player.ts";
import type { Participant, Session } from "./session.ts";
import type { Told } from "./told.ts";
import { Snapshots } from "./snapshots.ts";
import { Transfers } from "./transfers.ts";

/** What the world asks of the game and tells it. */
type WorldHooks = Pick<
  HookLists,
  "load" | "entryPlace" | "appear" | "savedHp" | "enter" | "leave" | "linkDead" | "spawn" | "despawn" | "stays"
>;

/** Who is in the world, and what was left there, as plain data. */
export interface WorldServiceImage {
  readonly world: WorldImage;
  readonly stays: readonly Stay[];
  readonly aside: AsideImage;
}

/** What becomes of sessions in the world. */
export class WorldService {
  /** Who is behind the entities. */
  readonly occupants = new Occupants();
  /** What is saved of them. */
  readonly characters: Characters;
  readonly movements: Movements;
  readonly transfers: Transfers;
  readonly #context: LogicContext;
  readonly entries: Entries;
  readonly #snapshots: Snapshots;
  /** Players who are to be given up as soon as they are saved. */
  readonly #wanted = new Set<number>();
  /** Players whose sessions are handed over in this moment. */
  readonly #parting = new Set<number>();
  /** Entities that could not be put where they were when the game was reloaded. */
  #moved: number[] = [];
  readonly #hooks: WorldHooks;
  readonly #parts: { readonly game: Pick<Game, "isWriting"> };

  /** @param parts Its game begins later, and before anybody enters. */
  constructor(
    context: LogicContext,
    parts: Pick<EntryParts, "duplicates" | "epochs" | "maintenance" | "sanctions"> & {
      readonly hooks: WorldHooks;
      readonly game: Pick<Game, "isWriting">;
    },
  ) {
    const { occupants } = this, { duplicates, epochs, hooks, maintenance, sanctions } = parts;
    const characters = new Characters(context, hooks);
    this.#context = context;
    this.#parts = parts;
    this.#hooks = hooks;
    this.characters = characters;
    this.movements = new Movements(context);
    this.transfers = new Transfers(context, characters);
    this.#snapshots = new Snapshots(context);
    this.entries = new Entries(context, {
      characters,
      occupants,
      duplicates,
      epochs,
      hooks,
      maintenance,
      sanctions,
      tellMap: (session) => this.transfers.tell(session),
      replace: (session, reason, message) => this.replace(session, reason, message),
    });
  }

  /** Lets those in who wait, as far as there is room, and goes on with giving players up. */
  tick(): void {
    this.entries.tick();
    if (this.#wanted.size > 0) this.#giveUpUnneeded();
  }

  /** One step of the world, as sessions are shown it. */
  step(): void {
    this.#snapshots.step();
  }

  /** Registers the handlers of this module. */
  register(dispatcher: Dispatcher): void {
    this.entries.register(dispatcher);
    this.movements.register(dispatcher);
    dispatcher.on(LeaveWorldRequestSchema, (session) => this.#onLeaveRequest(session));
  }

  /** All that goes on in another world. */
  image(): WorldServiceImage {
    return { world: this.#context.world.image(), stays: [...this.occupants.stays], aside: this.characters.image() };
  }

  /** Goes on where another one was left; the sessions are in the world already. The game is not told yet. */
  restore({ world: image, stays, aside }: WorldServiceImage): void {
    const { sessions, world } = this.#context;
    this.#moved = world.restore(image);
    for (const session of sessions.inWorld) this.occupants.play(session);
    for (const stay of stays) this.occupants.stay(stay);
    this.characters.restore(aside, image.entities);
  }

  /** Tells the game of everybody who was in the world before it was reloaded, and clients where they are if that has changed. */
  takeOver(): void {
    const { faults, sessions, world } = this.#context;
    for (const [entityId, { player, presence }] of this.occupants.all) {
      const { playerId, name } = player!;
      faults.notify("enter", this.#hooks.appear, entityId, { playerId, name }, "stayed");
      faults.notify("enter", this.#hooks.spawn, entityId, presence!.characterId, true);
    }
    for (const session of [...sessions.inWorld]) {
      if (this.#moved.includes(session.presence!.entityId)) {
        session.presence!.home = null;
        this.transfers.moveTo(session, { map: world.maps[0], evenIfFull: true });
      }
      faults.notify("enter", this.#hooks.enter, session.player!, true);
    }
    this.#moved = [];
  }

  // Leaving

  #onLeaveRequest(session: Session): void {
    const { presence } = session;
    if (presence === null) return;
    session.isLeaving = true;
    this.#leave(session, "left");
    session.isLeaving = false;
    if (session.link !== null) session.link.stateDue = STATE_AUTHENTICATED;
    const update = create(EntityUpdateSchema, {
      entityId: BigInt(presence.entityId),
      update: { case: "despawn", value: { reason: DespawnReason.LEFT_WORLD } },
    });
    const payload = toBinary(EntityUpdateSchema, update);
    // Not as LATEST: the client waits for it.
    session.link?.output.send(session.link, PacketType.ENTITY_UPDATE, payload);
    this.finish(session);
  }

  /**
   * Takes a session out of the world, unless it has left, and resolves when its character is saved as it was then. A
   * storage that takes no writes is not waited for: the save is made when it can be.
   */
  async leaveAndSave(session: Session): Promise<void> {
    this.#leave(session, "left");
    if (session.leftCharacterId !== 0) await this.#context.saver.saved(session.leftCharacterId, LOGOUT_SAVE_WAIT_MS);
  }

  /** Ends a session's reliable numbering, after it left the world. */
  finish(session: Session): void {
    this.#context.sessions.leaveWorld(session);
    // Others may have it from now on, and what it still does here is not done by what this node is about to give up.
    if (session.player !== null) Player.setOwner(session.player, null);
    session.finish();
  }

  /**
   * Takes a session out of the world. Its entity goes with it, unless it fights: then it stays, as that of a player whose
   * connection is lost does, until the fight is over or the player is back.
   *
   * @param options Whether the entity goes in any case: the player has no say in it.
   */
  #leave(session: Session, why: LeaveReason, { atOnce = false }: { atOnce?: boolean } = {}): void {
    const { clock, faults, log, sessions, world } = this.#context;
    const { player, presence } = session;
    if (player === null || presence === null) return;
    const { playerId, name } = player;
    log.debug("Player left", { playerId, name });
    faults.notify("leave", this.#hooks.leave, player, why);
    if (!atOnce && this.#mustStay(presence.entityId, clock.monotonicMs())) {
      const stay: Stay = { player: { playerId, name }, presence };
      faults.run("leave", () => this.characters.save(stay));
      this.occupants.stay(stay);
      world.halt(presence.entityId);
      world.requestFullSnapshot(presence.entityId);
    } else {
      this.#remove(session);
    }
    sessions.leaveWorld(session);
    session.leftCharacterId = presence.characterId;
    session.presence = null;
  }

  /** Takes an entity out of the world, saves its character and keeps what holds it back. */
  #remove(who: Participant): void {
    const { faults, world } = this.#context;
    const presence = who.presence!, { characterId, entityId } = presence;
    // Whatever fails, the entity is out of the world afterwards: else it would be there for ever.
    faults.run("leave", () => this.characters.save(who));
    this.characters.hold(presence);
    faults.notify("despawn", this.#hooks.despawn, entityId, characterId);
    faults.run("leave", () => world.leave(entityId, DespawnReason.LEFT_WORLD));
    this.occupants.remove(presence);
    this.characters.forget(entityId);
  }

  /** Whether an entity stays in the world when its player leaves, and as long as it is so. */
  #mustStay(entityId: number, nowMs: number): boolean {
    return this.#hooks.stays.some((stays) => stays(entityId, nowMs));
  }

  /** Takes the player of an entity out of its instance, which ends: an entity without a player leaves the world. */
  clear(entityId: number): void {
    const session = this.occupants.sessionOf(entityId), who = this.occupants.participantOf(entityId);
    if (session !== undefined) this.transfers.moveHome(session);
    else if (who !== undefined) this.#remove(who);
  }

  /** All sessions of a player here: in the world, logged in, or in the line before it. */
  sessionsOf(playerId: number): Set<Session> {
    const { sessions } = this.#context;
    const waiting = this.entries.findWaiting(playerId);
    const found = [sessions.findPlayer(playerId), sessions.findLoginSession(playerId), waiting];
    return new Set(found.filter((session) => session !== undefined));
  }

  /** Ends a session because another takes its place, and tells its client why. */
  replace(session: Session, reason: DisconnectReason, told: Told): void {
    this.#leave(session, "replaced");
    this.#end(session, reason, told);
  }

  /** Ends a session because its player is thrown out, and its entity at once, and tells its client why. */
  expel(session: Session, reason: DisconnectReason, told: Told): void {
    this.#leave(session, "expelled", { atOnce: true });
    this.#end(session, reason, told);
  }

  /**
   * Players are wanted on another node: their sessions end here, and they are given up once they are saved. Who fights is
   * this node's until the fight is over, as whoever leaves is.
   */
  giveUp(playerIds: Iterable<number>): void {
    for (const playerId of playerIds) this.#letGo(playerId, { atOnce: false });
    this.#giveUpUnneeded();
  }

  /** A session leaves the world, at once: it goes on at another node. Its player is this one's until that is done. */
  part(session: Session): void {
    this.#parting.add(session.player!.playerId);
    this.#leave(session, "stopped", { atOnce: true });
  }

  /** A session that has {@linkcode part}ed is another node's to go on with, or cannot be. */
  onParted(playerId: number): void {
    this.#parting.delete(playerId);
  }

  /** A player turned out to be another node's: its session ends, and nothing of it is saved. */
  lose(playerId: number): void {
    this.#context.saver.forget(playerId);
    this.#letGo(playerId, { atOnce: true });
    this.#giveUpUnneeded();
  }

  #letGo(playerId: number, { atOnce }: { readonly atOnce: boolean }): void {
    const { clock, sessions } = this.#context;
    const session = sessions.findPlayer(playerId);
    if (session !== undefined) {
      this.#leave(session, atOnce ? "expelled" : "replaced", { atOnce });
      this.#end(session, DisconnectReason.LOGGED_IN_ELSEWHERE, "The player entered on another server");
    }
    let isStaying = false;
    for (const stay of this.occupants.stays) {
      if (stay.player.playerId !== playerId) continue;
      if (!atOnce && this.#mustStay(stay.presence.entityId, clock.monotonicMs())) isStaying = true;
      else this.#remove(stay);
    }
    // Those who stay are given up when they are swept.
    if (!isStaying) this.#wanted.add(playerId);
  }

  /** Gives up the players that nobody plays here, once all of them is saved, and what the next server reads is written. */
  #giveUpUnneeded(): void {
    const { ownerships, saver, sessions } = this.#context;
    const unsaved = saver.unsavedPlayers();
    const staying = new Set([...this.occupants.stays].map(({ player }) => player.playerId));
    ownerships.sweep((playerId) =>
      this.entries.isEntering(playerId) || staying.has(playerId) || unsaved.has(playerId) ||
      this.#parting.has(playerId) || this.#parts.game.isWriting(playerId) ||
      (sessions.findPlayer(playerId)?.presence ?? null) !== null
    );
    for (const playerId of this.#wanted) {
      if ((ownerships.find(playerId) ?? null) === null || this.entries.isEntering(playerId)) {
        this.#wanted.delete(playerId);
      }
    }
  }

  #end(session: Session, reason: DisconnectReason, told: Told): void {
    this.#context.sessions.disconnect(session, reason, told);
    this.#context.sessions.end(session);
  }

  // Link-death

  /** A connection is gone: a session in the world waits for its client to come back, any other ends. */
  onLinkClosed(link: Link): void {
    const { clock, sessions, world } = this.#context;
    const { session } = link;
    if (session.ended || session.link !== link) return;
    session.link = null;
    if (session.presence === null) {
      sessions.end(session);
      return;
    }
    session.linkDeadSinceMs = clock.monotonicMs();
    const { faults } = this.#context;
    faults.notify("linkDead", this.#hooks.linkDead, session.player!);
    world.halt(session.presence.entityId);
    world.requestFullSnapshot(session.presence.entityId);
  }

  // Time

  /**
   * Ends link-dead sessions whose time is over, removes players who have left and no longer fight, and saves those who
   * are due; to be called about once a second.
   */
  sweep(): void {
    const { clock, config, faults, sessions } = this.#context;
    const nowMs = clock.monotonicMs();
    for (const session of sessions.inWorld) {
      if (session.linkDeadSinceMs !== 0 && nowMs - session.linkDeadSinceMs >= config.linkDeadMs) {
        this.#leave(session, "lost");
        sessions.end(session);
      } else if (session.presence !== null && nowMs >= session.presence.saveAtMs) {
        session.presence.saveAtMs = nowMs + CHARACTER_SAVE_INTERVAL_MS;
        faults.run("save", () => this.characters.save(session));
      }
    }
    for (const stay of this.occupants.stays) {
      if (!this.#mustStay(stay.presence.entityId, nowMs)) faults.run("leave", () => this.#remove(stay));
    }
    this.characters.sweep();
    this.#giveUpUnneeded();
  }

  /** Takes everyone out of the world and resolves when all are saved: the server stops. */
  async stop(): Promise<void> {
    for (const session of [...this.#context.sessions.inWorld]) {
      this.#leave(session, "stopped", { atOnce: true });
      this.#context.sessions.end(session);
    }
    for (const stay of this.occupants.stays) this.#remove(stay);
    await this.#context.saver.flush();
  }
}
