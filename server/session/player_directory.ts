/** Players by name and by id, online or not. @module */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { nameKey } from "../auth/names.ts";
import type { Asker, PlayerName } from "../storage/storage.ts";
import type { LogicContext } from "./context.ts";
import { RequestError } from "./dispatcher.ts";

/** Finds players. */
export class PlayerDirectory {
  readonly #context: Pick<LogicContext, "sessions" | "storage">;

  constructor(context: Pick<LogicContext, "sessions" | "storage">) {
    this.#context = context;
  }

  /**
   * The player of a name.
   *
   * @throws {RequestError} `NOT_FOUND` when there is none.
   */
  async find(name: string, asker: Asker): Promise<PlayerName> {
    const { sessions, storage } = this.#context;
    const online = sessions.findPlayerByName(nameKey(name))?.player;
    if (online != null) return online;
    const account = await storage.for(asker).accounts.findByName(nameKey(name));
    if (account === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "There is no player of that name");
    return { playerId: account.accountId, name: account.name };
  }

  /** The same by id. */
  async findById(id: bigint, asker: Asker): Promise<PlayerName> {
    const { sessions, storage } = this.#context;
    const playerId = Number(id);
    const online = sessions.findPlayer(playerId)?.player;
    if (online != null) return online;
    const account = Number.isSafeInteger(playerId) ? await storage.for(asker).accounts.find(playerId) : undefined;
    if (account === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "There is no such player");
    return { playerId, name: account.name };
  }
}
