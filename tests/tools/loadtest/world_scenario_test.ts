import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  EnterWorldResponseSchema,
  EntityUpdateSchema,
  MovementCorrectionSchema,
  WorldSnapshotSchema,
} from "../../../shared/gen/world_pb.ts";
import { ChatMessageSchema } from "../../../games/parts/chat/chat_pb.ts";
import { PacketType } from "../../../games/marsh/contract.ts";
import { PacketView, writeFrame } from "../../../shared/packet_codec.ts";
import type { SocketHandler } from "../../../tools/loadtest/engine.ts";
import { ConnectionHost } from "../../../tools/loadtest/load_connection.ts";
import type { LoadContext } from "../../../tools/loadtest/load_session.ts";
import type { LoadPlan } from "../../../tools/loadtest/messages.ts";
import { createPositionsBuffer } from "../../../tools/loadtest/positions.ts";
import {
  Counters,
  createPhaseBuffer,
  createWorkerBuffer,
  LATENCY_KINDS,
  latencyRecorders,
  Phase,
  PhaseState,
  readLatencies,
} from "../../../tools/loadtest/shared_state.ts";
import { WorldScenario } from "../../../tools/loadtest/world_scenario.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const PLAN: LoadPlan = {
  scenario: "world",
  transport: "tcp",
  engine: "deno",
  address: "127.0.0.1",
  gamePort: 1,
  gatewayPort: 2,
  host: "127.0.0.1",
  entry: "token",
  loginPort: 3,
  addresses: {},
  caCerts: [],
  connectionCount: 2,
  threadCount: 1,
  ratePerS: 10,
  outstanding: 0,
  rampS: 0,
  frameBytes: 100,
  route: 0,
  chatRatePerS: 0,
  fightRatePerS: 0,
  chatChannel: "global",
  newcomersPerS: 0,
  sampleEvery: 1,
  baseUnixMs: 1_700_000_000_000,
};

/** A server that a test plays by hand: two players, 0 and 1, whose entities are 10 and 11. */
class Stage {
  nowUs = 1_000_000;
  readonly scenario: WorldScenario;
  readonly context: LoadContext;
  /** Types of the packets that each player has sent. */
  readonly sent: number[][] = [[], []];
  /** Whether each player reads only when it sends, and how often it did. */
  readonly lazy = [false, false];
  readonly reads = [0, 0];
  readonly #handlers: SocketHandler[] = [];
  readonly #sequences = [0, 0];
  #tick = 0;

  constructor(plan: Partial<LoadPlan> = {}) {
    const counters = createWorkerBuffer(), phase = createPhaseBuffer();
    const view = new PacketView();
    const engine = {
      bindsSource: false,
      nowUs: () => this.nowUs,
      connect: (_endpoint: unknown, handler: SocketHandler) => {
        const player = this.#handlers.push(handler) - 1;
        return {
          pendingBytes: 0,
          send: (bytes: Uint8Array, start: number, end: number) => {
            view.decode(bytes, start + 4, end);
            this.sent[player].push(view.type);
          },
          setLazy: (isLazy: boolean) => void (this.lazy[player] = isLazy),
          readNow: () => void this.reads[player]++,
          close: () => {},
        };
      },
      run: () => Promise.resolve(),
    };
    const players = ["1", "2"].map((token) => ({ name: `bot${token}`, token, password: "", passwordHash: "" }));
    this.context = {
      task: {
        plan: { ...PLAN, ...plan },
        threadIndex: 0,
        first: 0,
        count: 2,
        players,
        phase,
        counters,
        positions: createPositionsBuffer(2),
        groups: null,
      },
      host: new ConnectionHost(engine, new Counters(counters)),
      counters: new Counters(counters),
      phase: new PhaseState(phase),
      latencies: Object.fromEntries(
        LATENCY_KINDS.map((kind) => [kind, latencyRecorders(counters, kind)]),
      ) as unknown as LoadContext["latencies"],
      failures: new Map(),
      servers: { players: new Map(), returns: 0, gaps: 0, reentries: 0 },
    };
    this.context.phase.setWindow(0, 1e12);
    this.context.phase.phase = Phase.MEASURE;
    this.scenario = new WorldScenario(this.context);
    for (const player of [0, 1]) {
      this.scenario.openDue(this.nowUs);
      this.#handlers[player].onOpen();
      this.reliable(player, PacketType.ENTER_WORLD_RESPONSE, EnterWorldResponseSchema, {
        success: true,
        entityId: BigInt(10 + player),
        spawnPosition: { x: 50, z: 50 + player },
        mapWidth: 100,
        mapHeight: 100,
        maxSpeed: 10,
      });
    }
  }

  /** Delivers a packet to a player. */
  deliver<Desc extends DescMessage>(
    player: number,
    type: PacketType,
    [schema, message]: [Desc, MessageInitShape<Desc>],
    sequence = 0,
  ): void {
    const payload = toBinary(schema, create(schema, message));
    const frame = new Uint8Array(payload.length + 64);
    const end = writeFrame(frame, 0, type, sequence, 0, false, 0, payload, 0, payload.length);
    this.#handlers[player].onBytes(frame, 0, end);
  }

  /** Delivers the next reliable packet. */
  reliable<Desc extends DescMessage>(
    player: number,
    type: PacketType,
    schema: Desc,
    message: MessageInitShape<Desc>,
  ): void {
    this.deliver(player, type, [schema, message], ++this.#sequences[player]);
  }

  /** Delivers the snapshot of the next tick. */
  snapshot(player: number, message: MessageInitShape<typeof WorldSnapshotSchema>, tick = ++this.#tick): void {
    this.deliver(player, PacketType.WORLD_SNAPSHOT, [WorldSnapshotSchema, { tick: BigInt(tick), ...message }]);
  }

  /** A player takes a step; gives where it is then, in centimetres. */
  step(player: number): { x: number; z: number } {
    this.scenario.sessions[player].move(this.nowUs);
    return this.place(player);
  }

  /** Where a player says it is. */
  place(player: number): { x: number; z: number } {
    const { x, z } = this.scenario.sessions[player].whereabouts;
    return { x, z };
  }

  /** What everybody's account says about positions. */
  get positions() {
    return this.scenario.report().ledgers.positions;
  }
}

function spawn(entityId: number, { x, z }: { x: number; z: number }) {
  const movement = { position: { x: x / 100, z: z / 100 } };
  return { entityId: BigInt(entityId), update: { case: "spawn" as const, value: { movement } } };
}

function moveOf(entityId: number, { x, z }: { x: number; z: number }) {
  return { entityId: BigInt(entityId), x, z };
}

Deno.test("WorldScenario times a movement from when it was due to when another player is shown it", () => {
  const stage = new Stage();
  stage.snapshot(1, { updates: [spawn(10, stage.place(0))] });
  const place = stage.step(0);
  stage.nowUs += 30_000;
  stage.snapshot(1, { moves: [moveOf(10, place)] });
  stage.snapshot(0, { lastMovementSequence: 1 });
  const main = readLatencies([stage.context.task.counters], "main", -1);
  assertEquals([...main].reduce((sum, count) => sum + count, 0), 1);
  const { movements } = stage.scenario.report().ledgers;
  assertEquals([movements.sent, movements.lost], [1, 0]);
  assert(Math.abs(stage.scenario.clientStats().movementMsP95[1] - 30) < 4);
});

Deno.test("WorldScenario notices moves that come late, of nobody shown, from nowhere, and ticks that go back", () => {
  const stage = new Stage();
  stage.snapshot(1, { updates: [spawn(10, stage.place(0))] });
  const [first, second] = [stage.step(0), stage.step(0)];
  stage.snapshot(1, { moves: [moveOf(10, second)] });
  assertEquals([stage.positions.outOfOrder, stage.positions.corrupted], [0, 0]);
  stage.snapshot(1, { moves: [moveOf(10, first)] });
  assertEquals(stage.positions.outOfOrder, 1);
  stage.snapshot(1, { moves: [] }, 1);
  assertEquals(stage.positions.outOfOrder, 2);
  stage.snapshot(0, { moves: [moveOf(11, stage.place(1))] });
  assertEquals(stage.positions.corrupted, 1);
  stage.snapshot(1, { moves: [moveOf(10, { x: 1, z: 1 })] });
  stage.nowUs += 10_000_000;
  stage.scenario.outstandingCount(stage.nowUs);
  assertEquals(stage.positions.corrupted, 2);
});

Deno.test("WorldScenario finds movements never acknowledged, acknowledged backwards, and players shown where they were", () => {
  const stage = new Stage();
  stage.snapshot(1, { updates: [spawn(10, stage.place(0))] });
  for (let count = 0; count < 3; count++) stage.step(0);
  stage.snapshot(0, { lastMovementSequence: 2 });
  stage.snapshot(0, { lastMovementSequence: 1 });
  const { movements } = stage.scenario.report().ledgers;
  assertEquals([movements.sent, movements.received, movements.lost, movements.outOfOrder], [3, 2, 1, 1]);
  stage.nowUs += 10_000_000;
  stage.scenario.leave();
  assertEquals(stage.positions.lost, 1);
});

Deno.test("WorldScenario takes a death and a respawn for part of the game and any other correction for a failure", () => {
  const stage = new Stage();
  const correct = (reason: string, sequenceNumber: number, x: number) =>
    stage.reliable(0, PacketType.MOVEMENT_CORRECTION, MovementCorrectionSchema, {
      position: { x, z: 20 },
      reason,
      sequenceNumber,
    });
  stage.step(0);
  correct("dead", 1, 30);
  const before = stage.sent[0].length;
  stage.step(0);
  assertEquals(stage.sent[0].length, before);
  correct("respawn", 0, 70);
  assertEquals(stage.place(0), { x: 7_000, z: 2_000 });
  // Shown to the other before its own client heard of it: no fault.
  stage.snapshot(1, { updates: [spawn(10, stage.place(0))] });
  stage.step(0);
  assertEquals(stage.sent[0].length, before + 1);
  assertEquals(stage.context.failures.size, 0);
  correct("too_fast", 2, 70);
  assertEquals([...stage.context.failures], [["MOVEMENT_CORRECTION too_fast", 1]]);
  const { details, ledgers } = stage.scenario.report();
  assertEquals([details.deaths, details.corrections, ledgers.movements.lost], [1, 1, 0]);
});

Deno.test("WorldScenario counts reliable packets that are missing or repeated, and chat that comes again", () => {
  const stage = new Stage();
  const line = { message: "lt 1 0 5", messageId: 7n };
  const chat = (sequence: number) => stage.deliver(0, PacketType.CHAT_MESSAGE, [ChatMessageSchema, line], sequence);
  chat(2);
  chat(2);
  chat(4);
  const { chat: spoken, reliable_down } = stage.scenario.report().ledgers;
  assertEquals([reliable_down.lost, reliable_down.duplicated], [1, 1]);
  assertEquals(spoken.outOfOrder, 1);
  stage.deliver(0, PacketType.ENTITY_UPDATE, [EntityUpdateSchema, spawn(11, stage.place(1))]);
  assertEquals(stage.scenario.sessions[0].visible.size, 1);
});

Deno.test("WorldScenario lets one in so many watch; the others read as they send, and keep account without being timed", () => {
  const stage = new Stage({ sampleEvery: 2 });
  assertEquals(stage.lazy, [false, true]);
  for (const player of [0, 1]) stage.snapshot(player, { updates: [spawn(11 - player, stage.place(1 - player))] });
  const places = [stage.step(0), stage.step(1)];
  stage.nowUs += 30_000;
  for (const player of [0, 1]) {
    stage.snapshot(player, { lastMovementSequence: 1, moves: [moveOf(11 - player, places[1 - player])] });
  }
  const count = (kind: "main" | "ack") =>
    readLatencies([stage.context.task.counters], kind, -1).reduce((sum, value) => sum + value, 0);
  const { details, ledgers } = stage.scenario.report();
  assertEquals([count("main"), count("ack"), details.moves_looked_at, details.moves], [1, 1, 1, 2]);
  assertEquals([ledgers.movements.sent, ledgers.movements.received], [2, 2]);
  stage.snapshot(1, { lastMovementSequence: 0 }, 1);
  const { movements, positions } = stage.scenario.report().ledgers;
  assertEquals([movements.outOfOrder, positions.outOfOrder], [1, 1]);
  stage.nowUs += 1_000_000;
  stage.scenario.sendDue(stage.nowUs);
  assert(stage.reads[0] === 0 && stage.reads[1] >= 9, `${stage.reads}`);
  stage.scenario.endMeasuring(stage.nowUs);
  assertEquals(stage.lazy, [false, false]);
});

Deno.test("WorldScenario has those read that send too rarely", () => {
  const stage = new Stage({ sampleEvery: 2, ratePerS: 0.001 });
  stage.nowUs += 1_000_000;
  stage.scenario.sendDue(stage.nowUs);
  assert(stage.reads[0] === 0 && stage.reads[1] >= 4, `${stage.reads}`);
});
