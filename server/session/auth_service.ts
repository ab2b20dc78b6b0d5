/**
 * Register, login, logout.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import {
  DisconnectReason,
  type LoginRequest,
  LoginRequestSchema,
  LoginResponseSchema,
  LogoutRequestSchema,
  LogoutResponseSchema,
  type RegisterRequest,
  RegisterRequestSchema,
  RegisterResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { LOGIN_ADDRESS_NOTED_MS } from "../../shared/limits.ts";
import { STATE_AUTHENTICATED, STATE_CONNECTED } from "../../shared/packet_table.ts";
import { checkPlayerName, nameKey, PLAYER_NAME_RULES } from "../auth/names.ts";
import { isClientPasswordHash } from "../auth/password.ts";
import { tokenPlayerOf } from "../auth/token.ts";
import { Counter } from "../ops/counters.ts";
import type { LogicContext } from "./context.ts";
import { type Credentials, exclusively } from "./credentials.ts";
import { type Dispatcher, RequestError } from "./dispatcher.ts";
import type { Maintenance } from "./maintenance.ts";
import type { DuplicateLogins } from "./duplicate_logins.ts";
import { checkVersion, versionOf } from "./version.ts";
import type { Sanctions } from "../moderation/sanctions.ts";
import { enteredBy, ownServer, ServerList } from "./server_list.ts";
import type { Session } from "./session.ts";
import type { TokenEpochs } from "./token_epochs.ts";
import type { WorldService } from "./world_service.ts";

/** What logins look at. */
export interface AuthParts {
  readonly credentials: Credentials;
  readonly duplicates: Pick<DuplicateLogins, "isKept">;
  readonly maintenance: Pick<Maintenance, "check">;
  readonly epochs: TokenEpochs;
  readonly sanctions: Sanctions;
  readonly world: WorldService;
}

/** Accounts that come to be, and players who come and go. */
export class AuthService {
  readonly #context: LogicContext;
  readonly #parts: AuthParts;
  readonly #serverList: ServerList;

  constructor(context: LogicContext, parts: AuthParts) {
    this.#context = context;
    this.#parts = parts;
    this.#serverList = new ServerList(context);
  }

  /** Registers the handlers of REGISTER_REQUEST, LOGIN_REQUEST and LOGOUT_REQUEST. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(
      RegisterRequestSchema,
      (session, request) => exclusively(session, () => this.#registerAccount(session, request)),
    );
    dispatcher.on(LoginRequestSchema, (session, request) => exclusively(session, () => this.#logIn(session, request)));
    dispatcher.on(LogoutRequestSchema, async (session) => {
      await this.#parts.world.entries.leaveQueue(session);
      await exclusively(session, () => this.#logOut(session));
    });
  }

  async #registerAccount(session: Session, { username, passwordHash }: RegisterRequest): Promise<void> {
    const { clock, config, reservedNames, sessions, storage } = this.#context;
    const { credentials, maintenance } = this.#parts;
    const name = username.normalize("NFC");
    maintenance.check(name);
    if (checkPlayerName(name, config.names) !== "ok") {
      throw new RequestError(ErrorCode.NAME_INVALID, PLAYER_NAME_RULES[config.names]);
    }
    if (reservedNames.has(name)) throw new RequestError(ErrorCode.NAME_TAKEN, "The name is reserved");
    if (!isClientPasswordHash(passwordHash)) {
      throw new RequestError(ErrorCode.INVALID_CREDENTIALS, "The password hash must be 64 hex digits");
    }
    const key = nameKey(name);
    const login = credentials.loginOf(session, key);
    // A name in use costs no hash; names are no secret, as everyone in the world sees them.
    if (await storage.for(session.entrant).accounts.findByName(key) !== undefined) {
      throw new RequestError(ErrorCode.NAME_TAKEN, "The name is in use");
    }
    const isLookUnique = config.names === "unicode";
    const result = await credentials.limits.registering(login.address, async () => {
      const passwordVerifier = await credentials.hash(login, passwordHash);
      const account = { name, nameKey: key, isLookUnique, passwordVerifier, createdAtMs: clock.unixMs() };
      return await storage.for(session.entrant).accounts.create(account);
    });
    if (result.kind === "name_taken") {
      throw new RequestError(ErrorCode.NAME_TAKEN, "The name is in use, or one that looks like it");
    }
    const response = create(RegisterResponseSchema, { success: true, playerId: BigInt(result.accountId) });
    if (!session.ended) {
      sessions.send(session, PacketType.REGISTER_RESPONSE, toBinary(RegisterResponseSchema, response));
    }
  }

  async #logIn(session: Session, request: LoginRequest): Promise<void> {
    const { clock, config, sessions, storage, tokens } = this.#context;
    const { credentials, duplicates, epochs, maintenance, sanctions, world } = this.#parts;
    if (session.player !== null) throw new RequestError(ErrorCode.INVALID_STATE, "You are logged in already");
    checkVersion(request.clientVersion, config.clientVersionMin);
    maintenance.check(request.username);
    const { account, addressSeenAtMs: seenAtMs, login } = await credentials.check(session, request);
    this.#noteAddress(session, { accountId: account.accountId, address: login.address, seenAtMs });
    const player = { playerId: account.accountId, name: account.name };
    const read = await sanctions.read(player.playerId, storage.for(session.entrant));
    const clientVersion = versionOf(request.clientVersion);
    const sessionToken = await tokens.sign(tokenPlayerOf(account, clientVersion), clock.unixMs());
    const servers = this.#context.isShared ? await this.#serverList.read(session, player.playerId) : undefined;
    if (await duplicates.isKept(player.playerId, storage.for(session.entrant))) throw loggedInAlready();
    // A player who comes back keeps the account; one deleted a moment ago is gone.
    const deletionCancelled = account.deleteAtMs !== null &&
      await storage.for(session.entrant).accounts.cancelDeletion(account.accountId);
    if (session.ended) return;
    const others = this.#otherSessionsOf(player.playerId);
    // While the password was looked at, it may have become an old one.
    if (!epochs.isCurrent(account)) throw new RequestError(ErrorCode.INVALID_CREDENTIALS, "Wrong name or password");
    const standing = sanctions.newest(player.playerId, read);
    // Everything is looked at; nothing below refuses.
    for (const other of others) {
      world.replace(other, DisconnectReason.LOGGED_IN_ELSEWHERE, "The player logged in elsewhere");
    }
    session.mute = standing.mute;
    session.clientVersion = clientVersion;
    session.tokenEpoch = account.tokenEpoch;
    this.#bind(session, player);
    const response = create(LoginResponseSchema, {
      success: true,
      sessionToken,
      playerId: BigInt(player.playerId),
      gameServers: servers ?? [ownServer(this.#context, session)],
      serverId: enteredBy(this.#context, session),
      deletionCancelled,
    });
    sessions.send(session, PacketType.LOGIN_RESPONSE, toBinary(LoginResponseSchema, response));
  }

  /** @throws {RequestError} `ALREADY_LOGGED_IN` where one of them plays, and the server keeps who came first. */
  #otherSessionsOf(playerId: number): Session[] {
    const { config, sessions } = this.#context;
    const others = [sessions.findPlayer(playerId), sessions.findLoginSession(playerId)]
      .filter((other) => other !== undefined);
    if (config.duplicateLogin === "reject" && others.some((other) => other.link !== null)) throw loggedInAlready();
    return others;
  }

  #bind(session: Session, player: { readonly playerId: number; readonly name: string }): void {
    const { config, counters, log, sessions } = this.#context;
    sessions.bindPlayer(session, player);
    session.link!.stateDue = STATE_AUTHENTICATED;
    counters.add(Counter.LOGINS_OK, 1);
    if (config.logLogins) log.info("Login", { ...player, address: session.link!.info.address });
  }

  /** Remembers where an account logs in from; nobody waits for it. */
  #noteAddress(
    session: Session,
    { accountId, address, seenAtMs }: { accountId: number; address: string | null; seenAtMs: number | null },
  ): void {
    const { clock, log, storage } = this.#context;
    const atMs = clock.unixMs();
    if (address === null || (seenAtMs !== null && Math.abs(atMs - seenAtMs) < LOGIN_ADDRESS_NOTED_MS)) return;
    storage.for(session.asker).accounts.noteAddress({ accountId, address, atMs })
      .catch((error) => log.warn("Cannot record the address of a login", { error: String(error) }));
  }

  async #logOut(session: Session): Promise<void> {
    const { sessions } = this.#context, { world } = this.#parts;
    // Saved first: what LOGOUT_RESPONSE promises holds. Until then, what it is sent goes on.
    await world.leaveAndSave(session);
    if (session.ended) return;
    session.isLeaving = session.link !== null;
    sessions.unbindPlayer(session);
    session.isLeaving = false;
    const response = create(LogoutResponseSchema, { success: true });
    if (session.link !== null) session.link.stateDue = STATE_CONNECTED;
    sessions.sendLast(session, PacketType.LOGOUT_RESPONSE, toBinary(LogoutResponseSchema, response));
    world.finish(session);
    // Its connection was lost while it was in the world: nobody will come back to it.
    if (session.link === null) sessions.end(session);
  }
}

function loggedInAlready(): RequestError {
  return new RequestError(ErrorCode.ALREADY_LOGGED_IN, "The player is logged in already");
}
