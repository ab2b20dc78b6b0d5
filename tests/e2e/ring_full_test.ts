import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { RING_TO_LOGIC_BYTES, THREAD_STALL_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { onEachBackend } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { packet } from "../support/wire.ts";
import { TRANSPORTS, WirePlayer } from "../support/wire_session.ts";
import { join } from "../support/wire_websocket.ts";

const PLAYERS = 8;
/** What each player sends while nobody takes anything out of the rings, in bytes. */
const FLOOD_BYTES: number = 8 * RING_TO_LOGIC_BYTES;
const SAYINGS = 50;

onEachBackend({ players: PLAYERS, flags: ["--diagnostics", "on", "--flood-control", "off"] }, (backend, server) => {
  Deno.test(`serve (${backend}) stops reading while logic takes nothing, keeps to its memory, and then goes on in order`, async () => {
    await using cleanUp = new AsyncDisposableStack();
    const players: WirePlayer[] = [];
    for (let index = 0; index < PLAYERS; index++) {
      players.push(cleanUp.use(await WirePlayer.enter(server(), TRANSPORTS[index % 2])));
    }
    const pauses = () => server().metric("drawbridge_ring_full_pauses_total");
    const [pausesBefore, memoryBefore] = [await pauses(), await server().memoryBytes()];

    const headers = { "x-drawbridge-drill": "yes" };
    const url = `http://127.0.0.1:${server().ports.admin}/drill/hang-logic-worker?ms=${THREAD_STALL_MS}`;
    await (await fetch(url, { method: "POST", headers })).body?.cancel();
    for (const player of players) {
      flood(player);
      for (let number = 0; number < SAYINGS; number++) {
        player.say(Channel.WHISPER, `${number}`, { recipientName: player.name });
      }
    }
    await until("the rings to be full", async () => await pauses() > pausesBefore);
    // What cannot be passed on stays with its sender.
    const grown = await server().memoryBytes() - memoryBefore;
    assert(grown < PLAYERS * FLOOD_BYTES / 2, `Memory grew by ${grown} bytes`);

    for (const player of players) {
      await player.settle();
      const heard = player.client.all(ChatMessageSchema).map(({ message }) => message);
      assertEquals(heard.slice(0, SAYINGS), Array.from({ length: SAYINGS }, (_, number) => `${number}`));
    }
    await cleanUp.disposeAsync();
  });
});

/** Sends steps on the spot, which cost logic little and their sender nothing. */
function flood(player: WirePlayer): void {
  const { spawnPosition: position } = player.entry;
  const step = packet(MovementUpdateSchema, { position, velocity: {}, rotation: {}, sequenceNumber: 1 });
  const chunk = join(Array.from({ length: 500 }, () => step));
  for (let sent = 0; sent < FLOOD_BYTES; sent += chunk.length) player.client.sendBytes(chunk);
}
