/**
 * A player's view of the world, fed by a client: where everyone is, and the player's own movement, predicted, told to
 * the server and put right by it.
 *
 * @example
 * ```ts ignore
 * const view = new WorldView(client, { reader: PLAIN_ENTITIES, onStay: (stay) => startDrawing(stay) });
 * await client.enterWorld();
 * // In every frame:
 * view.step(performance.now());
 * for (const { name, track } of view.stay!.model.entities.values()) draw(name, track.poseAt(view.playbackMs));
 * ```
 *
 * @module
 */

import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Vector3 } from "../../shared/gen/common_pb.ts";
import {
  type EnterWorldResponse,
  EnterWorldResponseSchema,
  type EntityUpdate,
  EntityUpdateSchema,
  type MapEntered,
  MapEnteredSchema,
  type MovementCorrection,
  MovementCorrectionSchema,
  type MovementUpdate,
  MovementUpdateSchema,
  type WorldSnapshot,
  WorldSnapshotSchema,
} from "../../shared/gen/world_pb.ts";
import type { ClientEvents, ClientState } from "../client_events.ts";
import type { Unsubscribe } from "../handlers.ts";
import { lengthOf } from "./length.ts";
import { OwnMovement, type Point } from "./own_movement.ts";
import { type Entity, type EntityReader, WorldModel } from "./world_model.ts";

/** What is needed of a client, whatever its game. */
export interface WorldClient {
  /** What the client is doing. */
  readonly state: ClientState;
  /** Listens to a packet. */
  on<M extends EnterWorldResponse | MapEntered | WorldSnapshot | EntityUpdate | MovementCorrection>(
    schema: GenMessage<M>,
    handler: (message: M, header: { readonly timestamp: number }) => unknown,
  ): Unsubscribe;
  /** Listens to the state. */
  on(event: "state", handler: (...args: ClientEvents["state"]) => unknown): Unsubscribe;
  /** Sends a MOVEMENT_UPDATE. */
  send(schema: GenMessage<MovementUpdate>, message: MessageInitShape<GenMessage<MovementUpdate>>): unknown;
}

/** One stay on one map. */
export interface Stay<E extends Entity = Entity> {
  /** The player's own entity. */
  readonly entityId: number;
  /** Units per second. */
  readonly maxSpeed: number;
  /** Units. */
  readonly interestRadius: number;
  /** Everyone else in sight. */
  readonly model: WorldModel<E>;
  /** The player's own movement: steer it, and draw it at its shown position. */
  readonly movement: OwnMovement;
}

/** What a view tells, and what a game reads for it. */
export interface WorldViewOptions<E extends Entity> {
  /** What the game makes of its entities. */
  readonly reader: EntityReader<E>;
  /** The player has entered the world, or another map: the stay before is over. */
  readonly onStay: (stay: Stay<E>) => void;
  /** The server told of the player itself: its spawn, and what the wire has fields for. */
  readonly onOwn?: (update: EntityUpdate["update"], stay: Stay<E>) => void;
  /**
   * Whether the player cannot move of its own, so that the server's word on where it is counts at once: dead, say.
   * Default: never.
   */
  readonly isPlaced?: () => boolean;
  /** Local milliseconds of a monotonic clock. Default: `performance.now()`. */
  readonly now?: () => number;
}

/** Time of walking at full speed that lies between us and what the server knows of us at most, in seconds. */
const LEAD_SECONDS_MAX = 1.5;
const ORIGIN: Point = { x: 0, y: 0, z: 0 };

/** A view of the world through one client. */
export class WorldView<E extends Entity = Entity> {
  readonly #client: WorldClient;
  readonly #options: WorldViewOptions<E>;
  readonly #now: () => number;
  readonly #unsubscribe: readonly Unsubscribe[];
  #stay: Stay<E> | null = null;
  #isConnected = true;
  #isHeld = false;
  #steppedMs = NaN;
  #playbackMs = NaN;

  /** Listens to `client` until it is closed. */
  constructor(client: WorldClient, options: WorldViewOptions<E>) {
    this.#client = client;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#unsubscribe = [
      client.on(EnterWorldResponseSchema, (entered) => this.#entered(entered)),
      client.on(MapEnteredSchema, (entered) => this.#mapEntered(entered)),
      client.on(WorldSnapshotSchema, (snapshot) => this.#stay?.model.applySnapshot(snapshot, this.#now())),
      client.on(EntityUpdateSchema, (update, { timestamp }) => {
        this.#stay?.model.applyUpdate(update, timestamp, this.#now());
      }),
      client.on(MovementCorrectionSchema, ({ sequenceNumber, position }) => {
        if (position !== undefined) this.#stay?.movement.correct(sequenceNumber, position);
      }),
      client.on("state", (state) => this.#setConnected(state === "connected")),
    ];
  }

  /** The stay of now; `null`: the player is not in the world. */
  get stay(): Stay<E> | null {
    return this.#stay;
  }

  /** The server time to draw others at, as of the last step; NaN before anything was told. */
  get playbackMs(): number {
    return this.#playbackMs;
  }

  /** Whether the game keeps the player from moving: stunned, dead. Without a connection it stands anyway. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  set isHeld(isHeld: boolean) {
    this.#isHeld = isHeld;
    this.#hold();
  }

  /** Moves everything on; to be called in every frame. Gives the server time to draw others at. */
  step(nowMs: number): number {
    if (this.#stay === null) return NaN;
    const { model, movement } = this.#stay;
    const elapsedMs = Number.isNaN(this.#steppedMs) ? 0 : nowMs - this.#steppedMs;
    this.#steppedMs = nowMs;
    movement.step(elapsedMs);
    this.report(nowMs);
    model.sweep(nowMs);
    return this.#playbackMs = model.clock.playbackMs(nowMs);
  }

  /** Stops the player and tells the server at once: for a page that gets no frames from now on. */
  standStill(nowMs: number): void {
    this.#stay?.movement.stop();
    this.#stay?.movement.step(0);
    this.report(nowMs);
  }

  /** Tells the server where the player is, where that is due; {@linkcode WorldView.step} does so in every frame. */
  report(nowMs: number): void {
    const report = this.#stay?.movement.takeReport(nowMs);
    if (report === undefined || report === null || this.#client.state !== "connected") return;
    const { sequence, x, y, z, vx, vz, yaw } = report;
    this.#client.send(MovementUpdateSchema, {
      position: { x, y, z },
      velocity: { x: vx, y: 0, z: vz },
      rotation: { x: 0, y: yaw, z: 0 },
      timestamp: BigInt(Date.now()),
      sequenceNumber: sequence,
    });
  }

  /** The player has left the world. */
  leave(): void {
    this.#stay = null;
  }

  /** Stops listening. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#stay = null;
  }

  #entered(response: EnterWorldResponse): void {
    if (!response.success) return;
    const { entityId, spawnPosition, mapWidth, mapHeight } = response;
    const maxSpeed = lengthOf(response.maxSpeed), interestRadius = lengthOf(response.interestRadius);
    this.#begin(Number(entityId), spawnPosition, { maxSpeed, interestRadius, mapWidth, mapHeight, sequence: 0 });
  }

  #mapEntered({ success, entityId, position, map }: MapEntered): void {
    if (!success || map === undefined || this.#stay === null) return;
    const { width: mapWidth, height: mapHeight } = map;
    const interestRadius = lengthOf(map.interestRadius);
    // The server goes on with the numbers of the stay before.
    const { maxSpeed, movement: { sequence } } = this.#stay;
    this.#begin(Number(entityId), position, { maxSpeed, interestRadius, mapWidth, mapHeight, sequence });
  }

  #begin(
    entityId: number,
    position: Vector3 | undefined,
    { maxSpeed, interestRadius, mapWidth, mapHeight, sequence }: {
      readonly maxSpeed: number;
      readonly interestRadius: number;
      readonly mapWidth: number;
      readonly mapHeight: number;
      readonly sequence: number;
    },
  ): void {
    const movement = new OwnMovement({ spawn: position ?? ORIGIN, maxSpeed, mapWidth, mapHeight, sequence });
    const model = new WorldModel(entityId, {
      onAcknowledged: (sequence) => movement.acknowledge(sequence),
      onPlaced: ({ x, y, z }) => {
        // Small differences are what the server has not seen yet: the player is ahead of it.
        const lead = Math.hypot(x - movement.x, z - movement.z);
        const isFar = lead > maxSpeed * LEAD_SECONDS_MAX;
        if (isFar || this.#options.isPlaced?.() === true) movement.teleport({ x, y, z });
      },
      onUpdate: (update) => this.#options.onOwn?.(update, stay),
    }, this.#options.reader);
    const stay: Stay<E> = { entityId, maxSpeed, interestRadius, model, movement };
    this.#stay = stay;
    this.#isHeld = false;
    this.#isConnected = true;
    this.#steppedMs = this.#playbackMs = NaN;
    this.#options.onStay(stay);
  }

  #setConnected(isConnected: boolean): void {
    // Whatever was told meanwhile is gone, unless the session goes on: then all of it comes again.
    if (isConnected && !this.#isConnected) this.#stay?.model.expectFullSnapshot();
    this.#isConnected = isConnected;
    this.#hold();
  }

  #hold(): void {
    const movement = this.#stay?.movement;
    if (movement === undefined) return;
    movement.isHeld = this.#isHeld || !this.#isConnected;
    if (movement.isHeld) movement.stop();
  }
}
