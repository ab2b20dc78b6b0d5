import { assertEquals } from "../support/assert.ts";
import { Prng } from "../../server/world/prng.ts";
import { type ServerSocket, SimulatedNetwork } from "./simulated_network.ts";
import { SimulatedTime } from "./simulated_time.ts";
import { Trace } from "./trace.ts";

const BYTES = new Uint8Array([1, 2, 3, 4]);

Deno.test("ClientSocket.start() gives on what came before it as it was sent", async () => {
  const time = new SimulatedTime();
  const accepted: ServerSocket[] = [];
  const listeners = { tryAccept: (_port: number, socket: ServerSocket) => accepted.push(socket) > 0 };
  const network = new SimulatedNetwork(time, new Prng(1), new Trace({ keepsLines: false }), listeners);
  const connecting = network.connect(0, "203.0.113.1");
  await time.pass(100);
  const client = await connecting;
  accepted[0].write(BYTES, 0, BYTES.length);
  await time.pass(100);
  const heard: number[] = [];
  client.start({ onBytes: (bytes) => void heard.push(...bytes), onClose: () => {} });
  await time.pass(1);
  assertEquals(heard, [...BYTES]);
});
