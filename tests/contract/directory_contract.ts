/**
 * What the directory of nodes and players promises, on every database.
 *
 * @module
 */

import {
  type Claim,
  DIRECTORY,
  type Directory,
  type NodeEntry,
  type NodeId,
  NODES,
  type Nodes,
  type SessionMark,
  type SessionPlace,
  type TakenSession,
} from "../../server/cluster/directory_store.ts";
import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { type SavedCharacter, type Storage, SYSTEM } from "../../server/storage/storage.ts";
import { Prng } from "../../server/world/prng.ts";
import { DependencyError } from "../../shared/errors.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type ProgramName, programTest } from "../support/programs.ts";

const LEASE_MS = 6_000, GRACE_MS = 60_000;
/** Whispers that are kept in the moment in which a session is taken. */
const WHISPER_RACES = 100;
const LOAD = { currentPlayers: 0, maxPlayers: 100, isDraining: false };
const MARK: SessionMark = { characterId: 0, tokenHash: "a token", previousTokenHash: null };

/** A database whose time is a test's. */
export interface OpenedDirectory {
  readonly storage: Storage;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** How to open a database. */
export interface DirectoryAdapter {
  /** What must be installed for it. */
  readonly program?: ProgramName;
  /** How many races nodes have. */
  readonly races: number;
  open(): Promise<OpenedDirectory>;
}

function node(serverId: number, incarnation = `run ${serverId}`): NodeEntry {
  const address = {
    serverName: `Server ${serverId}`,
    host: "192.0.2.1",
    gamePort: 8081,
    gatewayUrl: "ws://192.0.2.1/ws",
  };
  return { serverId, incarnation, ...address, ...LOAD };
}

class Cluster {
  readonly directory: Directory;
  readonly nodes: Nodes;

  constructor(readonly storage: Storage, readonly pass: (ms: number) => Promise<void>) {
    this.directory = storage.of(DIRECTORY);
    this.nodes = storage.of(NODES);
  }

  async join(...nodes: NodeEntry[]): Promise<void> {
    for (const each of nodes) assertEquals(await this.nodes.join({ node: each, leaseMs: LEASE_MS }), "joined");
  }

  async player(name: string): Promise<number> {
    const account = { name, nameKey: name.toLowerCase(), passwordVerifier: "none", createdAtMs: 1 };
    const result = await this.storage.accounts.create(account);
    assert(result.kind === "created");
    return result.accountId;
  }

  async claim(playerId: number, { serverId, incarnation }: NodeId, mark = MARK): Promise<Claim> {
    return await this.directory.claim({ playerId, node: { serverId, incarnation }, mark });
  }

  async character(accountId: number): Promise<SavedCharacter> {
    const { characterId } = (await this.storage.characters.load({ accountId, characterId: 0 }))!;
    return { characterId, mapId: 0, x: 1, y: 0, z: 1, yaw: 0, hp: 50 };
  }

  place(tokenHash: string): Promise<SessionPlace> {
    return this.directory.findSession({ tokenHash, graceMs: GRACE_MS });
  }

  take(tokenHash: string, { serverId, incarnation }: NodeId, nextTokenHash: string) {
    return this.directory.takeSession({ tokenHash, nextTokenHash, graceMs: GRACE_MS, node: { serverId, incarnation } });
  }

  async renew({ serverId, incarnation }: NodeId): Promise<boolean> {
    return (await this.nodes.renew({ node: { serverId, incarnation }, load: LOAD, leaseMs: LEASE_MS })).isHeld;
  }
}

const bytes = (text: string) => new TextEncoder().encode(text);

/** Runs the contract; `name` stands in front of every test's name. */
export function directoryContract(name: string, adapter: DirectoryAdapter): void {
  function claim(text: string, run: (cluster: Cluster) => Promise<void>): void {
    programTest(adapter.program ?? [], `${name} ${text}`, async () => {
      const { storage, pass, close } = await adapter.open();
      try {
        await run(new Cluster(storage, pass));
      } finally {
        await close();
      }
    });
  }

  claim(
    "DIRECTORY.claim() gives a player to one node, and to another once it is given up or the lease has lapsed",
    async (cluster) => {
      const [one, two] = [node(1), node(2)];
      await cluster.join(one, two);
      const playerId = await cluster.player("Anna");
      assertEquals(await cluster.claim(playerId, one), { kind: "claimed", epoch: 1 });
      assertEquals(await cluster.claim(playerId, two), { kind: "owned", owner: { serverId: 1, incarnation: "run 1" } });
      assertEquals(await cluster.directory.ownerOf(playerId), { serverId: 1, incarnation: "run 1" });
      await cluster.directory.release({ playerId, epoch: 1 });
      assertEquals(await cluster.directory.ownerOf(playerId), undefined);
      assertEquals(await cluster.claim(playerId, two), { kind: "claimed", epoch: 2 });
      await cluster.pass(LEASE_MS - 1_000);
      assert(await cluster.renew(one));
      assertEquals((await cluster.claim(playerId, one)).kind, "owned");
      await cluster.pass(1_000);
      assertEquals(await cluster.claim(playerId, one), { kind: "claimed", epoch: 3 });
    },
  );

  claim(
    "DIRECTORY.claim() is refused to a node without a lease, and its renewal takes nothing back",
    async (cluster) => {
      const [one, two] = [node(1), node(2)];
      await cluster.join(one, two);
      const playerId = await cluster.player("Anna");
      await cluster.claim(playerId, one);
      await cluster.pass(LEASE_MS);
      assertEquals(await cluster.claim(playerId, one), { kind: "lapsed" });
      assert(await cluster.renew(two));
      assertEquals(await cluster.claim(playerId, two), { kind: "claimed", epoch: 2 });
      assert(await cluster.renew(one));
      assertEquals((await cluster.claim(playerId, one)).kind, "owned");
      assertEquals(await cluster.directory.lost([{ playerId, epoch: 1 }, { playerId, epoch: 2 }]), [playerId]);
    },
  );

  claim(
    "NODES.join() refuses a server id while another node with it holds its lease, and lists who does",
    async (cluster) => {
      await cluster.join(node(1), node(2));
      const second = node(1, "another run");
      assertEquals(await cluster.nodes.join({ node: second, leaseMs: LEASE_MS }), "taken");
      await cluster.pass(LEASE_MS);
      assert(await cluster.renew(node(2)));
      assertEquals((await cluster.nodes.list(null)).map(({ serverId }) => serverId), [2]);
      assertEquals(await cluster.nodes.join({ node: second, leaseMs: LEASE_MS }), "joined");
      assertEquals(await cluster.renew(node(1)), false, "The one before is out");
      assertEquals((await cluster.nodes.list(null)).map(({ incarnation }) => incarnation), [
        "another run",
        "run 2",
      ]);
      assertEquals((await cluster.nodes.list(null))[1], node(2));
      await cluster.nodes.leave({ serverId: 1, incarnation: "run 1" });
      assertEquals((await cluster.nodes.list(null)).length, 2, "Nobody takes out another run of itself");
      await cluster.nodes.leave({ serverId: 1, incarnation: "another run" });
      assertEquals((await cluster.nodes.list(null)).length, 1);
    },
  );

  claim(
    "NODES.renew() tells a node whom others want from it, until it gives them up or they come to it again",
    async (cluster) => {
      const [one, two] = [node(1), node(2)];
      await cluster.join(one, two);
      const [anna, bert] = [await cluster.player("Anna"), await cluster.player("Bert")];
      for (const playerId of [anna, bert]) await cluster.claim(playerId, one);
      await cluster.claim(bert, two);
      const wanted = async ({ serverId, incarnation }: NodeId) =>
        (await cluster.nodes.renew({ node: { serverId, incarnation }, load: LOAD, leaseMs: LEASE_MS })).wanted
          .map(({ playerId }) => playerId);
      assertEquals([await wanted(one), await wanted(one), await wanted(two)], [[bert], [bert], []]);
      await cluster.directory.mark({ playerId: bert, epoch: 1, mark: MARK, tokenEpoch: 0 });
      assertEquals(await wanted(one), []);
      await cluster.claim(bert, two);
      assertEquals(await wanted(one), [bert]);
      await cluster.directory.release({ playerId: bert, epoch: 1 });
      await cluster.claim(bert, two);
      assertEquals([await wanted(one), await wanted(two)], [[], []]);
    },
  );

  claim(
    "DIRECTORY.handOver() saves a character and leaves its session to whoever comes for it first, once",
    async (cluster) => {
      const [one, two] = [node(1), node(2)];
      await cluster.join(one, two);
      const playerId = await cluster.player("Anna");
      await cluster.claim(playerId, one, { ...MARK, previousTokenHash: "spent" });
      const character = await cluster.character(playerId);
      const given = {
        playerId,
        epoch: 1,
        character: { ...character, x: 70 },
        mark: MARK,
        session: bytes("all of it"),
        graceMs: GRACE_MS,
      };
      assertEquals(await cluster.directory.handOver({ ...given, epoch: 7, character: { ...character, x: 9 } }), false);
      assertEquals(await cluster.directory.handOver(given), true);
      assertEquals(await cluster.directory.handOver({ ...given, character: { ...character, x: 9 } }), false, "Once");
      const stored = await cluster.storage.characters.load({ accountId: playerId, characterId: 0 });
      assertEquals([stored?.state?.x, await cluster.directory.ownerOf(playerId)], [70, undefined]);
      assertEquals(await cluster.place("a token"), { kind: "free", playerId, characterId: 0 });
      assertEquals((await cluster.place("spent")).kind, "over", "Its client has shown that it has the newest");
      const [taken, late] = await Promise.all([
        cluster.take("a token", two, "next"),
        cluster.take("a token", one, "x"),
      ]);
      assertEquals(taken, { kind: "taken", playerId, epoch: 3, characterId: 0, session: bytes("all of it") });
      assertEquals(late.kind, "owned");
      assertEquals((await cluster.directory.ownerOf(playerId))?.serverId, 2);
      assertEquals((await cluster.take("next", two, "y") as TakenSession).session, null, "It is no other session's");
    },
  );

  claim("DIRECTORY.handOver() keeps a session for its time, and an entry ends it", async (cluster) => {
    const [one, two] = [node(1), node(2)];
    await cluster.join(one, two);
    const [anna, bert] = [await cluster.player("Anna"), await cluster.player("Bert")];
    for (const [playerId, tokenHash] of [[anna, "Anna's"], [bert, "Bert's"]] as const) {
      await cluster.claim(playerId, one, { ...MARK, tokenHash });
      const character = await cluster.character(playerId);
      const given = {
        playerId,
        epoch: 1,
        // Nothing of Bert is to be saved.
        ...playerId === anna ? { character } : {},
        mark: { ...MARK, tokenHash },
        session: bytes("x"),
        graceMs: GRACE_MS,
      };
      assert(await cluster.directory.handOver(given));
    }
    await cluster.pass(GRACE_MS - 1_000);
    for (const each of [one, two]) await cluster.renew(each);
    assertEquals((await cluster.place("Bert's")).kind, "free");
    assertEquals(await cluster.claim(bert, two, { ...MARK, tokenHash: "Bert's new" }), { kind: "claimed", epoch: 3 });
    assertEquals([(await cluster.place("Bert's")).kind, (await cluster.place("Anna's")).kind], ["over", "free"]);
    await cluster.pass(1_000);
    assertEquals([(await cluster.place("Anna's")).kind, (await cluster.take("Anna's", two, "x")).kind], [
      "over",
      "over",
    ]);
    await cluster.renew(two);
    assertEquals((await cluster.place("Bert's new")).kind, "owned");
  });

  claim(
    "SOCIAL.keepWhisper() of a session that was handed over is refused once that is taken, and else found by who takes it",
    async (cluster) => {
      const [one, two] = [node(1), node(2)], social = cluster.storage.of(SOCIAL);
      await cluster.join(one, two);
      const senderId = await cluster.player("Sender");
      const handedOver = async (name: string) => {
        const playerId = await cluster.player(name);
        await cluster.claim(playerId, one, { ...MARK, tokenHash: name });
        const keep = (message: string) =>
          social.keepWhisper({
            ...{ recipientId: playerId, senderId, message, sentAtMs: 1 },
            unlessTaken: { playerId, epoch: 1 },
          }).then(({ kind }) => kind);
        const kept = async () =>
          (await social.listWhispers({ recipientId: playerId, sentFromMs: 0 })).map(({ message }) => message);
        const before = await keep("before");
        const given = {
          playerId,
          epoch: 1,
          mark: { ...MARK, tokenHash: name },
          session: bytes("x"),
          graceMs: GRACE_MS,
        };
        assert(await cluster.directory.handOver(given));
        return { playerId, before, keep, kept };
      };
      const anna = await handedOver("Anna"), bert = await handedOver("Bert");
      assertEquals([anna.before, await anna.keep("waiting")], ["kept", "kept"]);
      assertEquals((await cluster.take("Anna", two, "next")).kind, "taken");
      assertEquals([await anna.keep("late"), await anna.kept()], ["taken", ["before", "waiting"]]);
      assertEquals((await cluster.claim(bert.playerId, two, { ...MARK, tokenHash: "anew" })).kind, "claimed");
      assertEquals([await bert.keep("late"), await bert.kept()], ["kept", ["before", "late"]], "Nobody took it");
      for (let race = 0; race < WHISPER_RACES; race++) {
        const each = await handedOver(`Racer ${race}`);
        const taken = cluster.take(`Racer ${race}`, two, `next ${race}`).then(() => each.kept());
        const [outcome, found] = await Promise.all([each.keep("raced"), taken]);
        assertEquals([outcome, found.includes("raced")], [outcome, outcome === "kept"]);
      }
    },
  );

  claim(
    "DIRECTORY.takeSession() takes the session of a dead node for whoever brings its token or the one before, for a while",
    async (cluster) => {
      const [one, two] = [node(1), node(2)];
      await cluster.join(one, two);
      const playerId = await cluster.player("Anna");
      await cluster.claim(playerId, one, { ...MARK, characterId: 5 });
      assertEquals((await cluster.take("a token", two, "x")).kind, "owned", "Its node may live");
      const place = await cluster.place("a token");
      assert(place.kind === "owned" && place.leaseLeftMs > LEASE_MS - 1_000 && place.leaseLeftMs <= LEASE_MS);
      assertEquals(place.owner, one);
      const marked = { characterId: 5, tokenHash: "second", previousTokenHash: "a token" };
      const mark = { playerId, epoch: 1, mark: marked, tokenEpoch: 0 };
      assertEquals(
        await cluster.directory.mark({ ...mark, epoch: 9, mark: { ...marked, tokenHash: "x" } }),
        "fenced",
      );
      assertEquals(await cluster.directory.mark({ ...mark, tokenEpoch: 1 }), "void");
      assertEquals(await cluster.directory.mark(mark), "marked");
      await cluster.pass(LEASE_MS);
      assert(await cluster.renew(two));
      const free = { kind: "free", playerId, characterId: 5 } as const;
      assertEquals([await cluster.place("a token"), await cluster.place("second")], [free, free]);
      assertEquals((await cluster.place("x")).kind, "over");
      const taken = { kind: "taken", playerId, epoch: 2, characterId: 5, session: null } as const;
      assertEquals(await cluster.take("a token", two, "third"), taken);
      assertEquals([(await cluster.place("second")).kind, (await cluster.place("third")).kind], ["over", "owned"]);
      // The same node may have lost it with the thread that had it.
      assertEquals((await cluster.take("third", two, "fourth")).kind, "taken");
      await cluster.pass(LEASE_MS + GRACE_MS - 1_000);
      assert(await cluster.renew(one));
      assertEquals((await cluster.place("fourth")).kind, "free");
      await cluster.pass(1_000);
      assertEquals((await cluster.place("fourth")).kind, "over", "No session waits for ever");
    },
  );

  claim(
    "DIRECTORY.findSession() knows no token that its account has revoked, nor one of a session that ended",
    async (cluster) => {
      const one = node(1);
      await cluster.join(one);
      const [anna, bert] = [await cluster.player("Anna"), await cluster.player("Bert")];
      await cluster.claim(anna, one);
      await cluster.claim(bert, one, { ...MARK, tokenHash: "Bert's" });
      await cluster.storage.accounts.revokeTokens({ accountId: anna, tokenEpoch: null });
      assertEquals((await cluster.place("a token")).kind, "over");
      const mark = { playerId: anna, epoch: 1, mark: MARK };
      assertEquals(await cluster.directory.mark({ ...mark, tokenEpoch: 0 }), "void");
      await cluster.storage.accounts.revokeTokens({ accountId: anna, tokenEpoch: null, keptEpoch: 2 });
      assertEquals((await cluster.place("a token")).kind, "over", "That is another session's");
      await cluster.storage.accounts.revokeTokens({ accountId: anna, tokenEpoch: null, keptEpoch: 1 });
      assertEquals((await cluster.place("a token")).kind, "owned", "The session that revoked the others goes on");
      assertEquals(await cluster.directory.mark({ ...mark, tokenEpoch: 3 }), "marked");
      assertEquals((await cluster.place("a token")).kind, "owned");
      await cluster.directory.release({ playerId: bert, epoch: 1 });
      assertEquals((await cluster.place("Bert's")).kind, "over");
    },
  );

  claim(
    "A write in the name of an ownership that holds no longer is refused as fenced and changes nothing",
    async (cluster) => {
      const [one, two] = [node(1), node(2)];
      await cluster.join(one, two);
      const playerId = await cluster.player("Anna");
      await cluster.claim(playerId, one);
      const { characterId } = (await cluster.storage.characters.load({ accountId: playerId, characterId: 0 }))!;
      const character = { characterId, mapId: 0, x: 1, y: 0, z: 1, yaw: 0, hp: 50 };
      const before = { playerId, epoch: 1 };
      const stores = cluster.storage.for({ ...SYSTEM, owner: before });
      assertEquals(await stores.characters.save(character), true);
      assertEquals(await cluster.storage.characters.saveMany([{ ...character, x: 2, owner: before }]), 1);
      await cluster.pass(LEASE_MS);
      await cluster.renew(two);
      assertEquals(await cluster.claim(playerId, two), { kind: "claimed", epoch: 2 });
      const error = await assertRejects(() => stores.characters.save({ ...character, x: 3 }), DependencyError);
      assertEquals(error.code, "fenced");
      await assertRejects(
        () => stores.accounts.revokeTokens({ accountId: playerId, tokenEpoch: null }),
        DependencyError,
      );
      assertEquals((await stores.accounts.find(playerId))?.tokenEpoch, 0, "Reads need no ownership");
      const after = { playerId, epoch: 2 };
      const other = await cluster.player("Bert");
      const batch = [{ ...character, x: 4, owner: before }, {
        ...character,
        x: 5,
        owner: { playerId: other, epoch: 2 },
      }];
      assertEquals(
        await cluster.storage.characters.saveMany(batch),
        0,
        "Neither by an old epoch nor by another player's",
      );
      assertEquals((await cluster.storage.characters.load({ accountId: playerId, characterId }))!.state!.x, 2);
      assertEquals(await cluster.storage.characters.saveMany([{ ...character, x: 6, owner: after }]), 1);
    },
  );

  claim(
    `${
      adapter.races.toLocaleString("en")
    } races of nodes that pause, restart and claim leave no player with two owners, and no epoch used twice`,
    async (cluster) => {
      const random = new Prng(20_261_130), nodes = [1, 2, 3, 4].map((serverId) => node(serverId));
      await cluster.join(...nodes);
      const players: number[] = [];
      for (let index = 0; index < 5; index++) players.push(await cluster.player(`Player${index}`));
      const characters = new Map<number, SavedCharacter>();
      for (const playerId of players) characters.set(playerId, await cluster.character(playerId));
      /** What each node believes it owns; a pause lets it believe what is no longer true. */
      const believed = nodes.map(() => new Map<number, number>());
      const lastEpoch = new Map<number, number>();
      let claims = 0;

      function take(playerId: number, epoch: number, index: number): void {
        assert(epoch > (lastEpoch.get(playerId) ?? 0), `Epoch ${epoch} of player ${playerId} is not new`);
        lastEpoch.set(playerId, epoch);
        believed[index].set(playerId, epoch);
        claims++;
      }

      for (let race = 0; race < adapter.races; race++) {
        await cluster.pass(random.nextInt(1_500));
        const index = random.nextInt(nodes.length), playerId = players[random.nextInt(players.length)];
        const own = believed[index], epoch = own.get(playerId);
        switch (random.nextInt(6)) {
          case 0:
            await cluster.renew(nodes[index]);
            break;
          case 1:
            if (epoch !== undefined) await cluster.directory.release({ playerId, epoch });
            own.delete(playerId);
            break;
          case 2: {
            // Handed over or not, two come with the token.
            const mark = { ...MARK, tokenHash: `of ${playerId}` }, character = characters.get(playerId)!;
            const given = { character, mark, session: bytes("x"), graceMs: GRACE_MS };
            if (epoch !== undefined) await cluster.directory.handOver({ playerId, epoch, ...given });
            own.delete(playerId);
            const takers = [random.nextInt(nodes.length), random.nextInt(nodes.length)];
            const taken = await Promise.all(
              takers.map((each) => cluster.take(`of ${playerId}`, nodes[each], `of ${playerId}`)),
            );
            for (const [place, answer] of taken.entries()) {
              if (answer.kind === "taken") take(playerId, answer.epoch, takers[place]);
            }
            break;
          }
          default: {
            // Two ask at one moment.
            const askers = [index, random.nextInt(nodes.length)];
            const answers = await Promise.all(
              askers.map((each) => cluster.claim(playerId, nodes[each], { ...MARK, tokenHash: `of ${playerId}` })),
            );
            for (const [place, answer] of answers.entries()) {
              if (answer.kind === "claimed") take(playerId, answer.epoch, askers[place]);
            }
          }
        }
        // Of all who believe that they own the player, the database lets one write at most.
        let writers = 0;
        for (const each of believed) {
          const epochOf = each.get(playerId);
          if (epochOf === undefined) continue;
          if ((await cluster.directory.lost([{ playerId, epoch: epochOf }])).length === 0) writers++;
        }
        assert(writers <= 1, `Race ${race}: ${writers} owners`);
      }
      assert(claims > adapter.races / 5, `${claims} claims`);
    },
  );
}
