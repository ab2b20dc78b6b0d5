/**
 * What every storage adapter promises, as tests that run against the real thing.
 *
 * @module
 */

import type { NewAccount, Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import { LOGIN_ADDRESSES_PER_ACCOUNT, STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type ProgramName, programTest } from "../support/programs.ts";
import { claimSocial, claimSocialDurability } from "./social_contract.ts";
import { claimDeletions } from "./deletion_contract.ts";
import { claimDocumentDurability, claimDocuments } from "./document_contract.ts";
import { claimReceiptDurability, claimReceipts } from "./receipt_contract.ts";
import { claimGuilds } from "./guild_contract.ts";
import { claimSanctionDurability, claimSanctions } from "./sanction_contract.ts";
import { claimScoreDurability, claimScores } from "./score_contract.ts";

/** An adapter, opened on data of its own. */
export interface OpenedStorage {
  readonly storage: Storage;
  /** Where a second process finds the same data; absent where there is no such place. */
  readonly location?: string;
  /** Closes the storage, waits for `meanwhile`, and opens the same data again. */
  reopen(meanwhile?: () => Promise<void>): Promise<Storage>;
  /** Closes the storage and throws its data away. */
  close(): Promise<void>;
}

/** How to open an adapter, and whether its data outlive it. */
export interface StorageAdapter {
  readonly isDurable: boolean;
  /** What must be installed for it. */
  readonly program?: ProgramName;
  open(): Promise<OpenedStorage>;
}

const CHILD_SCRIPT = new URL("../support/storage_child.ts", import.meta.url);

/** An account to create; the password verifier is none a hasher would make. */
export function newAccount(name: string, passwordVerifier: string | null = "verifier"): NewAccount {
  return { name, nameKey: name.toLowerCase(), passwordVerifier, createdAtMs: 1_760_000_000_000 };
}

/** Creates an account that must not exist yet. */
export async function mustCreate(storage: Storage, name: string): Promise<number> {
  const result = await storage.accounts.create(newAccount(name));
  assert(result.kind === "created", `${name} must be free`);
  return result.accountId;
}

/** Runs the contract; `name` stands in front of every test's name. */
export function storageContract(name: string, adapter: StorageAdapter): void {
  function claim(text: string, run: (storage: Storage, opened: OpenedStorage) => Promise<void>): void {
    programTest(adapter.program ?? [], `${name} ${text}`, async () => {
      const opened = await adapter.open();
      try {
        await run(opened.storage, opened);
      } finally {
        await opened.close();
      }
    });
  }

  claimAccounts(claim);
  claimDeletions(claim);
  claimCharacters(claim);
  claimGuilds(claim);
  claimLimits(claim);
  claimSocial(claim);
  claimScores(claim);
  claimSanctions(claim);
  claimDocuments(claim);
  claimReceipts(claim);
  if (adapter.isDurable) {
    claimDurability(claim);
    claimSocialDurability(claim);
    claimScoreDurability(claim);
    claimSanctionDurability(claim);
    claimDocumentDurability(claim);
    claimReceiptDurability(claim);
  }
}

/** Declares one test of the contract. */
export type Claim = (text: string, run: (storage: Storage, opened: OpenedStorage) => Promise<void>) => void;

function claimAccounts(claim: Claim): void {
  claim("accounts.create() gives an id under which and by name the account is found", async (storage) => {
    const account = newAccount("Mira_1");
    const result = await storage.accounts.create(account);
    assert(result.kind === "created");
    const expected = { accountId: result.accountId, ...account, tokenEpoch: 0, deleteAtMs: null };
    assert(Number.isSafeInteger(result.accountId) && result.accountId > 0);
    assertEquals(await storage.accounts.find(result.accountId), expected);
    assertEquals(await storage.accounts.findByName("mira_1"), expected);
  });

  claim("accounts.create() refuses a name that differs only in case", async (storage) => {
    const accountId = await mustCreate(storage, "Mira");
    assertEquals(await storage.accounts.create(newAccount("mIRA")), { kind: "name_taken" });
    assertEquals((await storage.accounts.findByName("mira"))?.accountId, accountId);
    assertEquals((await storage.accounts.findByName("mira"))?.name, "Mira");
  });

  claim("accounts.create() lets exactly one of many racing for a name win", async (storage) => {
    const racers = Array.from({ length: 50 }, (_, i) => newAccount("Racer", `verifier ${i}`));
    const results = await Promise.all(racers.map((racer) => storage.accounts.create(racer)));
    const winners = results.flatMap((result, i) => result.kind === "created" ? [i] : []);
    assertEquals(winners.length, 1);
    assertEquals((await storage.accounts.findByName("racer"))?.passwordVerifier, `verifier ${winners[0]}`);
  });

  claim("accounts.create() keeps an account without a password", async (storage) => {
    const result = await storage.accounts.create(newAccount("Guest", null));
    assert(result.kind === "created");
    assertEquals((await storage.accounts.find(result.accountId))?.passwordVerifier, null);
  });

  claim("accounts.find() and findByName() give undefined for nobody", async (storage) => {
    assertEquals(await storage.accounts.find(1), undefined);
    assertEquals(await storage.accounts.find(Number.MAX_SAFE_INTEGER), undefined);
    assertEquals(await storage.accounts.findByName("nobody"), undefined);
    assertEquals(await storage.accounts.findByName(`"; DROP TABLE accounts; --`), undefined);
  });

  claim("accounts.createMany() creates 5,000 accounts with a character each", async (storage) => {
    const names = Array.from({ length: 5_000 }, (_, i) => `bot${i}`);
    const results = await storage.accounts.createMany(names.map((each) => newAccount(each, null)));
    assertEquals(new Set(results.map(({ accountId }) => accountId)).size, 5_000);
    assert(results.every(({ isNew }) => isNew));
    assertEquals((await storage.accounts.findByName("bot4999"))?.accountId, results[4_999].accountId);
    const character = await storage.characters.load({ accountId: results[4_999].accountId, characterId: 0 });
    assertEquals(character?.name, "bot4999");
  });

  claim("accounts.createMany() gives the accounts that had the names before", async (storage) => {
    const before = await mustCreate(storage, "bot1");
    const results = await storage.accounts.createMany(["bot0", "BOT1", "bot2", "bot2"].map((each) => newAccount(each)));
    assertEquals(results.map(({ isNew }) => isNew), [true, false, true, false]);
    assertEquals(results[1].accountId, before);
    assertEquals(results[3].accountId, results[2].accountId);
    assertEquals((await storage.accounts.find(before))?.name, "bot1");
  });

  claim(
    "accounts.noteAddress() remembers the addresses an account logged in from last, and no other's",
    async (storage) => {
      const accountId = await mustCreate(storage, "Mira");
      const otherId = await mustCreate(storage, "Other");
      const seenAtMs = async (address: string | null, nameKey = "mira") =>
        (await storage.accounts.findForLogin({ nameKey, address }))?.addressSeenAtMs;
      assertEquals(await seenAtMs("192.0.2.1"), null);
      assertEquals(await storage.accounts.findForLogin({ nameKey: "nobody", address: "192.0.2.1" }), undefined);
      for (let index = 0; index < LOGIN_ADDRESSES_PER_ACCOUNT; index++) {
        await storage.accounts.noteAddress({ accountId, address: `192.0.2.${index}`, atMs: 1_000 + index });
      }
      await storage.accounts.noteAddress({ accountId: otherId, address: "198.51.100.1", atMs: 1 });
      const some = [await seenAtMs("192.0.2.0"), await seenAtMs(null), await seenAtMs("198.51.100.1")];
      assertEquals(some, [1_000, null, null]);
      // Used again, it stays; the one that was used longest ago makes way.
      await storage.accounts.noteAddress({ accountId, address: "192.0.2.0", atMs: 5_000 });
      await storage.accounts.noteAddress({ accountId, address: "203.0.113.1", atMs: 6_000 });
      const kept = [await seenAtMs("192.0.2.0"), await seenAtMs("192.0.2.1"), await seenAtMs("203.0.113.1")];
      assertEquals(kept, [5_000, null, 6_000]);
      assertEquals(await seenAtMs("198.51.100.1", "other"), 1);
      const found = await storage.accounts.findForLogin({ nameKey: "mira", address: null });
      assertEquals(found?.account, await storage.accounts.find(accountId));
    },
  );

  claim(
    "accounts.findEntry() gives account, sanctions and character in one, and undefined for nobody",
    async (storage) => {
      const accountId = await mustCreate(storage, "Mira");
      const otherId = await mustCreate(storage, "Other");
      const character = await storage.characters.load({ accountId, characterId: 0 });
      const account = await storage.accounts.find(accountId);
      assert(character !== undefined && account !== undefined);
      const standing = { ban: null, mute: null };
      const query = { accountId, characterId: 0, nowMs: 5_000 };
      assertEquals(await storage.accounts.findEntry(query), { account, standing, character });
      const { characterId } = character;
      assertEquals(await storage.accounts.findEntry({ ...query, characterId }), { account, standing, character });
      assertEquals(
        (await storage.accounts.findEntry({ ...query, accountId: otherId, characterId }))?.character,
        undefined,
      );
      assertEquals(await storage.accounts.findEntry({ ...query, accountId: 999_999 }), undefined);
      const mute = { kind: "mute", playerId: accountId, address: null, reason: "spam", moderator: "op" } as const;
      await storage.sanctions.set({ ...mute, createdAtMs: 1_000, endsAtMs: 6_000 });
      assertEquals((await storage.accounts.findEntry(query))?.standing.mute?.reason, "spam");
      assertEquals((await storage.accounts.findEntry({ ...query, nowMs: 6_000 }))?.standing.mute, null);
    },
  );

  claim("accounts.findNames() gives the names of known players only", async (storage) => {
    const first = await mustCreate(storage, "Ann");
    const second = await mustCreate(storage, "Bob");
    assertEquals(await storage.accounts.findNames([second, 999_999, first, first]), [
      { playerId: first, name: "Ann" },
      { playerId: second, name: "Bob" },
    ]);
    assertEquals(await storage.accounts.findNames([]), []);
  });

  claim("accounts.findTokenEpochs() tells which tokens of known accounts hold", async (storage) => {
    const [first, second] = [await mustCreate(storage, "Ann"), await mustCreate(storage, "Bob")];
    await storage.accounts.revokeTokens({ accountId: second, tokenEpoch: null });
    assertEquals(await storage.accounts.findTokenEpochs([second, 999_999, first]), [
      { accountId: first, tokenEpoch: 0 },
      { accountId: second, tokenEpoch: 1 },
    ]);
  });
}

function claimCharacters(claim: Claim): void {
  const state = { mapId: 3, x: 1.5, y: -0.25, z: 999.875, yaw: 3.141592653589793, hp: 87.5 };

  claim("characters.load() gives a new account's character without a state", async (storage) => {
    const accountId = await mustCreate(storage, "Mira");
    const character = await storage.characters.load({ accountId, characterId: 0 });
    assert(character && character.characterId > 0);
    assertEquals(character, { characterId: character.characterId, accountId, name: "Mira", state: null });
    assertEquals(await storage.characters.load({ accountId, characterId: character.characterId }), character);
  });

  claim("characters.load() gives nobody another account's character", async (storage) => {
    const accountId = await mustCreate(storage, "Mira");
    const otherId = await mustCreate(storage, "Other");
    const other = await storage.characters.load({ accountId: otherId, characterId: 0 });
    assert(other);
    assertEquals(await storage.characters.load({ accountId, characterId: other.characterId }), undefined);
    assertEquals(await storage.characters.load({ accountId: 999_999, characterId: 0 }), undefined);
  });

  claim("characters.save() keeps every number exactly", async (storage) => {
    const accountId = await mustCreate(storage, "Mira");
    const characterId = (await storage.characters.load({ accountId, characterId: 0 }))?.characterId ?? 0;
    assertEquals(await storage.characters.save({ characterId, ...state }), true);
    assertEquals((await storage.characters.load({ accountId, characterId }))?.state, state);
    const atOrigin = { mapId: 0, x: 0, y: 0, z: 0, yaw: 0, hp: 0 };
    assertEquals(await storage.characters.save({ characterId, ...atOrigin }), true);
    assertEquals((await storage.characters.load({ accountId, characterId }))?.state, atOrigin);
  });

  claim("characters.save() gives false for a character that does not exist", async (storage) => {
    assertEquals(await storage.characters.save({ characterId: 12_345, ...state }), false);
  });

  claim("characters.saveMany() saves 5,000 characters and skips unknown ones", async (storage) => {
    const names = Array.from({ length: 5_000 }, (_, i) => `bot${i}`);
    const accounts = await storage.accounts.createMany(names.map((each) => newAccount(each, null)));
    const characters = await Promise.all(
      accounts.map(({ accountId }) => storage.characters.load({ accountId, characterId: 0 })),
    );
    const saved = characters.map((character, i) => ({ characterId: character?.characterId ?? 0, ...state, x: i }));
    assertEquals(await storage.characters.saveMany([...saved, { characterId: 9_999_999, ...state }]), 5_000);
    const last = await storage.characters.load({ accountId: accounts[4_999].accountId, characterId: 0 });
    assertEquals(last?.state?.x, 4_999);
  });

  claim("characters.save() is done in the order of the calls", async (storage) => {
    const accountId = await mustCreate(storage, "Mira");
    const characterId = (await storage.characters.load({ accountId, characterId: 0 }))?.characterId ?? 0;
    const saves = Array.from({ length: 100 }, (_, x) => storage.characters.save({ characterId, ...state, x }));
    const loaded = storage.characters.load({ accountId, characterId });
    await Promise.all(saves);
    assertEquals((await loaded)?.state?.x, 99);
  });
}

function claimLimits(claim: Claim): void {
  claim("refuses ids that are not exact as numbers", async (storage) => {
    for (const id of [2 ** 53, -1, 1.5, NaN, Infinity]) {
      await assertRejects(() => storage.accounts.find(id), RangeError, "accountId");
      await assertRejects(() => storage.accounts.findNames([id]), RangeError, "playerId");
      await assertRejects(() => storage.characters.load({ accountId: 1, characterId: id }), RangeError, "characterId");
    }
  });

  claim("refuses a state that is not finite and keeps the one before", async (storage) => {
    const accountId = await mustCreate(storage, "Mira");
    const characterId = (await storage.characters.load({ accountId, characterId: 0 }))?.characterId ?? 0;
    const state = { mapId: 0, x: 1, y: 2, z: 3, yaw: 4, hp: 5 };
    await storage.characters.save({ characterId, ...state });
    for (const x of [NaN, Infinity, -Infinity]) {
      await assertRejects(() => storage.characters.save({ characterId, ...state, x }), RangeError, "not finite");
      const batch = [{ characterId, ...state, x: 7 }, { characterId, ...state, x }];
      await assertRejects(() => storage.characters.saveMany(batch), RangeError, "not finite");
    }
    assertEquals((await storage.characters.load({ accountId, characterId }))?.state, state);
  });

  claim("takes at most STORAGE_ROWS_MAX rows in one request", async (storage) => {
    const ids = Array.from({ length: STORAGE_ROWS_MAX }, (_, i) => i);
    assertEquals(await storage.accounts.findNames(ids), []);
    await assertRejects(() => storage.accounts.findNames([...ids, 1]), RangeError, `${STORAGE_ROWS_MAX} rows`);
    const tooMany = Array.from({ length: STORAGE_ROWS_MAX + 1 }, (_, i) => newAccount(`bot${i}`));
    await assertRejects(() => storage.accounts.createMany(tooMany), RangeError);
    assertEquals(await storage.accounts.findByName("bot0"), undefined);
  });

  claim("undoes only the request that failed among requests made together", async (storage) => {
    const good = storage.accounts.create(newAccount("Good"));
    const bad = storage.accounts.createMany([newAccount("Half"), { ...newAccount("Bad"), createdAtMs: NaN }]);
    const alsoGood = storage.accounts.create(newAccount("AlsoGood"));
    await assertRejects(() => bad, RangeError, "createdAtMs");
    assertEquals((await good).kind, "created");
    assertEquals((await alsoGood).kind, "created");
    assertEquals(await storage.accounts.findByName("half"), undefined);
    assert(await storage.accounts.findByName("good"));
  });

  claim("isHealthy() is true while open and false when closed", async (storage) => {
    assertEquals(await storage.isHealthy(), true);
    await storage.close();
    assertEquals(await storage.isHealthy(), false);
    const error = await assertRejects(() => storage.accounts.find(1), DependencyError, "closed");
    assertEquals(error.code, "unavailable");
  });
}

function claimDurability(claim: Claim): void {
  claim("reopen() finds everything that was acknowledged", async (storage, opened) => {
    const accountId = await mustCreate(storage, "Mira");
    const characterId = (await storage.characters.load({ accountId, characterId: 0 }))?.characterId ?? 0;
    const state = { mapId: 0, x: 1, y: 2, z: 3, yaw: 4, hp: 5 };
    await storage.characters.save({ characterId, ...state });
    const again = await opened.reopen();
    assertEquals((await again.accounts.findByName("mira"))?.accountId, accountId);
    assertEquals((await again.characters.load({ accountId, characterId: 0 }))?.state, state);
    assert(await mustCreate(again, "Next") > accountId);
  });

  claim("keeps every write that a killed process had acknowledged", async (_storage, opened) => {
    let acknowledged: string[] = [];
    const storage = await opened.reopen(async () => {
      acknowledged = await killAfterAcknowledging(200, ["write", opened.location ?? ""]);
    });
    assert(acknowledged.length >= 200);
    for (const line of acknowledged) {
      const [accountId, x] = line.split(" ").map(Number);
      assert(await storage.accounts.find(accountId), `account ${accountId} was acknowledged`);
      const character = await storage.characters.load({ accountId, characterId: 0 });
      assertEquals(character?.state?.x, x);
    }
    await mustCreate(storage, "AfterTheCrash");
  });

  claim("shares its data with a second process that creates 5,000 accounts", async (storage, opened) => {
    const command = childCommand(["bulk", opened.location ?? "", "5000"]);
    const child = command.output();
    let isDone = false;
    const done = child.finally(() => isDone = true);
    let ownCount = 0;
    while (!isDone) {
      await mustCreate(storage, `own${ownCount++}`);
      // An adapter may answer in microtasks alone; the child's end is an event.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const { success, stderr } = await done;
    assert(success, new TextDecoder().decode(stderr));
    assert(await storage.accounts.findByName("bulk0"));
    assert(await storage.accounts.findByName("bulk4999"));
    assert(await storage.accounts.findByName(`own${ownCount - 1}`));
  });
}

function childCommand(args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-A", CHILD_SCRIPT.pathname, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Lets a child write until it has acknowledged `count` writes, kills it, and gives every line it got out. */
async function killAfterAcknowledging(count: number, args: string[]): Promise<string[]> {
  const child = childCommand(args).spawn();
  const errorText = new Response(child.stderr).text();
  let text = "";
  let isKilled = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (isKilled || text.split("\n").length <= count) continue;
    child.kill("SIGKILL");
    isKilled = true;
  }
  await child.status;
  assert(isKilled, `The child ended by itself: ${await errorText}`);
  await errorText;
  // The last piece has no line end: it is empty, or a line cut short.
  return text.split("\n").slice(0, -1);
}
