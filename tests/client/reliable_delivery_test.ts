import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { GuildInfoRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { Fixture } from "./support/fixture.ts";
import { ReferenceServer } from "./support/reference_server.ts";

/** One step of a history. Numbers of messages, milliseconds, or bytes until the next cut. */
type Step =
  | { readonly kind: "client" | "server" | "request" | "wait"; readonly count: number }
  | { readonly kind: "cut"; readonly toServer: number; readonly toClient: number };

const cutAfter = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 300 }) }, fc.constant(Infinity));

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("client" as const, "server" as const, "request" as const),
    count: fc.integer({ min: 1, max: 6 }),
  }),
  fc.record({ kind: fc.constant("wait" as const), count: fc.integer({ min: 1, max: 4_000 }) }),
  fc.record({ kind: fc.constant("cut" as const), toServer: cutAfter, toClient: cutAfter }),
);

/** Splits bytes at pseudo-random places, the same for the same seed. */
function splitter(seed: number): (bytes: Uint8Array) => Uint8Array[] {
  let state = seed >>> 0;
  return (bytes) => {
    const parts: Uint8Array[] = [];
    for (let start = 0; start < bytes.length;) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const end = Math.min(bytes.length, start + 1 + (state >>> 8) % 40);
      parts.push(bytes.slice(start, end));
      start = end;
    }
    return parts;
  };
}

/** Whether `part` is `whole` with some left out: nothing doubled, nothing reordered. */
function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  return part.every((each) => (at = whole.indexOf(each, at) + 1) > 0);
}

/** A client in the world of a server that keeps the contract. */
async function enterReference() {
  const fixture = await Fixture.open();
  const reference = new ReferenceServer(fixture.server);
  const entered = fixture.client.enterWorld({ token: "token" });
  await fixture.settle();
  assert((await entered).success);
  return { ...fixture, client: fixture.client, close: () => fixture.close(), reference };
}

Deno.test("DrawbridgeClient loses, doubles and reorders no reliable message when connections break anywhere", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: "max" }), fc.nat(), async (steps, seed) => {
      const { clock, server, client, errors, reference, close } = await enterReference();
      server.cut = splitter(seed);
      reference.isForgetful = (seed & 2) !== 0;
      const heard: string[] = [];
      client.on(PacketType.CHAT_MESSAGE, ({ message }) => heard.push(message));
      let lossCount = 0;
      client.on("sessionLost", () => lossCount++);

      const said: string[] = [];
      const told: string[] = [];
      const answers: Promise<void>[] = [];
      let nextCut: Step & { kind: "cut" } | null = null;
      server.prepare = (peer) => {
        if (nextCut === null) return;
        // The next connection may break, too, while the session is being resumed.
        peer.bytesToServerMax = nextCut.toServer;
        peer.bytesToClientMax = nextCut.toClient;
        nextCut = null;
      };
      for (const next of steps) {
        if (next.kind === "cut") {
          nextCut = next;
          server.peer.bytesToServerMax = next.toServer;
          server.peer.bytesToClientMax = next.toClient;
        } else if (next.kind === "wait") {
          await clock.advance(next.count, () => server.settle());
        } else {
          for (let i = 0; i < next.count; i++) {
            if (next.kind === "client") {
              said.push(`c${said.length}`);
              assert(["sent", "queued"].includes(client.send(ChatMessageSchema, { message: said.at(-1) })));
            } else if (next.kind === "server") {
              told.push(`s${told.length}`);
              reference.session.send(PacketType.CHAT_MESSAGE, { message: told.at(-1) });
            } else {
              const guildId = BigInt(answers.length + 1);
              const answer = client.request(GuildInfoRequestSchema, { guildId }, { timeoutMs: 1e9 });
              answers.push(answer.then((response) => assertEquals(response.guildId, guildId)));
            }
          }
        }
        if ((seed & 1) === 0) await server.settle();
      }
      nextCut = null;
      server.peer.bytesToServerMax = server.peer.bytesToClientMax = Infinity;
      // Longer than any silence, back-off and heartbeat together.
      await clock.advance(60_000, () => server.settle());
      await server.settle();

      assertEquals(client.state, "connected");
      assertEquals(reference.breaches, []);
      assertEquals(errors, []);
      assertEquals(lossCount, 0);
      assertEquals(reference.sessions.length, 1);
      assertEquals(reference.session.applied, said);
      assertEquals(heard, told);
      await Promise.all(answers);
      assertEquals(reference.session.outboxCount, 0, "the client acknowledged everything");
      await close();
    }),
    { numRuns: 500 },
  );
});

Deno.test("DrawbridgeClient doubles and reorders nothing when sessions are lost, too", async () => {
  const history = fc.array(fc.oneof(step, fc.constant({ kind: "expire" as const })), { maxLength: 40, size: "max" });
  await fc.assert(
    fc.asyncProperty(history, fc.nat(), async (steps, seed) => {
      const { clock, server, client, errors, reference, close } = await enterReference();
      server.cut = splitter(seed);
      const heard: string[] = [];
      client.on(PacketType.CHAT_MESSAGE, ({ message }) => heard.push(message));
      let lossCount = 0;
      client.on("sessionLost", () => lossCount++);
      let count = 0;
      for (const next of steps) {
        if (next.kind === "expire") {
          reference.expire();
          server.peer.hangUp();
        } else if (next.kind === "cut") {
          server.peer.bytesToServerMax = next.toServer;
          server.peer.bytesToClientMax = next.toClient;
        } else if (next.kind === "wait") {
          await clock.advance(next.count, () => server.settle());
        } else if (next.kind === "server") {
          for (let i = 0; i < next.count; i++) {
            reference.session.send(PacketType.CHAT_MESSAGE, { message: `${count++}` });
          }
        } else {
          for (let i = 0; i < next.count; i++) client.send(ChatMessageSchema, { message: `${count++}` });
        }
        await server.settle();
      }
      server.peer.bytesToServerMax = server.peer.bytesToClientMax = Infinity;
      await clock.advance(60_000, () => server.settle());
      client.send(ChatMessageSchema, { message: "last" });
      await server.settle();

      assertEquals([client.state, reference.breaches, errors], ["connected", [], []]);
      const everything = [...Array(count).keys(), "last"].map(String);
      const applied = reference.sessions.flatMap((session) => session.applied);
      assert(isSubsequence(applied, everything), `Applied: ${applied}`);
      assert(isSubsequence(heard, everything), `Heard: ${heard}`);
      assertEquals(reference.session.applied.at(-1), "last");
      assert(lossCount >= reference.sessions.length - 1);
      await close();
    }),
    { numRuns: 200 },
  );
});
