/**
 * Metrics that a game declares, in memory that the logic worker writes and the main thread reads. A series is one metric
 * with one value of its label; its name stands beside its number, so nothing has to be told when one begins.
 *
 * @module
 */

import { GAME_METRIC_LABEL_VALUES_MAX, GAME_METRIC_SERIES_BYTES, GAME_METRIC_SERIES_MAX } from "../../shared/limits.ts";

/** A metric that a game or a part declares. */
export interface GameMetric {
  /** `counter` only grows; `gauge` goes up and down. */
  readonly kind: "counter" | "gauge";
  /** What it counts, as operators read it: at most 120 characters of ASCII. */
  readonly help: string;
  /** What it is told apart by; without one it is one number. */
  readonly label?: {
    readonly name: string;
    /** Values at most, up to `GAME_METRIC_LABEL_VALUES_MAX`: all that come later are counted under one, `other`. */
    readonly valuesMax: number;
  };
}

/** One number, as the main thread reads it. */
export interface GameSeries extends Pick<GameMetric, "kind" | "help"> {
  /** Without the prefix `drawbridge_game_`. */
  readonly name: string;
  /** Empty: the metric has no label. */
  readonly label: string;
  /** Of the label. */
  readonly value: string;
  readonly number: number;
}

/** What is counted under once a label has as many values as it may. */
const OTHER = "other";
const NAME = /^[a-z][a-z0-9_]{0,39}$/;
/** One line of ASCII that no format has to escape. */
const HELP = /^[ -!#-[\]-~]{1,120}$/;
const VALUE = /^[\w .:/-]{1,48}$/;
const NUMBERS_AT = 8;
const NAMES_AT = NUMBERS_AT + GAME_METRIC_SERIES_MAX * Float64Array.BYTES_PER_ELEMENT;
const BYTES = NAMES_AT + GAME_METRIC_SERIES_MAX * GAME_METRIC_SERIES_BYTES;
const encoder = new TextEncoder(), decoder = new TextDecoder();

/** The memory of a game's metrics, zeroed: for the logic worker and all that come after it. */
export function createGameMetricsBlock(): SharedArrayBuffer {
  return new SharedArrayBuffer(BYTES);
}

/** A metric that is written. */
export class GameMetricWriter {
  readonly #metrics: GameMetrics;
  readonly #name: string;
  readonly #metric: GameMetric;
  /** Slots of values, by value. */
  readonly #slots = new Map<string, number>();

  /** Made by {@linkcode GameMetrics.declare}. */
  constructor(metrics: GameMetrics, name: string, metric: GameMetric) {
    this.#metrics = metrics;
    this.#name = name;
    this.#metric = metric;
    // One without a label is there from the beginning, as is what a life before has counted.
    if (metric.label === undefined) this.#slotOf("");
    for (const value of metrics.valuesOf(name)) this.#slots.set(value, metrics.slotOf(name, metric, value));
  }

  /**
   * Adds to the number.
   *
   * @param value Of the label; left out where there is none.
   * @throws {RangeError} when a counter would fall.
   */
  add(amount = 1, value = ""): void {
    if (this.#metric.kind === "counter" && !(amount >= 0)) {
      throw new RangeError(`Cannot add ${amount} to counter ${this.#name}: it only grows`);
    }
    this.#metrics.add(this.#slotOf(value), amount);
  }

  /**
   * Sets the number of a gauge.
   *
   * @throws {TypeError} when it is a counter.
   */
  set(number: number, value = ""): void {
    if (this.#metric.kind === "counter") throw new TypeError(`Cannot set ${this.#name}: it is a counter`);
    this.#metrics.set(this.#slotOf(value), number);
  }

  #slotOf(value: string): number {
    const { label } = this.#metric;
    if (label === undefined ? value !== "" : value === "") {
      throw new TypeError(`Metric ${this.#name} has ${label === undefined ? "no label" : `a label, ${label.name}`}`);
    }
    const known = this.#slots.get(value);
    if (known !== undefined) return known;
    const isFull = label !== undefined && this.#slots.size - Number(this.#slots.has(OTHER)) >= label.valuesMax;
    if (label !== undefined && value !== OTHER && (isFull || !VALUE.test(value))) return this.#slotOf(OTHER);
    const slot = this.#metrics.slotOf(this.#name, this.#metric, value);
    this.#slots.set(value, slot);
    return slot;
  }
}

/** The metrics of a game: the logic worker declares and writes them, the main thread reads. */
export class GameMetrics {
  readonly #memory: SharedArrayBuffer;
  readonly #count: Int32Array;
  readonly #numbers: Float64Array;
  readonly #declared = new Map<string, GameMetricWriter>();
  /** Slots that what is declared may come to need. */
  #reserved = 0;

  /** @param memory What {@linkcode createGameMetricsBlock} made: counters of a life before go on. */
  constructor(memory: SharedArrayBuffer = createGameMetricsBlock()) {
    this.#memory = memory;
    this.#count = new Int32Array(memory, 0, 1);
    this.#numbers = new Float64Array(memory, NUMBERS_AT, GAME_METRIC_SERIES_MAX);
  }

  /**
   * Gauges of the worker before tell nothing any more, and where a game of before has left many series all begin anew; to
   * be called before the first is declared.
   */
  begin(): void {
    if (2 * this.#count[0] > GAME_METRIC_SERIES_MAX) {
      Atomics.store(this.#count, 0, 0);
      return;
    }
    this.read().forEach(({ kind }, slot) => {
      if (kind === "gauge") this.#numbers[slot] = 0;
    });
  }

  /**
   * Declares a metric.
   *
   * @throws {TypeError} when it cannot be, there is one of that name, or there are too many.
   */
  declare(name: string, metric: GameMetric): void {
    const { help, label } = metric;
    const problem = !NAME.test(name)
      ? `the name must match ${NAME}`
      : this.#declared.has(name)
      ? "there is one of that name"
      : !HELP.test(help)
      ? "its help is not 1 to 120 characters of ASCII without quotes and backslashes"
      : label !== undefined && !NAME.test(label.name)
      ? `the name of its label must match ${NAME}`
      : label !== undefined && !(label.valuesMax >= 1 && label.valuesMax <= GAME_METRIC_LABEL_VALUES_MAX)
      ? `its label may have 1 to ${GAME_METRIC_LABEL_VALUES_MAX} values`
      : undefined;
    const slots = label === undefined ? 1 : label.valuesMax + 1;
    if (problem === undefined && this.#reserved + slots > GAME_METRIC_SERIES_MAX) {
      throw new TypeError(`Cannot declare metric ${name}: a game has at most ${GAME_METRIC_SERIES_MAX} series`);
    }
    if (problem !== undefined) throw new TypeError(`Cannot declare metric ${JSON.stringify(name)}: ${problem}`);
    this.#reserved += slots;
    this.#declared.set(name, new GameMetricWriter(this, name, metric));
  }

  /**
   * A metric to write.
   *
   * @throws {TypeError} when it is not declared.
   */
  writer(name: string): GameMetricWriter {
    const writer = this.#declared.get(name);
    if (writer === undefined) throw new TypeError(`There is no metric ${name}: declare it`);
    return writer;
  }

  /** Every series there is, in the order in which they began. */
  read(): GameSeries[] {
    const series: GameSeries[] = [];
    for (let slot = 0; slot < Atomics.load(this.#count, 0); slot++) {
      const bytes = new Uint8Array(this.#memory, NAMES_AT + slot * GAME_METRIC_SERIES_BYTES, GAME_METRIC_SERIES_BYTES);
      // Memory that is shared cannot be decoded in place.
      const text = decoder.decode(bytes.slice(0, bytes.indexOf(0)));
      const [name, kind, label, value, help] = JSON.parse(text) as [string, GameMetric["kind"], string, string, string];
      series.push({ name, kind, label, value, help, number: this.#numbers[slot] });
    }
    return series;
  }

  /** @internal Values of a label that have a series. */
  valuesOf(name: string): string[] {
    return this.read().filter((series) => series.name === name).map(({ value }) => value);
  }

  /** @internal The slot of a series, which begins at 0. */
  slotOf(name: string, { kind, label, help }: GameMetric, value: string): number {
    const text = JSON.stringify([name, kind, label?.name ?? "", value, help]);
    const known = this.read().findIndex((each) =>
      JSON.stringify([each.name, each.kind, each.label, each.value, each.help]) === text
    );
    if (known >= 0) return known;
    const slot = this.#count[0];
    // A game of before may have left too many: then this one is not told.
    if (slot === GAME_METRIC_SERIES_MAX) return slot;
    const bytes = encoder.encode(text);
    new Uint8Array(this.#memory, NAMES_AT + slot * GAME_METRIC_SERIES_BYTES, GAME_METRIC_SERIES_BYTES).fill(0);
    new Uint8Array(this.#memory).set(bytes, NAMES_AT + slot * GAME_METRIC_SERIES_BYTES);
    this.#numbers[slot] = 0;
    Atomics.store(this.#count, 0, slot + 1);
    return slot;
  }

  /** @internal */
  add(slot: number, amount: number): void {
    this.#numbers[slot] += amount;
  }

  /** @internal */
  set(slot: number, number: number): void {
    this.#numbers[slot] = number;
  }
}
