/**
 * The judges' eyes in the real modules: what they number, apply and give out is seen where it happens. Nothing of what
 * they do is changed.
 *
 * @module
 */

import { ClientSession } from "../../client/client_session.ts";
import type { OutgoingPacket } from "../../client/outgoing.ts";
import { Dispatcher } from "../../server/session/dispatcher.ts";
import { ChatDelivery, type Saying } from "../../games/parts/chat/chat_delivery.ts";
import { KeptWhispers } from "../../games/parts/chat/kept_whispers.ts";
import { Outbox, type OutboxPacket } from "../../server/session/outbox.ts";
import type { Player } from "../../server/session/player.ts";
import type { Session } from "../../server/session/session.ts";
import { SessionManager } from "../../server/session/session_manager.ts";

/** Something a player has not heard. */
type MissedPacket = Parameters<KeptWhispers["keepMissed"]>[1][number];

/** Takes what is seen. */
export interface Observer {
  onToken(session: Session): void;
  /** The server sends a packet to one session, numbered or not; `isKept`: what it carries is kept until it has arrived. */
  onSent(session: Session, type: number, payload: Uint8Array, isKept: boolean): void;
  onNumbered(outbox: Outbox, packet: OutboxPacket): void;
  onApplied(session: Session, type: number, sequence: number, payload: Uint8Array): void;
  /** A packet is refused unseen. */
  onShed(session: Session, sequence: number): void;
  /** A player has said something, and the server begins to tell it. */
  onSaid(saying: Saying, recipients: Iterable<Player>): void;
  /** The server tells a player nothing of these, or later. */
  onMissed(playerId: number, packets: readonly MissedPacket[]): void;
  onClientNumbered(session: ClientSession, packet: OutgoingPacket): void;
}

/**
 * Replaces a method of a class until the result is disposed of.
 *
 * @param make Takes the method as it was, gives the new one.
 */
export function patch<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  make: (original: T[K]) => T[K],
): Disposable {
  const original = prototype[name];
  prototype[name] = make(original);
  return { [Symbol.dispose]: () => prototype[name] = original };
}

/** Lets an observer see, until the result is disposed of. */
export function observe(observer: Observer): Disposable {
  const stack = new DisposableStack();
  stack.use(
    patch(SessionManager.prototype, "setResumeToken", (original) =>
      function (this: SessionManager, session, token) {
        original.call(this, session, token);
        observer.onToken(session);
      }),
  );
  stack.use(
    patch(
      SessionManager.prototype,
      "send",
      (original) =>
        function (this: SessionManager, session, type, payload, receipt) {
          observer.onSent(session, type, payload, receipt !== undefined);
          original.call(this, session, type, payload, receipt);
        },
    ),
  );
  stack.use(
    patch(
      SessionManager.prototype,
      "sendPacked",
      (original) =>
        function (this: SessionManager, session, type, packed) {
          observer.onSent(session, type, packed.payload, false);
          original.call(this, session, type, packed);
        },
    ),
  );
  stack.use(patch(Outbox.prototype, "append", (original) =>
    function (this: Outbox, packet, connected) {
      const sequence = original.call(this, packet, connected);
      observer.onNumbered(this, packet);
      return sequence;
    }));
  stack.use(
    patch(
      Dispatcher.prototype,
      "dispatch",
      (original) =>
        function (this: Dispatcher, session, type, sequence, payload, requestKey) {
          observer.onApplied(session, type, sequence, payload);
          original.call(this, session, type, sequence, payload, requestKey);
        },
    ),
  );
  stack.use(
    patch(Dispatcher.prototype, "refuse", (original) =>
      function (this: Dispatcher, session, type, sequence, error) {
        observer.onShed(session, sequence);
        original.call(this, session, type, sequence, error);
      }),
  );
  stack.use(patch(ChatDelivery.prototype, "deliver", (original) =>
    function (this: ChatDelivery, saying, recipients) {
      observer.onSaid(saying, recipients);
      return original.call(this, saying, recipients);
    }));
  stack.use(patch(KeptWhispers.prototype, "keepMissed", (original) =>
    function (this: KeptWhispers, playerId, packets) {
      observer.onMissed(playerId, packets);
      original.call(this, playerId, packets);
    }));
  stack.use(patch(ClientSession.prototype, "number", (original) =>
    function (this: ClientSession, packet) {
      original.call(this, packet);
      observer.onClientNumbered(this, packet);
    }));
  return stack;
}
