/**
 * Friends, presence and ignore lists.
 *
 * @module
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PacketType } from "../../../shared/gen/packet_pb.ts";
import {
  type FriendAnswer,
  FriendAnswerSchema,
  FriendListRequestSchema,
  FriendListResponseSchema,
  FriendNoticeKind,
  FriendNoticeSchema,
  type FriendRemove,
  FriendRemoveSchema,
  type FriendRequest,
  FriendRequestSchema,
  FriendResponseSchema,
  type IgnoreAdd,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
  IgnoreListResponseSchema,
  type IgnoreRemove,
  IgnoreRemoveSchema,
  IgnoreResponseSchema,
} from "../../../shared/gen/social_pb.ts";
import { FRIENDS_MAX, IGNORED_PLAYERS_MAX, SOCIAL_LISTS_KEPT } from "../../../shared/limits.ts";
import { nameKey } from "../../../server/auth/names.ts";
import { Counter } from "../../../server/ops/counters.ts";
import { OnlineLists } from "./online_lists.ts";
import { RecentCache } from "../../../server/base/recent_cache.ts";
import type { Partings, PlayerName } from "../../../server/storage/storage.ts";
import { relatedPlayersOf, SOCIAL, type SocialLists } from "./social_store.ts";
import { ChatDelivery, type Saying } from "../chat/chat_delivery.ts";
import { ContactGate, type ContactRules, playerTarget } from "../chat/contact_gate.ts";
import type { LogicContext } from "../../../server/session/context.ts";
import { type Dispatcher, RequestError } from "../../../server/session/dispatcher.ts";
import { KeptWhispers } from "../chat/kept_whispers.ts";
import { pack, type Packed, Roster } from "../../../server/session/roster.ts";
import type { PlayerDirectory } from "../../../server/session/player_directory.ts";
import type { Player, Session } from "../../../server/session/session.ts";

/** Who knows whom, and who wants to hear from whom. */
export class SocialService {
  /** What decides who may be told what by whom. */
  readonly gate: ContactGate;
  /** Everything that players say to each other, or are told of each other, goes this way. */
  readonly delivery: ChatDelivery;
  readonly whispers: KeptWhispers;
  readonly #context: LogicContext;
  readonly #directory: PlayerDirectory;
  readonly #lists = new OnlineLists();
  /** Lists as they were shown to their players. */
  readonly #shown = new RecentCache<ShownLists>(SOCIAL_LISTS_KEPT);
  /** Players online whose lists could not be read; it is tried again. */
  readonly #unread = new Set<number>();
  /** Players whose friends know that they are online. */
  readonly #announced = new Set<number>();
  /** Players who came and went so often that their friends have not been told yet. */
  readonly #unannounced = new Set<number>();

  constructor(context: LogicContext, rules: Omit<ContactRules, "lists"> & { readonly directory: PlayerDirectory }) {
    this.#context = context;
    this.#directory = rules.directory;
    const lists = this.#lists;
    this.gate = new ContactGate(context, { ...rules, lists });
    const crowdedOut = (playerId: number, saying: Saying) => {
      context.counters.add(Counter.CHAT_CROWDED_OUT, 1);
      this.whispers.keepMissed(playerId, [saying]);
    };
    this.delivery = new ChatDelivery(context, { lists, gate: this.gate, crowdedOut });
    this.whispers = new KeptWhispers(context, this.delivery, this.gate);
    context.sessions.onLeave((session) => this.whispers.onLeave(session));
    context.sessions.onPresence((player, isOnline, session) => {
      if (isOnline) void this.#comeOnline(player);
      else this.#goOffline(player, session);
    });
  }

  /** Registers the handlers of this module. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(FriendRequestSchema, (session, request) => this.#request(session, request));
    dispatcher.on(FriendAnswerSchema, (session, request) => this.#answer(session, request));
    dispatcher.on(FriendRemoveSchema, (session, request) => this.#remove(session, request));
    dispatcher.on(FriendListRequestSchema, (session) => this.#listFriends(session));
    dispatcher.on(IgnoreAddSchema, (session, request) => this.#ignore(session, request));
    dispatcher.on(IgnoreRemoveSchema, (session, request) => this.#stopIgnoring(session, request));
    dispatcher.on(IgnoreListRequestSchema, (session) => this.#listIgnored(session));
  }

  /** Whether a player is online, as another may know it that is its friend or of its guild. */
  isOnlineFor(viewerId: number, playerId: number): boolean {
    return this.#context.sessions.isPlayerOnline(playerId) && this.gate.mayKnowOnline(viewerId, playerId);
  }

  /** The account of a player is gone, and with it its place on the lists of others. */
  accountRemoved(player: Player, partings: Partings): void {
    for (const relatedId of relatedPlayersOf(partings)) {
      this.#shown.drop(relatedId);
      const wasFriend = this.#lists.friendsOf(relatedId).has(player.playerId);
      this.#lists.removeFriends(player.playerId, relatedId);
      this.#lists.removeIgnored(relatedId, player.playerId);
      if (wasFriend) this.#tell(relatedId, player, FriendNoticeKind.REMOVED);
    }
  }

  /** Reads the lists that could not be read before; to be called every second or so. */
  sweep(): void {
    this.whispers.sweep();
    for (const playerId of this.#unread) {
      this.#unread.delete(playerId);
      const player = this.#context.sessions.findPlayer(playerId)?.player;
      if (player != null) void this.#readLists(player);
    }
    for (const playerId of this.#unannounced) {
      const player = this.#context.sessions.findPlayer(playerId)?.player;
      if (player != null) this.#announce(player);
    }
  }

  // Presence

  /** What others say to the player waits until its lists are here, and comes after what was kept for it. */
  async #comeOnline(player: Player): Promise<void> {
    const { playerId } = player;
    const session = this.#context.sessions.findPlayer(playerId);
    this.delivery.hold(playerId);
    await this.#readLists(player);
    await this.whispers.deliver(playerId, session!.entrant);
    if (this.#context.sessions.findPlayer(playerId) !== session) return;
    this.delivery.release(playerId);
    this.#context.wake();
  }

  async #readLists(player: Player): Promise<void> {
    const { log, sessions, storage } = this.#context;
    const { playerId } = player;
    const session = sessions.findPlayer(playerId);
    let lists: SocialLists;
    try {
      lists = await storage.for(session!.entrant).of(SOCIAL).load(playerId);
    } catch (error) {
      log.error("Cannot read friends and ignore list", { playerId, error: String(error) });
      this.#unread.add(playerId);
      return;
    }
    // It may be gone by now, or be here anew, and then its lists are being read anew.
    if (sessions.findPlayer(playerId) !== session) return;
    const idsOf = (players: readonly PlayerName[]) => players.map(({ playerId }) => playerId);
    this.#lists.add(playerId, idsOf(lists.friends), idsOf(lists.ignored));
    this.#announce(player);
  }

  /** Tells the friends of a player that it is online; later, where it has come and gone too often. */
  #announce(player: Player): void {
    const { playerId } = player;
    if (this.#lists.friendsOf(playerId).size > 0 && !this.gate.tryTakeNotice(playerId, "friends")) {
      this.#unannounced.add(playerId);
      return;
    }
    this.#unannounced.delete(playerId);
    this.#announced.add(playerId);
    for (const friendId of this.#lists.friendsOf(playerId)) this.#tellPresence(friendId, player, true);
  }

  #goOffline(player: Player, session: Session): void {
    this.whispers.onOffline(player.playerId, session, this.delivery.drop(player.playerId));
    const { playerId } = player;
    this.#unread.delete(playerId);
    this.#unannounced.delete(playerId);
    // Whoever was not told of the coming is not told of the going.
    if (this.#announced.delete(playerId)) {
      for (const friendId of this.#lists.friendsOf(playerId)) this.#tellPresence(friendId, player, false);
    }
    this.#lists.remove(playerId);
  }

  /** Tells a friend of a player that it came or went, if the friend may know. */
  #tellPresence(friendId: number, player: Player, isOnline: boolean): void {
    if (this.#lists.ignores(player.playerId, friendId)) return;
    this.#tell(friendId, player, isOnline ? FriendNoticeKind.ONLINE : FriendNoticeKind.OFFLINE);
  }

  // Friends

  async #request(session: Session, { playerName }: FriendRequest): Promise<void> {
    const { clock, storage } = this.#context;
    this.gate.checkMayWrite(session);
    const [player, other] = await this.#pairOf(session, playerName);
    this.gate.takeNotice(player.playerId, playerTarget(nameKey(other.name)));
    const pair = { playerId: player.playerId, otherId: other.playerId };
    const result = await this.#change(
      [player.playerId, other.playerId],
      storage.for(session.asker).of(SOCIAL).requestFriend({ ...pair, atMs: clock.unixMs() }),
    );
    switch (result) {
      case "friends_already":
        throw new RequestError(ErrorCode.ALREADY_EXISTS, "You are friends already");
      case "requested_already":
        throw new RequestError(ErrorCode.ALREADY_EXISTS, "The player was asked already");
      case "own_list_full":
        throw ownListFull();
      case "other_list_full":
        throw new RequestError(ErrorCode.OUT_OF_RANGE, "Too many players wait for an answer of this one");
      case "accepted":
        this.#befriend(player, other);
        break;
      case "requested":
        this.#tell(other.playerId, player, FriendNoticeKind.REQUESTED);
    }
    this.#respond(session, PacketType.FRIEND_REQUEST, other, result === "accepted");
  }

  async #answer(session: Session, { playerName, accept }: FriendAnswer): Promise<void> {
    const { clock, storage } = this.#context;
    const [player, other] = await this.#pairOf(session, playerName);
    const pair = { playerId: player.playerId, otherId: other.playerId };
    const result = await this.#change(
      [player.playerId, other.playerId],
      storage.for(session.asker).of(SOCIAL).answerFriend({ ...pair, isAccepted: accept, atMs: clock.unixMs() }),
    );
    if (result === "not_found") throw new RequestError(ErrorCode.NOT_FOUND, "The player has not asked");
    if (result === "own_list_full") throw ownListFull();
    if (result === "accepted") this.#befriend(player, other);
    this.#respond(session, PacketType.FRIEND_ANSWER, other, result === "accepted");
  }

  async #remove(session: Session, { playerName }: FriendRemove): Promise<void> {
    const [player, other] = await this.#pairOf(session, playerName);
    const pair = { playerId: player.playerId, otherId: other.playerId };
    const result = await this.#change(
      [player.playerId, other.playerId],
      this.#context.storage.for(session.asker).of(SOCIAL).removeFriend(pair),
    );
    if (result === "not_found") {
      throw new RequestError(ErrorCode.NOT_FOUND, "The player is no friend and was not asked");
    }
    this.#lists.removeFriends(player.playerId, other.playerId);
    this.#tell(other.playerId, player, FriendNoticeKind.REMOVED);
    this.#respond(session, PacketType.FRIEND_REMOVE, other, false);
  }

  #listFriends(session: Session): void | Promise<void> {
    return this.#withLists(session, ({ friends }, viewerId) => {
      const list = friends.pack((playerId) => this.isOnlineFor(viewerId, playerId));
      this.#context.sessions.sendPacked(session, PacketType.FRIEND_LIST_RESPONSE, list);
    });
  }

  /** Answers with a player's lists: at once, where they are kept. */
  #withLists(session: Session, answer: (lists: ShownLists, playerId: number) => void): void | Promise<void> {
    const { playerId } = playerOf(session);
    const kept = this.#shown.find(playerId);
    if (kept !== undefined) return answer(kept, playerId);
    const social = this.#context.storage.for(session.asker).of(SOCIAL);
    const reading = this.#shown.read(playerId, session.source, { read: () => social.load(playerId), make: shownOf });
    return reading.then((lists) => {
      if (!session.ended) answer(lists, playerId);
    });
  }

  /**
   * Gives what became of a change of players' lists, which are read anew then.
   *
   * @param done The storage's own promise.
   */
  async #change<T>(playerIds: readonly number[], done: Promise<T>): Promise<T> {
    try {
      const result = await done;
      for (const playerId of playerIds) this.#shown.drop(playerId);
      return result;
    } catch (error) {
      this.#shown.onFailure(error);
      throw error;
    }
  }

  /** Two players are friends now, by the doing of the first. */
  #befriend(player: Player, other: Player): void {
    this.#lists.addFriends(player.playerId, other.playerId);
    this.#tell(other.playerId, player, FriendNoticeKind.ACCEPTED);
  }

  /** Tells a player of what another did, unless it is offline or ignores the other. */
  #tell(recipientId: number, { playerId, name }: Player, kind: FriendNoticeKind): void {
    const recipient = this.#context.sessions.findPlayer(recipientId);
    if (recipient === undefined) return;
    const notice = create(FriendNoticeSchema, { kind, player: refOf({ playerId, name }) });
    const payload = toBinary(FriendNoticeSchema, notice);
    this.delivery.deliver({ senderId: playerId, type: PacketType.FRIEND_NOTICE, payload }, [recipient]);
  }

  #respond(session: Session, requestType: PacketType, other: Player, isFriend: boolean): void {
    const response = create(FriendResponseSchema, { success: true, requestType, player: refOf(other), isFriend });
    this.#context.sessions.send(session, PacketType.FRIEND_RESPONSE, toBinary(FriendResponseSchema, response));
  }

  // Ignore lists

  async #ignore(session: Session, { playerName }: IgnoreAdd): Promise<void> {
    const [player, other] = await this.#pairOf(session, playerName);
    const pair = { playerId: player.playerId, otherId: other.playerId };
    const social = this.#context.storage.for(session.asker).of(SOCIAL);
    const result = await this.#change([player.playerId], social.addIgnored(pair));
    if (result === "list_full") {
      throw new RequestError(ErrorCode.OUT_OF_RANGE, `Nobody can ignore more than ${IGNORED_PLAYERS_MAX} players`);
    }
    if (result === "added") this.#seemToGo(player, other);
    this.#lists.addIgnored(player.playerId, other.playerId);
    this.#respondIgnore(session, PacketType.IGNORE_ADD, other);
  }

  async #stopIgnoring(session: Session, { playerName }: IgnoreRemove): Promise<void> {
    const [player, other] = await this.#pairOf(session, playerName);
    const pair = { playerId: player.playerId, otherId: other.playerId };
    const social = this.#context.storage.for(session.asker).of(SOCIAL);
    const wasIgnored = await this.#change([player.playerId], social.removeIgnored(pair));
    if (!wasIgnored) throw new RequestError(ErrorCode.NOT_FOUND, "The player is not ignored");
    this.#lists.removeIgnored(player.playerId, other.playerId);
    this.#respondIgnore(session, PacketType.IGNORE_REMOVE, other);
  }

  /** A friend does not know any more whether a player is online that is about to ignore it. */
  #seemToGo(player: Player, other: Player): void {
    const { playerId } = player;
    if (!this.#announced.has(playerId) || !this.#lists.friendsOf(playerId).has(other.playerId)) return;
    if (!this.gate.tryTakeNotice(playerId, playerTarget(nameKey(other.name)))) return;
    this.#tellPresence(other.playerId, player, false);
  }

  #listIgnored(session: Session): void | Promise<void> {
    return this.#withLists(session, ({ ignored }) => {
      this.#context.sessions.sendPacked(session, PacketType.IGNORE_LIST_RESPONSE, ignored);
    });
  }

  #respondIgnore(session: Session, requestType: PacketType, other: Player): void {
    const response = create(IgnoreResponseSchema, { success: true, requestType, player: refOf(other) });
    this.#context.sessions.send(session, PacketType.IGNORE_RESPONSE, toBinary(IgnoreResponseSchema, response));
  }

  /** The player of a session, and the other one it names. */
  async #pairOf(session: Session, name: string): Promise<[player: Player, other: Player]> {
    const player = playerOf(session);
    const other = await this.#directory.find(name, session.asker);
    if (other.playerId === player.playerId) throw new RequestError(ErrorCode.TARGET_INVALID, "This is yourself");
    return [player, other];
  }
}

function playerOf(session: Session): Player {
  if (session.player === null) throw new RequestError(ErrorCode.NOT_AUTHENTICATED, "Log in first");
  return session.player;
}

function ownListFull(): RequestError {
  return new RequestError(ErrorCode.OUT_OF_RANGE, `Nobody can have or ask more than ${FRIENDS_MAX} friends`);
}

function refOf({ playerId, name }: PlayerName): { playerId: bigint; name: string } {
  return { playerId: BigInt(playerId), name };
}

/** A player's lists as they are sent. */
interface ShownLists {
  readonly friends: Roster;
  readonly ignored: Packed;
}

function shownOf({ friends, incoming, outgoing, ignored }: SocialLists): ShownLists {
  const part = (message: MessageInitShape<typeof FriendListResponseSchema>) =>
    toBinary(FriendListResponseSchema, create(FriendListResponseSchema, message));
  const roster = new Roster({
    head: part({ success: true }),
    players: friends.map((friend) => ({
      playerId: friend.playerId,
      offline: part({ friends: [{ ...refOf(friend), online: false }] }),
      online: part({ friends: [{ ...refOf(friend), online: true }] }),
    })),
    tail: part({ incoming: incoming.map(refOf), outgoing: outgoing.map(refOf) }),
  });
  const list = create(IgnoreListResponseSchema, { success: true, players: ignored.map(refOf) });
  return { friends: roster, ignored: pack(toBinary(IgnoreListResponseSchema, list)) };
}
