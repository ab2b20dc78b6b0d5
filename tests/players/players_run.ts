/**
 * Many scripted players in one world, on a clock that is moved by hand, with everything they send and are sent followed
 * by a checker. The same options give the same run.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import {
  DisconnectReason,
  LogoutRequestSchema,
  ResumeRequestSchema,
  ResumeResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EXPIRY_CONFIRM_MS } from "../../shared/limits.ts";
import {
  EnterWorldRequestSchema,
  EnterWorldResponseSchema,
  LeaveWorldRequestSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { type HarnessClient, LogicHarness, type SentPacket } from "../support/logic_harness.ts";
import { Actor, Contradiction } from "./board.ts";
import { Chance } from "./chance.ts";
import { Checker } from "./checker.ts";
import { Habits } from "./habits.ts";
import { mapRules } from "./map_rules.ts";
import { Moderator } from "./moderator.ts";
import { ScriptedPlayer } from "./scripted_player.ts";

/** What a run is made of. */
export interface RunOptions {
  readonly players: number;
  /** Of simulated time. */
  readonly minutes: number;
  readonly seed: number;
  /** Bytes of a snapshot at most; little room tells much late. As the server has it unless told. */
  readonly snapshotBytes?: number;
  /** Square units of the map per player; sparse outside the market unless told. */
  readonly unitsPerPlayer?: number;
  /** How much more often than usual connections are lost, sessions ended and begun anew. */
  readonly restlessness?: number;
  /** Called once a simulated second. */
  readonly onSecond?: (second: number, run: PlayersRun) => void;
  /** Called when everything is set up and nobody is there yet: to break something on purpose. */
  readonly prepare?: (harness: LogicHarness) => void;
}

/** A player moves and may act every this many ticks. */
const TICKS_PER_TURN = 4;
/** Square units per player, on average: sparse outside the market. */
const MAP_UNITS_PER_PLAYER = 500;
const MAP_UNITS_MIN = 250;
const WAR_MINUTES = 1;
/** Times without a connection, in milliseconds: most come back in time. */
const AWAY_MS = [200, 1_000, 3_000, 8_000, 20_000, 75_000];
/** Of a thousand turns of one player, how many bring each. */
const PER_MILLE = { fight: 60, talk: 8, guild: 7, room: 7, friends: 6, travel: 20, leaderboard: 4, connection: 4 };
/** Of a hundred turns with an enemy in a war near, in how many a player fights. */
const FIGHTS_ENEMY_PERCENT = 20;
/** Of a hundred turns at the portal that a player has come for, in how many it tries to pass. */
const PASSES_PORTAL_PERCENT = 30;
/** Of a hundred seconds, in how many a moderator does something. */
const MODERATED_PERCENT = 60;
const DAY_MS = 86_400_000;

/** One run. */
export class PlayersRun {
  readonly harness: LogicHarness;
  readonly checker: Checker;
  readonly #options: RunOptions;
  readonly #chance: Chance;
  readonly moderator: Moderator;
  readonly #habits: Habits;
  readonly #players: ScriptedPlayer[] = [];
  readonly #byClient = new Map<HarnessClient, ScriptedPlayer>();
  /** Connections of those whom a moderator throws out now. */
  readonly #kicked = new Map<HarnessClient, ScriptedPlayer>();
  /** Connections that only try a resume token, and what they are answered. */
  readonly #probes = new Map<HarnessClient, ErrorCode | null>();
  /** What went wrong first. */
  #failure: unknown = null;
  resumeCount = 0;
  entryCount = 0;

  private constructor(options: RunOptions, harness: LogicHarness) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.harness = harness;
    const { linkDeadMs, snapshotBytes, tickMs } = harness.config;
    this.checker = new Checker({
      ...{ idBound: harness.world.slotCount, linkDeadMs, snapshotBytes, tickMs },
      maps: mapRules(loadGameData().maps, harness.config),
      warMinutes: WAR_MINUTES,
    });
    this.checker.board.nowMs = harness.clock.monotonicMs();
    this.#habits = new Habits(this.#chance, this.checker);
    this.moderator = new Moderator(harness, this.checker, this.#chance);
  }

  /**
   * Runs to the end.
   *
   * @throws {Contradiction} where what players were sent is not as the model says.
   */
  static async run(options: RunOptions): Promise<PlayersRun> {
    const { players, snapshotBytes, unitsPerPlayer = MAP_UNITS_PER_PLAYER } = options;
    const mapSize = Math.max(MAP_UNITS_MIN, Math.round(Math.sqrt(players * unitsPerPlayer)));
    let run: PlayersRun | null = null;
    await using harness = await LogicHarness.create({
      seed: options.seed,
      config: {
        // They ask more of each other than people may.
        ...{ mapSize, gameOptions: { guildWarMinutes: WAR_MINUTES, monsters: true }, floodControl: false },
        ...(snapshotBytes === undefined ? {} : { snapshotBytes }),
      },
      worldCapacity: players * 2,
      onPacket: (client, packet) => run!.#onPacket(client, packet),
    });
    // Midnight is in the middle: the scores of the day begin anew.
    const untilMidnightMs = DAY_MS - harness.clock.unixMs() % DAY_MS;
    harness.clock.jump(untilMidnightMs - options.minutes * 30_000 - EXPIRY_CONFIRM_MS);
    // The server has run for long enough to believe the date: it ends no war before.
    harness.advance(EXPIRY_CONFIRM_MS);
    run = new PlayersRun(options, harness);
    options.prepare?.(harness);
    await run.#createPlayers();
    try {
      await run.#play();
    } catch (error) {
      // What came after the first thing that went wrong is no wonder.
      throw run.#failure ?? error;
    } finally {
      // What the end of the server tells is not followed.
      run.#byClient.clear();
    }
    return run;
  }

  async #createPlayers(): Promise<void> {
    const { harness, checker } = this;
    const accounts = Array.from({ length: this.#options.players }, (_, index) => {
      const name = `Player-${index + 1}`;
      return { name, nameKey: name.toLowerCase(), passwordVerifier: null, createdAtMs: harness.clock.unixMs() };
    });
    const created = await harness.storage.accounts.createMany(accounts);
    created.forEach(({ accountId }, index) => {
      const actor = new Actor(index, accountId, accounts[index].name);
      checker.board.add(actor);
      this.#players.push(new ScriptedPlayer(harness, checker, actor));
    });
  }

  async #play(): Promise<void> {
    const { harness } = this;
    const ticksPerSecond = 1_000 / harness.config.tickMs;
    const tickCount = Math.round(this.#options.minutes * 60 * ticksPerSecond);
    for (let tick = 1; tick <= tickCount; tick++) {
      await this.#playTurns(tick);
      await this.#settle();
      this.checker.beginTick(
        harness.clock.monotonicMs() + harness.config.tickMs,
        harness.clock.unixMs() + harness.config.tickMs,
      );
      harness.tick();
      this.#failIfFailed();
      this.#checkConnections();
      this.checker.endTick();
      await this.#settle();
      if (tick % ticksPerSecond === 0 && this.#chance.percent(MODERATED_PERCENT)) await this.#moderate();
      if (tick % ticksPerSecond === 0) this.#options.onSecond?.(tick / ticksPerSecond, this);
    }
  }

  async #playTurns(tick: number): Promise<void> {
    for (const player of this.#players) {
      if ((player.actor.index + tick) % TICKS_PER_TURN !== 0) continue;
      const done = player.client === null ? this.#stayAway(player) : this.#takeTurn(player);
      // Not otherwise: what waits in logic goes on with every await, and must not go half of its way.
      if (done !== undefined) await done;
    }
  }

  /** @returns Undefined where nothing has to be waited for. */
  #takeTurn(player: ScriptedPlayer): Promise<void> | undefined {
    const { actor } = player;
    if (actor.standing === "world") {
      this.#habits.walk(player);
      if (this.checker.fights.isDead(actor) && this.#chance.percent(8)) return void this.#habits.askRespawn(player);
    } else if (actor.standing === "offline" || this.#chance.percent(10)) {
      return this.#enter(player, player.client!);
    }
    return this.#act(player);
  }

  #act(player: ScriptedPlayer): Promise<void> | undefined {
    let roll = this.#chance.fraction() * 1_000;
    // Those who lead have more to do, and those who are invited do not wait for long.
    const { guilds } = this.checker;
    const isAsked = (guilds.rankOf(player.actor) ?? 0) > 0 || guilds.invitesOf(player.actor).length > 0;
    if (isAsked && this.#chance.percent(10)) return void this.#habits.guild(player);
    const isIn = player.actor.standing === "world";
    if (isIn && this.#chance.percent(FIGHTS_ENEMY_PERCENT) && this.#habits.hasEnemyNear(player)) {
      return void this.#habits.fight(player);
    }
    if (isIn && this.#habits.isAtPortal(player) && this.#chance.percent(PASSES_PORTAL_PERCENT)) {
      return void this.#habits.travel(player);
    }
    if ((roll -= PER_MILLE.fight) < 0) return isIn ? void this.#habits.fight(player) : undefined;
    if ((roll -= PER_MILLE.talk) < 0) return void this.#habits.talk(player);
    if ((roll -= PER_MILLE.guild) < 0) return void this.#habits.guild(player);
    if ((roll -= PER_MILLE.room) < 0) return void this.#habits.room(player);
    if ((roll -= PER_MILLE.friends) < 0) return this.#befriend(player);
    if ((roll -= PER_MILLE.travel) < 0) return isIn ? void this.#habits.travel(player) : undefined;
    if ((roll -= PER_MILLE.leaderboard) < 0) return void this.#habits.askLeaderboard(player);
    if ((roll -= PER_MILLE.connection * (this.#options.restlessness ?? 1)) < 0) return this.#changeConnection(player);
    if (isIn && roll < 1 && !this.checker.fights.isDead(player.actor)) this.#habits.askRespawn(player);
  }

  /** One at a time: which of two requests about the same pair comes first is nowhere promised. */
  async #befriend(player: ScriptedPlayer): Promise<void> {
    await this.#settle();
    this.#habits.befriend(player);
    await this.#settle();
  }

  async #moderate(): Promise<void> {
    await this.#settle();
    await this.moderator.act((actor) => this.#beforeKick(this.#players[actor.index]));
    await this.#settle();
    for (const [client, { actor }] of this.#kicked) {
      if (client.closedBy?.reason !== DisconnectReason.KICKED) {
        throw new Contradiction(`${actor.name} was not kicked out`);
      }
    }
    for (const { resumeToken } of this.#kicked.values()) if (resumeToken !== "") this.#tryToken(resumeToken);
    this.#kicked.clear();
  }

  #beforeKick(player: ScriptedPlayer): void {
    if (player.client !== null) this.#kicked.set(player.client, player);
    this.#forgetConnection(player);
  }

  // Coming and going

  async #changeConnection(player: ScriptedPlayer): Promise<void> {
    await this.#settle();
    const { actor, harness } = { actor: player.actor, harness: this.harness };
    const isIn = actor.standing === "world";
    const roll = this.#chance.below(100);
    if (roll < 60 || !isIn) this.#disconnect(player);
    else if (roll < 75) {
      player.send(PacketType.LEAVE_WORLD_REQUEST, LeaveWorldRequestSchema, {}, () => this.checker.expectLeaving(actor));
    } else if (roll < 88) {
      this.checker.expectLogout(actor);
      harness.send(player.client!, LogoutRequestSchema, {});
    } else await this.#enter(player, this.#open(player));
    await this.#settle();
  }

  #disconnect(player: ScriptedPlayer): void {
    const { client } = player;
    this.#forgetConnection(player);
    this.checker.onDisconnect(player.actor);
    this.harness.disconnect(client!);
  }

  /** The player is without a connection for some time. */
  #forgetConnection(player: ScriptedPlayer): void {
    if (player.client !== null) this.#byClient.delete(player.client);
    player.client = null;
    player.awayUntilMs = this.harness.clock.monotonicMs() + this.#chance.pick(AWAY_MS);
  }

  #stayAway(player: ScriptedPlayer): Promise<void> | undefined {
    if (this.harness.clock.monotonicMs() < player.awayUntilMs) return undefined;
    // Not all at once at the beginning.
    const isWaiting = player.actor.standing === "offline" && !this.#chance.percent(25);
    return isWaiting ? undefined : this.#comeBack(player);
  }

  async #comeBack(player: ScriptedPlayer): Promise<void> {
    await this.#settle();
    const isLinkDead = player.actor.standing === "world";
    if (isLinkDead && this.#chance.percent(20)) this.#tryToken(`not-${player.resumeToken}`);
    const client = this.#open(player);
    if (isLinkDead && !this.#chance.percent(10)) {
      this.resumeCount++;
      player.resume(client, this.#chance.below(30));
    } else await this.#enter(player, client);
    await this.#settle();
  }

  #open(player: ScriptedPlayer): HarnessClient {
    const client = this.harness.open({ name: player.actor.name, port: this.#chance.pick(["game", "gateway"]) });
    this.#byClient.set(client, player);
    return client;
  }

  /** Enters the world on a connection; one that the player has beside it is closed by the server. */
  async #enter(player: ScriptedPlayer, client: HarnessClient): Promise<void> {
    await this.#settle();
    const { actor } = player;
    const before = player.client;
    if (before !== null && before !== client) this.#byClient.delete(before);
    player.client = client;
    this.entryCount++;
    this.checker.expectEntry(actor);
    player.begin();
    const sessionToken = `plain:${actor.playerId}:${actor.name}`;
    this.harness.send(client, EnterWorldRequestSchema, { sessionToken });
    await this.#settle();
    if (before !== null && before !== client && before.closedBy === null) {
      throw new Contradiction(`${actor.name} has two connections`);
    }
  }

  /** Somebody tries a token that is none. */
  #tryToken(resumeToken: string): void {
    const probe = this.harness.open();
    this.#probes.set(probe, null);
    this.harness.send(probe, ResumeRequestSchema, { resumeToken });
    if (this.#probes.get(probe) !== ErrorCode.RESUME_EXPIRED) throw new Contradiction("A wrong resume token was taken");
    this.#probes.delete(probe);
    this.harness.disconnect(probe);
  }

  #onPacket(client: HarnessClient, packet: SentPacket): void {
    const player = this.#byClient.get(client);
    if (player === undefined) {
      if (this.#probes.has(client)) {
        this.#probes.set(client, fromBinary(ResumeResponseSchema, packet.payload).errorCode);
      }
      return;
    }
    try {
      this.#follow(player, packet);
    } catch (error) {
      // Not into the server's arms: it would take it for its own.
      this.#failure ??= error;
    }
  }

  #follow(player: ScriptedPlayer, packet: SentPacket): void {
    if (this.#failure !== null) return;
    this.checker.onPacket(player.actor, packet);
    if (packet.type === PacketType.ENTER_WORLD_RESPONSE) {
      player.resumeToken = fromBinary(EnterWorldResponseSchema, packet.payload).resumeToken;
    }
    if (packet.type === PacketType.ENTER_WORLD_RESPONSE || packet.type === PacketType.MAP_ENTERED) {
      const { x, z } = this.checker.sight.bodies.get(player.actor.entityId)!;
      player.goal = { x, z };
    } else if (packet.type === PacketType.RESUME_RESPONSE) {
      player.resumeToken = fromBinary(ResumeResponseSchema, packet.payload).resumeToken;
    }
  }

  /** Lets what logic waits for come to its end. */
  async #settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#failIfFailed();
    this.checker.settle();
  }

  /** The server closes none that it has no reason to. */
  #checkConnections(): void {
    for (const [client, { actor }] of this.#byClient) {
      if (client.closedBy === null) continue;
      throw new Contradiction(`${actor.name} was disconnected: ${client.closedBy.message}`);
    }
  }

  #failIfFailed(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
