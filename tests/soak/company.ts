/**
 * A company of players that does one thing after the other, each with what the database must show once it has been
 * acknowledged. The server dies in between: then it shows either what was before the last thing, or what is after it.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { DrawbridgeClient } from "../../client/browser.ts";
import type { Packets, RequestSchema } from "../../client/browser.ts";
import type { ReceivedMessage, ReceiveType } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Prng } from "../../server/world/prng.ts";
import { LogoutRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomCreateRequestSchema, RoomLeaveRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInviteRequestSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  GuildRank,
  GuildSetRankRequestSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  FriendAnswerSchema,
  FriendRemoveSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreRemoveSchema,
} from "../../games/parts/friends/friends_pb.ts";
import type { ServerPorts, TestPlayer } from "../support/server_process.ts";
import type { CompanyState, SavedState } from "./saved_state.ts";

/** Longer than a busy machine needs: waiting this long means a fault. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Guilds, and accounts that come by and by, are named by a number. */
const NUMBER_DIGITS = 5;
/** More is forgotten by the server, oldest first. */
const WHISPERS_MAX = 40;
/** Of one player; the server refuses more than its own bound. */
const IGNORED_MAX = 40;

interface Member {
  readonly name: string;
  readonly token: string;
  readonly client: DrawbridgeClient;
  x: number;
  z: number;
  movementNumber: number;
}

/** One thing to do: `next` is what holds once it is acknowledged. */
interface Deed {
  readonly what: string;
  readonly next: CompanyState;
  readonly run: () => Promise<void>;
}

/** A company, over many lives of its server. */
export class Company {
  readonly prefix: string;
  readonly #accounts: readonly TestPlayer[];
  readonly #prng: Prng;
  #state: CompanyState;
  /** What was under way when the server died. */
  #open: Deed | null = null;
  #members: Member[] = [];
  /** A connection without a player, that makes accounts. */
  #registrar: DrawbridgeClient | null = null;
  #invites: { readonly player: string; readonly guild: string; readonly guildId: number }[] = [];
  /** Those that may have ended, until the server is started anew. */
  #doubtful: { readonly player: string; readonly guild: string }[] = [];
  #number = 0;
  deedCount = 0;

  /** @param accounts Four or more, whose names begin with `prefix`. */
  constructor(prefix: string, accounts: readonly TestPlayer[], prng: Prng) {
    this.prefix = prefix;
    this.#accounts = accounts;
    this.#prng = prng;
    const names = accounts.map(({ name }) => name).sort();
    this.#state = { accounts: names, places: {}, guilds: {}, requests: [], friends: [], ignored: [], whispers: {} };
  }

  /** Compares what is on disk with what was acknowledged; gives what is wrong. */
  judge(saved: SavedState): string[] {
    const actual = saved.company(this.prefix);
    const candidates = this.#open === null ? [this.#state] : [this.#state, this.#open.next];
    const isRight = candidates.some((state) => canonical(state) === canonical(actual));
    const wrong = isRight ? [] : [
      `${this.prefix}: after ${this.#open?.what ?? "nothing"} was under way\n` +
      candidates.map((state) => `  expected ${canonical(state)}`).join("\n") + `\n  found    ${canonical(actual)}`,
    ];
    this.#state = actual;
    this.#open = null;
    this.#doubtful = [];
    this.#invites = this.#accounts.flatMap(({ name }) =>
      saved.invitesOf(name).map((invite) => ({ player: name, ...invite }))
    );
    return wrong;
  }

  /** Connects everyone and enters the world. */
  async enter(ports: ServerPorts): Promise<void> {
    this.#registrar = clientOf(ports.login);
    this.#members = this.#accounts.map(({ name, token }) => ({
      name,
      token,
      client: clientOf(ports.game),
      x: 0,
      z: 0,
      movementNumber: 0,
    }));
    await this.#registrar.open();
    await Promise.all(this.#members.map(async (member) => {
      await member.client.open();
      await enterWorld(member);
    }));
  }

  /**
   * Does one thing after the other until the server is gone.
   *
   * @param isGone Whether it was killed: only then may a request fail.
   * @throws {Error} when the server refuses what it must not, or fails while it lives.
   */
  async act(isGone: () => boolean): Promise<void> {
    while (!isGone()) {
      const deed = this.#choose();
      this.#open = deed;
      try {
        await deed.run();
      } catch (error) {
        if (isGone()) break;
        throw new Error(`${this.prefix} cannot ${deed.what}: ${(error as Error).message}`, { cause: error });
      }
      this.#state = deed.next;
      this.#open = null;
      this.deedCount++;
    }
  }

  /** Closes what is left of the connections. */
  async leave(): Promise<void> {
    await Promise.all([...this.#members.map(({ client }) => client.close()), this.#registrar?.close()]);
    this.#members = [];
    this.#registrar = null;
  }

  #choose(): Deed {
    for (;;) {
      const makers = [
        this.#walk,
        this.#befriend,
        this.#guild,
        this.#guild,
        this.#ignore,
        this.#whisper,
        this.#register,
      ];
      const deed = makers[this.#prng.nextInt(makers.length)].call(this);
      if (deed !== null) return deed;
    }
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#prng.nextInt(list.length)];
  }

  #two(): [Member, Member] {
    const first = this.#pick(this.#members);
    return [first, this.#pick(this.#members.filter((member) => member !== first))];
  }

  #nextName(kind: string): string {
    return `${this.prefix}${kind}${String(++this.#number).padStart(NUMBER_DIGITS, "0")}`;
  }

  /** A copy of the state with a change. */
  #with(change: (state: CompanyState) => void): CompanyState {
    const next = structuredClone(this.#state);
    change(next);
    return next;
  }

  /** Walks a step and logs out: then the place is saved. */
  #walk(): Deed {
    const member = this.#pick(this.#members);
    const x = Math.round(member.x * 100 + (member.x > 500 ? -7 : 7)) / 100;
    const z = Math.round(member.z * 100 + (member.z > 500 ? -5 : 5)) / 100;
    return {
      what: `walk with ${member.name}`,
      next: this.#with(({ places }) => places[member.name] = [Math.round(x * 100), Math.round(z * 100)]),
      run: async () => {
        member.client.send(MovementUpdateSchema, {
          position: { x, y: 0, z },
          velocity: {},
          rotation: {},
          timestamp: BigInt(Date.now()),
          sequenceNumber: ++member.movementNumber,
        });
        await ask(member, LogoutRequestSchema, {});
        // What follows may fail without a trace: the place is saved.
        await enterWorld(member).catch(() => {});
      },
    };
  }

  #befriend(): Deed | null {
    const [member, { name: to }] = this.#two();
    const from = member.name;
    const pair = [from, to].sort().join("=");
    if (this.#state.friends.includes(pair)) {
      return {
        what: `end ${pair}`,
        next: this.#with((state) => state.friends = without(state.friends, pair)),
        run: () => ask(member, FriendRemoveSchema, { playerName: to }),
      };
    }
    const asked = `${to}>${from}`;
    if (this.#state.requests.includes(asked)) {
      const accept = this.#prng.nextInt(3) > 0;
      return {
        what: `answer ${asked}`,
        next: this.#with((state) => {
          state.requests = without(state.requests, asked);
          if (accept) state.friends.push(pair);
        }),
        run: () => ask(member, FriendAnswerSchema, { playerName: to, accept }),
      };
    }
    if (this.#state.requests.includes(`${from}>${to}`)) return null;
    return {
      what: `request ${from}>${to}`,
      next: this.#with((state) => state.requests.push(`${from}>${to}`)),
      run: () => ask(member, FriendRequestSchema, { playerName: to }),
    };
  }

  /** Ignores players who never play, so that nothing else depends on it. */
  #ignore(): Deed | null {
    const member = this.#pick(this.#members);
    const others = this.#state.accounts.filter((name) => this.#members.every((each) => each.name !== name)).slice(-3);
    if (others.length === 0) return null;
    const own = this.#state.ignored.filter((pair) => pair.startsWith(`${member.name}!`));
    const pair = own.length < IGNORED_MAX ? `${member.name}!${this.#pick(others)}` : this.#pick(own);
    const [, other] = pair.split("!");
    const isIgnored = own.includes(pair);
    return {
      what: `${isIgnored ? "not " : ""}ignore ${pair}`,
      next: this.#with((state) => {
        if (isIgnored) state.ignored = without(state.ignored, pair);
        else state.ignored.push(pair);
      }),
      run: () => ask(member, isIgnored ? IgnoreRemoveSchema : IgnoreAddSchema, { playerName: other }),
    };
  }

  #guild(): Deed | null {
    const member = this.#pick(this.#members);
    const own = Object.entries(this.#state.guilds).find(([, members]) => member.name in members);
    if (own === undefined) return this.#joinOrFound(member);
    const [guild, members] = own;
    const rank = members[member.name];
    const lower = Object.keys(members).filter((name) => members[name] < rank);
    const free = this.#members.filter(({ name }) =>
      Object.values(this.#state.guilds).every((each) => !(name in each)) &&
      ![...this.#invites, ...this.#doubtful].some((invite) => invite.player === name && invite.guild === guild)
    );
    const choice = this.#prng.nextInt(4);
    if (choice === 0 && rank > GuildRank.MEMBER && free.length > 0) {
      return this.#invite(member, guild, this.#pick(free));
    }
    if (choice === 1 && rank > GuildRank.MEMBER && lower.length > 0) {
      const target = this.#pick(lower);
      return {
        what: `kick ${target} from ${guild}`,
        next: this.#with(({ guilds }) => delete guilds[guild][target]),
        run: () => {
          this.#dropInvites(guild);
          return ask(member, GuildKickRequestSchema, { playerName: target });
        },
      };
    }
    if (choice === 2 && rank === GuildRank.LEADER && lower.length > 0) {
      const target = this.#pick(lower);
      const newRank = this.#pick(
        [GuildRank.MEMBER, GuildRank.OFFICER, GuildRank.LEADER].filter((each) => each !== members[target]),
      );
      return {
        what: `make ${target} ${newRank} in ${guild}`,
        next: this.#with(({ guilds }) => {
          guilds[guild][target] = newRank;
          // There is one leader: who was it becomes an officer.
          if (newRank === GuildRank.LEADER) guilds[guild][member.name] = GuildRank.OFFICER;
        }),
        run: () => {
          this.#dropInvites(guild);
          return told(member, PacketType.GUILD_INFO_RESPONSE, () => true, () => {
            member.client.send(GuildSetRankRequestSchema, { playerName: target, rank: newRank });
          });
        },
      };
    }
    const isAlone = Object.keys(members).length === 1;
    if (choice === 3 && (rank < GuildRank.LEADER || isAlone)) {
      return {
        what: `leave ${guild} with ${member.name}`,
        next: this.#with(({ guilds }) => {
          delete guilds[guild][member.name];
          if (isAlone) delete guilds[guild];
        }),
        run: async () => {
          this.#dropInvites(guild);
          await ask(member, GuildLeaveRequestSchema, {});
        },
      };
    }
    return null;
  }

  /**
   * Invitations end with the right of who made them, which is not kept here: none of the guild's is taken any more, and
   * nobody who may still have one is invited again.
   */
  #dropInvites(guild: string): void {
    this.#doubtful.push(...this.#invites.filter((invite) => invite.guild === guild));
    this.#invites = this.#invites.filter((invite) => invite.guild !== guild);
  }

  #joinOrFound(member: Member): Deed {
    const invite = this.#invites.find(({ player }) => player === member.name);
    if (invite !== undefined) {
      return {
        what: `join ${invite.guild}, which is ${invite.guildId}, with ${member.name}`,
        next: this.#with(({ guilds }) => guilds[invite.guild][member.name] = GuildRank.MEMBER),
        run: async () => {
          await ask(member, GuildJoinRequestSchema, { guildId: BigInt(invite.guildId), accept: true });
          this.#invites = this.#invites.filter(({ player }) => player !== member.name);
        },
      };
    }
    const guild = this.#nextName("g");
    // Hexadecimal digits do not look like each other, as 1 and l do.
    const tag = this.prefix.slice(-1) + this.#number.toString(16);
    return {
      what: `found ${guild} with ${member.name}`,
      next: this.#with(({ guilds }) => guilds[guild] = { [member.name]: GuildRank.LEADER }),
      run: () => ask(member, GuildCreateRequestSchema, { name: guild, tag }),
    };
  }

  #invite(member: Member, guild: string, target: Member): Deed {
    return {
      what: `invite ${target.name} to ${guild}`,
      next: this.#state,
      run: async () => {
        const noticed = new Promise<number>((resolve) => {
          const stop = target.client.on(PacketType.GUILD_INVITE_NOTICE, ({ guildId, guildName }) => {
            // A player who has just come is told of older invitations, too.
            if (guildName !== guild) return;
            stop();
            resolve(Number(guildId));
          });
          target.client.onState((state) => state === "closed" && resolve(0));
        });
        await ask(member, GuildInviteRequestSchema, { playerName: target.name });
        this.#invites.push({ player: target.name, guild, guildId: await noticed });
      },
    };
  }

  /** A whisper to someone who never plays: once the sender is shown it, it is kept. */
  #whisper(): Deed | null {
    const member = this.#pick(this.#members);
    const others = this.#state.accounts.filter((name) => this.#members.every((each) => each.name !== name));
    const recipient = others.findLast((name) => (this.#state.whispers[name]?.length ?? 0) < WHISPERS_MAX);
    if (recipient === undefined || this.#state.ignored.includes(`${recipient}!${member.name}`)) return null;
    const message = this.#nextName("w");
    return {
      what: `whisper ${message} to ${recipient}`,
      next: this.#with(({ whispers }) => (whispers[recipient] ??= []).push(message)),
      run: () =>
        told(member, PacketType.CHAT_MESSAGE, (chat) => chat.message === message, () => {
          member.client.send(ChatMessageSchema, { channel: Channel.WHISPER, message, recipientName: recipient });
        }),
    };
  }

  /** Makes an account, beside some noise in memory: a room that comes and goes. */
  #register(): Deed | null {
    if (this.#prng.nextInt(3) > 0) return null;
    const member = this.#pick(this.#members);
    const name = this.#nextName("n");
    return {
      what: `register ${name}`,
      next: this.#with(({ accounts }) => accounts.push(name)),
      run: async () => {
        const [{ success, errorCode }, { room }] = await Promise.all([
          this.#registrar!.register(name, "correct horse"),
          member.client.request(RoomCreateRequestSchema, { name }),
        ]);
        if (!success) throw new Error(`error ${errorCode}`);
        const roomId = room?.roomId;
        if (roomId !== undefined) await member.client.request(RoomLeaveRequestSchema, { roomId });
      },
    };
  }
}

function clientOf(port: number): DrawbridgeClient {
  return new DrawbridgeClient({
    connect: () => connectTcp({ port, lingerMs: 0 }),
    reconnect: false,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    // Answers to what was under way when the server died are nobody's.
    onError: () => {},
  });
}

async function enterWorld(member: Member): Promise<void> {
  const entry = await member.client.enterWorld({ token: member.token });
  if (!entry.success) throw new Error(`${member.name} cannot enter: error ${entry.errorCode}`);
  member.x = entry.spawnPosition?.x ?? 0;
  member.z = entry.spawnPosition?.z ?? 0;
  member.movementNumber = 0;
}

/** Asks; anything but success is an error. */
async function ask<D extends RequestSchema>(member: Member, schema: D, message: MessageInitShape<D>): Promise<void> {
  const { success, errorCode } = await member.client.request(schema, message) as {
    success: boolean;
    errorCode: number;
  };
  if (!success) throw new Error(`error ${errorCode}`);
}

/** Sends what has no response of its own, and resolves with the packet that shows that it was done. */
function told<T extends ReceiveType<Packets>>(
  { client }: Member,
  type: T,
  isAnswer: (message: ReceivedMessage<Packets, T>) => boolean,
  send: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      for (const stop of stops) stop();
      settle();
    };
    const stops = [
      client.on(type, (message) => isAnswer(message) && end(resolve)),
      client.on(PacketType.ERROR_RESPONSE, ({ message }) => end(() => reject(new Error(message)))),
      client.onState((state) => state === "closed" && end(() => reject(new Error("The connection is closed")))),
    ];
    send();
  });
}

function without(list: readonly string[], item: string): string[] {
  return list.filter((each) => each !== item);
}

/** The same text for the same state, whatever the order it came about in; whispers have an order. */
function canonical(state: CompanyState): string {
  const sorted = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, each]) => [key, sorted(each)]),
    );
  };
  const { accounts, requests, friends, ignored, ...rest } = state;
  const sets = { accounts, requests, friends, ignored };
  return JSON.stringify(sorted({
    ...rest,
    ...Object.fromEntries(Object.entries(sets).map(([key, list]) => [key, [...list].sort()])),
  }));
}
