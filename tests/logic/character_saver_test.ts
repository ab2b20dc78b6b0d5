import { CharacterSaver } from "../../server/session/character_saver.ts";
import type { SavedCharacter, Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";
import { until } from "../support/wait.ts";

/** A store that answers when the test says. */
class GatedStore {
  readonly calls: { readonly characters: readonly SavedCharacter[]; readonly done: PromiseWithResolvers<number> }[] =
    [];

  saveMany(characters: readonly SavedCharacter[]): Promise<number> {
    const done = Promise.withResolvers<number>();
    this.calls.push({ characters, done });
    return done.promise;
  }

  /** The call that waits, once there is one. */
  async waiting(count: number): Promise<void> {
    await until(`call ${count}`, () => this.calls.length === count);
  }
}

function openSaver(): { saver: CharacterSaver; store: GatedStore; log: RecordingLogger } {
  const store = new GatedStore();
  const log = new RecordingLogger();
  // Nothing but characters.saveMany() is asked of the storage here.
  return { saver: new CharacterSaver({ characters: store } as unknown as Storage, log), store, log };
}

function character(characterId: number, x = 0): SavedCharacter {
  return { characterId, mapId: 0, x, y: 0, z: 0, yaw: 0, hp: 100 };
}

/** Whether a promise has settled, once all that can happen at once has happened. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => settled = true);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  return settled;
}

/** Runs with timers that fire at once. */
async function withoutPauses(run: () => Promise<void>): Promise<void> {
  const { setTimeout } = globalThis;
  const immediate = (callback: () => void) => setTimeout(callback, 0);
  globalThis.setTimeout = immediate as typeof setTimeout;
  try {
    await run();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
}

Deno.test("CharacterSaver.save() saves what was given in one turn together, the newest state of each", async () => {
  const { saver, store } = openSaver();
  saver.save(character(1, 10));
  saver.save(character(2));
  saver.save(character(1, 11));
  await store.waiting(1);
  assertEquals(store.calls[0].characters, [character(1, 11), character(2)]);
  store.calls[0].done.resolve(2);
  await saver.flush();
  assertEquals([saver.unsavedCount, store.calls.length], [0, 1]);
});

Deno.test("CharacterSaver.find() gives the newest state until it is on disk", async () => {
  const { saver, store } = openSaver();
  assertEquals(saver.find(1), undefined);
  saver.save(character(1, 10));
  assertEquals(saver.find(1), character(1, 10));
  await store.waiting(1);
  saver.save(character(1, 11));
  store.calls[0].done.resolve(1);
  await store.waiting(2);
  assertEquals(saver.find(1), character(1, 11));
  store.calls[1].done.resolve(1);
  await saver.flush();
  assertEquals(saver.find(1), undefined);
});

Deno.test("CharacterSaver.saved() resolves once the state is on disk, not before", async () => {
  const { saver, store } = openSaver();
  assert(await isSettled(saver.saved(1, 60_000)), "There is nothing to wait for");
  saver.save(character(1, 10));
  const saved = saver.saved(1, 60_000);
  await store.waiting(1);
  assertEquals(await isSettled(saved), false);
  store.calls[0].done.resolve(1);
  await saved;
  assertEquals(saver.unsavedCount, 0);
});

Deno.test("CharacterSaver.saved() waits no longer than it is told, and the save is made all the same", async () => {
  const { saver, store } = openSaver();
  saver.save(character(1, 10));
  const saved = saver.saved(1, 0);
  await store.waiting(1);
  await saved;
  assertEquals(saver.unsavedCount, 1);
  store.calls[0].done.resolve(1);
  await saver.flush();
  assertEquals(saver.unsavedCount, 0);
});

Deno.test("CharacterSaver has one save at work at a time", async () => {
  const { saver, store } = openSaver();
  saver.save(character(1));
  await store.waiting(1);
  saver.save(character(2));
  saver.save(character(3));
  assertEquals(await isSettled(saver.flush()), false);
  assertEquals(store.calls.length, 1);
  store.calls[0].done.resolve(1);
  await store.waiting(2);
  assertEquals(store.calls[1].characters, [character(2), character(3)]);
  store.calls[1].done.resolve(2);
  await saver.flush();
});

Deno.test("CharacterSaver tries again until the storage is back, and loses nothing", async () => {
  await withoutPauses(async () => {
    const { saver, store, log } = openSaver();
    saver.save(character(1, 10));
    const saved = saver.flush();
    for (let attempt = 1; attempt <= 3; attempt++) {
      await store.waiting(attempt);
      store.calls[attempt - 1].done.reject(new DependencyError("unavailable", "Storage is down"));
    }
    await store.waiting(4);
    assertEquals(await isSettled(saved), false);
    assertEquals(store.calls[3].characters, [character(1, 10)]);
    store.calls[3].done.resolve(1);
    await saved;
    assertEquals(log.records.map(({ level }) => level), ["warn", "warn", "warn"]);
  });
});

Deno.test("CharacterSaver saves the newest state when it changes while a save fails", async () => {
  await withoutPauses(async () => {
    const { saver, store } = openSaver();
    saver.save(character(1, 10));
    await store.waiting(1);
    saver.save(character(1, 11));
    saver.save(character(2));
    store.calls[0].done.reject(new DependencyError("timeout", "No answer"));
    await store.waiting(2);
    assertEquals(store.calls[1].characters, [character(1, 11), character(2)]);
    store.calls[1].done.resolve(2);
    await saver.flush();
    assertEquals(saver.unsavedCount, 0);
  });
});
