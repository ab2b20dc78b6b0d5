/**
 * One simulation of several servers that share a database: whole servers, each with its own way to the database, players
 * who go from one to another, and everything that can go wrong between them, all from one seed.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { MEMORY_PATH, SqliteDatabase } from "../../server/storage/sqlite_database.ts";
import { Prng } from "../../server/world/prng.ts";
import { SEND_QUEUE_HARD_BYTES_MIN } from "../../shared/limits.ts";
import { ClusterChatJudge } from "./cluster_chat_judge.ts";
import { ClusterJudge } from "./cluster_judge.ts";
import { ANYTHING, type ClusterPlan, type Trouble } from "./cluster_plans.ts";
import { DeliveryJudge } from "./delivery_judge.ts";
import { observe } from "./observe.ts";
import { houseOf, settle } from "./settlement.ts";
import { type Break, type ClientSocket, SimulatedNetwork } from "./simulated_network.ts";
import { SimulatedBus } from "./simulated_bus.ts";
import { type Reach, SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedPlayer, type Surroundings } from "./simulated_player.ts";
import { type LogicLife, SimulatedServer } from "./simulated_server.ts";
import { SimulatedTime } from "./simulated_time.ts";
import { runSeed, type SeedRun, type SimulationResult } from "./simulation.ts";
import { StorageJudge } from "./storage_judge.ts";
import { Trace } from "./trace.ts";
import { Verdict } from "./verdict.ts";

const NODES = 3;
/** How long players play while things go wrong, in milliseconds. */
const TROUBLE_MS = 24_000;
/** How soon everybody must be in a world once nothing goes wrong any more, in milliseconds: a server may still wait for its lease. */
const RECOVERY_MS = 60_000;
/** How long they play between two restarts, and how soon what was said then has been heard, in milliseconds. */
const CALM_MS = 4_000;
const HEARD_MS = 3_000;
/** How soon a server that is told to stop has come back, in milliseconds. */
const RESTART_MS = 60_000;
/** How soon nothing of anybody may be left, in milliseconds. */
const LEAVE_MS = 120_000;
const POLL_MS = 250;
const REACHES: readonly Reach[] = ["mute", "deaf", "cut"];
const BREAKS: readonly Break[] = ["reset", "end", "silence"];

/** Runs one seed. */
export function simulateCluster(
  seed: number,
  options: { readonly keepsLines?: boolean; readonly plan?: ClusterPlan } = {},
): Promise<SimulationResult> {
  return runSeed(seed, () => new ClusterSimulation(seed, options));
}

/** One server, and all that leads to it. */
interface Node {
  readonly server: SimulatedServer;
  readonly network: SimulatedNetwork;
  /** Until when something ails it, monotonic milliseconds. */
  troubledUntilMs: number;
}

function incarnationOf({ config: { serverId }, lifeCount }: SimulatedServer): string {
  return `run ${serverId}.${lifeCount}`;
}

class ClusterSimulation implements SeedRun {
  readonly trace: Trace;
  readonly verdict: Verdict;
  readonly #time = new SimulatedTime();
  readonly #prng: Prng;
  readonly #database: SqliteDatabase;
  readonly #nodes: Node[] = [];
  readonly #delivery: DeliveryJudge;
  readonly #storage: StorageJudge;
  readonly #judge: ClusterJudge;
  readonly #chat: ClusterChatJudge;
  readonly #bus: SimulatedBus;
  readonly #watch: Disposable;
  readonly #around: Surroundings;
  readonly #players: SimulatedPlayer[] = [];
  /** The node that each address has been to last. */
  readonly #lastNodes = new Map<string, number>();
  readonly #plan: ClusterPlan;
  #lifeCount = 0;
  #isTroubled = false;

  constructor(seed: number, { keepsLines = false, plan = ANYTHING }: { keepsLines?: boolean; plan?: ClusterPlan }) {
    const prng = this.#prng = new Prng(seed);
    const next = () => new Prng(prng.nextUint32());
    this.#plan = plan;
    this.trace = new Trace({ keepsLines });
    this.verdict = new Verdict(() => this.trace.stepCount);
    this.#delivery = new DeliveryJudge(this.verdict);
    this.#storage = new StorageJudge(this.verdict);
    this.#chat = new ClusterChatJudge(this.verdict, this.#time, {
      ledgerOf: (id) => this.#players[id].ledger,
      guildOf: (playerId) => this.#guildOf(playerId),
    });
    this.#bus = new SimulatedBus(this.#time, next());
    this.#judge = new ClusterJudge(this.verdict, this.#time, {
      troubledUntilMs: (node) => this.#nodes[node].troubledUntilMs,
      knows: (incarnation, playerId) =>
        this.#nodes.some(({ server }) =>
          incarnation === incarnationOf(server) &&
          server.life.logic.context.ownerships.find(playerId) !== undefined
        ),
      isOf: (incarnation, node) => incarnation === incarnationOf(this.#nodes[node].server),
      isRunning: (life) => this.#nodes.some(({ server }) => server.life === life),
    });
    this.#watch = this.#observe();
    this.#database = new SqliteDatabase({ path: MEMORY_PATH, nowMs: () => this.#time.unixMs() }, MARSH_RECORDS);
    const [linkDeadMsMin, linkDeadMsMax] = this.#plan.linkDeadMs;
    const linkDeadMs = linkDeadMsMin + prng.nextInt(linkDeadMsMax - linkDeadMsMin);
    for (let index = 0; index < NODES; index++) this.#nodes.push(this.#node(index, next, linkDeadMs));
    const names = Array.from({ length: 4 + prng.nextInt(4) }, (_, index) => `player${index}`);
    this.#around = {
      time: this.#time,
      network: { connect: (...where) => this.#connect(...where) },
      judges: {
        verdict: this.verdict,
        delivery: this.#delivery,
        storage: this.#storage,
        chat: this.#chat,
      },
      names,
      shoutCount: 20,
      habit: this.#plan.habit,
      isQuiet: false,
      isOver: false,
    };
    for (const character of settle(this.#nodes[0].server.disk, names, prng)) this.#judge.onPrepared(character);
    // Some accounts are played by two.
    const twinCount = prng.nextInt(2);
    for (let id = 0; id < names.length + twinCount; id++) {
      const options = { isTcpOnly: prng.nextInt(3) === 0, isNew: false, isParrot: false };
      this.#players.push(new SimulatedPlayer(id, names[id % names.length], this.#around, next(), options));
    }
  }

  #node(index: number, next: () => Prng, linkDeadMs: number): Node {
    const disk = new SimulatedDisk(this.#time, next(), this.trace, (request, outcome) => {
      this.#judge.onCommit(request, outcome);
      if (!/^(characters|directory)\.|\.addKills$/.test(request.operation)) this.#storage.onCommit(request, outcome);
    }, this.#database);
    const server = new SimulatedServer(this.#time, next(), {
      shape: {
        ioWorkers: 1,
        toLogicBytes: 131_072,
        fromLogicBytes: 131_072,
        softBytes: 65_536,
        hardBytes: SEND_QUEUE_HARD_BYTES_MIN,
        linkDeadMs,
        monsterCount: 1,
        serverId: index + 1,
      },
      disk,
      bus: this.#bus,
      onLife: (life) => {
        this.#lifeCount++;
        this.#judge.begin(life);
      },
      afterTurn: (server) => this.#judge.afterTurn(server, index),
    });
    return { server, network: new SimulatedNetwork(this.#time, next(), this.trace, server), troubledUntilMs: 0 };
  }

  #observe(): Disposable {
    return observe({
      onToken: (session) => this.#delivery.onToken(session, this.#lifeCount),
      onSent: ({ outbox, player }, type, payload, isKept) => {
        if (player !== null && type === PacketType.CHAT_MESSAGE) this.#onToldOne(outbox, player, payload, isKept);
      },
      onNumbered: (outbox, packet) => {
        const ledger = this.#delivery.onNumbered(outbox, packet);
        if (ledger !== undefined && packet.type === PacketType.CHAT_MESSAGE) {
          this.#chat.onTold(ledger, fromBinary(ChatMessageSchema, packet.payload), packet.receipt !== undefined);
        }
        const isEntry = packet.type === PacketType.ENTER_WORLD_RESPONSE;
        if (ledger === undefined || !isEntry && packet.type !== PacketType.MAP_ENTERED) return;
        const life = this.#lifeOf(ledger.session.player!.playerId, outbox);
        if (life === undefined) return;
        if (isEntry) this.#judge.onEntered(life, ledger.session, packet.payload);
        else this.#judge.onPlaced(life, ledger.session);
      },
      onApplied: (session, type, sequence, payload) => this.#delivery.onApplied(session, type, sequence, payload),
      onShed: (session, sequence) => this.#delivery.onShed(session, sequence),
      onSaid: ({ payload, type }, recipients) => {
        if (type !== PacketType.CHAT_MESSAGE || !Array.isArray(recipients)) return;
        for (const { outbox, playerId } of recipients) this.#onToldOne(outbox, { playerId }, payload);
      },
      onMissed: () => {},
      onClientNumbered: (session, packet) => {
        this.#delivery.onClientNumbered(session, packet);
        const { row, payload } = packet;
        if (row.type === PacketType.CHAT_MESSAGE) this.#chat.onSaid(fromBinary(ChatMessageSchema, payload));
      },
    });
  }

  /** Who only talks stays in its guild. */
  #guildOf(playerId: number): number | null | undefined {
    const player = this.#players.find((each) => each.playerId === playerId);
    if (this.#plan.habit !== "talk" || player === undefined) return undefined;
    return houseOf(this.#around.names.indexOf(player.name));
  }

  #lifeOf(playerId: number, outbox: unknown): LogicLife | undefined {
    const isTheirs = ({ server }: Node) => server.life.sessions.findPlayer(playerId)?.outbox === outbox;
    return this.#nodes.find(isTheirs)?.server.life;
  }

  /** Most go where they are told, or where they have been; some try another. */
  #connect(port: number, address: string, signal?: AbortSignal, serverId?: number): Promise<ClientSocket> {
    const last = serverId === undefined ? this.#lastNodes.get(address) : serverId - 1;
    const node = last === undefined || this.#prng.nextInt(5) === 0 ? this.#prng.nextInt(NODES) : last;
    this.#lastNodes.set(address, node);
    return this.#nodes[node].network.connect(port, address, signal);
  }

  /** Somebody in no world has nothing that would keep it until it has arrived. */
  #onToldOne(
    outbox: unknown,
    { playerId }: { readonly playerId: number },
    payload: Uint8Array,
    isKept = false,
  ): void {
    if (outbox === null) this.#chat.onToldOutside(playerId, fromBinary(ChatMessageSchema, payload), isKept);
  }

  async run(): Promise<void> {
    const lives = this.#players.map((player) => player.live());
    this.#isTroubled = true;
    this.#troubleLater();
    await this.#pass(TROUBLE_MS);
    this.#isTroubled = false;
    for (const node of this.#nodes) this.#heal(node);
    await this.#settle("stuck", RECOVERY_MS, () => this.#standing() ?? this.#missing());
    this.#chat.begin(this.#players);
    await this.#pass(this.#plan.calmMs);
    await this.#restartAll();
    this.#around.isQuiet = true;
    await this.#settle("heard", HEARD_MS, () => this.#chat.unheard());
    this.#around.isOver = true;
    void Promise.all(lives.map((life, index) => life.then(() => this.#players[index].leave())));
    await this.#settle("ghosts", LEAVE_MS, () => this.#leftover());
  }

  /** One server after the other is restarted, as for a new version, while players go on. */
  async #restartAll(): Promise<void> {
    for (const [index, { server }] of this.#nodes.entries()) {
      this.trace.step("restart", this.#time.monotonicMs(), index + 1);
      const { lifeCount } = server;
      void server.restart();
      const isBack = () => server.lifeCount > lifeCount && !server.isDown;
      await this.#settle("stuck", RESTART_MS, () => isBack() ? null : `node ${index + 1} is not back`);
      await this.#pass(CALM_MS);
    }
    this.#arrived.clear();
    await this.#settle("stuck", RECOVERY_MS, () => this.#missing());
  }

  close(): void {
    this.#watch[Symbol.dispose]();
    for (const { server } of this.#nodes) server.stop();
    this.#database.close();
  }

  async #pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0 && !this.verdict.isBroken; leftMs -= POLL_MS) await this.#time.pass(POLL_MS);
  }

  async #settle(rule: string, withinMs: number, problemOf: () => string | null): Promise<void> {
    let problem: string | null = null;
    for (let waitedMs = 0; waitedMs < withinMs && !this.verdict.isBroken; waitedMs += POLL_MS) {
      await this.#time.pass(POLL_MS);
      problem = problemOf();
      if (problem === null) return;
    }
    this.verdict.expect(problem === null, rule, `After ${withinMs} ms: ${problem}`);
  }

  /** Accounts that have got into a world since it was over. */
  readonly #arrived = new Set<string>();

  /** A server that still stands still, and will apply then what it had taken; null: none. */
  #standing(): string | null {
    const standing = this.#nodes.findIndex(({ server }) => server.isPaused);
    return standing < 0 ? null : `node ${standing + 1} stands still`;
  }

  /** Who has not got into a world since nothing goes wrong any more; null: everybody has. */
  #missing(): string | null {
    const restarting = this.#nodes.findIndex(({ server }) => server.isRestarting);
    if (restarting >= 0) return `node ${restarting + 1} is being restarted`;
    for (const { client, name, ledger } of this.#players) {
      if (client.state === "connected" && client.entityId !== null && ledger?.isLive) this.#arrived.add(name);
    }
    const missing = this.#around.names.filter((name) => !this.#arrived.has(name));
    return missing.length === 0 ? null : `${missing} did not get into a world`;
  }

  #leftover(): string | null {
    for (const [index, { server: { life, disk } }] of this.#nodes.entries()) {
      const { saver, sessions, world } = life;
      if (world.viewerCount > 0) return `node ${index + 1} has ${world.viewerCount} players' entities`;
      if (sessions.sessionCount > 0) return `node ${index + 1} has ${sessions.sessionCount} sessions`;
      if (saver.unsavedCount > 0) return `node ${index + 1} has not saved ${saver.unsavedCount} characters`;
      if (!disk.isIdle) return `the database works for node ${index + 1}`;
    }
    return this.#judge.leftover();
  }

  // What goes wrong

  #troubleLater(): void {
    const { everyMs, troubles } = this.#plan;
    if (troubles.length === 0) return;
    this.#time.at(this.#prng.nextFloat() * everyMs, () => {
      if (!this.#isTroubled) return;
      this.#trouble(this.#nodes[this.#prng.nextInt(NODES)]);
      this.#troubleLater();
    });
  }

  #trouble(node: Node): void {
    const prng = this.#prng, nowMs = this.#time.monotonicMs();
    const { network, server } = node;
    const { troublesMs } = this.#plan;
    const forMs = troublesMs[prng.nextInt(troublesMs.length)];
    const trouble = this.#drawTrouble();
    this.trace.step(trouble, nowMs, server.config.serverId);
    const ail = () => node.troubledUntilMs = Math.max(node.troubledUntilMs, this.#time.monotonicMs() + forMs);
    if (trouble !== "break" && trouble !== "late claim") ail();
    switch (trouble) {
      case "break": {
        const { open } = network;
        if (open.length > 0) open[prng.nextInt(open.length)].break(BREAKS[prng.nextInt(BREAKS.length)]);
        return;
      }
      case "link":
        server.disk.reach = REACHES[prng.nextInt(REACHES.length)];
        return void this.#time.at(forMs, () => server.disk.reach = "whole");
      case "pause":
        return server.pause(forMs);
      case "slow":
        server.disk.health = { commitMs: 2_000, isFull: false };
        return void this.#time.at(forMs, () => server.disk.health = { commitMs: 2, isFull: false });
      case "kill":
        return server.crashLogic();
      case "late claim":
        server.disk.onAsked = (operation) => {
          if (!this.#isTroubled || !/^directory\.(claim|takeSession)$/.test(operation)) return;
          server.disk.onAsked = () => {};
          server.disk.reach = "mute";
          ail();
          this.#time.at(0, () => server.crashLogic());
          this.#time.at(forMs, () => server.disk.reach = "whole");
        };
        return;
      case "restart":
        return void server.restart();
      case "bus":
        server.busReach = REACHES[prng.nextInt(REACHES.length)];
        return void this.#time.at(forMs, () => server.busReach = "whole");
    }
  }

  #drawTrouble(): Trouble {
    const { troubles } = this.#plan;
    let dart = this.#prng.nextInt(troubles.reduce((sum, [weight]) => sum + weight, 0));
    return troubles.find(([weight]) => (dart -= weight) < 0)![1];
  }

  #heal({ server }: Node): void {
    server.disk.reach = server.busReach = "whole";
    server.disk.health = { commitMs: 2, isFull: false };
  }
}
