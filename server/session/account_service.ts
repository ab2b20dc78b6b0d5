/**
 * What becomes of accounts: a new password, void tokens, deletion.
 *
 * @see docs/protocol.md, "Accounts"
 * @module
 */

import { create, type DescMessage, toBinary } from "@bufbuild/protobuf";
import {
  AccountDeleteRequestSchema,
  AccountDeleteResponseSchema,
  DisconnectReason,
  PasswordChangeRequestSchema,
  PasswordChangeResponseSchema,
  TokensRevokeRequestSchema,
  TokensRevokeResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import type { Explanation } from "../../shared/gen/common_pb.ts";
import { Cause, ErrorCode } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import {
  ACCOUNT_DELETION_GRACE_MS,
  ACCOUNT_DELETION_LOOK_INTERVAL_MS,
  ACCOUNTS_DELETED_MAX,
  DECISIONS_READ_INTERVAL_MS,
  STORAGE_ROWS_MAX,
} from "../../shared/limits.ts";
import { isClientPasswordHash } from "../auth/password.ts";
import { tokenPlayerOf } from "../auth/token.ts";
import {
  type Account,
  type AccountChange,
  type Asker,
  ORDINARY,
  type PlayerName,
  type RemoveAccountResult,
  SYSTEM,
  SYSTEM_SOURCE,
} from "../storage/storage.ts";
import type { LogicContext } from "./context.ts";
import { type Credentials, exclusively, type ProvenAccount } from "./credentials.ts";
import { type Dispatcher, RequestError } from "./dispatcher.ts";
import type { HookLists } from "../game/hooks.ts";
import type { Session } from "./session.ts";
import { explain, type Told } from "./told.ts";
import { TokensVoidedSchema } from "../../shared/gen/cluster_pb.ts";
import type { Topic } from "../bus/bus.ts";
import type { TokenEpochs } from "./token_epochs.ts";
import type { WorldService } from "./world_service.ts";

/** What accounts are changed through. */
export interface AccountParts {
  readonly credentials: Credentials;
  readonly epochs: TokenEpochs;
  readonly hooks: Pick<HookLists, "deleted">;
  readonly world: Pick<WorldService, "expel" | "replace" | "sessionsOf">;
}

/** Deletions wait for everybody else. */
const HOUSEKEEPING: Asker = { source: SYSTEM_SOURCE, urgency: ORDINARY };

/** The accounts of one node. */
export class AccountService {
  readonly #context: LogicContext;
  readonly #parts: AccountParts;
  /** When it is looked at next, monotonic milliseconds. */
  #nextLookMs = 0;
  #looking: Promise<void> | null = null;
  /** When it is looked next whose tokens other servers have made void, monotonic milliseconds. */
  #nextCatchUpMs = 0;
  #catchingUp: Promise<void> | null = null;
  readonly #voided: Topic<typeof TokensVoidedSchema>;

  constructor(context: LogicContext, parts: AccountParts) {
    this.#context = context;
    this.#parts = parts;
    this.#voided = context.bus.topic(TokensVoidedSchema);
    context.bus.onMissed(() => this.#nextCatchUpMs = 0);
    this.#voided.on(({ playerId, tokenEpoch, isGone, explanation, isLogout }) => {
      const accountId = Number(playerId), told = explanation ?? "";
      parts.epochs.set(accountId, isGone ? Infinity : Number(tokenEpoch));
      if (!isLogout) return this.#expel(accountId, told);
      for (const each of parts.world.sessionsOf(accountId)) parts.world.replace(each, DisconnectReason.KICKED, told);
      context.wake();
    });
  }

  /** Tells the other servers. */
  #tellOthers(playerId: number, epoch: number, explanation: Explanation, isLogout = false): void {
    const isGone = epoch === Infinity;
    this.#voided.publish({
      ...{ playerId: BigInt(playerId), tokenEpoch: BigInt(isGone ? 0 : epoch), isGone, explanation, isLogout },
    });
  }

  /** Registers the handlers of this module. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(
      PasswordChangeRequestSchema,
      (session, request) => exclusively(session, () => this.#changePassword(session, request)),
    );
    dispatcher.on(
      TokensRevokeRequestSchema,
      (session, { passwordHash }) =>
        exclusively(session, async () => {
          const { account } = await this.#prove(session, passwordHash);
          const sessionToken = await this.#renew(session, account, {}, explain(Cause.LOGGED_OUT_EVERYWHERE));
          this.#send(session, PacketType.TOKENS_REVOKE_RESPONSE, TokensRevokeResponseSchema, sessionToken);
        }),
    );
    dispatcher.on(
      AccountDeleteRequestSchema,
      (session, { passwordHash }) => exclusively(session, () => this.#requestDeletion(session, passwordHash)),
    );
  }

  // Players

  async #changePassword(
    session: Session,
    { passwordHash, newPasswordHash }: { readonly passwordHash: string; readonly newPasswordHash: string },
  ): Promise<void> {
    if (!isClientPasswordHash(newPasswordHash)) {
      throw new RequestError(ErrorCode.INVALID_CREDENTIALS, "The new password hash must be 64 hex digits");
    }
    const { account, login } = await this.#prove(session, passwordHash);
    const passwordVerifier = await this.#parts.credentials.hash(login, newPasswordHash);
    const sessionToken = await this.#renew(session, account, { passwordVerifier }, explain(Cause.PASSWORD_CHANGED));
    this.#send(session, PacketType.PASSWORD_CHANGE_RESPONSE, PasswordChangeResponseSchema, sessionToken);
  }

  async #requestDeletion(session: Session, passwordHash: string): Promise<void> {
    const { clock } = this.#context;
    const { account } = await this.#prove(session, passwordHash);
    const deleteAtMs = clock.unixMs() + ACCOUNT_DELETION_GRACE_MS;
    const epoch = await this.#change({ accountId: account.accountId, tokenEpoch: account.tokenEpoch, deleteAtMs });
    this.#tellOthers(account.accountId, epoch, deletionOf(deleteAtMs), true);
    if (!session.ended) {
      const response = create(AccountDeleteResponseSchema, { success: true, deletesAt: BigInt(deleteAtMs) });
      const payload = toBinary(AccountDeleteResponseSchema, response);
      this.#context.sessions.sendLast(session, PacketType.ACCOUNT_DELETE_RESPONSE, payload);
    }
    // As by a logout, the asking session among them: who fights stays until the fight is over.
    for (const each of this.#parts.world.sessionsOf(account.accountId)) {
      this.#parts.world.replace(each, DisconnectReason.KICKED, deletionOf(deleteAtMs));
    }
  }

  /** The account of a session, whose player shows its password once more. */
  async #prove(session: Session, passwordHash: string): Promise<ProvenAccount> {
    const { player } = session;
    if (player === null) throw new RequestError(ErrorCode.NOT_AUTHENTICATED, "Log in first");
    return await this.#parts.credentials.check(session, { username: player.name, passwordHash });
  }

  /**
   * Makes the account's tokens void, and ends its other sessions.
   *
   * @returns A new token for the session that asked.
   */
  async #renew(
    session: Session,
    account: Account,
    change: Pick<AccountChange, "passwordVerifier">,
    explanation: Explanation,
  ): Promise<string> {
    const { clock, tokens } = this.#context;
    const { accountId, tokenEpoch: tokenEpochBefore } = account;
    const keptEpoch = session.presence === null ? undefined : session.owner?.epoch;
    const tokenEpoch = await this.#change({ ...change, accountId, tokenEpoch: tokenEpochBefore, keptEpoch });
    this.#tellOthers(account.accountId, tokenEpoch, explanation, true);
    session.tokenEpoch = tokenEpoch;
    for (const other of this.#parts.world.sessionsOf(account.accountId)) {
      if (other !== session) this.#parts.world.replace(other, DisconnectReason.KICKED, explanation);
    }
    return await tokens.sign(tokenPlayerOf({ ...account, tokenEpoch }, session.clientVersion), clock.unixMs());
  }

  async #change(change: AccountChange): Promise<number> {
    const { accountId } = change;
    const { accounts } = this.#context.storage.for(SYSTEM);
    const epoch = await accounts.revokeTokens(change);
    // Somebody else has changed the password since it was looked at.
    if (epoch === undefined) throw new RequestError(ErrorCode.INVALID_CREDENTIALS, "Wrong name or password");
    this.#parts.epochs.set(accountId, epoch);
    return epoch;
  }

  #send(
    session: Session,
    type: PacketType,
    schema: typeof PasswordChangeResponseSchema | typeof TokensRevokeResponseSchema,
    sessionToken: string,
  ): void {
    if (session.ended) return;
    const payload = toBinary<DescMessage>(schema, create<DescMessage>(schema, { success: true, sessionToken }));
    this.#context.sessions.send(session, type, payload);
  }

  // Operators

  /** Gives a player a new password. @returns False where there is no such account. */
  async setPassword({ playerId }: PlayerName, passwordHash: string): Promise<boolean> {
    const passwordVerifier = await this.#context.hasher.hash(passwordHash, "operator");
    return await this.#revoke(
      { accountId: playerId, tokenEpoch: null, passwordVerifier },
      explain(Cause.PASSWORD_RESET),
    );
  }

  /** Ends a player's sessions and makes its tokens void. @returns False where there is no such account. */
  revoke({ playerId }: PlayerName): Promise<boolean> {
    return this.#revoke({ accountId: playerId, tokenEpoch: null }, explain(Cause.TOKENS_REVOKED));
  }

  /** Marks an account for deletion after the grace period. @returns When, Unix milliseconds; undefined: there is none. */
  async scheduleDeletion({ playerId }: PlayerName): Promise<number | undefined> {
    const deleteAtMs = this.#context.clock.unixMs() + ACCOUNT_DELETION_GRACE_MS;
    const change = { accountId: playerId, tokenEpoch: null, deleteAtMs };
    return await this.#revoke(change, deletionOf(deleteAtMs)) ? deleteAtMs : undefined;
  }

  /** Keeps an account that was to be deleted. @returns False if it was not. */
  restore({ playerId }: PlayerName): Promise<boolean> {
    return this.#context.storage.for(SYSTEM).accounts.cancelDeletion(playerId);
  }

  /** Deletes an account now; its sessions end before. */
  async remove({ playerId }: PlayerName): Promise<RemoveAccountResult["kind"]> {
    const { clock, storage } = this.#context;
    const { ban, mute } = await storage.for(SYSTEM).sanctions.ofPlayer({ playerId, nowMs: clock.unixMs() });
    if (ban !== null || mute !== null) return "sanctioned";
    await this.#revoke({ accountId: playerId, tokenEpoch: null }, explain(Cause.ACCOUNT_DELETED));
    return await this.#remove(playerId, { isDue: false, dateMs: clock.unixMs(), asker: SYSTEM });
  }

  async #revoke(change: AccountChange, explanation: Explanation): Promise<boolean> {
    const { accountId } = change;
    const epoch = await this.#context.storage.for(SYSTEM).accounts.revokeTokens(change);
    if (epoch === undefined) return false;
    this.#parts.epochs.set(accountId, epoch);
    this.#expel(accountId, explanation);
    this.#tellOthers(accountId, epoch, explanation);
    return true;
  }

  // Time

  /**
   * Deletes the accounts whose time has come; to be called every second or so.
   *
   * @param dateMs The date by which they are due, as Unix milliseconds: one that can be believed; 0: none yet.
   */
  sweep(dateMs: number): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#context.isShared && nowMs >= this.#nextCatchUpMs && this.#catchingUp === null) {
      this.#nextCatchUpMs = nowMs + DECISIONS_READ_INTERVAL_MS;
      this.#catchingUp = this.#catchUp()
        .catch((error) => {
          this.#context.log.warn("Cannot read whose tokens are void, will try again", { error: String(error) });
          this.#nextCatchUpMs = 0;
        })
        .finally(() => this.#catchingUp = null);
    }
    if (dateMs === 0 || nowMs < this.#nextLookMs || this.#looking !== null) return;
    this.#nextLookMs = nowMs + ACCOUNT_DELETION_LOOK_INTERVAL_MS;
    this.#looking = this.#look(dateMs)
      .catch((error) => this.#context.log.warn("Cannot delete accounts, will try again", { error: String(error) }))
      .finally(() => this.#looking = null);
  }

  /** Ends the sessions of those whose tokens are void by the doing of other servers, whose news may have been missed. */
  async #catchUp(): Promise<void> {
    const { sessions, storage } = this.#context;
    const asked = [...sessions.all].filter(({ player }) => player !== null)
      .map((session) => ({ session, accountId: session.player!.playerId, tokenEpoch: session.tokenEpoch }));
    for (let from = 0; from < asked.length; from += STORAGE_ROWS_MAX) {
      const part = asked.slice(from, from + STORAGE_ROWS_MAX);
      const found = await storage.for(SYSTEM).accounts.findTokenEpochs(part.map(({ accountId }) => accountId));
      const epochs = new Map(found.map(({ accountId, tokenEpoch }) => [accountId, tokenEpoch]));
      for (const { session, accountId, tokenEpoch } of part) {
        const newest = epochs.get(accountId) ?? Infinity;
        // Its player may have logged out meanwhile, and another one in.
        const isSame = session.player?.playerId === accountId && session.tokenEpoch === tokenEpoch;
        // One that is busy may be the one that has made them void, and does not know it yet.
        if (newest <= tokenEpoch || !isSame || session.busy) continue;
        this.#parts.epochs.set(accountId, newest);
        if (newest === Infinity) {
          this.#parts.world.expel(session, DisconnectReason.KICKED, explain(Cause.ACCOUNT_DELETED));
        } else this.#parts.world.replace(session, DisconnectReason.KICKED, explain(Cause.TOKENS_REVOKED));
        this.#context.wake();
      }
    }
  }

  async #look(dateMs: number): Promise<void> {
    const { accounts } = this.#context.storage.for(HOUSEKEEPING);
    const due = await accounts.findDueDeletions({ nowMs: dateMs, limit: ACCOUNTS_DELETED_MAX });
    for (const accountId of due) await this.#remove(accountId, { isDue: true, dateMs, asker: HOUSEKEEPING });
  }

  /** Resolves when nothing is being deleted: the server stops. */
  async stop(): Promise<void> {
    await this.#looking;
    await this.#catchingUp;
  }

  async #remove(
    accountId: number,
    { isDue, dateMs, asker }: { readonly isDue: boolean; readonly dateMs: number; readonly asker: Asker },
  ): Promise<RemoveAccountResult["kind"]> {
    const { faults, log, storage } = this.#context;
    const result = await storage.for(asker).accounts.remove({ accountId, nowMs: dateMs, isDue });
    if (result.kind !== "removed") return result.kind;
    this.#parts.epochs.set(accountId, Infinity);
    // A player who has come in since has nothing left to play.
    this.#expel(accountId, explain(Cause.ACCOUNT_DELETED));
    this.#tellOthers(accountId, Infinity, explain(Cause.ACCOUNT_DELETED));
    faults.notify("deleted", this.#parts.hooks.deleted, { playerId: accountId, name: result.name }, result);
    log.info("Account deleted", { playerId: accountId });
    return "removed";
  }

  /** Ends the sessions of a player at once, by the operator's decision. */
  #expel(playerId: number, told: Told): void {
    for (const session of this.#parts.world.sessionsOf(playerId)) {
      this.#parts.world.expel(session, DisconnectReason.KICKED, told);
    }
    this.#context.wake();
  }
}

/** What a player is told whose account is going to be deleted. */
function deletionOf(deleteAtMs: number): Explanation {
  return explain(Cause.ACCOUNT_DELETION, { deletesAt: BigInt(deleteAtMs) });
}
