/**
 * Friends, presence and ignore lists.
 *
 * @module
 */

import { packetTypeOf } from "../../../shared/contract.ts";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
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
  type FriendResponseSchema,
  type IgnoreAdd,
  IgnoreAddSchema,
  IgnoreListRequestSchema,
  IgnoreListResponseSchema,
  type IgnoreRemove,
  IgnoreRemoveSchema,
  type IgnoreResponseSchema,
} from "./friends_pb.ts";
import {
  FRIENDS_MAX,
  IGNORED_PLAYERS_MAX,
  KEPT_WHISPER_MS,
  SOCIAL_LISTS_KEPT,
  SOCIAL_LISTS_READ_AGAIN_MAX,
} from "./limits.ts";
import { RecentCache } from "../common/recent_cache.ts";
import { Roster } from "../common/roster.ts";
import {
  Counter,
  definePart,
  type Game,
  type Once,
  type OnceStores,
  PackedReply,
  type Partings,
  type Player,
  type PlayerName,
  Refused,
  SYSTEM,
  type Topic,
} from "../../../server/game/game.ts";
import { nameKey, pack, type Packed } from "../../../server/game/kit.ts";
import { ListsChangedSchema } from "./friends_bus_pb.ts";
import { OnlineLists } from "./online_lists.ts";
import { OthersOnline } from "./others_online.ts";
import { type PlayerPair, relatedPlayersOf, SOCIAL, type SocialLists } from "./social_store.ts";
import { ChatDelivery, type Saying } from "../chat/chat_delivery.ts";
import { playersOnly } from "../chat/elsewhere.ts";
import { ChatGuard } from "../chat/chat_guard.ts";
import { ContactGate, playerTarget } from "../chat/contact_gate.ts";
import { KeptWhispers } from "../chat/kept_whispers.ts";

const FRIEND_NOTICE = packetTypeOf(FriendNoticeSchema);

type FriendReply = MessageInitShape<typeof FriendResponseSchema>;
type IgnoreReply = MessageInitShape<typeof IgnoreResponseSchema>;

/** How often what waits is looked at, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;

/** Who knows whom, and who wants to hear from whom. */
export class SocialService {
  /** What keeps players from writing too much. */
  readonly guard = new ChatGuard();
  /** What decides who may be told what by whom. */
  readonly gate: ContactGate;
  /** Everything that players say to each other, or are told of each other, goes this way. */
  readonly delivery: ChatDelivery;
  readonly whispers: KeptWhispers;
  readonly #game: Game;
  readonly #lists = new OnlineLists();
  /** Lists as they were shown to their players. */
  readonly #shown = new RecentCache<ShownLists>(SOCIAL_LISTS_KEPT);
  /** Players online whose lists could not be read; it is tried again. */
  readonly #unread = new Set<number>();
  /** Players whose friends know that they are online. */
  readonly #announced = new Set<number>();
  /** Players who came and went so often that their friends have not been told yet. */
  readonly #unannounced = new Set<number>();
  readonly #others: OthersOnline;
  readonly #listsChanged: Topic<typeof ListsChangedSchema>;
  /** The last reading of each player's lists that is under way. */
  readonly #readings = new Map<number, symbol>();

  constructor(game: Game) {
    this.#game = game;
    const lists = this.#lists;
    this.gate = new ContactGate(game, { guard: this.guard, lists });
    const crowdedOut = (playerId: number, saying: Saying) => {
      game.counters.add(Counter.CHAT_CROWDED_OUT, 1);
      this.whispers.keepMissed(playerId, [saying]);
    };
    this.delivery = new ChatDelivery(game, { lists, gate: this.gate, crowdedOut });
    this.whispers = new KeptWhispers(game, this.delivery, this.gate);
    this.#others = new OthersOnline(game, {
      onChange: (player, isOnline, friendIds) => {
        for (const friendId of friendIds) this.#tellHere(friendId, player, presenceKind(isOnline));
      },
      onChanges: (changes) => this.#onOthersChanged(changes),
    });
    this.#listsChanged = game.bus.topic(ListsChangedSchema);
    this.#listsChanged.on(({ playerIds }) => {
      for (const playerId of playerIds.map(Number)) this.#onListsChanged(playerId);
    });
    game.bus.onMissed(() => {
      this.#shown.clear();
      for (const { playerId } of game.players.online) this.#unread.add(playerId);
    });
    game.hooks.enter((player) => this.whispers.onEnter(player));
    game.hooks.leave((player) => this.whispers.onLeave(player));
    game.hooks.online((player, afterReload) => {
      // Friends know already.
      if (afterReload) this.#announced.add(player.playerId);
      void this.#comeOnline(player);
    });
    game.hooks.offline((player) => this.#goOffline(player));
    game.hooks.deleted((player, { partings }) => this.#accountRemoved(player, partings));
    game.hooks.expire((dateMs) =>
      game.storage.for(SYSTEM).of(SOCIAL).deleteOldWhispers({ sentBeforeMs: Math.max(0, dateMs - KEPT_WHISPER_MS) })
    );
    game.hooks.stop(() => this.whispers.stop());
    game.every(SWEEP_INTERVAL_MS, () => this.sweep());
    game.on(FriendRequestSchema, (player, request, once) => this.#request(player, request, once));
    game.on(FriendAnswerSchema, (player, request, once) => this.#answer(player, request, once));
    game.on(FriendRemoveSchema, (player, request, once) => this.#remove(player, request, once));
    game.on(FriendListRequestSchema, (player) => this.#listFriends(player));
    game.on(IgnoreAddSchema, (player, request, once) => this.#ignore(player, request, once));
    game.on(IgnoreRemoveSchema, (player, request, once) => this.#stopIgnoring(player, request, once));
    game.on(IgnoreListRequestSchema, (player) => this.#listIgnored(player));
  }

  /** Whether a player is online, as another may know it that is its friend or of its guild. */
  isOnlineFor(viewerId: number, playerId: number): boolean {
    if (this.#game.players.isOnline(playerId)) return this.gate.mayKnowOnline(viewerId, playerId);
    return this.#others.isOnlineFor(viewerId, playerId) && !this.#lists.ignores(viewerId, playerId);
  }

  /** The account of a player is gone, and with it its place on the lists of others. */
  #accountRemoved(player: PlayerName, partings: Partings): void {
    for (const relatedId of relatedPlayersOf(partings)) {
      this.#shown.drop(relatedId);
      const wasFriend = this.#lists.friendsOf(relatedId).has(player.playerId);
      this.#lists.removeFriends(player.playerId, relatedId);
      this.#lists.removeIgnored(relatedId, player.playerId);
      if (wasFriend || this.#game.bus.isShared) this.#tell(relatedId, player, FriendNoticeKind.REMOVED);
    }
    this.#tellLists(relatedPlayersOf(partings));
  }

  /** Reads what could not be read before, or may have changed unheard; to be called every second or so. */
  sweep(): void {
    this.whispers.sweep();
    // Not all at once, where all have to be read again.
    for (const playerId of [...this.#unread].slice(0, SOCIAL_LISTS_READ_AGAIN_MAX)) {
      this.#unread.delete(playerId);
      const player = this.#game.players.find(playerId);
      if (player != null) void this.#readAgain(player);
    }
    for (const playerId of this.#unannounced) {
      const player = this.#game.players.find(playerId);
      if (player != null) this.#announce(player);
    }
  }

  // Presence

  /** What others say to the player waits until its lists are here, and comes after what was kept for it. */
  async #comeOnline(player: Player): Promise<void> {
    const { playerId } = player;
    this.delivery.hold(playerId);
    await this.#readLists(player);
    await this.whispers.deliver(playerId, player.entrant);
    if (this.#game.players.find(playerId) !== player) return;
    this.delivery.release(playerId);
    this.#game.wake();
  }

  /** What was kept for the player meanwhile nobody may have been able to tell. */
  async #readAgain(player: Player): Promise<void> {
    await this.#readLists(player);
    await this.whispers.deliver(player.playerId, SYSTEM);
  }

  async #readLists(player: Player): Promise<void> {
    const { log, players, storage } = this.#game;
    const { playerId } = player;
    const reading = Symbol();
    this.#readings.set(playerId, reading);
    let lists: SocialLists;
    try {
      lists = await storage.for(player.entrant).of(SOCIAL).load(playerId);
    } catch (error) {
      log.error("Cannot read friends and ignore list", { playerId, error: String(error) });
      this.#unread.add(playerId);
      return;
    }
    // It may be gone by now, or be here anew, and then its lists are being read anew.
    if (players.find(playerId) !== player || this.#readings.get(playerId) !== reading) return;
    this.#readings.delete(playerId);
    const idsOf = (players: readonly PlayerName[]) => players.map(({ playerId }) => playerId);
    this.#lists.add(playerId, idsOf(lists.friends), idsOf(lists.ignored));
    this.#announce(player);
  }

  /** Tells the friends of a player that it is online; later, where it has come and gone too often. */
  #announce(player: Player): void {
    const { playerId } = player;
    if (this.#announced.has(playerId)) return this.#tellOthers(player, []);
    const friendIds = this.#lists.friendsOf(playerId);
    if (friendIds.size > 0 && !this.gate.tryTakeNotice(playerId, "friends")) {
      this.#unannounced.add(playerId);
      return this.#tellOthers(player, []);
    }
    this.#unannounced.delete(playerId);
    this.#announced.add(playerId);
    for (const friendId of friendIds) this.#tellPresence(friendId, player, true);
    this.#tellOthers(player, friendIds);
  }

  /**
   * Tells the other servers that a player is online, and who of its friends there is to be told. One that has gone while
   * the storage was asked is not online any more, and of one that is back it is told once its lists are read.
   */
  #tellOthers({ playerId, name }: PlayerName, friendIds: Iterable<number>): void {
    if (!this.#game.bus.isShared || !this.#lists.has(playerId)) return;
    const ignoredIds = [...this.#lists.ignoredBy(playerId)];
    this.#others.set({ playerId, name, ignoredIds }, this.#friendsElsewhere(playerId, friendIds));
  }

  #friendsElsewhere(playerId: number, friendIds: Iterable<number>): number[] {
    if (!this.#game.bus.isShared) return [];
    return [...friendIds].filter((friendId) =>
      !this.#game.players.isOnline(friendId) && !this.#lists.ignores(playerId, friendId)
    );
  }

  /** Players of other servers came or went, as was found out later. */
  #onOthersChanged(changes: ReadonlyMap<number, { readonly name: string; readonly isOnline: boolean }>): void {
    for (const { playerId } of this.#game.players.online) {
      for (const friendId of this.#lists.friendsOf(playerId)) {
        const change = changes.get(friendId);
        if (change === undefined || change.isOnline && !this.#others.isOnlineFor(playerId, friendId)) continue;
        this.#tellHere(playerId, { playerId: friendId, name: change.name }, presenceKind(change.isOnline));
      }
    }
  }

  /** Another server has changed a player's lists. */
  #onListsChanged(playerId: number): void {
    this.#shown.drop(playerId);
    const player = this.#game.players.find(playerId);
    if (player !== undefined) void this.#readLists(player);
  }

  /** Tells the other servers whose lists have changed. */
  #tellLists(playerIds: readonly number[]): void {
    if (this.#game.bus.isShared) this.#listsChanged.publish({ playerIds: playerIds.map(BigInt) });
  }

  #goOffline(player: Player): void {
    this.whispers.onOffline(player, this.delivery.drop(player.playerId));
    const { playerId } = player;
    this.#unread.delete(playerId);
    this.#unannounced.delete(playerId);
    // Friends who were not told of the arrival are not told of the departure.
    const friendIds = this.#announced.delete(playerId) ? this.#lists.friendsOf(playerId) : [];
    for (const friendId of friendIds) this.#tellPresence(friendId, player, false);
    this.#others.remove(player, this.#friendsElsewhere(playerId, friendIds));
    this.#readings.delete(playerId);
    this.#lists.remove(playerId);
  }

  /** Tells a friend of a player that it came or went, if the friend may know. */
  #tellPresence(friendId: number, player: Player, isOnline: boolean): void {
    if (this.#lists.ignores(player.playerId, friendId)) return;
    this.#tellHere(friendId, player, presenceKind(isOnline));
  }

  // Friends

  async #request(player: Player, { playerName }: FriendRequest, once: OnceStores): Promise<FriendReply> {
    const { isRepeated, other, result } = await this.#decideOnce(player, playerName, once, {
      isAllowed: () => this.gate.checkMayWrite(player),
      decide: (other) => {
        this.gate.takeNotice(player.playerId, playerTarget(nameKey(other.name)));
        const request = { ...pairOf(player, other), atMs: this.#game.clock.unixMs() };
        return this.#change([player.playerId, other.playerId], once.of(SOCIAL).requestFriend(request));
      },
    });
    switch (result) {
      case "friends_already":
        throw new Refused(ErrorCode.ALREADY_EXISTS, "You are friends already");
      case "requested_already":
        throw new Refused(ErrorCode.ALREADY_EXISTS, "You have asked this player already");
      case "own_list_full":
        throw ownListFull();
      case "other_list_full":
        throw new Refused(ErrorCode.OUT_OF_RANGE, "This player has too many open requests");
      case "accepted":
        if (!isRepeated) this.#befriend(player, other);
        break;
      case "requested":
        if (!isRepeated) this.#tell(other.playerId, player, FriendNoticeKind.REQUESTED);
    }
    return { player: refOf(other), isFriend: result === "accepted" };
  }

  async #answer(player: Player, { playerName, accept }: FriendAnswer, once: OnceStores): Promise<FriendReply> {
    const { isRepeated, other, result } = await this.#decideOnce(player, playerName, once, {
      decide: (other) => {
        const answer = { ...pairOf(player, other), isAccepted: accept, atMs: this.#game.clock.unixMs() };
        return this.#change([player.playerId, other.playerId], once.of(SOCIAL).answerFriend(answer));
      },
    });
    if (result === "not_found") throw new Refused(ErrorCode.NOT_FOUND, "The player has not sent a request");
    if (result === "own_list_full") throw ownListFull();
    if (result === "accepted" && !isRepeated) this.#befriend(player, other);
    return { player: refOf(other), isFriend: result === "accepted" };
  }

  async #remove(player: Player, { playerName }: FriendRemove, once: OnceStores): Promise<FriendReply> {
    const { isRepeated, other, result } = await this.#decideOnce(player, playerName, once, {
      decide: (other) =>
        this.#change([player.playerId, other.playerId], once.of(SOCIAL).removeFriend(pairOf(player, other))),
    });
    if (result === "not_found") {
      throw new Refused(ErrorCode.NOT_FOUND, "The player is not a friend and was not asked");
    }
    if (!isRepeated) {
      this.#lists.removeFriends(player.playerId, other.playerId);
      this.#tell(other.playerId, player, FriendNoticeKind.REMOVED);
    }
    return { player: refOf(other), isFriend: false };
  }

  #listFriends(player: Player): PackedReply | Promise<PackedReply> {
    return this.#withLists(
      player,
      ({ friends }, viewerId) => friends.pack((playerId) => this.isOnlineFor(viewerId, playerId)),
    );
  }

  /** The reply that a player's lists make: at once, where they are kept. */
  #withLists(
    player: Player,
    packedOf: (lists: ShownLists, playerId: number) => Packed,
  ): PackedReply | Promise<PackedReply> {
    const { playerId } = player;
    const kept = this.#shown.find(playerId);
    if (kept !== undefined) return new PackedReply(packedOf(kept, playerId));
    const social = this.#game.storage.for(player.asker).of(SOCIAL);
    const reading = this.#shown.read(playerId, player.source, { read: () => social.load(playerId), make: shownOf });
    return reading.then((lists) => new PackedReply(packedOf(lists, playerId)));
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
      this.#tellLists(playerIds);
      return result;
    } catch (error) {
      this.#shown.onFailure(error);
      throw error;
    }
  }

  /** Two players are friends now, by the doing of the first. */
  #befriend(player: Player, other: PlayerName): void {
    this.#lists.addFriends(player.playerId, other.playerId);
    this.#tell(other.playerId, player, FriendNoticeKind.ACCEPTED);
  }

  /** Tells a player of what another did, wherever it is online, unless it ignores the other. */
  #tell(recipientId: number, player: PlayerName, kind: FriendNoticeKind): void {
    if (this.#tellHere(recipientId, player, kind)) return;
    this.delivery.elsewhere.say(playersOnly(recipientId), noticeOf(player, kind));
  }

  /** The same of a player of this server. @returns Whether it is online here. */
  #tellHere(recipientId: number, player: PlayerName, kind: FriendNoticeKind): boolean {
    const recipient = this.#game.players.find(recipientId);
    if (recipient === undefined) return false;
    this.delivery.deliver(noticeOf(player, kind), [recipient]);
    return true;
  }

  // Ignore lists

  async #ignore(player: Player, { playerName }: IgnoreAdd, once: OnceStores): Promise<IgnoreReply> {
    const { isRepeated, other, result } = await this.#decideOnce(player, playerName, once, {
      decide: (other) => this.#change([player.playerId], once.of(SOCIAL).addIgnored(pairOf(player, other))),
    });
    if (result === "list_full") {
      throw new Refused(ErrorCode.OUT_OF_RANGE, `Nobody can ignore more than ${IGNORED_PLAYERS_MAX} players`);
    }
    if (!isRepeated) {
      if (result === "added") this.#seemToGo(player, other);
      this.#lists.addIgnored(player.playerId, other.playerId);
    }
    this.#tellOthers(player, []);
    return { player: refOf(other) };
  }

  async #stopIgnoring(player: Player, { playerName }: IgnoreRemove, once: OnceStores): Promise<IgnoreReply> {
    const { isRepeated, other, result: wasIgnored } = await this.#decideOnce(player, playerName, once, {
      decide: (other) => this.#change([player.playerId], once.of(SOCIAL).removeIgnored(pairOf(player, other))),
    });
    if (!wasIgnored) throw new Refused(ErrorCode.NOT_FOUND, "The player is not ignored");
    if (!isRepeated) this.#lists.removeIgnored(player.playerId, other.playerId);
    this.#tellOthers(player, []);
    return { player: refOf(other) };
  }

  /** A friend does not know any more whether a player is online that is about to ignore it. */
  #seemToGo(player: Player, other: PlayerName): void {
    const { playerId } = player;
    if (!this.#announced.has(playerId) || !this.#lists.friendsOf(playerId).has(other.playerId)) return;
    if (!this.gate.tryTakeNotice(playerId, playerTarget(nameKey(other.name)))) return;
    this.#tell(other.playerId, player, FriendNoticeKind.OFFLINE);
  }

  #listIgnored(player: Player): PackedReply | Promise<PackedReply> {
    return this.#withLists(player, ({ ignored }) => ignored);
  }

  /** Decides with another player, who is named: what was done before counts, though it would be refused by now. */
  async #decideOnce<Result, Kept>(
    player: Player,
    playerName: string,
    once: OnceStores,
    { isAllowed = () => {}, decide }: {
      readonly isAllowed?: () => void;
      readonly decide: (other: PlayerName) => Promise<Once<Result, Kept>>;
    },
  ): Promise<Once<Result, Kept> & { readonly other: PlayerName }> {
    let named: PlayerName | undefined;
    const done = await once.orDone(async () => {
      isAllowed();
      named = await this.#otherThan(player, playerName);
      return await decide(named);
    });
    return { ...done, other: named ?? await this.#otherThan(player, playerName) };
  }

  /** The other player that one names. */
  async #otherThan(player: Player, name: string): Promise<PlayerName> {
    const other = await this.#game.players.lookUp(name, player.asker);
    if (other.playerId === player.playerId) throw new Refused(ErrorCode.TARGET_INVALID, "That is you");
    return other;
  }
}

function presenceKind(isOnline: boolean): FriendNoticeKind {
  return isOnline ? FriendNoticeKind.ONLINE : FriendNoticeKind.OFFLINE;
}

function noticeOf(player: PlayerName, kind: FriendNoticeKind): Saying {
  const payload = toBinary(FriendNoticeSchema, create(FriendNoticeSchema, { kind, player: refOf(player) }));
  return { senderId: player.playerId, type: FRIEND_NOTICE, payload };
}

function ownListFull(): Refused {
  return new Refused(ErrorCode.OUT_OF_RANGE, `Nobody can have or request more than ${FRIENDS_MAX} friends`);
}

function pairOf({ playerId }: PlayerName, { playerId: otherId }: PlayerName): PlayerPair {
  return { playerId, otherId };
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

/** Friends, presence and ignore lists, and the way on which players are told of each other. */
export const friends = definePart("friends", (game) => new SocialService(game));
