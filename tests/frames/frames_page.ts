/**
 * Runs in the browser that `frames.ts` starts: draws frames of a crowd and times each, its raster included.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { Camera } from "../../games/marsh/web/camera.ts";
import { CombatEffects } from "../../games/marsh/web/combat_effects.ts";
import { plainLook } from "../../games/marsh/web/map_look.ts";
import { OwnMovement } from "../../client/world/own_movement.ts";
import { WorldModel } from "../../client/world/world_model.ts";
import { FIGURES } from "../../games/marsh/web/marsh_model.ts";
import { RenderScale } from "../../games/marsh/web/render_scale.ts";
import { WorldRenderer } from "../../games/marsh/web/world_renderer.ts";
import { EntityKind, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";

/** What a run found: milliseconds, and pixels of the canvas to a CSS pixel at its end. */
export interface FrameTimes {
  readonly median: number;
  readonly p95: number;
  readonly ratio: number;
}

const OWN_ID = 1;
const MAP = plainLook({ width: 1_000, height: 1_000, interestRadius: 50 });
const SPAWN = { x: 500, y: 0, z: 500 };
const FRAME_MS = 50;
/** How many of a crowd stand still, talk. */
const STILL_SHARE = 0.3;
const TALK_EVERY = 6;

/** A crowd around the player; everyone has a name, health and, mostly, somewhere to go. */
function crowdAt(frame: number, count: number) {
  const updates = [], moves = [];
  for (let index = 0; index < count; index++) {
    const angle = index * 2.4, distance = 3 + 24 * Math.sqrt(index / count);
    const turn = index % 10 < 10 * STILL_SHARE ? 0 : frame * FRAME_MS / 4_000;
    const x = SPAWN.x + distance * Math.cos(angle + turn), z = SPAWN.z + distance * Math.sin(angle + turn);
    const entityId = BigInt(index + 2);
    if (frame > 0) {
      moves.push({
        entityId,
        x: Math.round(x * 100),
        z: Math.round(z * 100),
        vx: turn === 0 ? 0 : 300,
        yaw: (index * 7 + frame) & 255,
      });
      continue;
    }
    const movement = { position: { x, y: 0, z }, velocity: {}, rotation: {} };
    const value = {
      name: `Player ${index}`,
      kind: index % 5 === 4 ? EntityKind.MONSTER : EntityKind.PLAYER,
      guildTag: index % 3 === 0 ? "OAK" : "",
      movement,
      health: { currentHp: 30 + index, maxHp: 100 },
    };
    updates.push({ entityId, update: { case: "spawn" as const, value } });
  }
  return create(WorldSnapshotSchema, { serverTimestamp: BigInt(1e12 + frame * FRAME_MS), updates, moves });
}

function drawFrames(frameCount: number, crowdCount: number): FrameTimes {
  const canvas = document.querySelector("canvas")!;
  const camera = new Camera();
  const renderer = new WorldRenderer(canvas, MAP, { isStill: false });
  const scale = new RenderScale();
  renderer.resize(camera, scale);
  const ignore = () => {};
  const model = new WorldModel(OWN_ID, { onAcknowledged: ignore, onPlaced: ignore, onUpdate: ignore }, FIGURES);
  const size = { maxSpeed: 10, mapWidth: MAP.width, mapHeight: MAP.height, sequence: 0 };
  const movement = new OwnMovement({ spawn: SPAWN, ...size });
  const speech = new Map<string, string>();
  for (let index = 0; index < crowdCount; index += TALK_EVERY) {
    speech.set(`Player ${index}`, "Who goes there, friend or foe?");
  }
  const probe = canvas.getContext("2d")!;
  const times: number[] = [];
  let shownMs = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const localMs = frame * FRAME_MS;
    model.applySnapshot(crowdAt(frame, crowdCount), localMs);
    camera.x = SPAWN.x + frame / 20;
    camera.z = SPAWN.z;
    const startMs = performance.now();
    renderer.draw(
      {
        model,
        playbackMs: model.clock.playbackMs(localMs),
        movement,
        ownId: OWN_ID,
        ownGuildTag: "OAK",
        ownName: "Myself",
        ownHealth: { current: 80, max: 100, shield: 0 },
        ownIsStunned: false,
        interestRadius: MAP.interestRadius,
        speech,
        effects: new CombatEffects(),
        targetId: 5,
        reserved: [],
        isApproaching: false,
      },
      camera,
      localMs,
    );
    // What was drawn is painted now, not when the browser likes.
    probe.getImageData(0, 0, 1, 1);
    times.push(performance.now() - startMs);
    shownMs += performance.now() - startMs;
    if (scale.frame(shownMs)) renderer.resize(camera, scale);
  }
  // The first frames paint the ground and the names, and decide how many pixels the screen can have.
  const sorted = times.slice(frameCount / 2).sort((a, b) => a - b);
  const ratio = canvas.width / canvas.clientWidth;
  return { median: sorted[sorted.length >> 1], p95: sorted[Math.floor(sorted.length * 0.95)], ratio };
}

(globalThis as unknown as { drawFrames: typeof drawFrames }).drawFrames = drawFrames;
