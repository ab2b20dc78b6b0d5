/**
 * One simulation: a server, its players and everything that can go wrong between them, all from one seed.
 *
 * @module
 */

import { Prng } from "../../server/world/prng.ts";
import { SEND_QUEUE_HARD_BYTES_MIN } from "../../shared/limits.ts";
import { Faults } from "./faults.ts";
import { Judges } from "./judges.ts";
import { SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedNetwork } from "./simulated_network.ts";
import { SimulatedPlayer, type Surroundings } from "./simulated_player.ts";
import { SimulatedServer } from "./simulated_server.ts";
import { SimulatedTime } from "./simulated_time.ts";
import { settle } from "./settlement.ts";
import { steal } from "./thief.ts";
import { Trace } from "./trace.ts";
import { Verdict, type Violation } from "./verdict.ts";

/** What became of a seed. */
export interface SimulationResult {
  readonly seed: number;
  readonly violation: Violation | null;
  /** Steps taken, and the hash over all of them. */
  readonly steps: number;
  readonly hash: string;
  /** The steps in words, if they were asked for. */
  readonly lines: readonly string[];
}

/** How long players play before it is quiet, twice, in milliseconds. */
const PLAY_MS = [9_000, 6_000];
/** How soon everything must have come to rest once nothing goes wrong any more, in milliseconds: longer than a server waits. */
const SETTLE_MS = 60_000;
/**
 * How soon nothing of a player may be left, in milliseconds: as long as a server waits for one that fell silent, and as
 * monsters then need to kill it, and its fight to be over.
 */
const LEAVE_MS = 120_000;
const POLL_MS = 250;
/** How often clients may look before they must see the world as it is. */
const LOOKS = 8;

/** Rings that are full soon, one way or the other: one narrow ring spares the other. */
const NARROW_RINGS = {
  "to logic": { toLogicBytes: 2_048, fromLogicBytes: 131_072 },
  "from logic": { toLogicBytes: 131_072, fromLogicBytes: 32_768 },
};
const RINGS = Object.values(NARROW_RINGS);

/** How a seed is run. */
export interface SimulationOptions {
  readonly keepsLines?: boolean;
  /** Players say so much at a time that these rings are full soon; default: as the seed has it. */
  readonly fullRings?: keyof typeof NARROW_RINGS;
}

/** Runs one seed. */
export function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  return runSeed(seed, () => new Simulation(seed, options));
}

/** A simulation that is built and has not begun. */
export interface SeedRun {
  readonly trace: Trace;
  readonly verdict: Verdict;
  run(): Promise<void>;
  close(): void;
}

/** Builds a simulation, runs it to its end, and says what became of it. */
export async function runSeed(seed: number, build: () => SeedRun): Promise<SimulationResult> {
  // Stacks cost more than all the rest: what is refused a thousand times is made of errors.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const simulation = build();
  try {
    await simulation.run();
  } catch (error) {
    simulation.verdict.fail("crash", String(error));
  } finally {
    simulation.close();
    Error.stackTraceLimit = stackTraceLimit;
  }
  const { verdict, trace } = simulation;
  return { seed, violation: verdict.first, steps: trace.stepCount, hash: trace.hash, lines: trace.lines };
}

class Simulation implements SeedRun {
  readonly trace: Trace;
  readonly verdict: Verdict;
  readonly #time = new SimulatedTime();
  readonly #prng: Prng;
  readonly #judges: Judges;
  readonly #watch: Disposable;
  readonly #disk: SimulatedDisk;
  readonly #server: SimulatedServer;
  readonly #network: SimulatedNetwork;
  readonly #around: Surroundings;
  readonly #players: SimulatedPlayer[] = [];
  readonly #faults: Faults;

  constructor(seed: number, { keepsLines = false, fullRings }: SimulationOptions) {
    const prng = this.#prng = new Prng(seed);
    const next = () => new Prng(prng.nextUint32());
    this.trace = new Trace({ keepsLines });
    this.verdict = new Verdict(() => this.trace.stepCount);
    this.#judges = new Judges(this.verdict, this.#time);
    this.#watch = this.#judges.watch();
    this.#disk = new SimulatedDisk(this.#time, next(), this.trace, (request, outcome) => {
      this.#judges.storage.onCommit(request, outcome);
    });
    this.#server = new SimulatedServer(this.#time, next(), {
      shape: {
        ioWorkers: 1 + prng.nextInt(3),
        ...fullRings === undefined ? RINGS[prng.nextInt(RINGS.length)] : NARROW_RINGS[fullRings],
        softBytes: prng.nextInt(2) === 0 ? 2_048 : 65_536,
        hardBytes: SEND_QUEUE_HARD_BYTES_MIN,
        linkDeadMs: 2_000 + prng.nextInt(8_000),
        monsterCount: prng.nextInt(5),
      },
      disk: this.#disk,
      onLife: (life) => this.#judges.begin(life),
      afterTurn: (server) => this.#judges.afterTurn(server),
    });
    this.#network = new SimulatedNetwork(this.#time, next(), this.trace, this.#server);
    const count = 5 + prng.nextInt(8);
    const names = Array.from({ length: count }, (_, index) => `player${index}`);
    this.#around = {
      time: this.#time,
      network: this.#network,
      judges: this.#judges,
      names,
      shoutCount: fullRings !== undefined ? 200 : [20, 60, 120, 200][prng.nextInt(4)],
      habit: "anything",
      isQuiet: false,
      isOver: false,
    };
    const settled = count - prng.nextInt(3);
    settle(this.#disk, names.slice(0, settled), prng).forEach((character) =>
      this.#judges.storage.onPrepared(character)
    );
    // Some accounts are played by two.
    const twinCount = prng.nextInt(3);
    for (let id = 0; id < count + twinCount; id++) {
      const name = names[id] ?? names[prng.nextInt(settled)];
      const isTcpOnly = prng.nextInt(3) === 0;
      const isNew = id >= settled && id < count;
      const isParrot = prng.nextInt(4) === 0;
      this.#players.push(new SimulatedPlayer(id, name, this.#around, next(), { isTcpOnly, isNew, isParrot }));
    }
    this.#faults = new Faults({
      time: this.#time,
      prng: next(),
      network: this.#network,
      server: this.#server,
      trace: this.trace,
      windowBytes: [1_024, 8_192, 65_536][prng.nextInt(3)],
      onStorageFault: () => this.#judges.chat.isStorageFaulty = true,
    });
  }

  async run(): Promise<void> {
    const lives = this.#players.map((player) => player.live());
    void steal(this.#around, new Prng(this.#prng.nextUint32()));
    for (const playMs of PLAY_MS) {
      this.#around.isQuiet = false;
      this.#faults.begin();
      await this.#pass(playMs);
      this.#around.isQuiet = true;
      this.#faults.end();
      this.#judges.delivery.beginQuiet();
      await this.#settle("settled", SETTLE_MS, () => this.#judges.unsettled(this.#server, this.#players));
      await this.#lookAround();
    }
    this.#around.isOver = true;
    void Promise.all(lives.map((life, index) => life.then(() => this.#players[index].leave())));
    await this.#settle("leaks", LEAVE_MS, () => this.#judges.state.leftover(this.#server));
  }

  close(): void {
    this.#watch[Symbol.dispose]();
    this.#server.stop();
    this.#disk.close();
  }

  /** Lets time pass, as long as nothing is wrong. */
  async #pass(ms: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0 && !this.verdict.isBroken; leftMs -= POLL_MS) {
      await this.#time.pass(Math.min(POLL_MS, leftMs));
    }
  }

  /** Waits until there is no problem any more. */
  async #settle(rule: string, withinMs: number, problemOf: () => string | null): Promise<void> {
    let problem: string | null = null;
    for (let waitedMs = 0; waitedMs < withinMs && !this.verdict.isBroken; waitedMs += POLL_MS) {
      await this.#time.pass(POLL_MS);
      problem = problemOf();
      if (problem === null) return;
    }
    this.verdict.expect(problem === null, rule, `After ${withinMs} ms: ${problem}`);
  }

  /** The world stands still, and everybody compares; whoever is told late has a few more ticks. */
  async #lookAround(): Promise<void> {
    const { life } = this.#server;
    let difference: string | null = null;
    for (let look = 0; look < LOOKS && !this.verdict.isBroken; look++) {
      life.freeze();
      await this.#pass(2 * POLL_MS);
      difference = this.#difference();
      life.thaw();
      if (difference === null) return;
      await this.#pass(2 * POLL_MS);
    }
    if (difference !== null) this.verdict.fail("sight", difference);
  }

  #difference(): string | null {
    for (const { client, sight, name } of this.#players) {
      if (client.state !== "connected" || client.entityId === null || sight === null) continue;
      const difference = sight.difference(this.#server.life.world);
      if (difference !== null) return `${name}, entity ${client.entityId}: ${difference}`;
    }
    return null;
  }
}
