/**
 * Faults to prove the judges by: each makes one real method do wrong what it does right, until it is disposed of. None of
 * it exists outside these tests.
 *
 * @module
 */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClientSession } from "../../client/client_session.ts";
import type { Socket } from "../../server/io/backend.ts";
import { GatewayAdapter } from "../../server/io/gateway_adapter.ts";
import { Connection } from "../../server/io/connection.ts";
import { IoWorker } from "../../server/io/io_worker.ts";
import { SendQueue } from "../../server/io/send_queue.ts";
import { CharacterSaver } from "../../server/session/character_saver.ts";
import { ChatDelivery } from "../../games/parts/chat/chat_delivery.ts";
import { KeptWhispers } from "../../games/parts/chat/kept_whispers.ts";
import { GuildService } from "../../games/parts/guilds/guild_handlers.ts";
import { RingOutput } from "../../server/session/link.ts";
import { Outbox } from "../../server/session/outbox.ts";
import { Session } from "../../server/session/session.ts";
import { SessionManager } from "../../server/session/session_manager.ts";
import { WorldService } from "../../server/session/world_service.ts";
import { RingProducer } from "../../server/ring/byte_ring.ts";
import { Rooms } from "../../games/parts/rooms/rooms.ts";
import { SqliteDatabase } from "../../server/storage/sqlite_database.ts";
import { EntityStore } from "../../server/world/entity_store.ts";
import { World } from "../../server/world/world.ts";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { type WorldSnapshot, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { patch } from "./observe.ts";
import type { SimulationOptions } from "./simulation.ts";

/** One fault. */
export interface PlantedFault {
  readonly name: string;
  /** The rules of which one finds it. */
  readonly rules: readonly string[];
  /** Plants it. */
  readonly plant: () => Disposable;
  /** It shows where these rings are full; see {@linkcode SimulationOptions}. */
  readonly fullRings?: SimulationOptions["fullRings"];
}

/** All of them, as in docs/simulation.md. */
export const PLANTED_FAULTS: readonly PlantedFault[] = [
  {
    name: "the server applies repeats",
    rules: ["delivery"],
    plant: () =>
      patch(Session.prototype, "receive", (original) =>
        function (this: Session, type, sequence) {
          const verdict = original.call(this, type, sequence);
          return verdict === "repeat" ? "apply" : verdict;
        }),
  },
  {
    name: "the client applies repeats",
    rules: ["delivery"],
    plant: () =>
      patch(ClientSession.prototype, "accept", (original) =>
        function (this: ClientSession, sequence) {
          return original.call(this, sequence) || true;
        }),
  },
  {
    name: "the outbox is forgotten on resume",
    rules: ["contract", "delivery", "settled"],
    plant: () =>
      patch(SessionManager.prototype, "flushOutbox", () =>
        function (this: SessionManager, { outbox }) {
          outbox?.markSent(outbox.lastSequence);
        }),
  },
  {
    name: "the client sends nothing again on resume",
    rules: ["settled", "delivery", "contract"],
    plant: () =>
      patch(ClientSession.prototype, "resume", (original) =>
        function (this: ClientSession, lastSequence, gap) {
          original.call(this, lastSequence, gap);
          (this.outbox as unknown[]).length = 0;
        }),
  },
  {
    name: "one packet more is acknowledged than came",
    rules: ["delivery", "contract"],
    plant: () =>
      patch(Outbox.prototype, "acknowledge", (original) =>
        function (this: Outbox, sequence) {
          original.call(this, sequence + 1);
        }),
  },
  {
    name: "acknowledgements are dropped",
    rules: ["settled"],
    // Those that are sent alone, and those that come with something else.
    plant: () => {
      const stack = new DisposableStack();
      stack.use(patch(RingOutput.prototype, "tryAck", () => () => true));
      stack.use(
        patch(
          SendQueue.prototype,
          "appendPacket",
          (original) =>
            function (this: SendQueue, type, sequence, timestamp, isCompressed, _ack, payload, start, end) {
              original.call(this, type, sequence, timestamp, isCompressed, 0, payload, start, end);
            },
        ),
      );
      return stack;
    },
  },
  {
    name: "logging out is answered before the commit",
    rules: ["saved"],
    plant: () => patch(CharacterSaver.prototype, "saved", () => () => Promise.resolve()),
  },
  {
    name: "a state that is not saved yet is not found",
    rules: ["saved"],
    plant: () => patch(CharacterSaver.prototype, "find", () => () => undefined),
  },
  {
    name: "writes are answered before the commit",
    rules: ["saved", "settled"],
    plant: () =>
      patch(SqliteDatabase.prototype, "execute", (original) =>
        function (this: SqliteDatabase, requests) {
          // The last write of several is answered and lost.
          const lost = requests.findLastIndex(({ operation }) => operation === "characters.saveMany");
          if (lost < 0 || requests.length < 2) return original.call(this, requests);
          const outcomes = original.call(this, requests.toSpliced(lost, 1));
          return outcomes.toSpliced(lost, 0, { value: 1 });
        }),
  },
  {
    name: "a kill counts twice",
    rules: ["kills"],
    plant: () =>
      patch(GuildService.prototype, "onKill", (original) =>
        function (this: GuildService, killer, victim) {
          original.call(this, killer, victim);
          original.call(this, killer, victim);
        }),
  },
  {
    name: "an entity id is given away again at once",
    rules: ["entities", "sight"],
    plant: plantReusedIds,
  },
  {
    name: "despawns are forgotten",
    rules: ["sight"],
    plant: () =>
      plantSnapshotChange((snapshot) => {
        snapshot.updates = snapshot.updates.filter(({ update }) => update.case !== "despawn");
      }),
  },
  {
    name: "a viewer is sent the snapshot before",
    rules: ["sight"],
    plant: plantStaleSnapshots,
  },
  {
    name: "a viewer is sent the snapshot of another",
    rules: ["sight"],
    plant: plantStrangeSnapshots,
  },
  {
    name: "the view is not rebuilt after a resume",
    rules: ["sight"],
    plant: () => patch(World.prototype, "requestFullSnapshot", () => () => {}),
  },
  {
    name: "the resume token does not change",
    rules: ["resume", "settled"],
    plant: () =>
      patch(SessionManager.prototype, "setResumeToken", (original) =>
        function (this: SessionManager, session, token) {
          original.call(this, session, session.resumeToken === "" ? token : session.resumeToken);
        }),
  },
  {
    name: "a spent resume token stays good",
    rules: ["resume"],
    plant: () =>
      patch(SessionManager.prototype, "confirmResumeToken", () =>
        function (session) {
          session.previousResumeToken = "";
        }),
  },
  {
    name: "a player has two live sessions",
    rules: ["sessions"],
    plant: () => patch(WorldService.prototype, "replace", () => () => {}),
  },
  {
    name: "link-death never ends",
    rules: ["sessions", "leaks"],
    plant: () =>
      patch(WorldService.prototype, "onLinkClosed", (original) =>
        function (this: WorldService, link) {
          original.call(this, link);
          if (link.session.linkDeadSinceMs !== 0) link.session.linkDeadSinceMs = Number.MAX_SAFE_INTEGER;
        }),
  },
  {
    name: "the connections of a crashed io worker are not given up",
    rules: ["sessions", "settled", "leaks"],
    plant: () =>
      patch(SessionManager.prototype, "setOutput", (original) =>
        function (this: SessionManager, worker, output) {
          original.call(this, worker, output);
          return [];
        }),
  },
  {
    name: "a packet is lost when the ring is full",
    fullRings: "to logic",
    rules: ["delivery", "settled"],
    plant: () => patch(RingProducer.prototype, "hasRoom", () => () => true),
  },
  {
    name: "a broadcast that did not fit is forgotten",
    fullRings: "from logic",
    rules: ["contract", "settled", "delivery"],
    plant: () => patch(SessionManager.prototype, "onBroadcastFull", () => () => {}),
  },
  {
    name: "a frame whose header is cut is lost",
    rules: ["delivery", "settled", "contract"],
    plant: () =>
      patch(FrameDecoder.prototype, "push", (original) =>
        function (this: FrameDecoder, bytes, start, end) {
          if (end - start >= 4) original.call(this, bytes, start, end);
        }),
  },
  {
    name: "a buffer is used again while it is being sent",
    rules: ["contract", "delivery", "settled"],
    plant: plantReusedBuffers,
  },
  {
    name: "a slot is not freed",
    rules: ["settled", "leaks"],
    plant: () =>
      patch(IoWorker.prototype, "onGone", (original) =>
        function (this: IoWorker, connection) {
          if (connection.slot % 3 !== 0) original.call(this, connection);
        }),
  },
  {
    name: "a gauge misses a change of state",
    rules: ["settled", "leaks"],
    plant: () =>
      patch(Connection.prototype, "setState", () =>
        function (this: Connection, state) {
          this.state = state;
        }),
  },
  {
    name: "a message in a room is told twice",
    rules: ["chat"],
    plant: () =>
      patch(ChatDelivery.prototype, "deliver", (original) =>
        function (this: ChatDelivery, saying, recipients) {
          const heard = [...recipients];
          const count = original.call(this, saying, heard);
          if (heard.length > 1 && saying.type === PacketType.CHAT_MESSAGE) original.call(this, saying, heard);
          return count;
        }),
  },
  {
    name: "those who left a room still hear it",
    rules: ["chat"],
    plant: () =>
      patch(Rooms.prototype, "leave", (original) =>
        function (this: Rooms<unknown>, roomId, playerId) {
          const left = original.call(this, roomId, playerId);
          if (left !== undefined && !left.isClosed) (left.room.members as Set<number>).add(playerId);
          return left;
        }),
  },
  {
    name: "somebody does not hear what all hear",
    rules: ["settled"],
    plant: () =>
      patch(
        SessionManager.prototype,
        "broadcast",
        (original) =>
          function (this: SessionManager, recipients, type, payload, isForMany) {
            const heard = [...recipients];
            if (type === PacketType.CHAT_MESSAGE && heard.length > 2) heard.pop();
            return original.call(this, heard, type, payload, isForMany);
          },
      ),
  },
  {
    name: "whispers to players who are away are not kept",
    rules: ["settled"],
    plant: () => patch(KeptWhispers.prototype, "keep", () => () => Promise.resolve({ kind: "kept", whisperId: 0 })),
  },
  {
    name: "the gateway loses a byte that comes alone",
    rules: ["settled", "delivery", "contract"],
    plant: () =>
      patch(GatewayAdapter.prototype, "onData", (original) =>
        function (this: GatewayAdapter, bytes, start, end) {
          if (end - start > 1) original.call(this, bytes, start, end);
        }),
  },
];

/** The id freed last comes first. */
function plantReusedIds(): Disposable {
  const stack = new DisposableStack();
  let freed = 0;
  stack.use(patch(EntityStore.prototype, "release", (original) =>
    function (this: EntityStore, id) {
      original.call(this, id);
      freed = id;
    }));
  stack.use(patch(EntityStore.prototype, "tryAllocate", (original) =>
    function (this: EntityStore) {
      const wanted = freed;
      freed = 0;
      let id = original.call(this);
      // The ids before it in the queue go to its end.
      for (let turns = 0; wanted !== 0 && id !== wanted && turns < this.slotCount; turns++) {
        this.release(id);
        id = original.call(this);
      }
      freed = 0;
      return id;
    }));
  return stack;
}

/** Changes every snapshot before it is sent. */
function plantSnapshotChange(change: (snapshot: WorldSnapshot) => void): Disposable {
  return patch(World.prototype, "buildSnapshot", (original) =>
    function (this: World, viewerId, target, offset) {
      const length = original.call(this, viewerId, target, offset);
      if (length === 0) return 0;
      const snapshot = fromBinary(WorldSnapshotSchema, target.slice(offset, offset + length));
      change(snapshot);
      const bytes = toBinary(WorldSnapshotSchema, snapshot);
      target.set(bytes, offset);
      return bytes.length;
    });
}

/** Now and then the snapshot before is sent once more, instead of the newest. */
function plantStaleSnapshots(): Disposable {
  const before = new WeakMap<Session, Uint8Array>();
  let count = 0;
  return patch(Session.prototype, "sendLatest", (original) =>
    function (this: Session, type, payload, start, end) {
      const stale = before.get(this);
      if (type !== PacketType.WORLD_SNAPSHOT) return original.call(this, type, payload, start, end);
      before.set(this, payload.slice(start, end));
      if (stale === undefined || ++count % 20 !== 0) return original.call(this, type, payload, start, end);
      return original.call(this, type, stale, 0, stale.length);
    });
}

/** Now and then a viewer is told what another is to be told. */
function plantStrangeSnapshots(): Disposable {
  let count = 0;
  return patch(World.prototype, "buildSnapshot", (original) =>
    function (this: World, viewerId, target, offset) {
      const isStrange = ++count % 50 === 0;
      return original.call(this, isStrange ? this.viewerAt(count % this.viewerCount) : viewerId, target, offset);
    });
}

/** What the kernel has not taken is overwritten. */
function plantReusedBuffers(): Disposable {
  return patch(SendQueue.prototype, "flush", (original) =>
    function (this: SendQueue, socket) {
      const hasty: Pick<Socket, "write"> = {
        write: (bytes, start, end) => {
          const isTaken = socket.write(bytes, start, end);
          if (!isTaken) bytes.fill(0, start, end);
          return isTaken;
        },
      };
      return original.call(this, hasty as Socket);
    });
}
