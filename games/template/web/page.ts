/** The page: enter, walk by clicking, wave. @module */

import { GameClient } from "drawbridge/client";
import { connectWebSocket } from "drawbridge/client/websocket_transport.ts";
import { PLAIN_ENTITIES } from "drawbridge/client/world/world_model.ts";
import { WorldView } from "drawbridge/client/world/world_view.ts";
import { contract, WavedSchema, WaveRequestSchema } from "../contract.ts";

const MAP_SIZE = 100;
const find = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const form = find<HTMLFormElement>("enter"), canvas = find<HTMLCanvasElement>("world");
const status = find("status"), log = find("log"), wave = find<HTMLButtonElement>("wave");
const paper = canvas.getContext("2d")!;

const client = new GameClient({
  contract,
  connect: (signal) => connectWebSocket(location.origin.replace("http", "ws") + "/ws", { signal }),
});
const view = new WorldView(client, { reader: PLAIN_ENTITIES, onStay: () => {} });

client.on("state", (state) => status.textContent = state);
client.on(WavedSchema, ({ name, count }) => {
  const line = document.createElement("li");
  line.textContent = `${name} has waved ${count} times`;
  log.prepend(line);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form), name = String(fields.get("name")), password = String(fields.get("password"));
  try {
    if (client.state === "idle" || client.state === "closed") await client.open();
    // A player without an account gets one.
    await client.register(name, password);
    const { success, errorMessage } = await client.login(name, password);
    if (!success) return void (status.textContent = errorMessage);
    await client.enterWorld();
    form.hidden = true;
    canvas.hidden = wave.hidden = false;
    requestAnimationFrame(draw);
  } catch (error) {
    status.textContent = String(error);
  }
});

wave.addEventListener("click", () => void client.send(WaveRequestSchema, { times: 1 }));
canvas.addEventListener("click", ({ offsetX, offsetY }) => {
  const scale = MAP_SIZE / canvas.clientWidth;
  view.stay?.movement.walkTo(offsetX * scale, offsetY * scale);
});

function draw(nowMs: number): void {
  view.step(nowMs);
  paper.clearRect(0, 0, canvas.width, canvas.height);
  if (view.stay !== null) {
    const { model, movement } = view.stay;
    for (const { name, track } of model.entities.values()) {
      const { x, z } = track.poseAt(view.playbackMs);
      dot(x, z, "#345", name);
    }
    dot(movement.shownX, movement.shownZ, "#a30", "you");
  }
  requestAnimationFrame(draw);
}

function dot(x: number, z: number, color: string, name: string): void {
  const scale = canvas.width / MAP_SIZE;
  paper.fillStyle = color;
  paper.fillRect(x * scale - 4, z * scale - 4, 8, 8);
  paper.fillText(name, x * scale + 6, z * scale);
}
