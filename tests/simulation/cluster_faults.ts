/** Faults of servers that share a database, to prove the judge of {@linkcode simulateCluster} by. @module */

import { ChatDelivery } from "../../games/parts/chat/chat_delivery.ts";
import { Elsewhere } from "../../games/parts/chat/elsewhere.ts";
import { KeptWhispers } from "../../games/parts/chat/kept_whispers.ts";
import { NodeBus } from "../../server/bus/node_bus.ts";
import { ClusterNode } from "../../server/cluster/cluster_node.ts";
import { ClaimedOwnerships } from "../../server/cluster/ownerships.ts";
import { OWNS, STORED_DIRECTORY, STORED_NODES } from "../../server/cluster/stored_directory.ts";
import { CharacterSaver } from "../../server/session/character_saver.ts";
import { decodeSession, encodeSession, type SessionNumbers } from "../../server/session/session_handover.ts";
import { WorldService } from "../../server/session/world_service.ts";
import { statement } from "../../server/storage/sql.ts";
import { STORED_CHARACTERS } from "../../server/storage/stored_characters.ts";
import { patch } from "./observe.ts";
import { type ClusterPlan, LATENESS, RESTARTS, SILENCE, TALK } from "./cluster_plans.ts";
import type { PlantedFault } from "./planted_faults.ts";

/** One fault. */
export interface ClusterFault extends PlantedFault {
  /** How it must go for the fault to show; left out: as each seed has it. */
  readonly plan?: ClusterPlan;
}

const KEEP_UNDER_EPOCH = statement(
  `UPDATE handed_over_sessions SET epoch =
      (SELECT player_owners.epoch FROM player_owners WHERE player_owners.player_id = handed_over_sessions.player_id)
    WHERE player_id = ?`,
);

// deno-lint-ignore require-yield -- it takes the place of one that asks the database
function* doneWithout() {
  return true;
}

type Handlers = typeof STORED_DIRECTORY;

const TAKE_AWAY = statement("UPDATE player_owners SET server_id = NULL, incarnation = NULL WHERE player_id = ?");
const SET_BACK = statement("UPDATE player_owners SET epoch = epoch - 1 WHERE player_id = ? AND epoch > 1");
const PROLONG = statement("UPDATE nodes SET lease_until_ms = now_ms() + 6000 WHERE server_id = ?");

/** All of them, as in docs/simulation.md. */
export const CLUSTER_FAULTS: readonly ClusterFault[] = [
  {
    name: "a player is taken from a server that holds its lease",
    rules: ["owners"],
    plant: () =>
      plantIn("claim", (claim) =>
        function* (argument) {
          yield* TAKE_AWAY.run(argument.playerId);
          return yield* claim(argument);
        }),
  },
  {
    name: "a server claims without a lease",
    plan: LATENESS,
    rules: ["owners"],
    plant: () => {
      const stack = new DisposableStack();
      stack.use(plantIn("claim", (claim) =>
        function* (argument) {
          yield* PROLONG.run(argument.node.serverId);
          return yield* claim(argument);
        }));
      stack.use(plantIn("takeSession", (takeSession) =>
        function* (argument) {
          yield* PROLONG.run(argument.node.serverId);
          return yield* takeSession(argument);
        }));
      return stack;
    },
  },
  {
    name: "an epoch is given twice",
    rules: ["owners"],
    plant: () =>
      plantIn("claim", (claim) =>
        function* (argument) {
          const result = yield* claim(argument);
          if (result.kind !== "claimed" || result.epoch === 1) return result;
          yield* SET_BACK.run(argument.playerId);
          return { kind: "claimed", epoch: result.epoch - 1 };
        }),
  },
  {
    name: "a lease is renewed without the database",
    rules: ["owners", "stuck", "sessions"],
    plant: () =>
      patch(STORED_NODES, "renew", () =>
        // deno-lint-ignore require-yield -- it takes the place of one that asks the database
        function* () {
          return { isHeld: true, hadLapsed: false, wanted: [] };
        }),
  },
  {
    name: "a server does not look whose its players are",
    plan: SILENCE,
    rules: ["saved", "sessions"],
    plant: () =>
      patch(ClaimedOwnerships.prototype, "check", () =>
        function () {
          return Promise.resolve();
        }),
  },
  {
    name: "a player who is another server's plays on",
    plan: SILENCE,
    rules: ["sessions"],
    plant: () => patch(WorldService.prototype, "lose", () => function () {}),
  },
  {
    name: "nobody is given up",
    rules: ["ghosts", "stuck"],
    plant: () => patch(ClaimedOwnerships.prototype, "sweep", () => function () {}),
  },
  {
    name: "players are given up before they are saved",
    rules: ["saved", "sessions", "ghosts"],
    plant: () =>
      patch(ClaimedOwnerships.prototype, "sweep", (original) =>
        function (this: ClaimedOwnerships) {
          original.call(this, () => false);
        }),
  },
  {
    name: "a write is done under any epoch",
    plan: SILENCE,
    rules: ["fence"],
    plant: () =>
      patch(OWNS, "get", () =>
        // deno-lint-ignore require-yield -- it takes the place of one that asks the database
        function* () {
          return { found: 1 };
        }),
  },
  {
    name: "characters are saved under no epoch",
    rules: ["fence"],
    plant: () =>
      patch(
        CharacterSaver.prototype,
        "save",
        (original) =>
          function (this: CharacterSaver, { owner: _owner, ...character }) {
            original.call(this, character);
          },
      ),
  },
  {
    name: "what cannot be saved at once is not saved",
    rules: ["saved", "ghosts"],
    plant: () =>
      patch(CharacterSaver.prototype, "save", (original) => {
        let count = 0;
        return function (this: CharacterSaver, character) {
          if (++count % 5 > 0) original.call(this, character);
        };
      }),
  },
  {
    name: "a session is handed over under the epoch it had",
    rules: ["owners"],
    plant: () =>
      plantIn("handOver", (handOver) =>
        function* (argument) {
          const isDone = yield* handOver(argument);
          if (isDone) yield* SET_BACK.run(argument.playerId);
          if (isDone) yield* KEEP_UNDER_EPOCH.run(argument.playerId);
          return isDone;
        }),
  },
  {
    name: "a session that was handed over can be taken twice",
    rules: ["owners", "handover", "fence"],
    plant: () =>
      plantIn("takeSession", (takeSession) =>
        function* (argument) {
          const taken = yield* takeSession(argument);
          if (taken.kind !== "taken" || taken.session === null) return taken;
          yield* TAKE_AWAY.run(taken.playerId);
          yield* KEEP_UNDER_EPOCH.run(taken.playerId);
          return taken;
        }),
  },
  {
    name: "the old server takes packets after it has told its numbers",
    rules: ["delivery", "contract"],
    plant: () =>
      plantInHandOver((numbers) => ({ ...numbers, receivedSequence: Math.max(0, numbers.receivedSequence - 1) })),
  },
  {
    name: "what its client has not heard is not handed over",
    rules: ["delivery", "contract", "chat"],
    plant: () =>
      plantInHandOver(({ outbox, ...numbers }) => ({
        ...numbers,
        outbox: { ...outbox, packets: [], firstSequence: outbox.firstSequence + outbox.packets.length },
      })),
  },
  {
    name: "a character is not saved when its session is handed over",
    plan: RESTARTS,
    rules: ["saved"],
    plant: () => patch(STORED_CHARACTERS, "save", () => doneWithout),
  },
  {
    name: "a session that was handed over is kept for nobody",
    rules: ["handover"],
    plant: () =>
      plantIn("handOver", (handOver) =>
        function* (argument) {
          return yield* handOver({ ...argument, graceMs: 1 });
        }),
  },
  {
    name: "what is said on another server is not heard",
    plan: TALK,
    rules: ["heard"],
    plant: () =>
      patch(NodeBus.prototype, "take", () =>
        function () {
          return false;
        }),
  },
  {
    name: "what is said on another server is told twice",
    rules: ["chat"],
    plant: () =>
      patch(NodeBus.prototype, "topic", (original) =>
        function (this: NodeBus, schema) {
          const topic = original.call(this, schema);
          const on: typeof topic.on = (listener) => {
            topic.on(listener);
            topic.on(listener);
          };
          return { ...topic, on };
        } as typeof original),
  },
  {
    name: "what is said to all comes in another order to other servers",
    rules: ["chat"],
    plant: () =>
      patch(Elsewhere.prototype, "say", (original) => {
        let held: (() => void) | null = null;
        return function (this: Elsewhere, to, saying) {
          const say = () => original.call(this, to, saying);
          if (held === null) return void (held = say);
          say();
          held();
          held = null;
        };
      }),
  },
  {
    name: "the last packet of a session is not handed over",
    rules: ["delivery", "contract"],
    plant: () =>
      plantInHandOver(({ outbox, ...numbers }) => ({
        ...numbers,
        outbox: { ...outbox, packets: outbox.packets.slice(0, -1) },
      })),
  },
  {
    name: "what is said in a guild is not heard on other servers",
    plan: TALK,
    rules: ["heard"],
    plant: () => patch(Elsewhere.prototype, "onGuild", () => function () {}),
  },
  {
    name: "a whisper is told behind the next one",
    plan: TALK,
    rules: ["chat"],
    plant: () =>
      patch(ChatDelivery.prototype, "deliver", (original) => {
        let held: (() => void) | null = null;
        return function (this: ChatDelivery, saying, recipients) {
          const deliver = () => original.call(this, saying, recipients);
          if (!Array.isArray(recipients) || recipients.length !== 1) return deliver();
          if (held === null) held = deliver;
          else {
            deliver();
            held();
            held = null;
          }
          return 1;
        };
      }),
  },
  {
    name: "whispers that were handed over are told again as kept",
    plan: TALK,
    rules: ["chat"],
    plant: () => patch(KeptWhispers.prototype, "onEnter", () => function () {}),
  },
  {
    name: "whispers to players who are on their way are not kept",
    plan: TALK,
    rules: ["heard"],
    plant: () => patch(KeptWhispers.prototype, "keep", () => () => Promise.resolve({ kind: "kept", whisperId: 0 })),
  },
];

function plantInHandOver(change: (numbers: SessionNumbers) => SessionNumbers): Disposable {
  return patch(ClusterNode.prototype, "handOver", (original) =>
    function (this: ClusterNode, { session, ...rest }) {
      return original.call(this, { ...rest, session: encodeSession(change(decodeSession(session))) });
    });
}

function plantIn<Name extends keyof Handlers>(
  name: Name,
  make: (original: Handlers[Name]) => Handlers[Name],
): Disposable {
  return patch(STORED_DIRECTORY, name, make);
}
