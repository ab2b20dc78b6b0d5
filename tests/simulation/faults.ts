/** Everything that goes wrong in a simulation, by chance from its seed. @module */

import type { Prng } from "../../server/world/prng.ts";
import type { Break, SimulatedConnection, SimulatedNetwork, Weather } from "./simulated_network.ts";
import type { SimulatedServer } from "./simulated_server.ts";
import type { SimulatedTime } from "./simulated_time.ts";
import type { Trace } from "./trace.ts";

const BREAKS: readonly Break[] = ["reset", "end", "silence", "deaf", "mute"];
const DAY_MS = 86_400_000;

/** What faults work on. */
export interface FaultTargets {
  readonly time: SimulatedTime;
  readonly prng: Prng;
  readonly network: SimulatedNetwork;
  readonly server: SimulatedServer;
  readonly trace: Trace;
  /** What a stream holds in fair weather. */
  readonly windowBytes: number;
  /** Time between two faults on average, where they are most frequent, in milliseconds. Default: 150. */
  readonly everyMsMin?: number;
  /** Default: all. */
  readonly kinds?: readonly FaultKind[];
  /** The storage is about to fail. */
  readonly onStorageFault: () => void;
}

/** Kinds of faults: of connections, of threads that stall or die while sessions live on, of the disk, and of all at once. */
export type FaultKind = "network" | "threads" | "disk" | "restart";

type Fault = "break" | "away" | "hold" | "weather" | "io" | "stall" | "slow" | "full" | "storage" | "logic" | "clock";

/** How often each happens, beside the others; chosen anew for every seed. */
const WEIGHTS: Readonly<Record<Fault, number>> = {
  break: 40,
  away: 8,
  hold: 10,
  weather: 5,
  io: 4,
  stall: 8,
  slow: 5,
  full: 3,
  storage: 2,
  logic: 1,
  clock: 1,
};
const FAULTS = Object.keys(WEIGHTS) as Fault[];
const KINDS: Readonly<Record<Fault, FaultKind>> = {
  break: "network",
  away: "network",
  hold: "network",
  weather: "network",
  io: "threads",
  stall: "threads",
  slow: "disk",
  full: "disk",
  storage: "disk",
  logic: "restart",
  clock: "restart",
};

/** Causes faults between {@linkcode Faults.begin} and {@linkcode Faults.end}. */
export class Faults {
  readonly #targets: FaultTargets;
  readonly #weights: readonly number[];
  /** Time between two faults, on average, in milliseconds. */
  readonly #everyMs: number;
  #isOn = false;
  /** Counts times of faults, so that what is left of one does not go on in the next. */
  #run = 0;

  constructor(targets: FaultTargets) {
    const { prng } = targets;
    this.#targets = targets;
    this.#calm();
    // Some seeds know some faults only, so that one does not hide another.
    const { kinds } = targets;
    const isAllowed = (fault: Fault) => kinds === undefined || kinds.includes(KINDS[fault]);
    const weights = FAULTS.map((fault) => prng.nextInt(3) === 0 || !isAllowed(fault) ? 0 : WEIGHTS[fault]);
    const isNone = weights.every((weight) => weight === 0);
    this.#weights = isNone ? FAULTS.map((fault) => isAllowed(fault) ? WEIGHTS[fault] : 0) : weights;
    this.#everyMs = (targets.everyMsMin ?? 150) + prng.nextInt(3) * 400;
  }

  begin(): void {
    this.#isOn = true;
    this.#run++;
    this.#later();
  }

  /** Nothing goes wrong any more; what is broken is mended. */
  end(): void {
    const { prng, network, server } = this.#targets;
    this.#isOn = false;
    this.#calm();
    network.unreachable.clear();
    server.disk.health = { commitMs: 2, isFull: false };
    // Else the server takes IDLE_TIMEOUT_MS to give up a client that it does not hear, which is not worth a wait each time.
    if (prng.nextInt(8) === 0) return;
    for (const connection of network.open) if (connection.isHalfDead) connection.break("reset");
  }

  #calm(): void {
    const { network, windowBytes } = this.#targets;
    network.weather = { latencyMs: 2, jitterMs: 3, windowBytes };
  }

  #later(): void {
    const { time, prng } = this.#targets;
    const run = this.#run;
    time.at(prng.nextFloat() * 2 * this.#everyMs, () => {
      if (!this.#isOn || run !== this.#run) return;
      this.#cause(this.#choose());
      this.#later();
    });
  }

  #choose(): Fault {
    const sum = this.#weights.reduce((sum, weight) => sum + weight, 0);
    let dart = this.#targets.prng.nextFloat() * sum;
    for (let index = 0; index < FAULTS.length; index++) {
      dart -= this.#weights[index];
      if (dart < 0) return FAULTS[index];
    }
    return "break";
  }

  #cause(fault: Fault): void {
    const { time, prng, network, server, trace, onStorageFault } = this.#targets;
    trace.step(`fault ${fault}`, time.monotonicMs(), 0);
    switch (fault) {
      case "break":
      case "away":
      case "hold":
        return this.#disturb(fault);
      case "weather":
        network.weather = this.#weather();
        return;
      case "io":
        return server.crashIo(prng.nextInt(server.io.length));
      case "stall":
        if (prng.nextInt(2) === 0) return server.life.stall(prng.nextFloat() * 1_500);
        for (const io of server.io) io.stall(prng.nextFloat() * 2_500);
        return;
      case "slow":
        return this.#ail({ commitMs: prng.nextInt(2) === 0 ? 300 : 7_000, isFull: false });
      case "full":
        return this.#ail({ commitMs: 2, isFull: true });
      case "storage":
        onStorageFault();
        return server.crashStorage();
      case "logic":
        onStorageFault();
        return server.crashLogic();
      case "clock":
        return time.jump(prng.nextInt(2) * DAY_MS);
    }
  }

  #disturb(fault: "break" | "away" | "hold"): void {
    const { prng, network } = this.#targets;
    const { open } = network;
    if (open.length === 0) return;
    const connection = open[prng.nextInt(open.length)];
    if (fault === "break") return connection.break(BREAKS[prng.nextInt(BREAKS.length)]);
    if (fault === "away") return this.#cutOff(connection);
    const stream = prng.nextInt(2) === 0 ? connection.toServer : connection.toClient;
    stream.hold(prng.nextFloat() * 2_000);
  }

  /** A client loses its network for a while. */
  #cutOff(connection: SimulatedConnection): void {
    const { time, prng, network } = this.#targets;
    connection.break("silence");
    network.unreachable.add(connection.address);
    time.at(prng.nextFloat() * 12_000, () => network.unreachable.delete(connection.address));
  }

  #weather(): Weather {
    const { prng } = this.#targets;
    return {
      latencyMs: prng.nextInt(3) * 40,
      jitterMs: 1 + prng.nextInt(4) * 50,
      windowBytes: [1_024, 8_192, 65_536][prng.nextInt(3)],
    };
  }

  /** The disk ails for a while. */
  #ail(health: { commitMs: number; isFull: boolean }): void {
    const { time, prng, server: { disk }, onStorageFault } = this.#targets;
    onStorageFault();
    disk.health = health;
    time.at(200 + prng.nextFloat() * 3_000, () => {
      if (disk.health === health) disk.health = { commitMs: 2, isFull: false };
    });
  }
}
