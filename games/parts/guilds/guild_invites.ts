/**
 * Invitations to guilds.
 *
 * @module
 */

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Game, type OnceStores, type Player, SYSTEM } from "../../../server/game/game.ts";
import { nameKey } from "../../../server/game/kit.ts";
import type { Saying } from "../chat/chat_delivery.ts";
import { playersOnly } from "../chat/elsewhere.ts";
import { packetTypeOf } from "../../../shared/contract.ts";
import { playerTarget } from "../chat/contact_gate.ts";
import type { SocialService } from "../friends/social_handlers.ts";
import type { GuildActionReply, GuildCalls } from "./guild_calls.ts";
import { GUILDS, type Invite } from "./guild_store.ts";
import {
  GuildInviteListRequestSchema,
  type GuildInviteListResponseSchema,
  GuildInviteNoticeSchema,
  GuildInviteRequestSchema,
  type GuildInviteResponseSchema,
  GuildInviteWithdrawSchema,
} from "./guilds_pb.ts";
import { GUILD_INVITE_LIFETIME_MS } from "./limits.ts";

const GUILD_INVITE_NOTICE = packetTypeOf(GuildInviteNoticeSchema);

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
    game.on(GuildInviteRequestSchema, (player, { playerName }, once) => this.#invite(player, playerName, once));
    game.on(GuildInviteListRequestSchema, (player) => this.#list(player));
    game.on(GuildInviteWithdrawSchema, (player, { playerName }, once) => this.#withdraw(player, playerName, once));
  }

  /** Reminds a player who came online of the invitations that still stand. */
  remind(player: Player): void {
    const { clock, log, storage } = this.#game;
    const { playerId } = player;
    this.#calls.run(
      () => storage.for(player.entrant).of(GUILDS).findInvites({ playerId, nowMs: clock.unixMs() }),
      (invites) => {
        for (const invite of invites) if (!player.isOver) this.#send(player, invite);
      },
    ).catch((error) => log.warn("Cannot send invitations", { error: String(error) }));
  }

  #invite(
    player: Player,
    playerName: string,
    once: OnceStores,
  ): Promise<MessageInitShape<typeof GuildInviteResponseSchema>> {
    const { playerId: inviterId, name: inviterName } = player;
    const { gate } = this.#social;
    const { clock, players } = this.#game;
    const key = nameKey(playerName), nowMs = clock.unixMs(), expiresAtMs = nowMs + GUILD_INVITE_LIFETIME_MS;
    return this.#calls.durably(once, {
      ask: () => {
        gate.checkMayWrite(player);
        gate.takeNotice(inviterId, playerTarget(key));
        return once.of(GUILDS).invite({ inviterId, nameKey: key, nowMs, expiresAtMs });
      },
      reply: () => ({}),
      apply: ({ playerId, tie }) => {
        const invited = players.find(playerId);
        const invite = { guildId: tie.guildId, guildName: tie.name, inviterId, inviterName };
        if (invited !== undefined) this.#send(invited, invite);
        else this.#social.delivery.elsewhere.say(playersOnly(playerId), sayingOf(invite));
      },
    });
  }

  #list(player: Player): Promise<MessageInitShape<typeof GuildInviteListResponseSchema>> {
    const { playerId: actorId } = player;
    const { clock, storage } = this.#game;
    return this.#calls.request(
      () => storage.for(player.asker).of(GUILDS).invites({ actorId, nowMs: clock.unixMs() }),
      ({ invites }) => ({
        invites: invites.map(({ playerId, playerName, inviterName, expiresAtMs }) => ({
          playerId: BigInt(playerId),
          playerName,
          inviterName,
          expiresAt: BigInt(expiresAtMs),
        })),
      }),
    );
  }

  #withdraw(player: Player, playerName: string, once: OnceStores): Promise<GuildActionReply> {
    const { playerId: actorId } = player;
    const request = { actorId, nameKey: nameKey(playerName), nowMs: this.#game.clock.unixMs() };
    return this.#calls.durably(once, {
      ask: () => once.of(GUILDS).withdraw(request),
      reply: () => ({}),
    });
  }

  /** Drops an invitation of the player's own. */
  decline(player: Player, guildId: number, once: OnceStores): Promise<GuildActionReply> {
    const { playerId } = player;
    return this.#calls.durably(once, {
      ask: () => once.of(GUILDS).decline({ playerId, guildId, nowMs: this.#game.clock.unixMs() }),
      reply: () => ({}),
    });
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
