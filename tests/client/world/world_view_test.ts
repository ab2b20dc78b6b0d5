import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import type { ClientState } from "../../../client/client_events.ts";
import { type AnyHandler, Handlers } from "../../../client/handlers.ts";
import { PLAIN_ENTITIES } from "../../../client/world/world_model.ts";
import { type Stay, type WorldClient, WorldView } from "../../../client/world/world_view.ts";
import {
  EnterWorldResponseSchema,
  EntityUpdateSchema,
  MapEnteredSchema,
  MovementCorrectionSchema,
  type MovementUpdate,
  MovementUpdateSchema,
  WorldSnapshotSchema,
} from "../../../shared/gen/world_pb.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const SERVER_MS = 1_763_900_000_000;
const OWN_ID = 7n;

/** A view, what it sent, and a client that says what the test wants. */
function newView(isPlaced = () => false) {
  const handlers = new Handlers((error) => {
    throw error;
  });
  const sent: MovementUpdate[] = [];
  const stays: Stay[] = [];
  let state: ClientState = "connected";
  const client = {
    get state() {
      return state;
    },
    on: (key: DescMessage | string, handler: AnyHandler) =>
      handlers.add(typeof key === "string" ? key : key.typeName, handler),
    send: (_: DescMessage, message: MessageInitShape<typeof MovementUpdateSchema>) =>
      sent.push(create(MovementUpdateSchema, message)),
  };
  const view = new WorldView(client as unknown as WorldClient, {
    reader: PLAIN_ENTITIES,
    onStay: (stay) => stays.push(stay),
    isPlaced,
    now: () => 0,
  });
  return {
    view,
    sent,
    stays,
    tell: <D extends DescMessage>(schema: D, message: MessageInitShape<D>) =>
      handlers.call(schema.typeName, create(schema, message), { timestamp: SERVER_MS }),
    setState: (next: ClientState) => {
      state = next;
      handlers.call("state", next);
    },
    isListening: () => handlers.has(WorldSnapshotSchema.typeName) || handlers.has("state"),
  };
}

const ENTERED = {
  success: true,
  entityId: OWN_ID,
  spawnPosition: { x: 50, y: 0, z: 50 },
  maxSpeed: 10,
  interestRadius: 30,
  mapWidth: 100,
  mapHeight: 100,
};

/** A snapshot with others at x 40. */
function others(...ids: number[]) {
  const updates = ids.map((id) => ({
    entityId: BigInt(id),
    update: { case: "spawn" as const, value: { name: `n${id}`, movement: { position: { x: 40, y: 0, z: 50 } } } },
  }));
  return { serverTimestamp: BigInt(SERVER_MS), updates };
}

Deno.test("WorldView begins a stay when the world is entered, and not when that is refused", () => {
  const { view, stays, tell } = newView();
  tell(EnterWorldResponseSchema, { success: false });
  tell(WorldSnapshotSchema, others(2));
  assertEquals([view.stay, stays.length], [null, 0]);
  assert(Number.isNaN(view.step(0)));
  tell(EnterWorldResponseSchema, ENTERED);
  tell(WorldSnapshotSchema, others(2));
  assertEquals([...view.stay!.model.entities.keys()], [2]);
  assertEquals([view.stay!.entityId, view.stay!.movement.x], [7, 50]);
});

Deno.test("WorldView.step() moves the player, tells the server, and gives the time to draw others at", () => {
  const { view, sent, tell } = newView();
  tell(EnterWorldResponseSchema, ENTERED);
  tell(WorldSnapshotSchema, others(2));
  view.stay!.movement.steer(1, 0);
  view.step(0);
  view.step(100);
  assert(view.stay!.movement.x > 50.9, `${view.stay!.movement.x}`);
  assert(view.playbackMs > SERVER_MS - 200 && view.playbackMs < SERVER_MS + 200);
  assertEquals(sent.map(({ sequenceNumber }) => sequenceNumber), [1]);
  assertEquals(sent[0].position?.x, view.stay!.movement.x);
});

Deno.test("WorldView takes corrections, and the server's word on the player where it lies far off or is held", () => {
  let isPlaced = false;
  const { view, tell } = newView(() => isPlaced);
  tell(EnterWorldResponseSchema, ENTERED);
  const placed = (x: number) => {
    const update = { case: "movement" as const, value: { position: { x, y: 0, z: 50 } } };
    tell(EntityUpdateSchema, { entityId: OWN_ID, update });
    return view.stay!.movement.x;
  };
  assertEquals(placed(52), 50);
  assertEquals(placed(70), 70);
  isPlaced = true;
  assertEquals(placed(71), 71);
  tell(MovementCorrectionSchema, { sequenceNumber: 9, position: { x: 60, y: 0, z: 50 } });
  assertEquals(view.stay!.movement.x, 60);
});

Deno.test("WorldView goes on numbering reports on another map, and forgets who was on the one before", () => {
  const { view, sent, stays, tell } = newView();
  tell(EnterWorldResponseSchema, ENTERED);
  tell(WorldSnapshotSchema, others(2));
  view.stay!.movement.steer(1, 0);
  view.step(0);
  view.step(100);
  const map = { mapId: 2, width: 40, height: 40, interestRadius: 20 };
  tell(MapEnteredSchema, { success: false, map });
  assertEquals(stays.length, 1);
  tell(MapEnteredSchema, { success: true, entityId: OWN_ID, position: { x: 5, y: 0, z: 5 }, map });
  assertEquals([view.stay!.movement.x, view.stay!.model.entities.size, stays.length], [5, 0, 2]);
  view.stay!.movement.steer(1, 0);
  view.step(200);
  view.step(300);
  assertEquals(sent.map(({ sequenceNumber }) => sequenceNumber), [1, 2]);
});

Deno.test("WorldView holds the player without a connection, and takes who left meanwhile for gone", () => {
  const { view, sent, tell, setState } = newView();
  tell(EnterWorldResponseSchema, ENTERED);
  tell(WorldSnapshotSchema, others(2, 3));
  view.stay!.movement.steer(1, 0);
  setState("reconnecting");
  view.step(0);
  view.step(100);
  assertEquals([view.stay!.movement.x, sent.length], [50, 0]);
  setState("connected");
  tell(WorldSnapshotSchema, others(3));
  view.step(1_000);
  assertEquals([...view.stay!.model.entities.keys()], [3]);
  assertEquals(view.stay!.movement.isHeld, false);
  view.isHeld = true;
  assertEquals(view.stay!.movement.isHeld, true);
});

Deno.test("WorldView.close() stops listening", () => {
  const { view, isListening } = newView();
  assertEquals(isListening(), true);
  view.close();
  assertEquals([isListening(), view.stay], [false, null]);
});
