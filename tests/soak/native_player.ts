/** A player on the project's own client, now over TCP, now over WebSocket. @module */

import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomCreateRequestSchema, RoomJoinRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { Prng } from "../../server/world/prng.ts";
import type { TestPlayer } from "../support/server_process.ts";
import type { Doors, Saying, SoakPlayer, SoakPlayerEvents } from "./soak_player.ts";

/** Dead connections are noticed soon, so that there are many kills; on a busy machine live ones are not taken for dead. */
const HEARTBEAT_INTERVAL_MS = 500;
const DEAD_AFTER_MS = 3_000;
const RECONNECT = { baseMs: 1, capMs: 100, stableMs: 100 };
const REQUEST_TIMEOUT_MS = 20_000;

/** The player. */
export class NativePlayer implements SoakPlayer {
  readonly name: string;
  resumeCount = 0;
  readonly #client: DrawbridgeClient;
  readonly #token: string;
  #stopped = false;

  constructor(account: TestPlayer, doors: Doors, prng: Prng, events: SoakPlayerEvents) {
    this.name = account.name;
    this.#token = account.token;
    this.#client = new DrawbridgeClient({
      connect: (signal) =>
        prng.nextInt(2) === 0
          ? connectTcp({ port: doors.game, signal, lingerMs: HEARTBEAT_INTERVAL_MS })
          : connectWebSocket(`ws://127.0.0.1:${doors.gateway}/ws`, { signal }),
      reconnect: RECONNECT,
      heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
      deadAfterMs: DEAD_AFTER_MS,
      connectTimeoutMs: REQUEST_TIMEOUT_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      random: () => prng.nextFloat(),
      onError: (error, source) => events.onLoss(`${source}: ${error}`),
    });
    this.#client.on(PacketType.CHAT_MESSAGE, (chat) => events.onChat(chat));
    this.#client.on(PacketType.RESUME_RESPONSE, ({ success }) => {
      if (success) this.resumeCount++;
    });
    this.#client.on(PacketType.ERROR_RESPONSE, ({ message }) => events.onLoss(`refused: ${message}`));
    this.#client.on("gap", () => events.onGap());
    this.#client.on("sessionLost", ({ code }) => events.onLoss(`session lost: ${code}`));
    this.#client.onState((state, { reason }) => {
      if (state === "closed" && !this.#stopped) events.onLoss(`client closed: ${reason}`);
    });
  }

  async enter(): Promise<void> {
    await this.#client.open();
    const { success, errorCode } = await this.#client.enterWorld({ token: this.#token });
    if (!success) throw new Error(`${this.name} cannot enter: error ${errorCode}`);
  }

  async joinRoom(name: string): Promise<bigint> {
    const made = await this.#client.request(RoomCreateRequestSchema, { name });
    const { success, errorCode, room } = made.success ? made : await this.#client.request(RoomJoinRequestSchema, {
      name,
    });
    if (!success) throw new Error(`${this.name} cannot join room ${name}: error ${errorCode}`);
    return room!.roomId;
  }

  say(saying: Saying): boolean {
    const result = this.#client.send(ChatMessageSchema, saying);
    return result === "sent" || result === "queued";
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#client.logout();
  }
}
