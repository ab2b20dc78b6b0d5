/** All judges of one simulation, and what each of them is told. @module */

import { fromBinary } from "@bufbuild/protobuf";
import { PacketType } from "../../games/marsh/contract.ts";
import type { Session } from "../../server/session/session.ts";
import { hpIn } from "../support/health.ts";
import { ChatJudge } from "./chat_judge.ts";
import { DeliveryJudge } from "./delivery_judge.ts";
import { observe } from "./observe.ts";
import type { SimulatedPlayer } from "./simulated_player.ts";
import type { LogicLife, SimulatedServer } from "./simulated_server.ts";
import type { SimulatedTime } from "./simulated_time.ts";
import { isInSafety, StateJudge } from "./state_judge.ts";
import { StorageJudge } from "./storage_judge.ts";
import { CombatResultSchema } from "../../games/parts/combat/combat_pb.ts";
import type { Verdict } from "./verdict.ts";

/** The bench. */
export class Judges {
  readonly delivery: DeliveryJudge;
  readonly chat: ChatJudge;
  readonly storage: StorageJudge;
  readonly state: StateJudge;
  readonly #time: SimulatedTime;
  #life: LogicLife | null = null;
  #lifeCount = 0;
  /** Sessions that have asked to log out while in the world, and in which life. */
  readonly #logouts = new WeakMap<Session, LogicLife>();
  /** A broadcast shares its payload among all its recipients. */
  #lastBlow: Uint8Array | null = null;

  constructor(readonly verdict: Verdict, time: SimulatedTime) {
    this.#time = time;
    this.delivery = new DeliveryJudge(verdict);
    this.chat = new ChatJudge(verdict, this.delivery, time);
    this.storage = new StorageJudge(verdict);
    this.state = new StateJudge(verdict);
  }

  /** Watches until the result is disposed of. */
  watch(): Disposable {
    return observe({
      onToken: (session) => this.delivery.onToken(session, this.#lifeCount),
      onSent: (session, type, payload, isKept) => {
        const { player } = session;
        if (player !== null && !isKept && type === PacketType.CHAT_MESSAGE) this.chat.onToldOne(player, payload);
        if (type === PacketType.ROOM_RESPONSE && session.player !== null) {
          this.chat.onRoomResponse(session.player.playerId, payload);
        }
        const life = this.#logouts.get(session);
        if (type === PacketType.LOGOUT_RESPONSE && life !== undefined && life === this.#life) {
          this.storage.onLoggedOut(session.leftCharacterId, life, this.#time.monotonicMs());
        }
      },
      onNumbered: (outbox, packet) => {
        const ledger = this.delivery.onNumbered(outbox, packet);
        const life = this.#life;
        if (ledger === undefined || life === null || ledger.life !== this.#lifeCount) return;
        this.chat.onNumbered(life, ledger, packet);
        const { type, payload } = packet;
        if (type === PacketType.ENTER_WORLD_RESPONSE) this.storage.onEntered(life, ledger, payload);
        else if (type === PacketType.COMBAT_RESULT) this.#onBlow(life, payload);
      },
      onApplied: (session, type, sequence, payload) => {
        this.delivery.onApplied(session, type, sequence, payload);
        if (type === PacketType.LOGOUT_REQUEST && session.presence !== null && this.#life !== null) {
          this.#logouts.set(session, this.#life);
          this.storage.onLogoutAsked(session.presence.characterId, this.#time.monotonicMs());
        }
      },
      onShed: (session, sequence) => this.delivery.onShed(session, sequence),
      onSaid: (saying, recipients) => {
        if (this.#life !== null) this.chat.onSaid(this.#life, saying);
        if (saying.type !== PacketType.CHAT_MESSAGE || !Array.isArray(recipients)) return;
        for (const player of recipients) this.chat.onToldOne(player, saying.payload);
      },
      onMissed: (playerId, packets) => {
        if (this.#life !== null) { for (const packet of packets) this.chat.onMissed(this.#life, playerId, packet); }
      },
      onClientNumbered: (session, packet) => this.delivery.onClientNumbered(session, packet),
    });
  }

  /** Logic began a new life. */
  begin(life: LogicLife): void {
    this.#life = life;
    this.#lifeCount++;
    const lifeCount = this.#lifeCount;
    this.chat.begin(life);
    this.state.begin();
    this.storage.begin();
    life.logic.hooks.despawn.push((entityId, characterId) => {
      const { world } = life;
      this.storage.onDeparture(lifeCount, characterId, {
        mapId: world.mapOf(entityId).mapId,
        x: world.xOf(entityId),
        y: world.yOf(entityId),
        z: world.zOf(entityId),
        yaw: world.yawOf(entityId),
        hp: Math.round(hpIn(world, entityId)),
      });
    });
    // A player that leaves while it fights leaves its entity there: what is saved then counts for its logout.
    const { saver } = life;
    const save = saver.save.bind(saver);
    saver.save = (character) => {
      this.storage.onToSave(character);
      save(character);
    };
  }

  afterTurn(server: SimulatedServer): void {
    if (server.life !== this.#life) return;
    this.state.afterTurn(server, this.#time.monotonicMs());
    this.state.afterTurnOfMarsh(server.life, this.#time.monotonicMs());
  }

  #onBlow(life: LogicLife, payload: Uint8Array): void {
    const { logic } = life;
    if (payload === this.#lastBlow) return;
    this.#lastBlow = payload;
    const { attackerId, targetId, targetDied } = fromBinary(CombatResultSchema, payload);
    const { world } = life, target = Number(targetId);
    const isMonsters = life.marsh.monsters.isMonster(Number(attackerId));
    if (isMonsters && world.has(target) && isInSafety(life, target)) {
      this.verdict.fail("fights", `Monster ${attackerId} struck ${targetId}, who is in a safe area`);
    }
    const isBetweenPlayers = logic.world.occupants.participantOf(Number(attackerId)) !== undefined &&
      logic.world.occupants.participantOf(Number(targetId)) !== undefined;
    if (targetDied && isBetweenPlayers) this.storage.onDeath(this.#time.unixMs());
  }

  /** What is not yet as it must be once it is quiet; null: all is. */
  unsettled(server: SimulatedServer, players: readonly SimulatedPlayer[]): string | null {
    for (const player of players) {
      const problem = player.unsettled();
      if (problem !== null) return `${player.name}: ${problem}`;
    }
    const { storage, saver } = server.life;
    if (!server.disk.isIdle || storage.pendingCount > 0) return "the storage still works";
    if (saver.unsavedCount > 0) return "characters are not saved yet";
    return this.chat.unheard(server.life) ?? this.storage.difference(server.life, server.disk) ??
      this.state.wrongGauge(server);
  }
}
