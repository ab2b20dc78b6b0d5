/**
 * Saves characters: at once when their player leaves, in batches while they play.
 *
 * @module
 */

import { STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import { SYSTEM_TIMERS, type Timers } from "../base/clock.ts";
import type { Logger } from "../ops/logging.ts";
import type { CharacterState, SavedCharacter, Stores } from "../storage/storage.ts";

/** Pause before a failed save is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/**
 * Keeps what is still to be saved, one state a character, so that a player who comes back at once finds it, and a
 * storage that is down loses nothing.
 */
export class CharacterSaver {
  readonly #storage: Pick<Stores, "characters">;
  readonly #log: Logger;
  readonly #timers: Timers;
  readonly #onSkipped: (batch: readonly SavedCharacter[]) => void;
  /** States not yet known to be saved, by character; bounded by the players that were online. */
  readonly #unsaved = new Map<number, SavedCharacter>();
  #running: Promise<void> | null = null;

  /** @param onSkipped Told of batches of which some could not be saved: deleted, or another node's by now. */
  constructor(
    storage: Pick<Stores, "characters">,
    log: Logger,
    timers: Timers = SYSTEM_TIMERS,
    onSkipped: (batch: readonly SavedCharacter[]) => void = () => {},
  ) {
    this.#storage = storage;
    this.#log = log;
    this.#timers = timers;
    this.#onSkipped = onSkipped;
  }

  /** Players who may be on other nodes and of whom something is not saved yet. */
  unsavedPlayers(): Set<number> {
    const players = new Set<number>();
    for (const { owner } of this.#unsaved.values()) if (owner !== undefined) players.add(owner.playerId);
    return players;
  }

  /** Characters whose newest state is not saved yet. */
  get unsavedCount(): number {
    return this.#unsaved.size;
  }

  /** The states not yet known to be saved. */
  image(): SavedCharacter[] {
    return [...this.#unsaved.values()];
  }

  /** The newest state of a character, if storage may not have it yet. */
  find(characterId: number): CharacterState | undefined {
    return this.#unsaved.get(characterId);
  }

  /** Takes back what was to be saved of a character; undefined: it is saved, or about to be. */
  withdraw(characterId: number): SavedCharacter | undefined {
    const character = this.#unsaved.get(characterId);
    this.#unsaved.delete(characterId);
    return character;
  }

  /** Drops what is unsaved of a player: it is another node's. */
  forget(playerId: number): void {
    for (const [characterId, { owner }] of this.#unsaved) {
      if (owner?.playerId === playerId) this.#unsaved.delete(characterId);
    }
  }

  /** Saves a character soon; several in one turn share a transaction. */
  save(character: SavedCharacter): void {
    this.#unsaved.set(character.characterId, character);
    this.#running ??= this.#run();
  }

  /** Resolves when this character's state, as it is now, is on disk, or when it has waited for `waitMs` milliseconds. */
  async saved(characterId: number, waitMs: number): Promise<void> {
    let isOver = false;
    const over = Promise.withResolvers<void>();
    const timer = this.#timers.set(() => over.resolve(void (isOver = true)), waitMs);
    while (!isOver && this.#unsaved.has(characterId) && this.#running !== null) {
      await Promise.race([this.#running, over.promise]);
    }
    this.#timers.clear(timer);
  }

  /** Resolves when everything is on disk. */
  async flush(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    const batch = [...this.#unsaved.values()].slice(0, STORAGE_ROWS_MAX);
    try {
      const savedCount = await this.#storage.characters.saveMany(batch);
      for (const character of batch) {
        if (this.#unsaved.get(character.characterId) === character) this.#unsaved.delete(character.characterId);
      }
      if (savedCount < batch.length) this.#onSkipped(batch);
    } catch (error) {
      this.#log.warn("Cannot save characters, will try again", { count: batch.length, error: String(error) });
      await new Promise<void>((resolve) => this.#timers.set(resolve, RETRY_MS));
    }
    this.#running = this.#unsaved.size > 0 ? this.#run() : null;
  }
}
