/**
 * Messages, right and wrong, to the handlers of logic: players in every state send anything at any time, come, go, are
 * thrown out, resume and fight, also while the storage is asked, and nothing but an answer may come of it.
 *
 * @module
 */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { assert as hold } from "../../shared/errors.ts";
import {
  PORT_GATEWAY,
  PORT_LOGIN,
  STATE_AUTHENTICATED,
  STATE_CONNECTED,
  STATE_IN_WORLD,
} from "../../shared/packet_table.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { SlowStorage } from "../support/slow_storage.ts";
import type { CheapChance } from "./chance.ts";
import { BAD_PAYLOADS, bend, CLIENT_ROWS, randomMessage } from "./messages.ts";

/** What became of the messages. */
export interface LogicFuzzReport {
  messageCount: number;
  answerCount: number;
  refusalCount: number;
}

const PLAYERS = 12;
/** Clients on the login port; the others are where all of the game is served. */
const loginClients = new WeakSet<HarnessClient>();
const LOGIC_ROWS = CLIENT_ROWS.filter(({ handledBy }) => handledBy === "logic");

/** Sends messages to logic; rejects when a handler failed, or a state makes no sense. */
export async function fuzzLogic(chance: CheapChance, messageCount: number): Promise<LogicFuzzReport> {
  const slow = new SlowStorage(new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS));
  await using harness = await LogicHarness.create({
    seed: chance.seed,
    config: { gameOptions: { monsters: true }, mapSize: 200 },
    storage: slow.storage,
  });
  const report = { messageCount: 0, answerCount: 0, refusalCount: 0 };
  const clients: HarnessClient[] = [];
  for (let index = 0; index < PLAYERS; index++) clients.push(await harness.connect({ name: `player${index}` }));
  slow.isSlow = true;
  while (report.messageCount < messageCount) {
    const index = chance.below(PLAYERS);
    const client = clients[index];
    const isOver = client.closedBy !== null || chance.oneIn(50);
    if (!isOver) sendSomething(chance, harness, client, report);
    // Gone before it is answered.
    const isGone = !isOver && client.closedBy === null && chance.oneIn(20);
    if (isGone) harness.disconnect(client);
    if (isOver || isGone) clients[index] = await comeAnew(chance, harness, slow, client);
    if (chance.oneIn(4)) slow.release(1 + chance.below(3));
    if (chance.oneIn(10)) harness.tick(1 + chance.below(3));
    if (chance.oneIn(200)) throwOut(harness, chance.pick(clients).name);
    if (chance.oneIn(20)) await settle(harness, slow);
    if (chance.oneIn(50)) check(harness, clients, report);
  }
  slow.isSlow = false;
  await settle(harness, slow);
  check(harness, clients, report);
  return report;
}

/** Lets what handlers wait for come. */
async function settle(harness: LogicHarness, slow: SlowStorage): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    slow.release();
    await new Promise((resolve) => setImmediate(resolve));
    harness.tick();
  }
}

/** Nobody waits for the answer: the player goes while others do. */
function throwOut(harness: LogicHarness, player: string): void {
  void harness.logic.moderation.run({ act: "kick", target: { player }, reason: "fuzz", moderator: "fuzz" });
}

function sendSomething(
  chance: CheapChance,
  harness: LogicHarness,
  client: HarnessClient,
  report: LogicFuzzReport,
): void {
  report.messageCount++;
  const state = stateOf(harness, client);
  const row = chance.pick(chance.oneIn(16) ? LOGIC_ROWS : LOGIC_ROWS.filter(({ states }) => (states & state) !== 0));
  // The io worker lets a type through on its ports and in its states only; logic's state may be a moment ahead.
  if ((row.ports & (loginClients.has(client) ? PORT_LOGIN : PORT_GATEWAY)) === 0) return;
  let payload = chance.oneIn(12)
    ? chance.pick([...BAD_PAYLOADS.values()])
    : randomMessage(chance, contract.schemaOf(row.type)!);
  if (chance.oneIn(3)) payload = bend(chance, payload);
  if (payload.length > row.payloadBytesMax) return;
  harness.sendRaw(client, row.type, payload);
}

function stateOf(harness: LogicHarness, client: HarnessClient): number {
  if (client.entityId !== 0 && harness.logic.world.occupants.sessionOf(client.entityId) !== undefined) {
    return STATE_IN_WORLD;
  }
  return client.packets.some(({ type }) => type === PacketType.LOGIN_RESPONSE) ? STATE_AUTHENTICATED : STATE_CONNECTED;
}

/** The connection breaks, and its player comes back: fresh, into the world, or by a resume. */
async function comeAnew(
  chance: CheapChance,
  harness: LogicHarness,
  slow: SlowStorage,
  { name, entityId }: HarnessClient,
): Promise<HarnessClient> {
  await settle(harness, slow);
  switch (chance.below(3)) {
    case 0: {
      const port = chance.pick(["login", "gateway"] as const);
      const client = harness.open({ name, port });
      if (port === "login") loginClients.add(client);
      return client;
    }
    case 1:
      // Whoever is in the world under this name is replaced.
      slow.isSlow = false;
      slow.release();
      try {
        return await harness.connect({ name });
      } finally {
        slow.isSlow = true;
      }
    default: {
      const client = harness.open({ name });
      client.entityId = entityId;
      return client;
    }
  }
}

function check(harness: LogicHarness, clients: readonly HarnessClient[], report: LogicFuzzReport): void {
  const errors = harness.log.records.filter(({ level }) => level === "error");
  hold(errors.length === 0, `Logic reported ${JSON.stringify(errors[0])}`);
  const online = new Set<number>();
  for (const session of harness.sessions.inWorld) {
    const playerId = session.player?.playerId;
    hold(playerId !== undefined, "Somebody is in the world who is nobody");
    hold(!session.ended, `A session of player ${playerId} has ended and is in the world`);
    hold(!online.has(playerId!), `Player ${playerId} is in the world twice`);
    online.add(playerId!);
  }
  for (const client of clients) {
    for (const error of harness.received(client, PacketType.ERROR_RESPONSE)) {
      hold(error.errorCode !== ErrorCode.INTERNAL, `INTERNAL answers ${PacketType[error.requestType]}`);
      report.refusalCount++;
    }
    report.answerCount += client.packets.length;
    client.packets = client.packets.filter(({ type }) => type === PacketType.LOGIN_RESPONSE);
  }
}
