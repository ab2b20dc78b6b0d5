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
import { Counter, definePart, type Game, type Player, Refused } from "../../../server/game/game.ts";
import { nameKey } from "../../../server/game/kit.ts";
import { MutedForFloodingSchema, WhisperAnswerSchema, WhisperResult, WhisperToOtherSchema } from "./chat_bus_pb.ts";
import type { Saying } from "./chat_delivery.ts";
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

/** Who knows who is where. */
export interface ChatServices {
  readonly guilds: Pick<GuildService, "find" | "load" | "membersOnline">;
  readonly parties: Pick<PartyService, "find">;
  readonly rooms: Pick<RoomService, "say">;
  readonly friends: SocialService;
}

/** What was asked for, and what becomes of it. */
interface Whisper {
  readonly request: ChatMessage;
  readonly message: ChatMessage;
}

/** Registers what players say to each other. */
function startChat(game: Game, services: ChatServices): void {
  const { guilds, parties, rooms, friends: social } = services;
  const { guard } = social;
  const { elsewhere } = social.delivery;
  const { config, players, world } = game;
  const whispersToOthers = game.bus.question(WhisperToOtherSchema, WhisperAnswerSchema);
  whispersToOthers.answer(({ whisper }) => {
    const recipient = players.find(Number(whisper?.recipientId ?? 0));
    if (whisper === undefined || recipient === undefined) return { result: WhisperResult.ABSENT };
    try {
      hearWhisper(recipient, whisper, () => 0);
      return { result: WhisperResult.TAKEN };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { result: WhisperResult.REFUSED };
    }
  });
  const mutes = game.bus.topic(MutedForFloodingSchema);
  // By the date: one that is said again later mutes nobody.
  mutes.on(({ playerId, endsAt }) => guard.mute(Number(playerId), Number(endsAt) - game.clock.unixMs(), game.nowMs));
  const nearby = new Int32Array(world.slotCount);

  game.hooks.forgive((playerId) => {
    const wasMuted = guard.mutedForMs(playerId, game.nowMs) > 0;
    guard.forgive(playerId);
    return wasMuted;
  });

  game.hooks.announce((text, explanation) =>
    players.tell(players.online, ChatMessageSchema, {
      senderName: config.serverName,
      channel: Channel.SYSTEM,
      message: text,
      timestamp: BigInt(game.clock.unixMs()),
      messageId: social.delivery.nextMessageId(),
      explanation,
    })
  );

  game.on(ChatMessageSchema, (player, request) => {
    const text = readChatText(request.message);
    social.gate.checkMayWrite(player);
    if (config.floodControl) checkFlood(player, text);
    const message = create(ChatMessageSchema, {
      senderId: BigInt(player.playerId),
      senderName: player.name,
      channel: request.channel,
      message: text,
      timestamp: BigInt(game.clock.unixMs()),
    });
    switch (request.channel) {
      case Channel.GLOBAL:
        elsewhere.check();
        sayToMany(message, "all", players.onlineCount, () => players.online, EVERYBODY);
        break;
      case Channel.AREA:
        sayNearby(player, message);
        break;
      case Channel.GUILD:
        return sayToGuild(player, message);
      case Channel.PARTY:
        sayToParty(player, message);
        break;
      case Channel.WHISPER:
        return whisper(player, request, message);
      case Channel.ROOM:
        rooms.say(player, request.roomId, message);
        break;
      default:
        throw new Refused(ErrorCode.UNSUPPORTED, "This channel is not supported");
    }
  });

  /** At the pace of who hears it; what is said to many is numbered when they hear it. */
  function sayToMany(
    message: ChatMessage,
    audience: string,
    hearerCount: number,
    hearers: () => Iterable<Player>,
    others?: Audience,
  ): void {
    social.delivery.fanOut.say({
      senderId: Number(message.senderId),
      audience,
      hearerCount,
      deliver: () => {
        const saying = sayingOf(finish(message));
        if (others !== undefined) elsewhere.say(others, saying);
        return social.delivery.deliver(saying, hearers());
      },
    });
  }

  /** Numbers a message: it is heard now. */
  function finish(message: ChatMessage): ChatMessage {
    message.messageId = social.delivery.nextMessageId();
    game.counters.add(Counter.CHAT_MESSAGES, 1);
    return message;
  }

  function checkFlood(player: Player, text: string): void {
    const nowMs = game.clock.monotonicMs();
    const { playerId } = player;
    const verdict = guard.judge(playerId, text, nowMs);
    if (verdict === "ok") return;
    game.counters.add(Counter.CHAT_REFUSED_FLOOD, 1);
    if (verdict === "too_fast") throw new Refused(ErrorCode.RATE_LIMITED, "You are writing too fast");
    if (verdict === "repeated") throw new Refused(ErrorCode.RATE_LIMITED, "You have said this often enough");
    const forMs = guard.mutedForMs(playerId, nowMs);
    game.log.info("Player muted for flooding chat", { playerId, seconds: forMs / 1_000 });
    mutes.publish({ playerId: BigInt(playerId), endsAt: BigInt(Math.ceil(game.clock.unixMs() + forMs)) });
    social.gate.checkMayWrite(player);
  }

  /** To everyone on the map within its interest radius, the sender among them. */
  function sayNearby(player: Player, message: ChatMessage): void {
    if (!player.isInWorld) throw new Refused(ErrorCode.INVALID_STATE, "Enter the world first");
    const { entityId } = player, map = world.mapOf(entityId);
    const area = {
      map,
      x: world.xOf(entityId),
      z: world.zOf(entityId),
      radius: map.interestRadius,
    };
    const count = world.entitiesInRadius(area, nearby);
    const recipients: Player[] = [];
    for (let index = 0; index < count; index++) {
      const recipient = players.at(nearby[index]);
      if (recipient !== undefined) recipients.push(recipient);
    }
    // Who stands in one square of that size hears the same, more or less.
    const square = `${Math.floor(area.x / area.radius)},${Math.floor(area.z / area.radius)}`;
    const stillThere = () => recipients.filter(({ isInWorld }) => isInWorld);
    sayToMany(message, `map ${map.mapId} ${square}`, recipients.length, stillThere);
  }

  /** To every member of the sender's guild who is online. */
  async function sayToGuild(player: Player, message: ChatMessage): Promise<void> {
    const { playerId } = player;
    // It is known since the login, or else the storage was down then.
    if (guilds.find(playerId) === undefined) await guilds.load(playerId, game.storage.for(player.asker));
    const guild = guilds.find(playerId);
    if (guild == null) throw new Refused(ErrorCode.NOT_FOUND, "You are not in a guild");
    const { guildId } = guild;
    elsewhere.check();
    const hearers = () => guilds.membersOnline(guildId);
    const others: Audience = { case: "guildId", value: BigInt(guildId) };
    sayToMany(message, guildAudience(guildId), hearers().length, hearers, others);
  }

  /** To every member of the sender's party. */
  function sayToParty({ playerId }: Player, message: ChatMessage): void {
    const party = parties.find(playerId);
    if (party === undefined) throw new Refused(ErrorCode.NOT_FOUND, "You are not in a party");
    // A player who has left it in the meantime is no longer heard in it.
    const hearers = () => parties.find(playerId) === party ? party.members : [];
    sayToMany(message, `party ${party.partyId}`, party.members.length, hearers);
  }

  /**
   * To one player by id or, without one, by name; kept for one who is offline. The sender gets a copy, which shows that
   * there is such a player, and not whether it listens.
   */
  function whisper(player: Player, request: ChatMessage, message: ChatMessage): void | Promise<void> {
    const { recipientId, recipientName } = request;
    const recipient = recipientId !== 0n ? players.find(Number(recipientId)) : players.findByName(recipientName);
    if (recipient === undefined) return whisperToAbsent(player, request, message);
    message.recipientId = BigInt(recipient.playerId);
    message.recipientName = recipient.name;
    whisperTo(recipient, player, { request, message });
  }

  async function whisperToAbsent(player: Player, request: ChatMessage, message: ChatMessage): Promise<void> {
    const { recipientId, recipientName } = request;
    const { playerId, name } = recipientId !== 0n
      ? await players.lookUpId(recipientId, player.asker)
      : await players.lookUp(recipientName, player.asker);
    message.recipientId = BigInt(playerId);
    message.recipientName = name;
    const recipient = players.find(playerId);
    const whisper = { request, message };
    if (recipient !== undefined) return whisperTo(recipient, player, whisper);
    const node = await players.nodeOf(playerId, player.asker);
    if (node === undefined || !await whisperToOther(node, message)) await keep(player, message);
    const deliver = () => (finish(message), confirmTo(player, whisper));
    social.delivery.fanOut.tell({ senderId: Number(message.senderId), audience: "", hearerCount: 1, deliver });
  }

  /** To a player of another server, which says whether it has taken it; false: the player has left it. */
  async function whisperToOther(node: string, whisper: ChatMessage): Promise<boolean> {
    const { recipientId, senderId } = whisper;
    const audience = `player ${recipientId}`;
    social.delivery.fanOut.check({ senderId: Number(senderId), audience, hearerCount: 1 });
    const { result } = await whispersToOthers.ask(node, { whisper });
    if (result === WhisperResult.REFUSED) throw new Refused(ErrorCode.RATE_LIMITED, "There is too much chat right now");
    return result === WhisperResult.TAKEN;
  }

  async function keep(player: Player, message: ChatMessage): Promise<void> {
    social.gate.takeKeptWhisper(Number(message.senderId));
    const { kind } = await social.whispers.keep(message, player.asker);
    if (kind === "full") throw new Refused(ErrorCode.OUT_OF_RANGE, "Too many whispers are waiting already");
  }

  /** To the recipient, at its pace, and back to the sender. */
  function whisperTo(recipient: Player, player: Player, whisper: Whisper): void {
    const { message } = whisper;
    hearWhisper(
      recipient,
      message,
      () => message.recipientId === message.senderId ? 0 : confirmTo(player, whisper),
    );
  }

  /** @param confirm Called when it is heard; gives how many are told. */
  function hearWhisper(recipient: Player, message: ChatMessage, confirm: () => number): void {
    social.delivery.fanOut.say({
      senderId: Number(message.senderId),
      audience: `player ${message.recipientId}`,
      hearerCount: 2,
      deliver: () => {
        const { playerId } = recipient, saying = sayingOf(finish(message));
        // It may have gone, or come back, while this waited.
        const hearer = players.find(playerId);
        if (hearer === undefined) social.whispers.keepMissed(playerId, [saying]);
        else {
          social.delivery.deliver(saying, [hearer]);
          social.whispers.secureNewest(hearer);
        }
        return 1 + confirm();
      },
    });
  }

  /** Ids are consecutive, so a player who whispers by id is not told the name: it could learn everybody's. */
  function confirmTo(player: Player, { request, message }: Whisper): number {
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
export const chat = definePart("chat", startChat);
