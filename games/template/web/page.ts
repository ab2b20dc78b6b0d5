/** The page: enter, walk with a click, wave. @module */

import { GameClient } from "drawbridge/client";
import { connectWebSocket } from "drawbridge/client/websocket_transport.ts";
import { PLAIN_ENTITIES } from "drawbridge/client/world/world_model.ts";
import { WorldView } from "drawbridge/client/world/world_view.ts";
import { contract, ErrorCode, WavedSchema, WaveRequestSchema } from "../contract.ts";

const MAP_SIZE = 100;
const find = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const form = find<HTMLFormElement>("enter"), canvas = find<HTMLCanvasElement>("world");
const status = find("status"), log = find("log"), wave = find<HTMLButtonElement>("wave");
const paper = canvas.getContext("2d")!;

const ownGateway = location.origin.replace("http", "ws") + "/ws";
const client = new GameClient({
  contract,
  connect: (signal, server) => connectWebSocket(server?.gatewayUrl ?? ownGateway, { signal }),
});
const view = new WorldView(client, { reader: PLAIN_ENTITIES, onStay: () => {} });

client.on("state", (state) => status.textContent = `${state[0].toUpperCase()}${state.slice(1)}`);
client.on(WavedSchema, ({ name, count }) => {
  const line = document.createElement("li");
  line.textContent = `${name} waves (${count} in all)`;
  log.prepend(line);
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(form), name = String(fields.get("name")), password = String(fields.get("password"));
  void enter(async () => {
    // A player without an account gets one.
    await client.register(name, password);
    const { success, errorMessage, sessionToken } = await client.login(name, password);
    if (!success) throw errorMessage;
    return sessionToken;
  });
});

// A page that is loaded anew goes on with its login.
const { token } = sessionStorage;
if (token !== undefined) void enter(() => Promise.resolve(token));

async function enter(authenticate: () => Promise<string>): Promise<void> {
  try {
    if (client.state === "idle" || client.state === "closed") await client.open();
    sessionStorage.token = await authenticate();
    const { success, errorCode } = await client.enterWorld({ token: sessionStorage.token });
    if (!success) throw ErrorCode[errorCode];
    form.hidden = true;
    canvas.hidden = wave.hidden = false;
    requestAnimationFrame(draw);
  } catch (error) {
    delete sessionStorage.token;
    status.textContent = String(error);
  }
}

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
      dot(x, z, "#27496d", name);
    }
    dot(movement.shownX, movement.shownZ, "#c0392b", "you");
  }
  requestAnimationFrame(draw);
}

function dot(x: number, z: number, color: string, name: string): void {
  const scale = canvas.width / MAP_SIZE, isRight = x > 0.75 * MAP_SIZE;
  paper.fillStyle = color;
  paper.beginPath();
  paper.arc(x * scale, z * scale, 7, 0, 2 * Math.PI);
  paper.fill();
  paper.font = "18px system-ui, sans-serif";
  paper.textBaseline = "middle";
  paper.textAlign = isRight ? "end" : "start";
  paper.fillText(name, x * scale + (isRight ? -12 : 12), z * scale);
}
