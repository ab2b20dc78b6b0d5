/** What operators can ask of a game beside what they can ask of every server. @module */

import type { GameOption } from "../config/schema.ts";
import type { OptionValues } from "./define_game.ts";

/** Does an action; gives what the operator is told. Throws a `Refused` where there is nobody or nothing like that. */
export type GameAction<Input> = (input: OptionValues<Input>, moderator: string) => string | Promise<string>;

interface Entry {
  readonly input: Readonly<Record<string, GameOption>>;
  readonly act: (input: Readonly<Record<string, unknown>>, moderator: string) => string | Promise<string>;
}

/** The actions of a game, by name. */
export class GameActions {
  readonly #entries = new Map<string, Entry>();

  /**
   * Registers an action.
   *
   * @throws {TypeError} when there is one of that name.
   */
  add<Input extends Readonly<Record<string, GameOption>>>(name: string, input: Input, act: GameAction<Input>): void {
    if (this.#entries.has(name)) throw new TypeError(`Cannot add action ${name} twice`);
    this.#entries.set(name, { input, act: act as Entry["act"] });
  }

  /** Their names, each with the fields it takes. */
  get usage(): string {
    const texts = [...this.#entries].map(([name, { input }]) =>
      [name, ...Object.entries(input).map(([key, { kind }]) => `${key}=${kind.placeholder}`)].join(" ")
    );
    return texts.length === 0 ? "This game has no actions" : `The actions of this game: ${texts.join(", ")}`;
  }

  /** The same for somebody who does not know them, with what each field takes. */
  get help(): string {
    const lines = [...this.#entries].flatMap(([name, { input }]) => [
      `  ${name}`,
      ...Object.entries(input).map(([key, { kind, default: standard, help }]) =>
        `    ${key}=${kind.placeholder}  ${help}: ${kind.expects} [${JSON.stringify(standard)}]`
      ),
    ]);
    return lines.length === 0 ? this.usage : ["The actions of this game, defaults in brackets:", ...lines].join("\n");
  }

  /** Whether there is an action of that name. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * Does an action.
   *
   * @param given Fields as they were given, texts for all kinds of values among them.
   * @returns What the operator is told, or everything that is wrong with the fields.
   */
  async run(
    name: string,
    given: Readonly<Record<string, unknown>>,
    moderator: string,
  ): Promise<string | { readonly problems: readonly string[] }> {
    const { input, act } = this.#entries.get(name)!;
    const problems = Object.keys(given).filter((key) => !Object.hasOwn(input, key))
      .map((key) => `Unknown field ${JSON.stringify(key.slice(0, 64))}`);
    const values: Record<string, unknown> = {};
    for (const [key, { kind, default: standard }] of Object.entries(input)) {
      const value = given[key];
      if (value === undefined) values[key] = standard;
      else values[key] = typeof value === "string" ? kind.parse(value) : kind.fromJson(value);
      if (values[key] === undefined) problems.push(`Cannot use ${key}: expected ${kind.expects}`);
    }
    return problems.length > 0 ? { problems } : await act(Object.freeze(values), moderator);
  }
}
