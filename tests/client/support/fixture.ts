/** A client, a clock and a server in memory. @module */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type ClientOptions, DrawbridgeClient } from "../../../client/browser.ts";
import { EnterWorldRequestSchema, type EnterWorldResponseSchema } from "../../../shared/gen/world_pb.ts";
import { PacketType } from "../../../games/marsh/contract.ts";
import { assert } from "../../support/assert.ts";
import { ManualClock } from "./manual_clock.ts";
import { MemoryServer } from "./memory_server.ts";

/** What most tests of the client need. Chance is one half, always. */
export class Fixture {
  readonly clock = new ManualClock();
  readonly server = new MemoryServer();
  /** What `onError` was told: source and message. */
  readonly errors: string[] = [];
  /** Every state the client told of. */
  readonly states: string[] = [];
  readonly client: DrawbridgeClient;

  constructor(options: Partial<ClientOptions> = {}) {
    this.client = new DrawbridgeClient({
      connect: this.server.connect,
      now: this.clock.now,
      timers: this.clock,
      random: () => 0.5,
      onError: (error, source) => this.errors.push(`${source}: ${error instanceof Error ? error.message : error}`),
      ...options,
    });
    this.client.onState((state) => this.states.push(state));
  }

  /** A client that is connected. */
  static async open(options: Partial<ClientOptions> = {}): Promise<Fixture> {
    const fixture = new Fixture(options);
    const opened = fixture.client.open();
    await fixture.server.settle();
    await opened;
    return fixture;
  }

  /** A client in the world; its resume token is `token-1`. */
  static async enter(options: Partial<ClientOptions> = {}): Promise<Fixture> {
    const fixture = await Fixture.open(options);
    const entered = fixture.client.request(EnterWorldRequestSchema, { sessionToken: "jwt", characterId: 7n });
    await fixture.admit();
    assert((await entered).success);
    return fixture;
  }

  /** Answers an ENTER_WORLD_REQUEST. */
  async admit(
    response: MessageInitShape<typeof EnterWorldResponseSchema> = {
      success: true,
      resumeToken: "token-1",
      entityId: 5n,
    },
  ): Promise<void> {
    await this.server.settle();
    this.server.peer.reply(PacketType.ENTER_WORLD_RESPONSE, response, { sequence: response.success ? 1 : 0 });
    await this.server.settle();
  }

  /** Breaks the connection and lets the client make the next one. */
  async reconnect(): Promise<void> {
    const count = this.server.peers.length;
    this.server.peer.hangUp("broken");
    await this.advance(1_000);
    assert(this.server.peers.length > count, "The client did not come back");
  }

  /** Lets time pass, delivering before and after every timer. */
  async advance(durationMs: number): Promise<void> {
    await this.server.settle();
    await this.clock.advance(durationMs, () => this.server.settle());
    await this.server.settle();
  }

  /** Delivers what is under way. */
  async settle(): Promise<void> {
    await this.server.settle();
  }

  /** Closes the client; fails when a timer is left. */
  async close(): Promise<void> {
    const closed = this.client.close({ linkDead: true });
    await this.server.settle();
    await closed;
    assert(this.clock.timerCount === 0, `${this.clock.timerCount} timers are left`);
  }
}
