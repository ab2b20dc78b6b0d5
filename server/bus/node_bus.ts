/** A node's bus: numbers what it says, and takes what others say once and in order. @module */

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { DependencyError } from "../../shared/errors.ts";
import { NodeBeatSchema } from "../../shared/gen/cluster_pb.ts";
import {
  BUS_AGE_MS_MAX,
  BUS_ANSWER_MS,
  BUS_NUMBERS_PER_LIFE,
  BUS_PAYLOAD_BYTES_MAX,
  BUS_PEERS_MAX,
  BUS_QUESTIONS_MAX,
  BUS_QUESTIONS_PER_NODE_MAX,
  BUS_SILENT_MS,
} from "../../shared/limits.ts";
import type { Clock } from "../base/clock.ts";
import type { NodeLoad } from "../cluster/directory_store.ts";
import { Counter, type CounterBlock } from "../ops/counters.ts";
import type { Faults } from "../ops/faults.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { Bus, BusCarrier, BusMessage, Question, Topic } from "./bus.ts";

/** What a bus is made of. */
export interface NodeBusOptions {
  readonly carrier: BusCarrier;
  /** This node's incarnation. */
  readonly node: string;
  /** Which logic of this incarnation it is, from 0: numbers go on rising when logic is started again. */
  readonly life: number;
  readonly clock: Clock;
  readonly counters: Pick<CounterBlock, "add">;
  readonly faults: Faults;
  readonly log: Pick<LimitedLogger, "warn" | "info">;
}

/** Another node. */
interface Peer {
  /** Of its last messages, to everybody and to this node. */
  lastToAll: number;
  lastToUs: number;
  /** Monotonic, in milliseconds. */
  heardAtMs: number;
  isSilent: boolean;
  load: NodeLoad | undefined;
}

interface OpenQuestion {
  readonly receiver: string;
  readonly untilMs: number;
  readonly answer: PromiseWithResolvers<Uint8Array<ArrayBuffer>>;
}

type Handler = (message: BusMessage) => void;

/** {@linkcode Bus} over a carrier. */
export class NodeBus implements Bus {
  readonly isShared = true;
  readonly #options: NodeBusOptions;
  readonly #handlers = new Map<string, Handler>();
  readonly #missed: ((from: string) => void)[] = [];
  readonly #silent: ((node: string) => void)[] = [];
  /** By incarnation; the one that was heard first stands first. */
  readonly #peers = new Map<string, Peer>();
  readonly #questions = new Map<number, OpenQuestion>();
  /** How many of them are to each node; those to whom there are none are not in it. */
  readonly #questionsTo = new Map<string, number>();
  readonly #beat: Topic<typeof NodeBeatSchema>;
  #numberToAll: number;
  readonly #numbersTo = new Map<string, number>();
  /** No message to one node has had a higher one. */
  #highestNumberTo: number;
  #lastQuestion: number;
  #wasUp = false;
  /** Since when it has been up, monotonic milliseconds. */
  #upSinceMs = 0;

  /** Says nothing yet. */
  constructor(options: NodeBusOptions) {
    this.#options = options;
    this.#numberToAll = this.#highestNumberTo = this.#lastQuestion = options.life * BUS_NUMBERS_PER_LIFE;
    this.#beat = this.topic(NodeBeatSchema);
    this.#beat.on(({ currentPlayers, maxPlayers, isDraining }, from) => {
      this.#peers.get(from)!.load = { currentPlayers, maxPlayers, isDraining };
    });
    this.#noticeState();
  }

  get isUp(): boolean {
    return this.#options.carrier.isUp;
  }

  get node(): string {
    return this.#options.node;
  }

  get nodes(): Iterable<string> {
    return this.#peers.entries().filter(([, { isSilent }]) => !isSilent).map(([node]) => node);
  }

  topic<Desc extends DescMessage>(schema: Desc): Topic<Desc> {
    const listeners: ((message: MessageShape<Desc>, from: string) => void)[] = [];
    this.#register(schema, ({ payload, sender }) => {
      const message = fromBinary(schema, payload);
      for (const listener of listeners) listener(message, sender);
    });
    return {
      publish: (message, receiver = "") => this.#send(receiver, schema, message),
      on: (listener) => void listeners.push(listener),
    };
  }

  question<Asked extends DescMessage, Answer extends DescMessage>(
    asked: Asked,
    answer: Answer,
  ): Question<Asked, Answer> {
    this.#register(answer, ({ sender, answerTo, payload }) => {
      const question = this.#questions.get(answerTo);
      if (question?.receiver !== sender) return;
      this.#forgetQuestion(answerTo, question);
      question.answer.resolve(payload);
    });
    return {
      ask: async (receiver, message) => fromBinary(answer, await this.#ask(receiver, asked, message)),
      answer: (handle) => {
        this.#register(asked, ({ sender, question, payload }) => {
          const reply = handle(fromBinary(asked, payload), sender);
          this.#send(sender, answer, reply, { answerTo: question });
        });
      },
    };
  }

  onMissed(listener: (from: string) => void): void {
    this.#missed.push(listener);
  }

  onSilent(listener: (node: string) => void): void {
    this.#silent.push(listener);
  }

  loadOf(node: string): NodeLoad | "silent" | undefined {
    const peer = this.#peers.get(node);
    if (!this.isUp || node === this.#options.node) return undefined;
    if (peer !== undefined && !peer.isSilent) return peer.load;
    const { clock } = this.#options;
    return clock.monotonicMs() - this.#upSinceMs < BUS_SILENT_MS ? undefined : "silent";
  }

  take(untilMs: number): boolean {
    const { carrier, clock } = this.#options;
    this.#noticeState();
    for (let message = carrier.take(); message !== undefined; message = carrier.take()) {
      this.#receive(message);
      if (clock.monotonicMs() >= untilMs) return true;
    }
    return false;
  }

  flush(): void {
    this.#options.carrier.flush();
  }

  sweep(load: NodeLoad): void {
    this.#noticeState();
    this.#beat.publish(load);
    const nowMs = this.#options.clock.monotonicMs();
    for (const [number, question] of this.#questions) {
      if (nowMs < question.untilMs) continue;
      this.#forgetQuestion(number, question);
      question.answer.reject(
        new DependencyError("timeout", `Cannot ask node ${question.receiver}: it does not answer`),
      );
    }
    if (!this.isUp) return;
    for (const [node, peer] of this.#peers) {
      if (peer.isSilent || nowMs - peer.heardAtMs < BUS_SILENT_MS) continue;
      peer.isSilent = true;
      this.#options.log.warn("Another server has gone silent", { node });
      // What it did last it may not have told any more.
      this.#miss(node);
      this.#options.faults.notify("bus", this.#silent, node);
    }
  }

  #register(schema: DescMessage, handler: Handler): void {
    if (this.#handlers.has(schema.typeName)) throw new TypeError(`Cannot use ${schema.typeName} on the bus twice`);
    this.#handlers.set(schema.typeName, handler);
  }

  // Saying

  #send<Desc extends DescMessage>(
    receiver: string,
    schema: Desc,
    message: MessageInitShape<Desc>,
    { question = 0, answerTo = 0 }: { readonly question?: number; readonly answerTo?: number } = {},
  ): boolean {
    const { carrier, clock, counters, node } = this.#options;
    // What cannot be said has a number too: those who hear the next one see that they have missed something.
    const number = this.#nextNumber(receiver);
    if (!carrier.isUp) return false;
    const payload = toBinary(schema, create(schema, message));
    if (payload.length > BUS_PAYLOAD_BYTES_MAX) {
      throw new RangeError(
        `Cannot say ${schema.typeName}: it is ${payload.length} bytes, limit is ${BUS_PAYLOAD_BYTES_MAX} bytes`,
      );
    }
    const topic = schema.typeName, sentAtMs = clock.unixMs();
    const isSent = carrier.trySend({ sender: node, number, receiver, topic, sentAtMs, payload, question, answerTo });
    counters.add(isSent ? Counter.BUS_SENT : Counter.BUS_DROPPED, 1);
    return isSent;
  }

  #nextNumber(receiver: string): number {
    if (receiver === "") return ++this.#numberToAll;
    const number = (this.#numbersTo.get(receiver) ?? this.#highestNumberTo) + 1;
    this.#numbersTo.set(receiver, number);
    this.#highestNumberTo = Math.max(this.#highestNumberTo, number);
    forgetFirst(this.#numbersTo);
    return number;
  }

  #ask<Desc extends DescMessage>(
    receiver: string,
    schema: Desc,
    message: MessageInitShape<Desc>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const question = ++this.#lastQuestion;
    const toIt = this.#questionsTo.get(receiver) ?? 0;
    let reason = "";
    if (toIt >= BUS_QUESTIONS_PER_NODE_MAX) reason = `${toIt} questions to it wait already`;
    else if (this.#questions.size >= BUS_QUESTIONS_MAX) reason = `${BUS_QUESTIONS_MAX} questions wait already`;
    else if (!this.#send(receiver, schema, message, { question })) reason = "the bus is down";
    if (reason !== "") {
      return Promise.reject(new DependencyError("unavailable", `Cannot ask node ${receiver}: ${reason}`));
    }
    this.#questionsTo.set(receiver, toIt + 1);
    const answer = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    const untilMs = this.#options.clock.monotonicMs() + BUS_ANSWER_MS;
    this.#questions.set(question, { receiver, untilMs, answer });
    return answer.promise;
  }

  #forgetQuestion(number: number, { receiver }: OpenQuestion): void {
    this.#questions.delete(number);
    const left = this.#questionsTo.get(receiver)! - 1;
    if (left === 0) this.#questionsTo.delete(receiver);
    else this.#questionsTo.set(receiver, left);
  }

  // Hearing

  #receive(message: BusMessage): void {
    const { clock, counters, faults, log, node } = this.#options;
    const { number, receiver, sender, sentAtMs, topic } = message;
    if (sender === node || receiver !== "" && receiver !== node) return;
    const ageMs = clock.unixMs() - sentAtMs;
    if (Math.abs(ageMs) > BUS_AGE_MS_MAX) {
      log.warn("What another server said is not taken: it is too old, or its clock is wrong", { node: sender, ageMs });
      return counters.add(Counter.BUS_REFUSED, 1);
    }
    const peer = this.#peers.get(sender) ?? this.#meet(sender);
    peer.heardAtMs = clock.monotonicMs();
    const last = receiver === "" ? peer.lastToAll : peer.lastToUs;
    if (number <= last) return counters.add(Counter.BUS_DROPPED, 1);
    if (receiver === "") peer.lastToAll = number;
    else peer.lastToUs = number;
    counters.add(Counter.BUS_RECEIVED, 1);
    // Of a node that is heard for the first time, or again, it is not known what it has said to all before.
    const isFirstToUs = receiver !== "" && last === 0;
    const isMissed = number !== last + 1 && !isFirstToUs || peer.isSilent;
    peer.isSilent = false;
    if (isMissed) this.#miss(sender);
    // A node of another version, or of another role, may speak of what is not known here.
    const handler = this.#handlers.get(topic);
    if (handler !== undefined) faults.run("bus", () => handler(message));
  }

  #meet(node: string): Peer {
    const peer = { lastToAll: 0, lastToUs: 0, heardAtMs: 0, isSilent: false, load: undefined };
    this.#peers.set(node, peer);
    forgetFirst(this.#peers, ({ isSilent }) => isSilent);
    return peer;
  }

  #miss(from: string): void {
    this.#options.faults.notify("bus", this.#missed, from);
  }

  /** While it was down, anything may have been said, and nobody could be heard. */
  #noticeState(): void {
    const { carrier: { isUp }, clock, log } = this.#options;
    if (isUp === this.#wasUp) return;
    this.#wasUp = isUp;
    if (isUp) {
      log.info("The bus is up");
      this.#upSinceMs = clock.monotonicMs();
      for (const [node, peer] of this.#peers) {
        peer.heardAtMs = this.#upSinceMs;
        this.#miss(node);
      }
      return;
    }
    log.warn("The bus is down: messages for players on other servers are refused until it is back");
    const error = new DependencyError("unavailable", "The bus went down");
    for (const { answer } of this.#questions.values()) answer.reject(error);
    this.#questions.clear();
    this.#questionsTo.clear();
  }
}

/** Nodes come and go for as long as a server runs. */
function forgetFirst<Value>(map: Map<string, Value>, isOver: (value: Value) => boolean = () => true): void {
  if (map.size <= BUS_PEERS_MAX) return;
  const over = map.entries().find(([, value]) => isOver(value));
  map.delete(over?.[0] ?? map.keys().next().value!);
}
