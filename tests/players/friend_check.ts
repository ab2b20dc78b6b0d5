/** Friends, ignore lists and presence, as the contract has them. @module */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  type FriendListResponse,
  type FriendNotice,
  FriendNoticeKind,
  type IgnoreListResponse,
} from "../../games/parts/friends/friends_pb.ts";
import type { Actor } from "./board.ts";
import type { DueLedger } from "./due_ledger.ts";

interface Ties {
  readonly friends: Set<Actor>;
  /** Whom it has asked. */
  readonly asked: Set<Actor>;
  readonly ignored: Set<Actor>;
}

/** Follows requests about friends and ignored players, and what friends are told of each other. */
export class FriendCheck {
  readonly #dues: DueLedger;
  readonly #ties = new Map<Actor, Ties>();

  readonly #isMuted: (actor: Actor) => boolean;

  constructor(dues: DueLedger, isMuted: (actor: Actor) => boolean) {
    this.#dues = dues;
    this.#isMuted = isMuted;
  }

  /** Whether one who is a friend of the other, or of its guild, sees that it is online. */
  seesOnline(actor: Actor, other: Actor): boolean {
    return other.isOnline && (actor === other || (!this.ignores(actor, other) && !this.ignores(other, actor)));
  }

  /** Whether one does not want to hear of the other. */
  ignores(actor: Actor, other: Actor): boolean {
    return this.#ties.get(actor)?.ignored.has(other) ?? false;
  }

  friendsOf(actor: Actor): readonly Actor[] {
    return [...this.#tiesOf(actor).friends];
  }

  /** A player came online, or went. */
  onPresence(actor: Actor, isOnline: boolean): void {
    const kind = isOnline ? FriendNoticeKind.ONLINE : FriendNoticeKind.OFFLINE;
    for (const friend of this.#tiesOf(actor).friends) {
      if (!this.ignores(actor, friend)) this.#tell(friend, actor, kind);
    }
  }

  /** Who has asked a player, and is not ignored, and waits. */
  incomingOf(actor: Actor): Actor[] {
    const incoming: Actor[] = [];
    for (const [other, { asked }] of this.#ties) {
      if (asked.has(actor) && !this.ignores(actor, other)) incoming.push(other);
    }
    return incoming;
  }

  /** A request for friendship; gives its code. */
  ask(actor: Actor, other: Actor | undefined): ErrorCode {
    if (this.#isMuted(actor)) return ErrorCode.MUTED;
    if (other === undefined) return ErrorCode.NOT_FOUND;
    if (other === actor) return ErrorCode.TARGET_INVALID;
    const own = this.#tiesOf(actor);
    if (own.friends.has(other) || own.asked.has(other)) return ErrorCode.ALREADY_EXISTS;
    if (this.#tiesOf(other).asked.delete(actor)) {
      this.#befriend(actor, other);
      return ErrorCode.NONE;
    }
    own.asked.add(other);
    this.#tell(other, actor, FriendNoticeKind.REQUESTED);
    return ErrorCode.NONE;
  }

  /** An answer to one; gives its code. */
  answer(actor: Actor, other: Actor | undefined, isAccepted: boolean): ErrorCode {
    if (other === undefined) return ErrorCode.NOT_FOUND;
    if (other === actor) return ErrorCode.TARGET_INVALID;
    if (!this.#tiesOf(other).asked.delete(actor)) return ErrorCode.NOT_FOUND;
    if (isAccepted) this.#befriend(actor, other);
    return ErrorCode.NONE;
  }

  /** The end of a friendship, or of a request; gives its code. */
  remove(actor: Actor, other: Actor | undefined): ErrorCode {
    if (other === undefined) return ErrorCode.NOT_FOUND;
    if (other === actor) return ErrorCode.TARGET_INVALID;
    const own = this.#tiesOf(actor);
    if (own.friends.delete(other)) this.#tiesOf(other).friends.delete(actor);
    else if (!own.asked.delete(other)) return ErrorCode.NOT_FOUND;
    this.#tell(other, actor, FriendNoticeKind.REMOVED);
    return ErrorCode.NONE;
  }

  ignore(actor: Actor, other: Actor | undefined): ErrorCode {
    if (other === undefined) return ErrorCode.NOT_FOUND;
    if (other === actor) return ErrorCode.TARGET_INVALID;
    const { friends, ignored } = this.#tiesOf(actor);
    // To a friend it looks as if the player had gone.
    if (friends.has(other) && !ignored.has(other)) this.#tell(other, actor, FriendNoticeKind.OFFLINE);
    ignored.add(other);
    return ErrorCode.NONE;
  }

  stopIgnoring(actor: Actor, other: Actor | undefined): ErrorCode {
    if (other === undefined) return ErrorCode.NOT_FOUND;
    if (other === actor) return ErrorCode.TARGET_INVALID;
    return this.#tiesOf(actor).ignored.delete(other) ? ErrorCode.NONE : ErrorCode.NOT_FOUND;
  }

  /** What FRIEND_LIST_RESPONSE must hold. */
  expectFriendList(actor: Actor, stream: string): void {
    const { friends, asked } = this.#tiesOf(actor);
    const online = [...friends].map((friend) => `${friend.name}${this.seesOnline(actor, friend) ? "+" : ""}`);
    const [incoming, outgoing] = [this.incomingOf(actor), [...asked]].map((actors) => actors.map(({ name }) => name));
    this.#dues.expect(actor, stream, keyOf([online, incoming, outgoing]));
  }

  onFriendList(actor: Actor, stream: string, { friends, incoming, outgoing }: FriendListResponse): void {
    const lists = [
      friends.map(({ name, online }) => `${name}${online ? "+" : ""}`),
      incoming.map(({ name }) => name),
      outgoing.map(({ name }) => name),
    ];
    this.#dues.take(actor, stream, keyOf(lists));
  }

  /** What IGNORE_LIST_RESPONSE must hold. */
  expectIgnoreList(actor: Actor, stream: string): void {
    this.#dues.expect(actor, stream, keyOf([[...this.#tiesOf(actor).ignored].map(({ name }) => name)]));
  }

  onIgnoreList(actor: Actor, stream: string, { players }: IgnoreListResponse): void {
    this.#dues.take(actor, stream, keyOf([players.map(({ name }) => name)]));
  }

  onNotice(actor: Actor, { kind, player }: FriendNotice): void {
    this.#dues.take(actor, streamOf(player?.name), FriendNoticeKind[kind]);
  }

  #befriend(actor: Actor, other: Actor): void {
    this.#tiesOf(actor).friends.add(other);
    this.#tiesOf(other).friends.add(actor);
    this.#tell(other, actor, FriendNoticeKind.ACCEPTED);
  }

  #tell(recipient: Actor, about: Actor, kind: FriendNoticeKind): void {
    if (!recipient.isOnline || this.ignores(recipient, about)) return;
    this.#dues.expect(recipient, streamOf(about.name), FriendNoticeKind[kind]);
  }

  #tiesOf(actor: Actor): Ties {
    let ties = this.#ties.get(actor);
    if (ties === undefined) this.#ties.set(actor, ties = { friends: new Set(), asked: new Set(), ignored: new Set() });
    return ties;
  }
}

/** Of two friends who come or go in the same instant, either may be told of first. */
function streamOf(name: string | undefined): string {
  return `friendship with ${name}`;
}

/** Lists as one text, whatever their order. */
function keyOf(lists: readonly string[][]): string {
  return lists.map((list) => list.toSorted().join(" ")).join(" | ");
}
