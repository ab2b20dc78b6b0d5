/**
 * The arena in the browser: logging in, the queue, running, the shop.
 *
 * @module
 */

import { GameClient } from "../../../client/client.ts";
import { connectWebSocket } from "../../../client/websocket_transport.ts";
import { type Entity, PLAIN_ENTITIES } from "../../../client/world/world_model.ts";
import { WorldView } from "../../../client/world/world_view.ts";
import {
  AnnouncementSchema,
  BuyHatRequestSchema,
  contract,
  ErrorCode,
  Kind,
  MapEnteredSchema,
  MatchEndedSchema,
  MatchStartedSchema,
  PartyAnswerSchema,
  PartyInviteRequestSchema,
  PartyInviteSchema,
  PartyStateSchema,
  QueueJoinRequestSchema,
  QueueLeaveRequestSchema,
  QueueStatusSchema,
  RanksRequestSchema,
  type Runner,
  RunnerSchema,
  TaggedSchema,
  WalletSchema,
} from "../contract.ts";

const COLOURS = {
  ground: "#2f5d50",
  edge: "#f2efe6",
  it: "#e4572e",
  runner: "#76b041",
  ice: "#9fd8ff",
  shield: "#f4b942",
};
const HATS = ["", "#d62839", "#3a86ff", "#ffd60a"];
/** Names are written no smaller than this, in CSS pixels. */
const LABEL_PX_MIN = 12;
/** Which way each key leads. */
const KEYS: Readonly<Record<string, readonly [x: number, z: number]>> = {
  ...{ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] },
  ...{ KeyA: [-1, 0], KeyD: [1, 0], KeyW: [0, -1], KeyS: [0, 1] },
};

/** What a refusal says, in words. */
function textOf(code: ErrorCode): string {
  const words = ErrorCode[code].toLowerCase().replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

function byId<T extends Element>(id: string): T {
  return document.getElementById(id) as unknown as T;
}

/** One figure of a frame, in units of the map. */
interface Figure {
  readonly name: string;
  readonly kind: number;
  readonly x: number;
  readonly z: number;
  readonly runner: Runner;
}

function ownGateway(): string {
  return new URL("ws", location.href.replace(/^http/, "ws")).href;
}

class Page {
  readonly #client = new GameClient({
    contract,
    connect: (signal, server) => connectWebSocket(server?.gatewayUrl ?? ownGateway(), { signal }),
    requestTimeoutMs: 20_000,
  });
  readonly #view = new WorldView<Entity>(this.#client, { reader: PLAIN_ENTITIES, onStay: () => {} });
  readonly #canvas = byId<HTMLCanvasElement>("arena");
  readonly #context = this.#canvas.getContext("2d")!;
  readonly #keys = new Set<string>();
  #name = "";
  #isWaiting = false;
  #map = { width: 60, height: 60 };
  #endsAtMs = 0;
  #invitedTo = 0n;

  constructor() {
    this.#listen();
    byId<HTMLFormElement>("login").addEventListener("submit", (event) => {
      event.preventDefault();
      const data = new FormData(event.target as HTMLFormElement);
      this.#attempt(() => this.#enter(String(data.get("name")), String(data.get("password"))));
    });
    byId("queue").addEventListener("click", () => {
      this.#ask(() => this.#client.request(this.#isWaiting ? QueueLeaveRequestSchema : QueueJoinRequestSchema, {}));
    });
    byId<HTMLFormElement>("party").addEventListener("submit", (event) => {
      event.preventDefault();
      const form = event.target as HTMLFormElement, playerName = String(new FormData(form).get("player"));
      form.reset();
      this.#ask(() => this.#client.request(PartyInviteRequestSchema, { playerName }));
    });
    byId("join").addEventListener("click", () => {
      byId<HTMLElement>("join").hidden = true;
      this.#ask(() => this.#client.request(PartyAnswerSchema, { partyId: this.#invitedTo, accept: true }));
    });
    byId("ranks").addEventListener("click", () => this.#attempt(() => this.#showRanks()));
    for (const button of document.querySelectorAll<HTMLButtonElement>(".hat")) {
      button.addEventListener("click", () => this.#attempt(() => this.#buy(Number(button.value))));
    }
    document.addEventListener("keydown", ({ code, target }) => {
      if (code in KEYS && !(target instanceof HTMLInputElement)) this.#steer(this.#keys.add(code));
    });
    document.addEventListener("keyup", ({ code }) => {
      if (this.#keys.delete(code)) this.#steer(this.#keys);
    });
    addEventListener("blur", () => {
      this.#keys.clear();
      this.#view.standStill(performance.now());
    });
    this.#canvas.addEventListener("pointerdown", ({ offsetX, offsetY }) => {
      const { scale, left, top } = this.#frame();
      this.#view.stay?.movement.walkTo((offsetX - left) / scale, (offsetY - top) / scale);
    });
    requestAnimationFrame((nowMs) => this.#draw(nowMs));
  }

  #listen(): void {
    const client = this.#client;
    client.on(MapEnteredSchema, ({ map }) => {
      if (map !== undefined) this.#map = map;
    });
    client.on(QueueStatusSchema, ({ isWaiting, waiting, wanted }) => {
      this.#isWaiting = isWaiting;
      byId("queue").textContent = isWaiting ? "Leave the queue" : "Find a match";
      this.#tell(isWaiting ? `Waiting for players: ${waiting} of ${wanted}` : "");
    });
    client.on(AnnouncementSchema, ({ text }) => this.#tell(text));
    client.on(PartyInviteSchema, ({ partyId, inviterName }) => {
      this.#invitedTo = partyId;
      byId("join").textContent = `Join ${inviterName}`;
      byId<HTMLElement>("join").hidden = false;
    });
    client.on(PartyStateSchema, ({ members }) => {
      this.#tell(members.length < 2 ? "" : `Together: ${members.map(({ name }) => name).join(", ")}`);
    });
    client.on(MatchStartedSchema, ({ durationMs }) => {
      this.#endsAtMs = performance.now() + durationMs;
      byId("scores").replaceChildren();
    });
    client.on(TaggedSchema, ({ toEntityId }) => {
      const { stay } = this.#view, id = Number(toEntityId);
      this.#tell(id === stay?.entityId ? "You are it!" : `${stay?.model.entities.get(id)?.name ?? "Somebody"} is it`);
    });
    client.on(MatchEndedSchema, ({ scores }) => {
      this.#endsAtMs = 0;
      this.#tell(`${scores[0]?.name ?? "Nobody"} wins`);
      this.#list(scores.map(({ name, score, coins }) => `${name}: ${score}, ${coins} coins`));
    });
    client.on("state", (state) => {
      if (state === "reconnecting") this.#tell("Connection lost, trying again");
      if (state === "closed") this.#tell("Disconnected: reload the page");
    });
  }

  async #enter(name: string, password: string): Promise<void> {
    if (this.#client.state === "idle") await this.#client.open();
    const { errorCode } = await this.#client.register(name, password);
    if (errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.NAME_TAKEN) throw new Error(textOf(errorCode));
    const login = await this.#client.login(name, password);
    if (!login.success) throw new Error(textOf(login.errorCode));
    const { success, errorCode: refusal, mapWidth, mapHeight } = await this.#client.enterWorld();
    if (!success) throw new Error(textOf(refusal));
    this.#name = name;
    this.#map = { width: mapWidth, height: mapHeight };
    byId<HTMLFormElement>("login").hidden = true;
    document.querySelector("nav")!.hidden = false;
    this.#canvas.focus();
  }

  /** Asks for something of others; says why it is refused. */
  #ask(request: () => Promise<{ readonly success: boolean; readonly errorMessage: string }>): void {
    this.#attempt(async () => {
      const { success, errorMessage } = await request();
      if (!success) this.#tell(errorMessage);
    });
  }

  async #buy(hatId: number): Promise<void> {
    const { success, errorMessage } = await this.#client.request(BuyHatRequestSchema, { hatId });
    this.#tell(success ? "It suits you" : errorMessage);
  }

  async #showRanks(): Promise<void> {
    const { records, ownRank } = await this.#client.request(RanksRequestSchema, {});
    this.#list(records.map(({ name, best, wins }) => `${name}: ${best}, won ${wins}`));
    this.#tell(ownRank === 0 ? "You have not played a match yet" : `You are number ${ownRank}`);
  }

  /** Does something, and says what went wrong. */
  async #attempt(act: () => Promise<unknown>): Promise<void> {
    const problem = byId("problem");
    problem.textContent = "";
    try {
      await act();
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      problem.textContent = text;
      this.#tell(text);
    }
  }

  #tell(text: string): void {
    byId("news").textContent = text;
  }

  #list(lines: readonly string[]): void {
    byId("scores").replaceChildren(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
  }

  #steer(keys: ReadonlySet<string>): void {
    let [x, z] = [0, 0];
    for (const key of keys) [x, z] = [x + KEYS[key][0], z + KEYS[key][1]];
    this.#view.stay?.movement.steer(x, z);
  }

  /** Where the map is drawn, in pixels, and how large a unit is. */
  #frame() {
    const { width, height } = this.#map, { clientWidth, clientHeight } = this.#canvas;
    const scale = Math.min(clientWidth / width, clientHeight / height) * 0.96;
    return { scale, left: (clientWidth - width * scale) / 2, top: (clientHeight - height * scale) / 2 };
  }

  #draw(nowMs: number): void {
    requestAnimationFrame((nowMs) => this.#draw(nowMs));
    this.#view.step(nowMs);
    const { stay } = this.#view, context = this.#context, canvas = this.#canvas;
    const ratio = devicePixelRatio, { scale, left, top } = this.#frame();
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    if (stay === null) return;
    const own = stay.model.ownComponents.get(RunnerSchema);
    this.#view.isHeld = own.isFrozen;
    context.setTransform(scale * ratio, 0, 0, scale * ratio, left * ratio, top * ratio);
    context.fillStyle = COLOURS.ground;
    context.fillRect(0, 0, this.#map.width, this.#map.height);
    context.strokeStyle = COLOURS.edge;
    context.lineWidth = 0.2;
    context.strokeRect(0, 0, this.#map.width, this.#map.height);
    for (const { name, kind, track, components } of stay.model.entities.values()) {
      const pose = track.poseAt(this.#view.playbackMs);
      this.#drawFigure({ name, kind, x: pose.x, z: pose.z, runner: components.get(RunnerSchema) });
    }
    const { shownX: x, shownZ: z } = stay.movement;
    this.#drawFigure({ name: `${this.#name} (you)`, kind: Kind.RUNNER, x, z, runner: own });
    const leftS = Math.max(0, Math.ceil((this.#endsAtMs - nowMs) / 1_000));
    byId("clock").textContent = this.#endsAtMs === 0 ? "" : `${leftS} s, ${own.score} points`;
    byId("coins").textContent = `${stay.model.ownComponents.get(WalletSchema).coins} coins`;
  }

  #drawFigure({ name, kind, x, z, runner: { isIt, isFrozen, isShielded, hatId } }: Figure): void {
    const context = this.#context;
    if (kind !== Kind.RUNNER) {
      context.fillStyle = kind === Kind.SHIELD ? COLOURS.shield : COLOURS.ice;
      context.fillRect(x - 0.4, z - 0.4, 0.8, 0.8);
      return;
    }
    this.#disc(x, z, 0.8, isIt ? COLOURS.it : COLOURS.runner);
    if (hatId > 0) this.#disc(x, z - 0.5, 0.45, HATS[hatId] ?? COLOURS.edge);
    if (isShielded || isFrozen) {
      context.strokeStyle = isFrozen ? COLOURS.ice : COLOURS.shield;
      context.beginPath();
      context.arc(x, z, 1.1, 0, 2 * Math.PI);
      context.stroke();
    }
    context.fillStyle = COLOURS.edge;
    context.font = `${Math.max(0.9, LABEL_PX_MIN / this.#frame().scale)}px system-ui`;
    context.textAlign = "center";
    context.fillText(name, x, z - 1.4);
  }

  #disc(x: number, z: number, radius: number, colour: string): void {
    this.#context.fillStyle = colour;
    this.#context.beginPath();
    this.#context.arc(x, z, radius, 0, 2 * Math.PI);
    this.#context.fill();
  }
}

new Page();
