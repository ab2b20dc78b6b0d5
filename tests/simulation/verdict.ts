/** What the judges of a simulation found. @module */

/** One broken promise. */
export interface Violation {
  /** Which promise: see docs/simulation.md. */
  readonly rule: string;
  readonly text: string;
  /** The step of the trace at which it was seen. */
  readonly step: number;
}

/** Takes what the judges find; the first finding ends the simulation. */
export class Verdict {
  first: Violation | null = null;
  readonly #stepOf: () => number;

  constructor(stepOf: () => number) {
    this.#stepOf = stepOf;
  }

  get isBroken(): boolean {
    return this.first !== null;
  }

  fail(rule: string, text: string): void {
    this.first ??= { rule, text, step: this.#stepOf() };
  }

  expect(condition: boolean, rule: string, text: string): void {
    if (!condition) this.fail(rule, text);
  }
}
