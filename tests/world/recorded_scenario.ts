/**
 * A scenario in which everything that snapshots can tell of marsh's entities happens, and a digest of what each viewer
 * was sent.
 *
 * @module
 */

import { DespawnReason, EntityKind } from "../../shared/gen/world_pb.ts";
import { Prng } from "../../server/world/prng.ts";
import { MarshWorld } from "./marsh_world.ts";

/** Two maps; the second is smaller, and one sees less there. */
const MAPS = [
  { mapId: 0, width: 120, height: 120, interestRadius: 40 },
  { mapId: 9, width: 50, height: 90, interestRadius: 15 },
];

/** A seed's world. */
function makeWorld(seed: number): MarshWorld {
  return new MarshWorld({
    maps: MAPS,
    maxSpeed: 10,
    tickIntervalMs: 50,
    stepsPerTick: 1 + seed % 4,
    capacity: 60,
    snapshotBytesMax: [1_024, 1_500, 8_192][seed % 3],
    idQuarantine: [0, 5, 100][seed % 3],
    prng: new Prng(seed),
  });
}

/** Plays a seed; gives the SHA-256 of everything sent, with who was sent it, in hex. */
export async function playRecorded(seed: number): Promise<string> {
  const world = makeWorld(seed);
  const prng = new Prng(seed * 7_919 + 1), ids: number[] = [], kinds = new Map<number, EntityKind>();
  const target = new Uint8Array(8_192), sent: number[] = [];
  let nowMs = 1_700_000_000_000;
  let names = 0;
  const any = () => ids[prng.nextInt(ids.length)];
  const join = () => {
    const kind = prng.nextInt(4) === 0 ? EntityKind.MONSTER : EntityKind.PLAYER;
    const map = MAPS[prng.nextInt(2)], isPlaced = prng.nextInt(3) > 0;
    const hasGuild = prng.nextInt(3) === 0;
    const name = `e${++names}`.padEnd(prng.nextInt(60), "-");
    const id = world.join({
      kind,
      name,
      mapId: map.mapId,
      ...(isPlaced ? { x: prng.nextFloat() * map.width, z: prng.nextFloat() * map.height } : {}),
      hp: prng.nextInt(8) === 0 ? 0 : 1 + prng.nextInt(100),
      hpMax: 100,
      ...(hasGuild ? { guildId: 1 + prng.nextInt(1_000_000), guildTag: `G${names}` } : {}),
      viewer: kind === EntityKind.PLAYER,
    }, nowMs);
    if (id === 0) return;
    ids.push(id);
    kinds.set(id, kind);
  };
  for (let count = 0; count < 25; count++) join();
  for (let act = 0; act < 1_500; act++) {
    const choice = prng.nextInt(40);
    if (ids.length < 3 || choice < 2) join();
    else if (choice === 2) {
      const index = prng.nextInt(ids.length);
      world.leave(ids[index], prng.nextInt(2) === 0 ? DespawnReason.DIED : DespawnReason.LEFT_WORLD);
      ids.splice(index, 1);
    } else if (choice < 6) {
      const hp = prng.nextInt(3) === 0 ? 0 : prng.nextFloat() * 100;
      world.setHealth(any(), { hp, hpMax: 100, shield: prng.nextInt(3) === 0 ? prng.nextInt(50) : 0 });
    } else if (choice < 9) {
      const isEmpty = prng.nextInt(2) === 0;
      world.setStatus(any(), {
        buffIds: isEmpty ? [] : [prng.nextInt(5), prng.nextInt(100_000)],
        debuffIds: prng.nextInt(2) === 0 || isEmpty ? [] : [prng.nextInt(300)],
        isStunned: !isEmpty && prng.nextInt(2) === 0,
        isSilenced: !isEmpty && prng.nextInt(4) === 0,
      });
    } else if (choice === 9) {
      const id = any();
      const guildId = prng.nextInt(2) * prng.nextInt(900);
      world.setProfile(id, { name: `e${id}`, kind: kinds.get(id)! });
      world.setGuild(id, guildId, guildId === 0 ? "" : `T${guildId}`);
    } else if (choice === 10) {
      const id = any(), map = world.mapOf(id);
      world.teleport(id, nowMs, { x: prng.nextFloat() * map.width, y: 0, z: prng.nextFloat() * map.height, yaw: 1 });
    } else if (choice === 11) {
      const map = MAPS[prng.nextInt(2)];
      const place = { x: prng.nextFloat() * map.width, y: 0, z: prng.nextFloat() * map.height, yaw: 2 };
      world.tryTransfer(any(), { mapId: map.mapId, place }, nowMs);
    } else if (choice === 12) {
      const id = any();
      if (kinds.get(id) === EntityKind.PLAYER) world.requestFullSnapshot(id);
    } else if (choice < 28) {
      const id = any(), map = world.mapOf(id);
      const x = Math.min(map.width, Math.max(0, world.xOf(id) + prng.nextFloat() * 2 - 1));
      const z = Math.min(map.height, Math.max(0, world.zOf(id) + prng.nextFloat() * 2 - 1));
      const movement = { x, y: 0, z, vx: prng.nextFloat() * 9, vy: 0, vz: 1, yaw: prng.nextFloat() * 6 };
      const verdict = world.move(id, { ...movement, sequenceNumber: act }, nowMs);
      sent.push(verdict.length);
    } else {
      nowMs += 50 + prng.nextInt(100);
      world.step(nowMs);
      for (let index = 0; index < world.viewerCount; index++) {
        const id = world.viewerAt(index);
        if (!world.isTurnOf(id) || prng.nextInt(5) === 0) continue;
        const length = world.buildSnapshot(id, target, 0);
        sent.push(id & 255, length & 255);
        for (let at = 0; at < length; at++) sent.push(target[at]);
      }
    }
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(sent))).toHex();
}
