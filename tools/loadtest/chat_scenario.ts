/**
 * The chat scenario: everything that is said must reach everyone it is said to, once and in order.
 *
 * @module
 */

import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { PacketView } from "../../shared/packet_codec.ts";
import { ChatReader, encodeChatLine } from "./chat_reader.ts";
import type { LoadContext } from "./load_session.ts";
import type { Pacer } from "./pacer.ts";
import { PlayerSession, reliableLedgers } from "./player_session.ts";
import { pacerOf, Scenario } from "./scenario.ts";
import { addTotals, type LedgerTotals, NO_TOTALS } from "./sequence_ledger.ts";
import { Counter } from "./shared_state.ts";

const chatReader = new ChatReader();

/** Who hears a player: everyone, or two who whisper to each other. */
export function groupOf(player: number, channel: "global" | "whisper"): number {
  return channel === "global" ? 0 : player >> 1;
}

/** Makes the memory in which all threads count what was said in each group, and what of it was refused. */
export function createGroupsBuffer(playerCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * (playerCount + 1) * Int32Array.BYTES_PER_ELEMENT);
}

/** Messages said to one group, numbered over all threads. */
class Groups {
  readonly #said: Int32Array;
  readonly #refused: Int32Array;

  constructor(buffer: SharedArrayBuffer) {
    const half = buffer.byteLength / 2;
    this.#said = new Int32Array(buffer, 0, half / Int32Array.BYTES_PER_ELEMENT);
    this.#refused = new Int32Array(buffer, half);
  }

  /** Numbers the next message. */
  say(group: number): number {
    return Atomics.add(this.#said, group, 1);
  }

  refuse(group: number): void {
    Atomics.add(this.#refused, group, 1);
  }

  saidCount(group: number): number {
    return Atomics.load(this.#said, group);
  }

  /** Messages that everyone in the group must hear. */
  validCount(group: number): number {
    return Atomics.load(this.#said, group) - Atomics.load(this.#refused, group);
  }
}

class ChatSession extends PlayerSession {
  readonly group: number;
  readonly #groups: Groups;
  readonly #player: number;
  readonly #peerName: string;
  /** Messages of the group that were heard, a bit each. */
  #heard = new Uint8Array(32);
  #heardCount = 0;
  #duplicated = 0;
  #outOfOrder = 0;
  #corrupted = 0;
  #messageId = 0;
  /** It was there when the talk began. */
  #present = false;
  #lost = 0;

  constructor(context: LoadContext, index: number, groups: Groups) {
    super(context, index);
    const { plan, first, players } = context.task;
    this.#player = first + index;
    this.group = groupOf(this.#player, plan.chatChannel);
    this.#groups = groups;
    // Pairs lie in one thread, as the threads' parts are even.
    this.#peerName = players[index ^ 1]?.name ?? "";
  }

  protected onEntered(): void {
    // Each server numbers lines by itself.
    this.#messageId = 0;
  }

  protected onResumed(): void {
    this.#messageId = 0;
  }

  /** Says something to the group. */
  say(dueUs: number): void {
    const { counters, task } = this.context;
    const isGlobal = task.plan.chatChannel === "global";
    if ((!isGlobal && this.#peerName === "") || !this.canSend(dueUs)) return;
    counters.add(Counter.SENT, 1);
    this.sendReliable(
      PacketType.CHAT_MESSAGE,
      encodeChatLine({
        channel: isGlobal ? Channel.GLOBAL : Channel.WHISPER,
        audience: this.group,
        sequence: this.#groups.say(this.group),
        dueUs,
        recipientName: isGlobal ? "" : this.#peerName,
      }),
    );
  }

  protected override onErrorResponse(type: number): boolean {
    if (type === PacketType.CHAT_MESSAGE) this.#groups.refuse(this.group);
    return false;
  }

  protected onWorldPacket(view: PacketView, bytes: Uint8Array): void {
    if (view.type !== PacketType.CHAT_MESSAGE) return;
    this.context.counters.add(Counter.RECEIVED, 1);
    const isOurs = chatReader.read(bytes, view.payloadStart, view.payloadEnd);
    const { audience, dueUs, messageId, sequence } = chatReader;
    if (!isOurs || audience !== this.group || sequence >= this.#groups.saidCount(this.group)) {
      this.#corrupted++;
      return;
    }
    if (!this.#hear(sequence)) {
      this.#duplicated++;
      return;
    }
    if (messageId < this.#messageId) this.#outOfOrder++;
    else this.#messageId = messageId;
    this.record("main", dueUs, this.context.host.nowUs);
  }

  /** Notes a message; gives whether it is new. */
  #hear(sequence: number): boolean {
    const at = sequence >> 3, bit = 1 << (sequence & 7);
    if (at >= this.#heard.length) {
      const grown = new Uint8Array(2 * at);
      grown.set(this.#heard);
      this.#heard = grown;
    }
    if ((this.#heard[at] & bit) !== 0) return false;
    this.#heard[at] |= bit;
    this.#heardCount++;
    return true;
  }

  /** The talk begins; who is not there need not hear it. */
  begin(): void {
    this.#present = this.ready;
  }

  /** Messages it should have heard and has not. */
  get outstanding(): number {
    return this.#present && this.ready ? Math.max(0, this.#groups.validCount(this.group) - this.#heardCount) : 0;
  }

  override logOut(): void {
    this.#lost = this.outstanding;
    super.logOut();
  }

  /** The account, once it has left. */
  totals(): LedgerTotals {
    return {
      sent: this.#lost + this.#heardCount,
      received: this.#heardCount,
      lost: this.#lost,
      duplicated: this.#duplicated,
      outOfOrder: this.#outOfOrder,
      corrupted: this.#corrupted,
    };
  }
}

/** Players who talk. */
export class ChatScenario extends Scenario {
  readonly sessions: readonly ChatSession[];
  protected readonly pacers: readonly [Pacer];

  constructor(context: LoadContext) {
    super(context);
    const groups = new Groups(context.task.groups!);
    this.sessions = Array.from({ length: context.task.count }, (_, index) => new ChatSession(context, index, groups));
    this.pacers = [pacerOf(context, context.task.plan.ratePerS)];
  }

  /** Nobody talks before everyone is there. */
  readonly #onTurn = (index: number, dueUs: number): void => {
    if (this.measuredFromUs > 0) this.sessions[index].say(dueUs);
  };

  sendDue(untilUs: number): number {
    return this.pacers[0].takeDue(untilUs, this.#onTurn);
  }

  override startMeasuring(nowUs: number): void {
    super.startMeasuring(nowUs);
    for (const session of this.sessions) session.begin();
  }

  outstandingCount(): number {
    return this.sessions.reduce((sum, { outstanding }) => sum + outstanding, 0);
  }

  override leave(): void {
    for (const session of this.sessions) session.logOut();
  }

  report() {
    const chat = this.sessions.reduce((sum, session) => addTotals(sum, session.totals()), NO_TOTALS);
    return { ledgers: { chat, ...reliableLedgers(this.sessions) }, details: {} };
  }
}
