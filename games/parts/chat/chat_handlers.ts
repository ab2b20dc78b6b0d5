/**
 * Chat: GLOBAL, AREA, GUILD, PARTY, ROOM, WHISPER.
 *
 * @module
 */

import { packetTypeOf } from "../../../shared/contract.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { Channel, type ChatMessage, ChatMessageSchema } from "./chat_pb.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { CHAT_BYTES_MAX } from "./limits.ts";
import { cleanText, textProblem } from "../../../shared/player_text.ts";
import {
  Counter,
  definePart,
  type Game,
  type Player,
  type Question,
  Refused,
  type Topic,
} from "../../../server/game/game.ts";
import { nameKey } from "../../../server/game/kit.ts";
import { MutedForFloodingSchema, WhisperAnswerSchema, WhisperResult, WhisperToOtherSchema } from "./chat_bus_pb.ts";
import type { Saying } from "./chat_delivery.ts";
import { type Contacts, contactsOf } from "./contacts.ts";
import { type Audience, EVERYBODY } from "./elsewhere.ts";
import type { GuildService } from "../guilds/guild_handlers.ts";
import { guildAudience } from "../guilds/guild_members.ts";
import type { PartyService } from "../parties/parties.ts";
import type { RoomService } from "../rooms/room_handlers.ts";
import type { SocialService } from "../friends/social_handlers.ts";

const CHAT_MESSAGE = packetTypeOf(ChatMessageSchema);

const UTF8 = new TextEncoder();

/**
 * Brings the text of a chat message into the form that others read.
 *
 * @throws {Refused} `INVALID_PACKET` when {@linkcode cleanText} finds a problem, or it is over
 * {@linkcode CHAT_BYTES_MAX} bytes of UTF-8.
 */
export function readChatText(raw: string): string {
  const clean = cleanText(raw);
  if ("problem" in clean) {
    throw new Refused(ErrorCode.INVALID_PACKET, `The message ${textProblem(clean.problem)}`);
  }
  const byteCount = UTF8.encode(clean.text).length;
  if (byteCount > CHAT_BYTES_MAX) {
    throw new Refused(
      ErrorCode.INVALID_PACKET,
      `The message is ${byteCount} bytes, limit is ${CHAT_BYTES_MAX} bytes`,
    );
  }
  return clean.text;
}

/** Who knows who is where. A part that the game leaves out is a channel that it does not have. */
export interface ChatServices {
  /** Ignore lists, and whispers that are kept for those who are away. */
  readonly friends?: SocialService;
  readonly guilds?: Pick<GuildService, "find" | "load" | "membersOnline">;
  readonly parties?: Pick<PartyService, "find">;
  readonly rooms?: Pick<RoomService, "say">;
}

/** What was asked for, and what becomes of it. */
interface Whisper {
  readonly request: ChatMessage;
  readonly message: ChatMessage;
}

/** What is said to many, and who hears it. */
interface Speech {
  readonly message: ChatMessage;
  /** By this name, those who hear the same. */
  readonly audience: string;
  readonly hearerCount: number;
  /** Asked when it is heard. */
  readonly hearers: () => Iterable<Player>;
  /** Those of other servers. */
  readonly others?: Audience;
}

/** What players say to each other. */
class ChatService {
  readonly #game: Game;
  readonly #services: ChatServices;
  readonly #contacts: Contacts;
  readonly #whispersToOthers: Question<typeof WhisperToOtherSchema, typeof WhisperAnswerSchema>;
  readonly #mutes: Topic<typeof MutedForFloodingSchema>;
  readonly #nearby: Int32Array;

  constructor(game: Game, services: ChatServices) {
    const contacts = contactsOf(game, services.friends), { guard } = contacts;
    this.#game = game;
    this.#services = services;
    this.#contacts = contacts;
    this.#nearby = new Int32Array(game.world.slotCount);
    this.#whispersToOthers = game.bus.question(WhisperToOtherSchema, WhisperAnswerSchema);
    this.#whispersToOthers.answer(({ whisper }) => ({ result: this.#hearFromOther(whisper) }));
    this.#mutes = game.bus.topic(MutedForFloodingSchema);
    // By the date: one that is said again later mutes nobody.
    this.#mutes.on(({ playerId, endsAt }) =>
      guard.mute(Number(playerId), Number(endsAt) - game.clock.unixMs(), game.nowMs)
    );
    game.hooks.forgive((playerId) => {
      const wasMuted = guard.mutedForMs(playerId, game.nowMs) > 0;
      guard.forgive(playerId);
      return wasMuted;
    });
    game.hooks.announce((text, explanation) => this.#announce(text, explanation));
    game.on(ChatMessageSchema, (player, request) => this.#say(player, request));
  }

  #announce(text: string, explanation?: ChatMessage["explanation"]): number {
    const { clock, config, players } = this.#game;
    return players.tell(players.online, ChatMessageSchema, {
      senderName: config.serverName,
      channel: Channel.SYSTEM,
      message: text,
      timestamp: BigInt(clock.unixMs()),
      messageId: this.#contacts.delivery.nextMessageId(),
      explanation,
    });
  }

  #say(player: Player, request: ChatMessage): void | Promise<void> {
    const { guilds, parties, rooms } = this.#services;
    const text = readChatText(request.message);
    this.#contacts.gate.checkMayWrite(player);
    if (this.#game.config.floodControl) this.#checkFlood(player, text);
    const message = create(ChatMessageSchema, {
      senderId: BigInt(player.playerId),
      senderName: player.name,
      channel: request.channel,
      message: text,
      timestamp: BigInt(this.#game.clock.unixMs()),
    });
    switch (request.channel) {
      case Channel.GLOBAL:
        return this.#sayToAll(message);
      case Channel.AREA:
        return this.#sayNearby(player, message);
      case Channel.WHISPER:
        return this.#whisper(player, request, message);
      case Channel.GUILD:
        if (guilds !== undefined) return this.#sayToGuild(guilds, player, message);
        break;
      case Channel.PARTY:
        if (parties !== undefined) return this.#sayToParty(parties, player, message);
        break;
      case Channel.ROOM:
        if (rooms !== undefined) return rooms.say(player, request.roomId, message);
        break;
    }
    throw new Refused(ErrorCode.UNSUPPORTED, "This channel is not supported");
  }

  #checkFlood(player: Player, text: string): void {
    const { clock, counters, log, nowMs } = this.#game;
    const { gate, guard } = this.#contacts;
    const { playerId } = player;
    const verdict = guard.judge(playerId, text, nowMs);
    if (verdict === "ok") return;
    counters.add(Counter.CHAT_REFUSED_FLOOD, 1);
    if (verdict === "too_fast") throw new Refused(ErrorCode.RATE_LIMITED, "You are writing too fast");
    if (verdict === "repeated") throw new Refused(ErrorCode.RATE_LIMITED, "You have said this often enough");
    const forMs = guard.mutedForMs(playerId, nowMs);
    log.info("Player muted for flooding chat", { playerId, seconds: forMs / 1_000 });
    this.#mutes.publish({ playerId: BigInt(playerId), endsAt: BigInt(Math.ceil(clock.unixMs() + forMs)) });
    gate.checkMayWrite(player);
  }

  /** At the pace of who hears it; what is said to many is numbered when they hear it. */
  #sayToMany({ message, audience, hearerCount, hearers, others }: Speech): void {
    const { delivery } = this.#contacts;
    delivery.fanOut.say({
      senderId: Number(message.senderId),
      audience,
      hearerCount,
      deliver: () => {
        const saying = sayingOf(this.#finish(message));
        if (others !== undefined) delivery.elsewhere.say(others, saying);
        return delivery.deliver(saying, hearers());
      },
    });
  }

  /** Numbers a message: it is heard now. */
  #finish(message: ChatMessage): ChatMessage {
    message.messageId = this.#contacts.delivery.nextMessageId();
    this.#game.counters.add(Counter.CHAT_MESSAGES, 1);
    return message;
  }

  #sayToAll(message: ChatMessage): void {
    const { players } = this.#game;
    this.#contacts.delivery.elsewhere.check();
    const hearers = () => players.online;
    this.#sayToMany({ message, audience: "all", hearerCount: players.onlineCount, hearers, others: EVERYBODY });
  }

  /** To everyone on the map within its interest radius, the sender among them. */
  #sayNearby(player: Player, message: ChatMessage): void {
    if (!player.isInWorld) throw new Refused(ErrorCode.INVALID_STATE, "Enter the world first");
    const { players, world } = this.#game;
    const { entityId } = player, map = world.mapOf(entityId);
    const area = {
      map,
      x: world.xOf(entityId),
      z: world.zOf(entityId),
      radius: map.interestRadius,
    };
    const count = world.entitiesInRadius(area, this.#nearby);
    const recipients: Player[] = [];
    for (let index = 0; index < count; index++) {
      const recipient = players.at(this.#nearby[index]);
      if (recipient !== undefined) recipients.push(recipient);
    }
    // Who stands in one square of that size hears the same, more or less.
    const square = `${Math.floor(area.x / area.radius)},${Math.floor(area.z / area.radius)}`;
    const hearers = () => recipients.filter(({ isInWorld }) => isInWorld);
    this.#sayToMany({ message, audience: `map ${map.mapId} ${square}`, hearerCount: recipients.length, hearers });
  }

  /** To every member of the sender's guild who is online. */
  async #sayToGuild(
    guilds: NonNullable<ChatServices["guilds"]>,
    player: Player,
    message: ChatMessage,
  ): Promise<void> {
    const { playerId } = player;
    // It is known since the login, or else the storage was down then.
    if (guilds.find(playerId) === undefined) await guilds.load(playerId, this.#game.storage.for(player.asker));
    const guild = guilds.find(playerId);
    if (guild == null) throw new Refused(ErrorCode.NOT_FOUND, "You are not in a guild");
    const { guildId } = guild;
    this.#contacts.delivery.elsewhere.check();
    const hearers = () => guilds.membersOnline(guildId);
    const others: Audience = { case: "guildId", value: BigInt(guildId) };
    this.#sayToMany({
      message,
      audience: guildAudience(guildId),
      hearerCount: hearers().length,
      hearers,
      others,
    });
  }

  /** To every member of the sender's party. */
  #sayToParty(
    parties: NonNullable<ChatServices["parties"]>,
    { playerId }: Player,
    message: ChatMessage,
  ): void {
    const party = parties.find(playerId);
    if (party === undefined) throw new Refused(ErrorCode.NOT_FOUND, "You are not in a party");
    // A player who has left it in the meantime is no longer heard in it.
    const hearers = () => parties.find(playerId) === party ? party.members : [];
    const audience = `party ${party.partyId}`;
    this.#sayToMany({ message, audience, hearerCount: party.members.length, hearers });
  }

  /**
   * To one player by id or, without one, by name; kept for one who is offline. The sender gets a copy, which shows that
   * there is such a player, and not whether it listens.
   */
  #whisper(player: Player, request: ChatMessage, message: ChatMessage): void | Promise<void> {
    const { players } = this.#game;
    const { recipientId, recipientName } = request;
    const recipient = recipientId !== 0n ? players.find(Number(recipientId)) : players.findByName(recipientName);
    if (recipient === undefined) return this.#whisperToAbsent(player, request, message);
    message.recipientId = BigInt(recipient.playerId);
    message.recipientName = recipient.name;
    this.#whisperTo(recipient, player, { request, message });
  }

  async #whisperToAbsent(player: Player, request: ChatMessage, message: ChatMessage): Promise<void> {
    const { players } = this.#game;
    const { recipientId, recipientName } = request;
    const { playerId, name } = recipientId !== 0n
      ? await players.lookUpId(recipientId, player.asker)
      : await players.lookUp(recipientName, player.asker);
    message.recipientId = BigInt(playerId);
    message.recipientName = name;
    const recipient = players.find(playerId);
    const whisper = { request, message };
    if (recipient !== undefined) return this.#whisperTo(recipient, player, whisper);
    const node = await players.nodeOf(playerId, player.asker);
    if (node === undefined || !await this.#whisperToOther(node, message)) await this.#keep(player, message);
    const deliver = () => (this.#finish(message), this.#confirmTo(player, whisper));
    this.#contacts.delivery.fanOut.tell({ senderId: Number(message.senderId), audience: "", hearerCount: 1, deliver });
  }

  /** To a player of another server, which says whether it has taken it; false: the player has left it. */
  async #whisperToOther(node: string, whisper: ChatMessage): Promise<boolean> {
    const { recipientId, senderId } = whisper;
    const audience = `player ${recipientId}`;
    this.#contacts.delivery.fanOut.check({ senderId: Number(senderId), audience, hearerCount: 1 });
    const { result } = await this.#whispersToOthers.ask(node, { whisper });
    if (result === WhisperResult.REFUSED) throw new Refused(ErrorCode.RATE_LIMITED, "There is too much chat right now");
    return result === WhisperResult.TAKEN;
  }

  /** What another server's player whispers to one of this. */
  #hearFromOther(whisper: ChatMessage | undefined): WhisperResult {
    const recipient = this.#game.players.find(Number(whisper?.recipientId ?? 0));
    if (whisper === undefined || recipient === undefined) return WhisperResult.ABSENT;
    try {
      this.#hearWhisper(recipient, whisper, () => 0);
      return WhisperResult.TAKEN;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return WhisperResult.REFUSED;
    }
  }

  async #keep(player: Player, message: ChatMessage): Promise<void> {
    const { gate } = this.#contacts, whispers = this.#services.friends?.whispers;
    if (whispers === undefined) throw new Refused(ErrorCode.NOT_FOUND, "The player is not online");
    gate.takeKeptWhisper(Number(message.senderId));
    const { kind } = await whispers.keep(message, player.asker);
    if (kind === "full") throw new Refused(ErrorCode.OUT_OF_RANGE, "Too many whispers are waiting already");
  }

  /** To the recipient, at its pace, and back to the sender. */
  #whisperTo(recipient: Player, player: Player, whisper: Whisper): void {
    const { message } = whisper;
    this.#hearWhisper(
      recipient,
      message,
      () => message.recipientId === message.senderId ? 0 : this.#confirmTo(player, whisper),
    );
  }

  /** @param confirm Called when it is heard; gives how many are told. */
  #hearWhisper(recipient: Player, message: ChatMessage, confirm: () => number): void {
    const { delivery } = this.#contacts, whispers = this.#services.friends?.whispers;
    delivery.fanOut.say({
      senderId: Number(message.senderId),
      audience: `player ${message.recipientId}`,
      hearerCount: 2,
      deliver: () => {
        const { playerId } = recipient, saying = sayingOf(this.#finish(message));
        // It may have gone, or come back, while this waited.
        const hearer = this.#game.players.find(playerId);
        if (hearer === undefined) whispers?.keepMissed(playerId, [saying]);
        else {
          delivery.deliver(saying, [hearer]);
          whispers?.secureNewest(hearer);
        }
        return 1 + confirm();
      },
    });
  }

  /** Ids are consecutive, so a player who whispers by id is not told the name: it could learn everybody's. */
  #confirmTo(player: Player, { request, message }: Whisper): number {
    const isNameKnown = nameKey(request.recipientName) === nameKey(message.recipientName);
    const { payload } = sayingOf(isNameKnown ? message : { ...message, recipientName: "" });
    player.send(CHAT_MESSAGE, payload);
    return 1;
  }
}

function sayingOf(message: ChatMessage): Saying {
  const payload = toBinary(ChatMessageSchema, message);
  return { senderId: Number(message.senderId), type: CHAT_MESSAGE, payload };
}

/** What players say to each other. */
export const chat = definePart<ChatServices | undefined>(
  "chat",
  (game, services = {}) => void new ChatService(game, services),
);
