/**
 * The resume soak: players talk reliably while their connections are broken at random bytes, and ledgers on both sides
 * tell whether every message was heard once and in order.
 *
 * @module
 */

import { Prng } from "../../server/world/prng.ts";
import { Channel, type ChatMessage } from "../../games/parts/chat/chat_pb.ts";
import type { LedgerTotals } from "../../tools/loadtest/sequence_ledger.ts";
import { type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { DeliveryLedger } from "./delivery_ledger.ts";
import type { FaultKind } from "./fault_plan.ts";
import { FaultProxy, Faults } from "./fault_proxy.ts";
import { NativePlayer } from "./native_player.ts";
import type { SoakPlayer, SoakPlayerEvents } from "./soak_player.ts";
import { WirePlayer } from "./wire_player.ts";

/** What to do. */
export interface ResumeSoakOptions {
  readonly backend: IoBackendName;
  /** Connections to break. */
  readonly kills: number;
  /** Players; every second one is on the project's own client, the others on the raw wire. */
  readonly players: number;
  readonly seed: number;
  /** Told of the kills so far, some times a second. */
  readonly onProgress?: (progress: ResumeSoakProgress) => void;
}

/** How it goes. */
export interface ResumeSoakProgress {
  readonly kills: number;
  readonly resumes: number;
  readonly heard: number;
  readonly problems: number;
}

/** What came of it. */
export interface ResumeSoakResult {
  readonly backend: IoBackendName;
  readonly seed: number;
  readonly players: number;
  readonly seconds: number;
  /** By kind. */
  readonly kills: Readonly<Record<FaultKind, number>>;
  readonly killCount: number;
  readonly connections: number;
  readonly resumes: number;
  readonly messages: LedgerTotals;
  /** Everything that must not be: broken streams, gaps, lost sessions, refusals. Empty when all is well. */
  readonly problems: readonly string[];
}

/** Members of one chat room. */
const ROOM_MEMBERS = 8;
/** How often one player speaks, in milliseconds. */
const SPEAK_INTERVAL_MS = 60;
/** A speaker waits when this many of its messages are not back yet. */
const OUTSTANDING_MAX = 64;
/** Nothing may take longer than this to arrive once connections hold, in milliseconds. */
const SETTLE_PATIENCE_MS = 30_000;
/** No kill for this long means that the players do not come back, in milliseconds. */
const KILL_PATIENCE_MS = 60_000;
const PROBLEMS_MAX = 20;

/** Runs one server, breaks its players' connections and gives the account. */
export async function runResumeSoak(options: ResumeSoakOptions): Promise<ResumeSoakResult> {
  const { backend, players, seed } = options;
  await using server = await ServerProcess.start({
    backend,
    players,
    flags: ["--flood-control", "off", "--io-workers", "2"],
  });
  const faults = new Faults(seed);
  await using game = await FaultProxy.start(server.ports.game, faults);
  await using gateway = await FaultProxy.start(server.ports.gateway, faults);
  const soak = new ResumeSoak(options, faults);
  const startMs = performance.now();
  await soak.enter(server, { game: game.port, gateway: gateway.port });
  await soak.breakConnections();
  await soak.settle();
  const seconds = (performance.now() - startMs) / 1_000;
  await soak.leave();
  await server.stop();
  return soak.result(seconds);
}

/** A player with what it needs to speak. */
interface Speaker {
  readonly player: SoakPlayer;
  /** The one it whispers to. */
  readonly partner: string;
  readonly members: readonly string[];
  roomId: bigint;
}

class ResumeSoak {
  readonly #options: ResumeSoakOptions;
  readonly #faults: Faults;
  readonly #ledger = new DeliveryLedger();
  readonly #problems: string[] = [];
  readonly #speakers: Speaker[] = [];
  #heard = 0;

  constructor(options: ResumeSoakOptions, faults: Faults) {
    this.#options = options;
    this.#faults = faults;
  }

  async enter(server: ServerProcess, doors: { game: number; gateway: number }): Promise<void> {
    const { players, seed } = this.#options;
    const accounts = Array.from({ length: players }, () => server.takePlayer());
    for (const [index, account] of accounts.entries()) {
      const { name } = account;
      const events: SoakPlayerEvents = {
        onChat: (chat) => this.#onChat(name, chat),
        onGap: () => this.#problem(`${name}: a gap`),
        onLoss: (why) => this.#problem(`${name}: ${why}`),
      };
      const Player = index % 2 === 0 ? NativePlayer : WirePlayer;
      const roomStart = index - index % ROOM_MEMBERS;
      const members = accounts.slice(roomStart, roomStart + ROOM_MEMBERS).map(({ name }) => name);
      this.#speakers.push({
        player: new Player(account, doors, new Prng(seed ^ (index + 1) << 16), events),
        partner: members[(index + 1 - roomStart) % members.length],
        members,
        roomId: 0n,
      });
    }
    for (let from = 0; from < players; from += ROOM_MEMBERS) {
      await Promise.all(this.#speakers.slice(from, from + ROOM_MEMBERS).map(({ player }) => player.enter()));
    }
    for (const [index, speaker] of this.#speakers.entries()) {
      speaker.roomId = await speaker.player.joinRoom(`room ${Math.floor(index / ROOM_MEMBERS)}`);
    }
  }

  /** Lets everyone speak until there have been enough kills. */
  async breakConnections(): Promise<void> {
    const { kills } = this.#options;
    this.#faults.arm(kills);
    let turn = 0;
    let killCount = 0;
    let killedMs = performance.now();
    while (this.#faults.armed && this.#problems.length < PROBLEMS_MAX) {
      this.#speakers.forEach((speaker, index) => {
        if (index % 6 === turn % 6) this.#speak(speaker, turn % 2 === 0);
      });
      turn++;
      if (this.#faults.killCount !== killCount) {
        killCount = this.#faults.killCount;
        killedMs = performance.now();
      } else if (performance.now() - killedMs > KILL_PATIENCE_MS) {
        this.#problem(`No connection to break for ${KILL_PATIENCE_MS} ms`);
        break;
      }
      if (turn % 20 === 0) this.#options.onProgress?.(this.#progress());
      await new Promise((resolve) => setTimeout(resolve, SPEAK_INTERVAL_MS / 6));
    }
    this.#faults.arm(0);
  }

  /** Waits until everything that was said has been heard. */
  async settle(): Promise<void> {
    const isSettled = () => this.#faults.breaking === 0 && this.#ledger.totals().lost === 0;
    await until("everything to be heard", isSettled, SETTLE_PATIENCE_MS).catch(() => {});
    for (const fault of this.#ledger.faults()) this.#problem(fault);
  }

  async leave(): Promise<void> {
    const left = await Promise.allSettled(this.#speakers.map(({ player }) => player.stop()));
    for (const one of left) if (one.status === "rejected") this.#problem(`cannot leave: ${one.reason}`);
  }

  result(seconds: number): ResumeSoakResult {
    const { backend, seed, players } = this.#options;
    const { kills, killCount, connections } = this.#faults;
    const messages = this.#ledger.totals();
    const resumes = this.#resumes();
    return {
      backend,
      seed,
      players,
      seconds,
      kills,
      killCount,
      connections,
      resumes,
      messages,
      problems: this.#problems,
    };
  }

  #speak({ player, partner, members, roomId }: Speaker, inRoom: boolean): void {
    const { name } = player;
    if (this.#ledger.outstanding(name, name, "all") >= OUTSTANDING_MAX) return;
    // Numbered by stream, and over all streams for the speaker's own copy.
    const stream = inRoom ? "room" : "whisper";
    const hearers = inRoom ? members : [partner];
    const number = this.#ledger.next(name, hearers[0], stream);
    const all = this.#ledger.next(name, name, "all");
    const message = `${stream} ${number} ${all}`;
    const isTaken = player.say(
      inRoom
        ? { channel: Channel.ROOM, roomId, message }
        : { channel: Channel.WHISPER, recipientName: partner, message },
    );
    if (!isTaken) return;
    this.#ledger.said(name, name, "all");
    for (const hearer of hearers) this.#ledger.said(name, hearer, stream);
  }

  #onChat(hearer: string, { senderName, message }: ChatMessage): void {
    this.#heard++;
    const [stream, number, all] = message.split(" ");
    if (hearer === senderName) this.#ledger.heard(senderName, hearer, "all", Number(all));
    // The copy of one's own whisper is in no stream but that.
    if (hearer !== senderName || stream === "room") this.#ledger.heard(senderName, hearer, stream, Number(number));
  }

  #resumes(): number {
    return this.#speakers.reduce((sum, { player }) => sum + player.resumeCount, 0);
  }

  #progress(): ResumeSoakProgress {
    return {
      kills: this.#faults.killCount,
      resumes: this.#resumes(),
      heard: this.#heard,
      problems: this.#problems.length,
    };
  }

  #problem(what: string): void {
    this.#problems.push(what);
  }
}
