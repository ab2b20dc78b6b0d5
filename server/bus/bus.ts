/**
 * What nodes of a cluster say to each other. A bus carries and keeps nothing: a message may be lost, and nothing may
 * depend on one that must not be. What arrives is the sender's, in its order and once.
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { NodeLoad } from "../cluster/directory_store.ts";

/** A message as it travels. */
export interface BusMessage {
  /** The sender's incarnation. */
  readonly sender: string;
  /** Rises by one with each of the sender's messages to the same receivers. */
  readonly number: number;
  /** The receiver's incarnation; empty: every node but the sender. */
  readonly receiver: string;
  /** The full name of the payload's message. */
  readonly topic: string;
  /** By the sender's clock, Unix milliseconds. */
  readonly sentAtMs: number;
  readonly payload: Uint8Array<ArrayBuffer>;
  /** What the answer will name; 0: none is wanted. */
  readonly question: number;
  /** The question that this answers; 0: none. */
  readonly answerTo: number;
}

/** Carries messages of one node and those for it: NATS, or a model of it. */
export interface BusCarrier {
  /** Whether it is connected, as far as can be told. */
  readonly isUp: boolean;
  /** Gives a message to it. @returns False: it is not connected, or too much waits. */
  trySend(message: BusMessage): boolean;
  /** The next of the messages that have come; undefined: there is none. */
  take(): BusMessage | undefined;
  /** Lets go of what it was given: to be called at the end of a turn. */
  flush(): void;
}

/** Takes a message of another node. @param from The sender's incarnation. */
export type BusListener<Desc extends DescMessage> = (message: MessageShape<Desc>, from: string) => void;

/** Something that nodes tell each other. */
export interface Topic<Desc extends DescMessage> {
  /**
   * Tells every other node, or one. Nobody says whether it has arrived.
   *
   * @param receiver The incarnation of a node; every other one unless told.
   * @returns False: it was not sent, as the bus is down.
   */
  publish(message: MessageInitShape<Desc>, receiver?: string): boolean;

  /** Registers who takes what others tell, in the sender's order. */
  on(listener: BusListener<Desc>): void;
}

/** Something that one node asks another. */
export interface Question<Asked extends DescMessage, Answer extends DescMessage> {
  /**
   * Asks a node.
   *
   * @param receiver Its incarnation.
   * @throws {DependencyError} `unavailable` where the bus is down; `timeout` where no answer comes in `BUS_ANSWER_MS`:
   * the other node may have done what it was asked.
   */
  ask(receiver: string, message: MessageInitShape<Asked>): Promise<MessageShape<Answer>>;

  /** Registers who answers; what it throws is counted, and answered by nothing. */
  answer(handle: (message: MessageShape<Asked>, from: string) => MessageInitShape<Answer>): void;
}

/** The way to the other nodes. */
export interface Bus {
  /** Whether there may be others. */
  readonly isShared: boolean;
  /** Whether they can be reached; true where there are none. */
  readonly isUp: boolean;
  /** This node's incarnation. */
  readonly node: string;
  /** The nodes that were heard a moment ago, by incarnation. */
  readonly nodes: Iterable<string>;

  /** Something that nodes tell each other, by the message that says it. */
  topic<Desc extends DescMessage>(schema: Desc): Topic<Desc>;

  /** Something that nodes ask each other, by the messages of question and answer. */
  question<Asked extends DescMessage, Answer extends DescMessage>(
    asked: Asked,
    answer: Answer,
  ): Question<Asked, Answer>;

  /**
   * Registers who is told that messages of a node may have been missed: what was made of them is read again. So it is
   * when a node falls silent, which may have died before it said what it had done.
   */
  onMissed(listener: (from: string) => void): void;

  /** Registers who is told that a node says nothing any more. */
  onSilent(listener: (node: string) => void): void;

  /** How a node says it is; `silent`: it should be heard and is not; undefined: nobody can tell. */
  loadOf(node: string): NodeLoad | "silent" | undefined;

  /**
   * Takes what has come.
   *
   * @param untilMs When to stop, monotonic milliseconds.
   * @returns Whether there is more.
   */
  take(untilMs: number): boolean;

  /** Lets go of what was said in this turn. */
  flush(): void;

  /** Says how this node is, and notices who is silent; to be called every second. */
  sweep(load: NodeLoad): void;
}
