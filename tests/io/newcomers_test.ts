import { DisconnectNoticeSchema, DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { HTTP_CONNECTIONS_MAX } from "../../shared/limits.ts";
import { Counter } from "../../server/ops/counters.ts";
import { RECORD_CLOSED } from "../../server/ring/records.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { utf8 } from "../gateway/frames.ts";
import { FakeSocket, IoFixture, messageOf, type Peer, readPackets } from "./io_fixture.ts";

const ATTACKERS = ["203.0.113.1", "203.0.113.2"];
const HONEST = "198.51.100.9";

function connectFrom(fixture: IoFixture, address: string, port: "login" | "game" = "login"): Peer {
  return fixture.connect(port, new FakeSocket(address));
}

function open(peers: readonly Peer[]): number {
  return peers.filter(({ connection }) => !connection.closing).length;
}

/** A login port with eight places, which two addresses have taken. */
function fullPort() {
  const fixture = new IoFixture({ config: { loginMaxConnections: 8 } });
  const attackers = ATTACKERS.map((address) => Array.from({ length: 4 }, () => connectFrom(fixture, address)));
  return { fixture, attackers };
}

Deno.test("IoWorker.accept() lets one of an address with few in at a full port: the oldest of the address with most gives way", () => {
  const { fixture, attackers: [first, second] } = fullPort();
  const comer = connectFrom(fixture, HONEST);
  assertEquals([open([comer]), open(first), open(second)], [1, 3, 4]);
  const { socket, connection } = first[0];
  assert(connection.gone && socket.closed === "close", "Its place is free at once");
  const notice = messageOf(DisconnectNoticeSchema, readPackets(socket.takeSent())[0]);
  assertEquals([notice.reason, notice.retryAfterMs], [DisconnectReason.SERVER_FULL, 5_000]);
  assertEquals(fixture.counters.get(Counter.CLOSED_BY_REASON + DisconnectReason.SERVER_FULL), 1);
  assertEquals(open([connectFrom(fixture, HONEST)]), 1);
  assertEquals([open(first), open(second)], [3, 3]);
  // As many as the others would have: whoever came back would have its place again.
  assertEquals(open([connectFrom(fixture, HONEST)]), 0);
  assertEquals(open([connectFrom(fixture, ATTACKERS[0])]), 0);
});

Deno.test("IoWorker.accept() at a full port closes nobody who has logged in, and first those who wait for no answer", () => {
  const { fixture, attackers: [first, second] } = fullPort();
  for (const peer of [...first, ...second.slice(1)]) fixture.setState(peer, "A");
  assertEquals(open([connectFrom(fixture, HONEST)]), 0);
  for (const peer of second.slice(1)) fixture.setState(peer, "C");
  second[0].send({ type: PacketType.LOGIN_REQUEST });
  assertEquals(open([connectFrom(fixture, HONEST)]), 1);
  assertEquals(second.map(({ connection }) => connection.closing), [false, true, false, false]);
});

Deno.test("IoWorker.accept() at a full port closes nobody whose address has no limits", () => {
  const fixture = new IoFixture({ config: { loginMaxConnections: 8 } });
  const trusted = Array.from({ length: 8 }, () => fixture.connect("login"));
  assertEquals(open([connectFrom(fixture, HONEST)]), 0);
  assertEquals(open(trusted), 8);
});

Deno.test("IoWorker.accept() tells logic of a connection that gave way before it tells of the next in its slot", () => {
  const { fixture, attackers: [first] } = fullPort();
  for (const peer of first) peer.send({ type: PacketType.LOGIN_REQUEST });
  fixture.takeRecords();
  const comer = connectFrom(fixture, HONEST);
  assertEquals(comer.connection.slot, first[0].connection.slot);
  comer.send({ type: PacketType.LOGIN_REQUEST });
  const { kind, slot, generation } = fixture.takeRecords()[0];
  assertEquals([kind, slot, generation], [RECORD_CLOSED, first[0].connection.slot, first[0].connection.generation]);
});

Deno.test("IoWorker.accept() on the gateway answers one of an address with few, however many heads others have begun", () => {
  const fixture = new IoFixture({ config: { addressMaxConnections: 1_000, addressConnectsPerSecond: 1_000 } });
  const connect = (address: string) => fixture.tryConnect("gateway", new FakeSocket(address));
  const slow = Array.from({ length: HTTP_CONNECTIONS_MAX }, (_, index) => connect(ATTACKERS[index % 2])!);
  for (const peer of slow) peer.arrive(utf8("GET / HT"));
  assertEquals(connect(ATTACKERS[0]), null);
  const comer = connect(HONEST);
  assert(comer !== null);
  assertEquals([open([comer]), open(slow)], [1, HTTP_CONNECTIONS_MAX - 1]);
});
