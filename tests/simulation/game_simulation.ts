/**
 * Tests of a game without sockets and without time: the real server and the real clients on a network, threads and a disk
 * that break by chance, all from one seed.
 *
 * ```ts ignore
 * Deno.test("coins are counted once, whatever breaks", () =>
 *   simulate(game, { contract, seeds: 20, faults: "all" }, async (t) => {
 *     const [ann, ben] = await t.join("ann", "ben");
 *     await ann.request(TakeCoinRequestSchema, {});
 *     await t.settle();
 *     t.equal(ben.received(CoinTakenSchema).length, 1);
 *   }));
 * ```
 *
 * Beside what a test asks itself, judges look on in every seed: each reliable packet is applied once, in order and as it
 * was sent, in both directions (`delivery`, `resume`); a player has one session (`sessions`); once it is quiet, everybody
 * sees exactly who is in its interest, where, and with which components (`sight`); whoever leaves is saved where it was,
 * with its components (`saved`), and leaves nothing behind (`leaks`); documents are what was committed, and nobody is told
 * of what is not on disk (`documents`); no code of the game throws but what refuses a request, uses what is over, or ends
 * while it waits for something (`errors`); and a seed that is played again takes the same way, so that nothing is kept
 * outside of the game that runs (`repeat`).
 *
 * @module
 */

import { type DescMessage, fromBinary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import {
  GameClient,
  type ReceiveSchema,
  type RequestSchema,
  type ResponseOf,
  type SendSchema,
} from "../../client/client.ts";
import { inflatePayload } from "../../client/inflate.ts";
import { nameKey } from "../../server/auth/names.ts";
import type { GameModule } from "../../server/game/game.ts";
import type { GameRecords } from "../../server/storage/sql_store.ts";
import type { Character, EnsuredAccount } from "../../server/storage/storage.ts";
import { savedComponents } from "../../server/session/saved_components.ts";
import { Prng } from "../../server/world/prng.ts";
import type { World } from "../../server/world/world.ts";
import type { Contract, PacketShapes } from "../../shared/contract.ts";
import {
  EnterWorldResponseSchema,
  MapEnteredSchema,
  MovementCorrectionSchema,
  MovementUpdateSchema,
} from "../../shared/gen/world_pb.ts";
import { ResumeResponseSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { SEND_QUEUE_HARD_BYTES_MIN } from "../../shared/limits.ts";
import type { PacketView } from "../../shared/packet_codec.ts";
import { assertEquals } from "../support/assert.ts";
import { DeliveryJudge } from "./delivery_judge.ts";
import { DocumentJudge } from "./document_judge.ts";
import { type FaultKind, Faults } from "./faults.ts";
import { observe } from "./observe.ts";
import { Parrot } from "./parrot.ts";
import type { SessionLedger } from "./session_ledger.ts";
import { Sight } from "./sight_judge.ts";
import { type CommitListener, SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedNetwork } from "./simulated_network.ts";
import { type LogicLife, SimulatedServer } from "./simulated_server.ts";
import { SimulatedTime } from "./simulated_time.ts";
import { upgradeSocket } from "./simulated_websocket.ts";
import { StateJudge } from "./state_judge.ts";
import { Trace } from "./trace.ts";
import { Verdict } from "./verdict.ts";

export type { FaultKind } from "./faults.ts";

/** How a game is simulated. */
export interface SimulateOptions<P extends PacketShapes<P>> {
  /** The game's: the compiler knows by it what players send and get. */
  readonly contract: Contract<P>;
  /** How many seeds, from 1; or which. */
  readonly seeds: number | readonly number[];
  /**
   * What breaks. `network`: connections, which are broken, held up and slow · `threads`: io workers, which die or stall ·
   * `disk`: which is slow, full, or loses what was not committed. Through all of them sessions go on, and so does what
   * the game keeps in memory. `restart`: the server dies and begins anew from what was saved. Default: nothing.
   */
  readonly faults?: "all" | readonly FaultKind[];
  /**
   * Time between two faults in the seeds that have the most, on average, in milliseconds; from 50. Others have up to 800 ms
   * more. Default: 700, as few players take them all and must get on between them.
   */
  readonly faultsEveryMs?: number;
  /** Options of the game that are not as they are by default. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The game's own stores: the default export of its `records.ts`. */
  readonly records?: GameRecords;
}

const ALL: readonly FaultKind[] = ["network", "threads", "disk", "restart"];
const GAME_PORT = 1;
const GATEWAY_PORT = 2;
const POLL_MS = 250;
/** Time between two faults at least, on average: few players take them all, and must get on between them, in milliseconds. */
const FAULT_EVERY_MS = 700;
/** Below this no request gets through between two. */
const FAULT_EVERY_MS_MIN = 50;
/** How soon everything must have come to rest once nothing goes wrong any more, in milliseconds. */
const SETTLE_MS = 60_000;
/** How soon nothing of a player may be left: as long as a server waits for one that fell silent, in milliseconds. */
const LEAVE_MS = 90_000;
/** What one seed may take of simulated time, in milliseconds. */
const TEST_MS_MAX = 1_200_000;
/** Longer than anything here keeps a client from its server, in milliseconds: sessions outlive it. */
const LINK_DEAD_MS = 60_000;
const LOOKS = 8;
const STEP_MS = 100;
/** Part of the greatest speed at which players walk. */
const SPEED_PART = 0.9;
/** How long a player waits for the server to hear where it is, in milliseconds. */
const HEARD_MS = 500;

/**
 * Plays a test once for each seed.
 *
 * @param play Whatever it throws fails the test, with the seed that repeats it.
 * @throws {Error} that names the first seed that fails, and what is broken.
 */
export async function simulate<P extends PacketShapes<P>, Api>(
  game: GameModule<Api>,
  options: SimulateOptions<P>,
  play: (t: GameTest<P, Api>) => Promise<void>,
): Promise<void> {
  const { seeds, faultsEveryMs = FAULT_EVERY_MS } = options;
  if (!(faultsEveryMs >= FAULT_EVERY_MS_MIN)) {
    throw new RangeError(`Cannot have faults every ${faultsEveryMs} ms: not ${FAULT_EVERY_MS_MIN} or more`);
  }
  const list = typeof seeds === "number" ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds;
  const hashes: string[] = [];
  for (const seed of list) hashes.push(await runSeed(game, options, play, seed));
  if (list.length === 0 || await runSeed(game, options, play, list[0]) === hashes[0]) return;
  throw new Error(
    `Seed ${
      list[0]
    }: repeat: a second run took another way: the game, or its test, keeps something in a variable outside`,
  );
}

async function runSeed<P extends PacketShapes<P>, Api>(
  game: GameModule<Api>,
  options: SimulateOptions<P>,
  play: (t: GameTest<P, Api>) => Promise<void>,
  seed: number,
): Promise<string> {
  // What is refused a thousand times is made of errors, whose stacks cost more than all the rest.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 4;
  const test = new GameTest<P, Api>(game, options, seed);
  try {
    await test.run(play);
    return test.trace.hash;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`Seed ${seed}: ${text}\n  To repeat it: simulate(game, { seeds: [${seed}], … })`, { cause: error });
  } finally {
    test.stop();
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** How a character left the world. */
interface Departure {
  readonly mapId: number;
  readonly x: number;
  readonly z: number;
  /** Those of its components that are saved. */
  readonly components: string;
}

function componentText(components: readonly { readonly componentId: number; readonly content: Uint8Array }[]): string {
  return components.map(({ componentId, content }) => `${componentId}: ${content.join()}`).sort().join("; ");
}

/** One seed of a test. */
export class GameTest<P extends PacketShapes<P>, Api> {
  /** Which seed. */
  readonly seed: number;
  /** Chance that the seed repeats. */
  readonly random: Prng;
  /** @internal */
  readonly delivery: DeliveryJudge;
  /** @internal */
  readonly contract: Contract<P>;
  /** @internal */
  readonly time = new SimulatedTime();
  /** @internal */
  readonly trace = new Trace({ keepsLines: false });
  /** @internal */
  readonly network: SimulatedNetwork;
  /** @internal Whether connections repeat packets that were delivered. */
  readonly saysTwice: boolean;
  readonly #verdict: Verdict;
  readonly #state: StateJudge;
  /** @internal */
  readonly documents: DocumentJudge;
  readonly #disk: SimulatedDisk;
  readonly #server: SimulatedServer;
  readonly #faults: Faults | null;
  readonly #watch: Disposable;
  readonly #players: TestPlayer<P>[] = [];
  /** Where characters were when they left the world last. */
  readonly #left = new Map<number, Departure>();
  /** Those of the game itself, not its instances. */
  readonly #mapIds: ReadonlySet<number>;
  #lifeCount = 0;
  #logCount = 0;

  /** @internal */
  constructor(game: GameModule<Api>, options: SimulateOptions<P>, seed: number) {
    const prng = new Prng(seed);
    const next = () => new Prng(prng.nextUint32());
    const { trace } = this;
    this.seed = seed;
    this.random = next();
    this.contract = options.contract;
    this.#verdict = new Verdict(() => trace.stepCount);
    this.delivery = new DeliveryJudge(this.#verdict);
    this.#state = new StateJudge(this.#verdict);
    this.#watch = observe({
      onToken: (session) => this.delivery.onToken(session, this.#lifeCount),
      onSent: () => {},
      onNumbered: (outbox, packet) => void this.delivery.onNumbered(outbox, packet),
      onApplied: (session, type, sequence, payload) => this.delivery.onApplied(session, type, sequence, payload),
      onShed: (session, sequence) => this.delivery.onShed(session, sequence),
      onSaid: () => {},
      onMissed: () => {},
      onClientNumbered: (session, packet) => this.delivery.onClientNumbered(session, packet),
    });
    const records = options.records ?? { game: game.name, stores: [] };
    this.documents = new DocumentJudge(this.#verdict, game.contract, records.stores);
    const onCommit: CommitListener = (request, outcome) => this.documents.onCommit(request, outcome);
    this.#disk = new SimulatedDisk(this.time, next(), trace, onCommit, records);
    this.#server = new SimulatedServer(this.time, next(), {
      shape: {
        ioWorkers: 1 + prng.nextInt(2),
        toLogicBytes: 131_072,
        fromLogicBytes: 131_072,
        softBytes: 65_536,
        hardBytes: SEND_QUEUE_HARD_BYTES_MIN,
        linkDeadMs: LINK_DEAD_MS,
        monsterCount: 0,
        game,
        gameOptions: options.options ?? {},
      },
      disk: this.#disk,
      onLife: (life) => this.#begin(life),
      afterTurn: (server) => this.#afterTurn(server),
    });
    this.#mapIds = new Set(game.maps(this.#server.config).map(({ mapId }) => mapId));
    this.network = new SimulatedNetwork(this.time, next(), trace, this.#server);
    const kinds = options.faults === "all" ? ALL : options.faults ?? [];
    const faults = new Faults({
      time: this.time,
      prng: next(),
      network: this.network,
      server: this.#server,
      trace,
      windowBytes: 65_536,
      everyMsMin: options.faultsEveryMs ?? FAULT_EVERY_MS,
      kinds,
      onStorageFault: () => {},
    });
    this.saysTwice = kinds.includes("network");
    this.#faults = kinds.length > 0 ? faults : null;
  }

  /** What the game's start function gave, in the life that the server has now. */
  get parts(): Api {
    return this.#server.life.logic.parts as Api;
  }

  /** Makes an account for each name and has its player enter the world. Resolves when all are in. */
  join(...names: string[]): Promise<TestPlayer<P>[]> {
    const accounts = names.map((name) => ({
      name,
      nameKey: nameKey(name),
      passwordVerifier: null,
      createdAtMs: this.time.unixMs(),
    }));
    const ensured = this.#disk.prepare("accounts.createMany", accounts) as EnsuredAccount[];
    return Promise.all(ensured.map(async ({ accountId }, index) => {
      const player = new TestPlayer(this, names[index], accountId, new Prng(this.random.nextUint32()));
      this.#players.push(player);
      await player.enter();
      return player;
    }));
  }

  /** Lets time pass, in milliseconds; faults happen meanwhile. */
  pass(ms: number): Promise<void> {
    return this.time.sleep(ms);
  }

  /**
   * Has faults pause until everything that was sent has come, everything is on disk and everybody is connected, and has
   * the judges compare what players see with the world. No fault comes between this and what is asked right after it.
   *
   * @throws {Error} when it does not come to rest.
   */
  async settle(): Promise<void> {
    this.#faults?.end();
    this.delivery.beginQuiet();
    await Promise.all(this.#players.map((player) => player.comeBack()));
    await this.#wait("settled", SETTLE_MS, () => this.#unsettled());
    await this.#lookAround();
    this.#faults?.begin();
  }

  /** Holds that two values are the same all through. */
  equal<T>(actual: T, expected: T, text?: string): void {
    assertEquals(actual, expected, text);
  }

  /** Holds that something is so. */
  check(condition: boolean, text: string): void {
    if (!condition) throw new Error(text);
  }

  /** @internal */
  fail(rule: string, text: string): void {
    this.#verdict.fail(rule, text);
  }

  /** @internal */
  newSight(entityId: number): Sight {
    return new Sight(entityId, this.#verdict);
  }

  /** @internal */
  async run(play: (t: GameTest<P, Api>) => Promise<void>): Promise<void> {
    this.#faults?.begin();
    const done = this.#play(play).then(() => ({ error: null }), (error: unknown) => ({ error }));
    let outcome: { readonly error: unknown } | null = null;
    void done.then((result) => outcome = result);
    for (let ms = 0; outcome === null; ms += POLL_MS) {
      await this.time.pass(POLL_MS);
      const { first } = this.#verdict;
      if (first !== null) throw new Error(`${first.rule}: ${first.text}`);
      if (ms > TEST_MS_MAX) throw new Error(`The test is not over after ${TEST_MS_MAX} simulated ms`);
    }
    const { error } = outcome as { readonly error: unknown };
    if (error !== null) throw error;
  }

  /** @internal */
  stop(): void {
    this.#faults?.end();
    this.#watch[Symbol.dispose]();
    this.#server.stop();
    this.#disk.close();
  }

  async #play(play: (t: GameTest<P, Api>) => Promise<void>): Promise<void> {
    await play(this);
    await this.settle();
    this.#faults?.end();
    await Promise.all(this.#players.map((player) => player.leave()));
    await this.#wait("leaks", LEAVE_MS, () => this.#state.leftover(this.#server));
    this.#checkSaved();
    const difference = this.documents.difference(this.#disk);
    if (difference !== null) throw new Error(difference);
  }

  #begin(life: LogicLife): void {
    this.#lifeCount++;
    this.#logCount = 0;
    this.#state.begin();
    life.logic.hooks.despawn.push((entityId, characterId) => {
      const { world } = life;
      const { mapId } = world.mapOf(entityId);
      const components = componentText(world.savedOf(entityId));
      this.#left.set(characterId, { mapId, x: world.xOf(entityId), z: world.zOf(entityId), components });
    });
  }

  #afterTurn(server: SimulatedServer): void {
    this.#state.afterTurn(server, this.time.monotonicMs());
    const { records } = server.life.log;
    for (; this.#logCount < records.length; this.#logCount++) {
      const { level, message, properties } = records[this.#logCount];
      // What a disk that ails refuses is no fault of the game.
      const text = JSON.stringify(properties);
      if (level === "error" && !text.includes("DependencyError")) this.fail("errors", `${message}: ${text}`);
    }
  }

  #unsettled(): string | null {
    for (const player of this.#players) {
      const problem = player.unsettled();
      if (problem !== null) return `${player.name}: ${problem}`;
    }
    const { life, isDown } = this.#server;
    if (isDown) return "the server is being started";
    if (!this.#disk.isIdle || life.storage.pendingCount > 0) return "the storage still works";
    if (life.logic.game.unsavedCount > 0) return "changes of the game are not saved yet";
    if (life.saver.unsavedCount > 0) return "characters are not saved yet";
    return this.#state.wrongGauge(this.#server);
  }

  async #wait(rule: string, withinMs: number, problemOf: () => string | null): Promise<void> {
    let problem: string | null = null;
    for (let waitedMs = 0; waitedMs < withinMs; waitedMs += POLL_MS) {
      await this.time.sleep(POLL_MS);
      problem = problemOf();
      if (problem === null) return;
    }
    throw new Error(`${rule}: after ${withinMs} ms: ${problem}`);
  }

  /** The world stands still, and everybody compares; whoever is told late has a few more ticks. */
  async #lookAround(): Promise<void> {
    const { life } = this.#server;
    let difference: string | null = null;
    for (let look = 0; look < LOOKS; look++) {
      life.freeze();
      await this.time.sleep(2 * POLL_MS);
      difference = this.#difference(life.world);
      life.thaw();
      if (difference === null) return;
      await this.time.sleep(2 * POLL_MS);
    }
    throw new Error(`sight: ${difference}`);
  }

  #difference(world: World): string | null {
    const stateOf = (world: World, id: number, shown: Sight["model"]["own"], isOwn: boolean) => {
      const told = this.contract.components.filter(({ seenBy }) =>
        seenBy === "interest" || (isOwn && seenBy === "owner")
      );
      const text = (contentOf: (id: number) => string) =>
        told.map(({ id, name }) => `${name} ${contentOf(id)}`).join("; ");
      return [text((id) => shown?.components[id] ?? ""), text((each) => world.contentOf(id, each).join())] as const;
    };
    for (const { sight, name } of this.#players) {
      const difference = sight?.difference(world, stateOf) ?? null;
      if (difference !== null) return `${name}: ${difference}`;
    }
    return null;
  }

  #checkSaved(): void {
    for (const { playerId, name } of this.#players) {
      const argument = { accountId: playerId, characterId: 0 };
      const { characterId, state } = this.#disk.read("characters.load", argument) as Character;
      const left = this.#left.get(characterId);
      if (left === undefined) continue;
      const kept = componentText(savedComponents(state?.components));
      if (kept !== left.components) {
        throw new Error(`saved: ${name} has components ${kept}, it left with ${left.components}`);
      }
      // What is no map of the game is an instance, from which everybody goes home.
      if (!this.#mapIds.has(left.mapId)) continue;
      const isSaved = state?.mapId === left.mapId && Math.hypot(state.x - left.x, state.z - left.z) < 0.05;
      if (!isSaved) {
        throw new Error(`saved: ${name} is saved at ${state?.x}, ${state?.z}, it left at ${left.x}, ${left.z}`);
      }
    }
  }
}

/** A player of a test: the real client of a real account, and what it was told. */
export class TestPlayer<P extends PacketShapes<P>> {
  /** For all that has no shorthand here. */
  readonly client: GameClient<P>;
  /** As it was given to `join`. */
  readonly name: string;
  /** The account's id. */
  readonly playerId: number;
  /** Where it believes to be, in units. */
  readonly place = { x: 0, z: 0 };
  /** @internal */
  sight: Sight | null = null;
  readonly #test: GameTest<P, unknown>;
  readonly #prng: Prng;
  readonly #received: { readonly type: number; readonly payload: Uint8Array }[] = [];
  #ledger: SessionLedger | null = null;
  #movementCount = 0;
  #maxSpeed = 0;
  #hasLeft = false;

  /** @internal */
  constructor(test: GameTest<P, unknown>, name: string, playerId: number, prng: Prng) {
    const { time } = test;
    this.#test = test;
    this.#prng = prng;
    this.name = name;
    this.playerId = playerId;
    this.client = new GameClient<P>({
      contract: test.contract,
      connect: (signal) => this.#connect(signal),
      heartbeatIntervalMs: 1_000,
      connectTimeoutMs: 3_000,
      requestTimeoutMs: 60_000,
      reconnect: { baseMs: 100, capMs: 1_000 },
      now: () => time.unixMs(),
      random: () => prng.nextFloat(),
      timers: time,
      onPacket: (view, bytes) => this.#onPacket(view, bytes),
      onError: (error, source) => test.fail("client", `${name} complains in ${source}: ${error}`),
    });
    this.client.on("sessionLost", () => this.#forget());
    this.client.on("state", (state) => {
      if (state === "closed") this.#forget();
    });
  }

  /**
   * Its own entity.
   *
   * @throws {TypeError} when it is not in the world.
   */
  get entityId(): number {
    const { entityId } = this.client;
    if (entityId === null) throw new TypeError(`${this.name} is not in the world`);
    return Number(entityId);
  }

  /** Sends a message, see {@linkcode GameClient.send}. */
  send<D extends SendSchema<P>>(schema: D, message: MessageInitShape<D>): void {
    this.client.send(schema, message);
  }

  /** Sends a request and gives its reply, see {@linkcode GameClient.request}. */
  request<D extends RequestSchema<P>>(schema: D, message: MessageInitShape<D>): Promise<ResponseOf<P, D>> {
    return this.client.request(schema, message);
  }

  /** Everything it was sent of one message since it joined, oldest first. */
  received<D extends ReceiveSchema<P>>(schema: D): MessageShape<D>[] {
    const message: DescMessage = schema;
    const { type } = this.#test.contract.rowOf(message);
    return this.#received.filter((packet) => packet.type === type)
      .map(({ payload }) => fromBinary(message, payload) as MessageShape<D>);
  }

  /** Entities that it sees, itself excepted. */
  get inSight(): number[] {
    return [...this.sight?.model.shown.keys() ?? []];
  }

  /** A component as it was told of it; `undefined`: it sees no such entity. */
  component<D extends DescMessage>(entityId: number, schema: D): MessageShape<D> | undefined {
    const { model } = this.sight ?? {};
    const entity = entityId === model?.entityId ? model?.own : model?.shown.get(entityId);
    const definition = this.#test.contract.components.find((component) => component.schema === schema);
    if (definition === undefined) throw new TypeError(`${schema.typeName} is no component of the game`);
    if (entity === undefined) return undefined;
    const bytes = entity.components[definition.id]?.split(",").map(Number) ?? [];
    return fromBinary(schema, new Uint8Array(bytes));
  }

  /** Walks to a place on its map as fast as it may; resolves when the server has it there. */
  async walkTo({ x, z }: { readonly x: number; readonly z: number }): Promise<void> {
    const { place } = this;
    for (let restedMs = 0;; restedMs += STEP_MS) {
      const distance = Math.hypot(x - place.x, z - place.z);
      const isHeard = this.sight !== null && this.sight.model.lastMovementSequence >= this.#movementCount;
      if (distance === 0 && isHeard) return;
      // What is sent while there is no connection is not sent later.
      if (distance > 0 || restedMs >= HEARD_MS) {
        restedMs = 0;
        const step = Math.min(distance, this.#maxSpeed * SPEED_PART * STEP_MS / 1_000);
        const part = distance === 0 ? 0 : step / distance;
        this.#standAt(
          step === distance ? { x, z } : { x: place.x + (x - place.x) * part, z: place.z + (z - place.z) * part },
        );
        (this.client as unknown as GameClient<MovementShapes>).send(MovementUpdateSchema, {
          position: { x: place.x, y: 0, z: place.z },
          sequenceNumber: ++this.#movementCount,
        });
      }
      await this.#test.pass(STEP_MS);
    }
  }

  /** Breaks its connection; the client comes back by itself. */
  reconnect(): void {
    this.client.reconnectNow();
  }

  /** Logs out and stays away. */
  async leave(): Promise<void> {
    this.#hasLeft = true;
    if (this.client.state === "closed") return;
    // What it asks may be lost on the way: then the server's time of grace ends its session.
    await this.client.logout().catch(() => this.client.close());
  }

  /** @internal Enters the world, however often it takes. */
  async enter(): Promise<void> {
    const { client, playerId, name } = this;
    while (client.entityId === null) {
      try {
        if (client.state === "idle" || client.state === "closed") await client.open();
        if (client.entityId === null) await client.enterWorld({ token: `plain:${playerId}:${name}` });
      } catch {
        // The network, or a server that is being started.
      }
      if (client.entityId === null) await this.#test.pass(POLL_MS);
    }
  }

  /** @internal */
  async comeBack(): Promise<void> {
    if (!this.#hasLeft && this.client.state === "closed") await this.enter();
  }

  /** @internal */
  unsettled(): string | null {
    const { client } = this;
    if (this.#hasLeft) return null;
    if (client.state !== "connected") return `it is ${client.state}`;
    if (client.entityId === null || this.#ledger === null) return "it is not in the world";
    return this.#test.delivery.unsettled(this.#ledger);
  }

  async #connect(signal: AbortSignal) {
    const isWeb = this.#prng.nextInt(2) === 0;
    const address = `203.0.113.${1 + this.playerId % 250}`;
    const socket = await this.#test.network.connect(isWeb ? GATEWAY_PORT : GAME_PORT, address, signal);
    const transport = isWeb ? await upgradeSocket(socket, this.#prng) : socket;
    return this.#test.saysTwice ? new Parrot(transport, this.#prng, () => this.#ledger !== null) : transport;
  }

  #forget(): void {
    this.#ledger = null;
    this.sight = null;
  }

  #onPacket(view: PacketView, bytes: Uint8Array): void {
    const carried = bytes.slice(view.payloadStart, view.payloadEnd);
    const { type, sequence } = view;
    const { delivery } = this.#test;
    const payload = view.isCompressed ? inflatePayload(carried) : carried;
    this.#received.push({ type, payload });
    this.#test.documents.onReply(this.playerId, type, payload);
    if (type === PacketType.ENTER_WORLD_RESPONSE) return this.#onEntered(payload, sequence);
    if (sequence > 0 && this.#ledger !== null) delivery.onClientApplied(this.#ledger, type, sequence, carried);
    switch (type) {
      case PacketType.WORLD_SNAPSHOT:
        this.#received.pop();
        return this.sight?.onSnapshot(payload);
      case PacketType.RESUME_RESPONSE: {
        const { success, resumeToken, gap } = fromBinary(ResumeResponseSchema, payload);
        if (!success || this.#ledger === null) return;
        delivery.onClientResumed(this.#ledger, resumeToken, gap);
        return this.sight?.reset();
      }
      case PacketType.MOVEMENT_CORRECTION:
        return this.#standAt(fromBinary(MovementCorrectionSchema, payload).position!);
      case PacketType.MAP_ENTERED: {
        const { success, position } = fromBinary(MapEnteredSchema, payload);
        if (!success) return;
        this.#standAt(position!);
        return this.sight?.reset();
      }
    }
  }

  #onEntered(payload: Uint8Array, sequence: number): void {
    const { success, resumeToken, entityId, spawnPosition, maxSpeed } = fromBinary(EnterWorldResponseSchema, payload);
    if (!success) return;
    this.#ledger = this.#test.delivery.onClientEntered(resumeToken, sequence);
    this.sight = this.#test.newSight(Number(entityId));
    this.#maxSpeed = maxSpeed;
    this.#movementCount = 0;
    this.#standAt(spawnPosition!);
  }

  #standAt({ x, z }: { readonly x: number; readonly z: number }): void {
    Object.assign(this.place, { x, z });
  }
}

/** Every game has the engine's packets; of them this is the one that players send here. */
interface MovementShapes {
  readonly [PacketType.MOVEMENT_UPDATE]: { client: MessageShape<typeof MovementUpdateSchema> };
}
