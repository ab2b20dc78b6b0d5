import { EntityKind } from "../../shared/gen/world_pb.ts";
import { ENTITY_NAME_BYTES_MAX } from "../../shared/limits.ts";
import type { MapTemplate } from "../../server/world/world_map.ts";
import { Prng } from "../../server/world/prng.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { MARSH_ENTITIES } from "../../games/marsh/entities.ts";
import type { ComponentRow } from "../../server/world/components.ts";
import { ClientModel, type ShownEntity } from "./client_model.ts";
import { MarshWorld } from "./marsh_world.ts";

const SIZE = 100;
/** The second is smaller, and one sees less there. */
const MAPS = [
  { mapId: 0, width: SIZE, height: SIZE, interestRadius: 20 },
  { mapId: 9, width: SIZE / 2, height: SIZE, interestRadius: 10 },
];
/** On an instance of it everyone sees everyone: its diagonal is 50. */
const ARENA: MapTemplate = { name: "arena", instancesMax: 3, width: 30, height: 40, interestRadius: 0 };
/** One for everybody, one for its own player, one for nobody. */
const COMPONENTS: ComponentRow[] = [
  { id: 1, name: "shown", seenBy: "interest", bytesMax: 20, saved: false },
  { id: 2, name: "owned", seenBy: "owner", bytesMax: 9, saved: false },
  { id: 3, name: "kept", seenBy: "server", bytesMax: 4, saved: false },
];
const CAPACITY = 24;
const TARGET = new Uint8Array(65_536);

interface ModelEntity extends ShownEntity {
  id: number;
  /** What only its own player is told. */
  owned: Record<number, string>;
  isViewer: boolean;
  map: Ground;
}

type Ground = typeof MAPS[number];

/** The world as plainly as it can be said: every entity against every other, each tick. */
class BruteForce {
  readonly world: MarshWorld;
  readonly entities: ModelEntity[] = [];
  readonly clients = new Map<number, ClientModel>();
  /** Those there are: the first two, and instances. */
  readonly maps: Ground[] = [...MAPS];
  readonly #pairs = new Set<string>();
  #joinCount = 0;
  #nowMs = 1_000;

  constructor(options: { snapshotBytesMax: number; idQuarantine: number; stepsPerTick?: number }) {
    this.world = new MarshWorld({
      maps: MAPS,
      templates: [ARENA],
      components: [...COMPONENTS, ...MARSH_ENTITIES.components!],
      maxSpeed: 10,
      tickIntervalMs: 50,
      capacity: CAPACITY,
      prng: new Prng(1),
      ...options,
    });
  }

  join(wantedX: number, wantedZ: number, isViewer: boolean, map: Ground = MAPS[0]): void {
    const x = Math.min(wantedX, map.width), z = Math.min(wantedZ, map.height);
    // As long as names get, so that a few spawns are more than the smallest snapshot holds.
    const name = `e${++this.#joinCount}`.padEnd(ENTITY_NAME_BYTES_MAX, "-");
    const id = this.world.join(
      { kind: EntityKind.PLAYER, name, mapId: map.mapId, x, z, hp: 100, hpMax: 100, viewer: isViewer },
      this.#nowMs,
    );
    assertEquals(id === 0, this.entities.length === CAPACITY);
    if (id === 0) return;
    assert(this.entities.every((entity) => entity.id !== id), "An id in use is not handed out");
    const place = { x: cm(x), y: 0, z: cm(z), vx: 0, vz: 0, yaw: 0 };
    this.entities.push({
      id,
      name,
      guildTag: "",
      ...place,
      hp: 100,
      buffs: [],
      components: {},
      owned: {},
      isViewer,
      map,
    });
    if (isViewer) this.clients.set(id, new ClientModel(id));
  }

  leave(entity: ModelEntity): void {
    this.world.leave(entity.id);
    this.entities.splice(this.entities.indexOf(entity), 1);
    this.clients.delete(entity.id);
    for (const other of this.entities) this.#pairs.delete(pairKey(entity, other));
  }

  /** To the other map, or out of and back into the same one. */
  transfer(entity: ModelEntity, map: Ground, wantedX: number, wantedZ: number): void {
    const x = Math.min(wantedX, map.width),
      z = Math.min(wantedZ, map.height),
      target = { mapId: map.mapId, place: { x, y: 0, z, yaw: 0 } };
    assert(this.world.tryTransfer(entity.id, target, this.#nowMs));
    Object.assign(entity, { map, x: cm(x), y: 0, z: cm(z), vx: 0, vz: 0, yaw: 0 });
    for (const other of this.entities) this.#pairs.delete(pairKey(entity, other));
    this.clients.get(entity.id)?.reset();
  }

  openInstance(): void {
    const map = this.world.openMap("arena");
    assertEquals(map === null, this.maps.length === MAPS.length + ARENA.instancesMax);
    if (map === null) return;
    assert(this.maps.every(({ mapId }) => mapId < map.mapId), "No id of a map comes again");
    this.maps.push({ mapId: map.mapId, width: 30, height: 40, interestRadius: 50 });
  }

  /** Its players go to the first map, everything else on it is gone. */
  closeInstance(which: number): void {
    if (this.maps.length === MAPS.length) return;
    const [map] = this.maps.splice(MAPS.length + which % (this.maps.length - MAPS.length), 1);
    const on = this.entities.filter((entity) => entity.map === map), left: number[] = [];
    for (const entity of on) if (entity.isViewer) this.transfer(entity, MAPS[0], which % SIZE, which % 7);
    this.world.closeMap(map.mapId, (id) => left.push(id));
    const others = on.filter(({ isViewer }) => !isViewer);
    assertEquals(left.toSorted(), others.map(({ id }) => id).toSorted());
    for (const entity of others) {
      assert(!this.world.has(entity.id));
      this.entities.splice(this.entities.indexOf(entity), 1);
      for (const other of this.entities) this.#pairs.delete(pairKey(entity, other));
    }
  }

  teleport(entity: ModelEntity, wantedX: number, wantedZ: number): void {
    const x = Math.min(wantedX, entity.map.width), z = Math.min(wantedZ, entity.map.height);
    this.world.teleport(entity.id, this.#nowMs, { x, y: 0, z, yaw: 0 });
    Object.assign(entity, { x: cm(x), y: 0, z: cm(z), vx: 0, vz: 0, yaw: 0 });
  }

  walk(entity: ModelEntity, dx: number, dz: number): void {
    this.#nowMs += 1_000;
    const x = clamp(entity.x / 100 + dx, entity.map.width), z = clamp(entity.z / 100 + dz, entity.map.height);
    const movement = { x, y: 1, z, vx: dx / 2, vy: 0, vz: dz / 2, yaw: dx, sequenceNumber: 7 };
    const verdict = this.world.move(entity.id, movement, this.#nowMs);
    assertEquals(verdict, entity.hp > 0 ? "ok" : "dead");
    if (verdict !== "ok") return;
    const yaw = Math.round(dx * 256 / (2 * Math.PI)) & 255;
    Object.assign(entity, { x: cm(x), y: 100, z: cm(z), vx: cm(dx / 2), vz: cm(dz / 2), yaw });
  }

  setHealth(entity: ModelEntity, hp: number): void {
    this.world.setHealth(entity.id, { hp, hpMax: 100 });
    entity.hp = hp;
    if (hp === 0) entity.vx = entity.vz = 0;
  }

  setBuffs(entity: ModelEntity, buffs: number[]): void {
    this.world.setStatus(entity.id, { buffIds: buffs, debuffIds: [], isStunned: false, isSilenced: false });
    entity.buffs = buffs;
  }

  setGuildTag(entity: ModelEntity, guildTag: string): void {
    this.world.setGuild(entity.id, 0, guildTag);
    entity.guildTag = guildTag;
  }

  /** Sets a component to `length` bytes of `value`. */
  setComponent(entity: ModelEntity, { id, seenBy }: ComponentRow, length: number, value: number): void {
    assert(this.world.set(entity.id, id, new Uint8Array(length).fill(value)));
    if (seenBy === "server") return;
    const components = seenBy === "owner" ? entity.owned : entity.components;
    if (length === 0) delete components[id];
    else components[id] = new Array(length).fill(value).join();
  }

  resume(entity: ModelEntity): void {
    if (!entity.isViewer) return;
    this.world.requestFullSnapshot(entity.id);
    this.clients.get(entity.id)!.reset();
  }

  step(): void {
    this.#nowMs += 50;
    this.world.step(this.#nowMs);
    for (const a of this.entities) {
      for (const b of this.entities) {
        if (a.id >= b.id || a.map !== b.map) continue;
        // In squares of whole centimetres, which are exact: Math.hypot(560, 1920) is more than 2000.
        const squared = (a.x - b.x) ** 2 + (a.z - b.z) ** 2, radius = a.map.interestRadius * 100;
        if (squared <= radius ** 2 && (a.isViewer || b.isViewer)) this.#pairs.add(pairKey(a, b));
        else if (squared > cm(a.map.interestRadius * 1.1) ** 2) this.#pairs.delete(pairKey(a, b));
      }
    }
  }

  /** Builds one snapshot for each viewer that `isCongested` lets through. */
  build(isCongested: (index: number) => boolean): number {
    let builtCount = 0;
    for (let index = 0; index < this.world.viewerCount; index++) {
      if (isCongested(index)) continue;
      const id = this.world.viewerAt(index);
      const length = this.world.buildSnapshot(id, TARGET, 3);
      if (length === 0) continue;
      const snapshot = this.clients.get(id)!.apply(TARGET.subarray(3, 3 + length));
      const told = snapshot.moves.map((move) => move.entityId);
      assertEquals(new Set(told).size, told.length, "One move an entity and snapshot");
      builtCount++;
    }
    return builtCount;
  }

  /** Compares what the client shows with the truth. */
  check(entity: ModelEntity): void {
    const expected = this.entities.filter((other) => this.#pairs.has(pairKey(entity, other)));
    const client = this.clients.get(entity.id)!;
    const ids = [...client.shown.keys()].sort((a, b) => a - b);
    assertEquals(ids, expected.map((other) => other.id).sort((a, b) => a - b));
    for (const other of expected) assertEquals(client.shown.get(other.id), shownOf(other));
    const { name, hp, buffs, guildTag, components } = client.own!;
    assertEquals({ name, hp, buffs, guildTag, components }, {
      name: entity.name,
      hp: entity.hp,
      buffs: entity.buffs,
      guildTag: entity.guildTag,
      components: { ...entity.components, ...entity.owned },
    });
    this.#checkQueries(entity, expected);
  }

  #checkQueries(entity: ModelEntity, expected: ModelEntity[]): void {
    const out = new Int32Array(this.world.slotCount);
    const watchers = out.slice(0, this.world.watchersOf(entity.id, out)).sort();
    const expectedIds = expected.filter((other) => other.isViewer).map((other) => other.id);
    assertEquals(watchers, Int32Array.from(expectedIds).sort());
    for (const other of this.entities) {
      if (other !== entity) assertEquals(this.world.sees(entity.id, other.id), expected.includes(other));
    }
  }

  checkAll(isCongested: (index: number) => boolean): void {
    for (let index = 0; index < this.world.viewerCount; index++) {
      const id = this.world.viewerAt(index);
      if (!isCongested(index)) this.check(this.entities.find((entity) => entity.id === id)!);
    }
  }
}

function shownOf(entity: ModelEntity): ShownEntity {
  const { name, guildTag, x, y, z, vx, vz, yaw, hp, buffs, components } = entity;
  return { name, guildTag, x, y, z, vx, vz, yaw, hp, buffs, components };
}

function pairKey(a: ModelEntity, b: ModelEntity): string {
  return a.id < b.id ? `${a.id}-${b.id}` : `${b.id}-${a.id}`;
}

function cm(units: number): number {
  return Math.round(units * 100) + 0;
}

function clamp(units: number, max: number): number {
  return Math.max(0, Math.min(max, units));
}

/** Sets one of the components, to something or nothing. */
function setComponent(model: BruteForce, entity: ModelEntity, which: number): void {
  const row = COMPONENTS[which % 3];
  model.setComponent(entity, row, which % 4 === 0 ? 0 : which % (row.bytesMax + 1), which % 256);
}

type Action = readonly [kind: number, which: number, a: number, b: number];

const coordinate = fc.oneof(
  fc.integer({ min: 0, max: SIZE }),
  fc.integer({ min: 0, max: SIZE * 100 }).map((n) => n / 100),
);
const action: fc.Arbitrary<Action> = fc.tuple(fc.nat(25), fc.nat(1_000), coordinate, coordinate);

/** Does what the numbers say. @returns Whether it is time for a tick. */
function act(model: BruteForce, [kind, which, a, b]: Action): boolean {
  const entity = model.entities[which % Math.max(1, model.entities.length)];
  if (entity === undefined || kind < 4) model.join(a, b, kind !== 3, model.maps[which % model.maps.length]);
  else if (kind < 6) model.leave(entity);
  else if (kind < 8) model.teleport(entity, a, b);
  else if (kind < 12) model.walk(entity, a / 20 - 2.5, b / 20 - 2.5);
  else if (kind === 12) model.setHealth(entity, which % 3 === 0 ? 0 : which % 100);
  else if (kind === 13) model.setBuffs(entity, which % 2 === 0 ? [] : [which, 1]);
  else if (kind === 14) model.setGuildTag(entity, `T${which % 5}`);
  else if (kind === 15) model.resume(entity);
  else if (kind === 16) model.transfer(entity, model.maps[which % model.maps.length], a, b);
  else if (kind === 24) model.openInstance();
  else if (kind === 25) model.closeInstance(which);
  else if (kind > 20) setComponent(model, entity, which);
  else return true;
  return false;
}

/** Two join exactly as far apart as one sees: 20 units, by 5.6 and 19.2. */
const ON_THE_BORDER: Action[] = [[0, 0, 0, 0], [0, 0, 5.6, 19.2], [20, 0, 0, 0]];

Deno.test("World.buildSnapshot() keeps every client equal to the brute-force model, late ones included", () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 300, size: "max" }),
      fc.constantFrom(0, 3, 1_024),
      (actions, idQuarantine) => {
        const model = new BruteForce({ snapshotBytesMax: 60_000, idQuarantine });
        for (const next of actions) {
          if (!act(model, next)) continue;
          // The numbers of a tick say who is congested: everyone, nobody, or about half.
          const isCongested = (index: number) => ((next[1] >> (index % 10)) & 1) === 1;
          model.step();
          model.build(isCongested);
          model.checkAll(isCongested);
        }
        model.step();
        model.build(() => false);
        model.checkAll(() => false);
      },
    ),
    { numRuns: 150, examples: [[ON_THE_BORDER, 0]] },
  );
});

Deno.test("World.buildSnapshot() at each viewer's turn, several steps a tick, keeps it equal to the brute-force model", () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 300, size: "max" }),
      fc.integer({ min: 2, max: 5 }),
      (actions, stepsPerTick) => {
        const model = new BruteForce({ snapshotBytesMax: 60_000, idQuarantine: 3, stepsPerTick });
        const { world } = model;
        for (const next of actions) {
          if (!act(model, next)) continue;
          // Mostly it misses no turn: what it is told then is what changed in the latest steps.
          const isLeftOut = (index: number) => !world.isTurnOf(world.viewerAt(index)) || (next[1] + index) % 8 === 0;
          model.step();
          model.build(isLeftOut);
          model.checkAll(isLeftOut);
        }
        const tick = world.tick;
        for (let step = 0; step < stepsPerTick; step++) {
          const isLeftOut = (index: number) => !world.isTurnOf(world.viewerAt(index));
          model.step();
          model.build(isLeftOut);
          model.checkAll(isLeftOut);
        }
        assertEquals(world.tick, tick + 1);
        model.checkAll(() => false);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("World.buildSnapshot() brings every client up to date through the smallest byte bound", () => {
  fc.assert(
    fc.property(
      fc.array(action, { maxLength: 400, size: "max" }),
      fc.constantFrom(0, 3),
      (actions, idQuarantine) => {
        const model = new BruteForce({ snapshotBytesMax: 1_024, idQuarantine });
        for (let index = 0; index < CAPACITY / 2; index++) model.join(50, 50 + index, true);
        for (const next of actions) {
          if (!act(model, next)) continue;
          model.step();
          model.build((index) => ((next[1] >> (index % 10)) & 1) === 1);
        }
        let ticks = 0;
        do {
          assert(ticks++ < 20, "What waits is told within a bounded number of ticks");
          model.step();
        } while (model.build(() => false) > 0);
        model.checkAll(() => false);
      },
    ),
    { numRuns: 150 },
  );
});
