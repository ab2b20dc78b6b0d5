/**
 * Invitations to guilds.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { type Game, type Player, SYSTEM } from "../../../server/game/game.ts";
import { nameKey } from "../../../server/game/kit.ts";
import type { Saying } from "../chat/chat_delivery.ts";
import { playersOnly } from "../chat/elsewhere.ts";
import { packetTypeOf } from "../../../shared/contract.ts";
import { playerTarget } from "../chat/contact_gate.ts";
import type { SocialService } from "../friends/social_handlers.ts";
import type { GuildCalls } from "./guild_calls.ts";
import { GUILDS, type Invite } from "./guild_store.ts";
import {
  GuildActionResponseSchema,
  GuildInviteListRequestSchema,
  GuildInviteListResponseSchema,
  GuildInviteNoticeSchema,
  GuildInviteRequestSchema,
  GuildInviteResponseSchema,
  GuildInviteWithdrawSchema,
  GuildJoinRequestSchema,
} from "./guilds_pb.ts";
import { GUILD_INVITE_LIFETIME_MS } from "./limits.ts";

const GUILD_INVITE_NOTICE = packetTypeOf(GuildInviteNoticeSchema);
const GUILD_INVITE_WITHDRAW = packetTypeOf(GuildInviteWithdrawSchema);
const GUILD_JOIN_REQUEST = packetTypeOf(GuildJoinRequestSchema);

/** Makes, lists, tells and drops invitations. */
export class GuildInvites {
  readonly #game: Game;
  readonly #calls: GuildCalls;
  readonly #social: Pick<SocialService, "delivery" | "gate">;

  constructor(game: Game, calls: GuildCalls, social: Pick<SocialService, "delivery" | "gate">) {
    this.#game = game;
    this.#calls = calls;
    this.#social = social;
    game.hooks.expire((dateMs) => game.storage.for(SYSTEM).of(GUILDS).deleteExpiredInvites({ nowMs: dateMs }));
    game.on(GuildInviteRequestSchema, (player, { playerName }) => this.#invite(player, playerName));
    game.on(GuildInviteListRequestSchema, (player) => this.#list(player));
    game.on(GuildInviteWithdrawSchema, (player, { playerName }) => this.#withdraw(player, playerName));
  }

  /** Tells a player who came online of the invitations that still stand. */
  remind(player: Player): void {
    const { clock, log, storage } = this.#game;
    const { playerId } = player;
    this.#calls.run(
      () => storage.for(player.entrant).of(GUILDS).findInvites({ playerId, nowMs: clock.unixMs() }),
      (invites) => {
        for (const invite of invites) if (!player.isOver) this.#send(player, invite);
      },
    ).catch((error) => log.warn("Cannot tell invitations", { error: String(error) }));
  }

  #invite(player: Player, playerName: string): Promise<void> {
    const inviter = player;
    const { gate } = this.#social;
    gate.checkMayWrite(player);
    const key = nameKey(playerName);
    gate.takeNotice(inviter.playerId, playerTarget(key));
    const { clock, players, storage } = this.#game;
    const nowMs = clock.unixMs();
    const expiresAtMs = nowMs + GUILD_INVITE_LIFETIME_MS;
    return this.#calls.request(
      () =>
        storage.for(player.asker).of(GUILDS).invite({ inviterId: inviter.playerId, nameKey: key, nowMs, expiresAtMs }),
      ({ playerId, tie }) => {
        player.tell(GuildInviteResponseSchema, { success: true });
        const invited = players.find(playerId);
        const invite = {
          guildId: tie.guildId,
          guildName: tie.name,
          inviterId: inviter.playerId,
          inviterName: inviter.name,
        };
        if (invited !== undefined) this.#send(invited, invite);
        else this.#social.delivery.elsewhere.say(playersOnly(playerId), sayingOf(invite));
      },
    );
  }

  #list(player: Player): Promise<void> {
    const { playerId: actorId } = player;
    const { clock, storage } = this.#game;
    return this.#calls.request(
      () => storage.for(player.asker).of(GUILDS).invites({ actorId, nowMs: clock.unixMs() }),
      ({ invites }) =>
        player.tell(GuildInviteListResponseSchema, {
          success: true,
          invites: invites.map(({ playerId, playerName, inviterName, expiresAtMs }) => ({
            playerId: BigInt(playerId),
            playerName,
            inviterName,
            expiresAt: BigInt(expiresAtMs),
          })),
        }),
    );
  }

  #withdraw(player: Player, playerName: string): Promise<void> {
    const { playerId: actorId } = player;
    const { clock, storage } = this.#game;
    return this.#calls.request(
      () =>
        storage.for(player.asker).of(GUILDS).withdraw({
          actorId,
          nameKey: nameKey(playerName),
          nowMs: clock.unixMs(),
        }),
      () => player.tell(GuildActionResponseSchema, { success: true, requestType: GUILD_INVITE_WITHDRAW }),
    );
  }

  /** Drops an invitation of the player's own. */
  decline(player: Player, guildId: number): Promise<void> {
    const { playerId } = player;
    const { clock, storage } = this.#game;
    return this.#calls.request(
      () => storage.for(player.asker).of(GUILDS).decline({ playerId, guildId, nowMs: clock.unixMs() }),
      () => player.tell(GuildActionResponseSchema, { success: true, requestType: GUILD_JOIN_REQUEST }),
    );
  }

  /** An invitation is treated like chat: a player who ignores the inviter does not hear of it. */
  #send(player: Player, invite: Invite): void {
    this.#social.delivery.deliver(sayingOf(invite), [player]);
  }
}

function sayingOf({ guildId, guildName, inviterId, inviterName }: Invite): Saying {
  const notice = create(GuildInviteNoticeSchema, { guildId: BigInt(guildId), guildName, inviterName });
  return { senderId: inviterId, type: GUILD_INVITE_NOTICE, payload: toBinary(GuildInviteNoticeSchema, notice) };
}
