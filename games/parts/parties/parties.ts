/**
 * Parties: a few players who play together for a while. Nothing of them is kept on disk.
 *
 * @module
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { packetTypeOf } from "../../../shared/contract.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { definePart, type Game, type Player, Refused } from "../../../server/game/game.ts";
import { nameKey } from "../../../server/game/kit.ts";
import { playerTarget } from "../chat/contact_gate.ts";
import { type Contacts, contactsOf } from "../chat/contacts.ts";
import {
  PARTY_INVITE_LIFETIME_MS,
  PARTY_INVITES_MAX,
  PARTY_INVITES_PER_PLAYER_MAX,
  PARTY_MEMBERS_MAX,
} from "./limits.ts";
import {
  PartyAnswerSchema,
  PartyChange,
  PartyDisbandRequestSchema,
  PartyInviteRequestSchema,
  PartyInviteSchema,
  PartyKickRequestSchema,
  PartyLeadRequestSchema,
  PartyLeaveRequestSchema,
  PartyStateSchema,
} from "./parties_pb.ts";

const PARTY_INVITE = packetTypeOf(PartyInviteSchema);
const PARTY_STATE = packetTypeOf(PartyStateSchema);

/** How often lost connections are told and invitations run out, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;

/** What a game says of its parties. */
export interface PartyOptions {
  /** Who may be told what by whom; left out in games without friends, where nobody ignores anybody. */
  readonly friends?: Contacts;
  /** Members of a party, 2 to {@linkcode PARTY_MEMBERS_MAX}. */
  readonly membersMax: number;
}

/** A party. */
export interface Party {
  readonly partyId: number;
  /** One of its members. */
  readonly leader: Player;
  /** At least one, in the order in which they came. */
  readonly members: readonly Player[];
}

/** Until when an invitation can be answered, monotonic milliseconds, and who is invited. */
interface Invite {
  readonly expiresAtMs: number;
  readonly nameKey: string;
}

interface OpenParty extends Party {
  leader: Player;
  members: Player[];
  /** Who may join, by id; they need not be online. */
  readonly invites: Map<number, Invite>;
}

/** Parties as they are while the game is reloaded. */
interface KeptParties {
  readonly lastPartyId: number;
  readonly parties: readonly {
    readonly partyId: number;
    readonly leaderId: number;
    readonly memberIds: readonly number[];
    readonly invites: readonly (readonly [playerId: number, invite: Invite])[];
  }[];
}

/** Told that the members of a party are not the same any more; `players` are those before and after. */
export type PartyListener = (players: readonly Player[]) => void;

/**
 * The parties of one server. A player is in one at most, from when it founds or joins it until it leaves, is sent away or
 * its session ends: a lost connection changes nothing. A party is over when one member is left who waits for nobody.
 */
export class PartyService {
  readonly #game: Game;
  readonly #contacts: Contacts;
  readonly #membersMax: number;
  readonly #parties = new Map<number, OpenParty>();
  readonly #ofPlayer = new Map<number, OpenParty>();
  /** Parties that have invited a player, by its id. */
  readonly #inviting = new Map<number, Set<OpenParty>>();
  /** Parties of which a member's connection was lost or is back. */
  readonly #restless = new Set<OpenParty>();
  /** Members who enter elsewhere, such as on a page that is loaded again: they keep their place until the next sweep. */
  readonly #replaced = new Set<number>();
  readonly #listeners: PartyListener[] = [];
  #lastPartyId = 0;

  /** Made by {@linkcode parties}. */
  constructor(game: Game, { friends, membersMax }: PartyOptions) {
    if (!Number.isInteger(membersMax) || membersMax < 2 || membersMax > PARTY_MEMBERS_MAX) {
      throw new RangeError(`Cannot make parties of ${membersMax} members: not 2 to ${PARTY_MEMBERS_MAX}`);
    }
    this.#game = game;
    this.#contacts = contactsOf(game, friends);
    this.#membersMax = membersMax;
    game.on(PartyInviteRequestSchema, (player, { playerName }) => this.#invite(player, playerName));
    game.on(
      PartyAnswerSchema,
      (player, { partyId, accept }) =>
        accept ? this.#join(player, Number(partyId)) : this.#decline(player, Number(partyId)),
    );
    game.on(PartyLeaveRequestSchema, (player) => {
      this.#remove(this.#partyOf(player), player, PartyChange.LEFT);
      return {};
    });
    game.on(PartyKickRequestSchema, (player, { playerName }) => this.#kick(player, playerName));
    game.on(PartyLeadRequestSchema, (player, { playerName }) => this.#handOver(player, playerName));
    game.on(PartyDisbandRequestSchema, (player) => {
      this.#end(this.#ledBy(player), player);
      return {};
    });
    game.hooks.online((player) => {
      this.#return(player);
      this.#tellInvites(player);
    });
    game.hooks.leave((player, why) => {
      if (why === "replaced" && this.#ofPlayer.has(player.playerId)) this.#replaced.add(player.playerId);
    });
    game.hooks.offline((player) => {
      if (!this.#replaced.has(player.playerId)) this.#drop(player);
    });
    game.hooks.linkDead((player) => this.#onConnection(player));
    game.hooks.resumed((player) => {
      this.#onConnection(player);
      const party = this.#ofPlayer.get(player.playerId);
      if (party !== undefined) player.tell(PartyStateSchema, stateOf(party));
    });
    game.every(SWEEP_INTERVAL_MS, () => this.#sweep());
    this.#restore(game.kept<KeptParties>("parties"));
    game.keep("parties", () => this.#image());
  }

  /** Parties there are. */
  get count(): number {
    return this.#parties.size;
  }

  /** The party of a player, if it is in one. */
  find(playerId: number): Party | undefined {
    return this.#ofPlayer.get(playerId);
  }

  /**
   * The players who queue together with a player, itself included: for `matchmaking`.
   *
   * @throws {Refused} `PERMISSION_DENIED` when another leads its party, `INVALID_STATE` when a member is not in the world.
   */
  groupOf(player: Player): readonly Player[] {
    const party = this.#ofPlayer.get(player.playerId);
    if (party === undefined) return [player];
    if (party.leader !== player) {
      throw new Refused(ErrorCode.PERMISSION_DENIED, "Only the leader of a party can do this");
    }
    const absent = party.members.find(({ isInWorld }) => !isInWorld);
    if (absent !== undefined) throw new Refused(ErrorCode.INVALID_STATE, `${absent.name} is not in the world`);
    return [...party.members];
  }

  /** Has something called whenever the members of a party change. */
  onChange(listener: PartyListener): void {
    this.#listeners.push(listener);
  }

  /** All of them, as the next life of the game takes them. */
  #image(): KeptParties {
    return {
      lastPartyId: this.#lastPartyId,
      parties: Array.from(this.#parties.values(), ({ partyId, leader, members, invites }) => ({
        partyId,
        leaderId: leader.playerId,
        memberIds: members.map(({ playerId }) => playerId),
        invites: [...invites],
      })),
    };
  }

  #restore(before: KeptParties | undefined): void {
    this.#lastPartyId = before?.lastPartyId ?? 0;
    for (const { partyId, leaderId, memberIds, invites } of before?.parties ?? []) {
      const members = memberIds.flatMap((playerId) => this.#game.players.find(playerId) ?? []);
      if (members.length === 0) continue;
      const leader = members.find(({ playerId }) => playerId === leaderId) ?? members[0];
      // They are the leader's, and end with it.
      const stillOpen = leader.playerId === leaderId ? invites : [];
      const party: OpenParty = { partyId, leader, members, invites: new Map(stillOpen) };
      this.#parties.set(partyId, party);
      for (const { playerId } of members) this.#ofPlayer.set(playerId, party);
      for (const [playerId] of stillOpen) {
        this.#inviting.set(playerId, (this.#inviting.get(playerId) ?? new Set()).add(party));
      }
    }
  }

  // Requests

  async #invite(player: Player, playerName: string) {
    const { gate } = this.#contacts;
    gate.checkMayWrite(player);
    const { playerId, name } = await this.#game.players.lookUp(playerName, player.asker);
    if (player.isOver) throw new Refused(ErrorCode.INVALID_STATE, "You have logged out");
    if (playerId === player.playerId) throw new Refused(ErrorCode.TARGET_INVALID, "You cannot invite yourself");
    const own = this.#ofPlayer.get(player.playerId);
    if (own !== undefined) {
      this.#ledBy(player);
      if (own.members.some((member) => member.playerId === playerId)) {
        throw new Refused(ErrorCode.ALREADY_EXISTS, "The player is in your party already");
      }
      if (own.invites.has(playerId)) throw new Refused(ErrorCode.ALREADY_EXISTS, "The player is invited already");
      if (own.invites.size >= PARTY_INVITES_MAX) {
        throw new Refused(ErrorCode.OUT_OF_RANGE, "Too many invitations are still open");
      }
      this.#checkRoom(own);
    }
    // Those of players it ignores do not keep others out.
    const waiting = [...this.#inviting.get(playerId) ?? []].filter(({ leader }) =>
      gate.mayHear(playerId, leader.playerId)
    );
    if (waiting.length >= PARTY_INVITES_PER_PLAYER_MAX && gate.mayHear(playerId, player.playerId)) {
      throw new Refused(ErrorCode.OUT_OF_RANGE, "The player has too many invitations");
    }
    // Whether it is online, or wants to hear of the inviter, is not told: neither is an invitation that nobody answers.
    gate.takeNotice(player.playerId, playerTarget(nameKey(name)));
    const party = own ?? this.#found(player);
    party.invites.set(playerId, {
      expiresAtMs: this.#game.nowMs + PARTY_INVITE_LIFETIME_MS,
      nameKey: nameKey(name),
    });
    const inviting = this.#inviting.get(playerId) ?? new Set();
    this.#inviting.set(playerId, inviting.add(party));
    const invited = this.#game.players.find(playerId);
    if (invited !== undefined) this.#tellInvite(invited, party);
    return {};
  }

  #join(player: Player, partyId: number) {
    const party = this.#inviterOf(player, partyId);
    const own = this.#ofPlayer.get(player.playerId);
    if (own !== undefined && own.members.length > 1) {
      throw new Refused(ErrorCode.ALREADY_EXISTS, "You are in a party already");
    }
    this.#checkRoom(party);
    // A party of its own in which nobody else is yet.
    if (own !== undefined) this.#end(own, player);
    this.#withdraw(party, player.playerId);
    const before = [...party.members];
    party.members.push(player);
    this.#ofPlayer.set(player.playerId, party);
    this.#tell(party, PartyChange.JOINED, player);
    this.#notify([...before, player]);
    return {};
  }

  #decline(player: Player, partyId: number) {
    const party = this.#inviterOf(player, partyId);
    this.#withdraw(party, player.playerId);
    const state = create(PartyStateSchema, stateOf(party, PartyChange.DECLINED, player));
    const payload = toBinary(PartyStateSchema, state);
    this.#contacts.delivery.deliver({ senderId: player.playerId, type: PARTY_STATE, payload }, [party.leader]);
    this.#endIfAlone(party);
    return {};
  }

  #kick(player: Player, playerName: string) {
    const party = this.#ledBy(player), key = nameKey(playerName);
    const member = memberOf(party, key);
    if (member === player) throw new Refused(ErrorCode.TARGET_INVALID, "Leave the party instead");
    if (member !== undefined) {
      this.#remove(party, member, PartyChange.KICKED);
      return {};
    }
    const [invitedId] = [...party.invites].find(([, invite]) => invite.nameKey === key) ?? [];
    if (invitedId === undefined) throw new Refused(ErrorCode.NOT_FOUND, "The player is not in your party");
    this.#withdraw(party, invitedId);
    this.#endIfAlone(party);
    return {};
  }

  #handOver(player: Player, playerName: string) {
    const party = this.#ledBy(player);
    const member = memberOf(party, nameKey(playerName));
    if (member === undefined) throw new Refused(ErrorCode.NOT_FOUND, "The player is not in your party");
    if (member === player) throw new Refused(ErrorCode.TARGET_INVALID, "You lead the party already");
    // It can be done again and again, and all members hear of it.
    this.#contacts.gate.takeNotice(player.playerId, "");
    this.#lead(party, member);
    this.#tell(party, PartyChange.LED, member);
    this.#notify(party.members);
    return {};
  }

  // Parties

  #found(leader: Player): OpenParty {
    const party: OpenParty = { partyId: ++this.#lastPartyId, leader, members: [leader], invites: new Map() };
    this.#parties.set(party.partyId, party);
    this.#game.metric("parties").set(this.count);
    this.#ofPlayer.set(leader.playerId, party);
    this.#tell(party, PartyChange.FOUNDED, leader);
    this.#notify(party.members);
    return party;
  }

  /** A member is no longer in the party. When the leader goes, the member who has been there longest leads. */
  #remove(party: OpenParty, player: Player, change: PartyChange): void {
    const before = [...party.members];
    party.members = before.filter((member) => member !== player);
    this.#ofPlayer.delete(player.playerId);
    player.tell(PartyStateSchema, { change, playerName: player.name });
    if (party.members.length === 0) {
      this.#forget(party);
    } else {
      if (party.leader === player) {
        this.#lead(party, party.members.find(({ isLinkDead }) => !isLinkDead) ?? party.members[0]);
      }
      this.#tell(party, change, player);
      this.#endIfAlone(party);
    }
    this.#notify(before);
  }

  /** Invitations end with the right to invite of who made them. */
  #lead(party: OpenParty, leader: Player): void {
    party.leader = leader;
    this.#withdrawAll(party);
  }

  /** Somebody who entered elsewhere has its place back. */
  #return(player: Player): void {
    const party = this.#ofPlayer.get(player.playerId);
    if (!this.#replaced.delete(player.playerId) || party === undefined) return;
    const before = party.members.find(({ playerId }) => playerId === player.playerId)!;
    party.members = party.members.map((member) => member === before ? player : member);
    if (party.leader === before) party.leader = player;
    this.#restless.add(party);
  }

  /** The session of a player is over. */
  #drop({ playerId }: Player): void {
    const party = this.#ofPlayer.get(playerId), member = party?.members.find((member) => member.playerId === playerId);
    if (member !== undefined) this.#remove(party!, member, PartyChange.LEFT);
  }

  #endIfAlone(party: OpenParty): void {
    if (party.members.length === 1 && party.invites.size === 0) this.#end(party, party.leader);
  }

  #end(party: OpenParty, player: Player): void {
    const { members } = party;
    party.members = [];
    this.#forget(party);
    for (const { playerId } of members) this.#ofPlayer.delete(playerId);
    this.#game.players.tell(members, PartyStateSchema, { change: PartyChange.DISBANDED, playerName: player.name });
    this.#notify(members);
  }

  #forget(party: OpenParty): void {
    this.#parties.delete(party.partyId);
    this.#game.metric("parties").set(this.count);
    this.#restless.delete(party);
    this.#withdrawAll(party);
  }

  #withdrawAll(party: OpenParty): void {
    for (const playerId of [...party.invites.keys()]) this.#withdraw(party, playerId);
  }

  #withdraw(party: OpenParty, playerId: number): void {
    party.invites.delete(playerId);
    const inviting = this.#inviting.get(playerId);
    inviting?.delete(party);
    if (inviting?.size === 0) this.#inviting.delete(playerId);
  }

  #sweep(): void {
    const { nowMs } = this.#game;
    for (const playerId of this.#replaced) {
      const gone = this.#ofPlayer.get(playerId)?.members.find((member) => member.playerId === playerId);
      if (gone !== undefined) this.#drop(gone);
    }
    this.#replaced.clear();
    for (const party of this.#restless) this.#game.players.tell(party.members, PartyStateSchema, stateOf(party));
    this.#restless.clear();
    for (const [playerId, inviting] of this.#inviting) {
      for (const party of inviting) {
        if (nowMs < party.invites.get(playerId)!.expiresAtMs) continue;
        this.#withdraw(party, playerId);
        this.#endIfAlone(party);
      }
    }
  }

  /** Connections that come and go are told once a second at most. */
  #onConnection({ playerId }: Player): void {
    const party = this.#ofPlayer.get(playerId);
    if (party !== undefined) this.#restless.add(party);
  }

  // What players are told

  #tellInvites(player: Player): void {
    for (const party of this.#inviting.get(player.playerId) ?? []) this.#tellInvite(player, party);
  }

  #tellInvite(player: Player, { partyId, leader, invites }: OpenParty): void {
    const { expiresAtMs } = invites.get(player.playerId)!;
    const invite = create(PartyInviteSchema, {
      partyId: BigInt(partyId),
      inviterId: BigInt(leader.playerId),
      inviterName: leader.name,
      lifetimeMs: Math.max(0, Math.round(expiresAtMs - this.#game.nowMs)),
    });
    const payload = toBinary(PartyInviteSchema, invite);
    this.#contacts.delivery.deliver({ senderId: leader.playerId, type: PARTY_INVITE, payload }, [player]);
  }

  #tell(party: OpenParty, change: PartyChange, player: Player): void {
    this.#restless.delete(party);
    this.#game.players.tell(party.members, PartyStateSchema, stateOf(party, change, player));
  }

  #notify(players: readonly Player[]): void {
    this.#game.faults.notify("parties", this.#listeners, players);
  }

  // What is asked first

  #partyOf({ playerId }: Player): OpenParty {
    const party = this.#ofPlayer.get(playerId);
    if (party === undefined) throw new Refused(ErrorCode.NOT_FOUND, "You are not in a party");
    return party;
  }

  #ledBy(player: Player): OpenParty {
    const party = this.#partyOf(player);
    if (party.leader === player) return party;
    throw new Refused(ErrorCode.PERMISSION_DENIED, "Only the leader of a party can do this");
  }

  #inviterOf({ playerId }: Player, partyId: number): OpenParty {
    const party = this.#parties.get(partyId), invite = party?.invites.get(playerId);
    if (party !== undefined && invite !== undefined && this.#game.nowMs < invite.expiresAtMs) return party;
    throw new Refused(ErrorCode.NOT_FOUND, "This party has not invited you");
  }

  #checkRoom({ members }: Party): void {
    if (members.length < this.#membersMax) return;
    throw new Refused(ErrorCode.SERVER_FULL, `A party has at most ${this.#membersMax} members`);
  }
}

function memberOf({ members }: Party, key: string): Player | undefined {
  return members.find(({ name }) => nameKey(name) === key);
}

function stateOf(
  { partyId, leader, members }: Party,
  change = PartyChange.NONE,
  player?: Player,
): MessageInitShape<typeof PartyStateSchema> {
  return {
    partyId: BigInt(partyId),
    leaderId: BigInt(leader.playerId),
    members: members.map(({ playerId, name, isLinkDead }) => ({
      playerId: BigInt(playerId),
      name,
      linkDead: isLinkDead,
    })),
    change,
    playerName: player?.name ?? "",
  };
}

/** A few players who play together for a while. */
export const parties = definePart(
  "parties",
  (game, options: PartyOptions) => new PartyService(game, options),
  { parties: { kind: "gauge", help: "Parties" } },
);
