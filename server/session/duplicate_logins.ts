/** `--duplicate-login reject` among servers that share a database: who plays on another one is let in nowhere else. @module */

import { PlayerAnswerSchema, PlayerAskedSchema } from "../../shared/gen/cluster_pb.ts";
import type { Question } from "../bus/bus.ts";
import { DIRECTORY, type NodeId } from "../cluster/directory_store.ts";
import type { Stores } from "../storage/storage.ts";
import type { LogicContext } from "./context.ts";

/** Knows whether players have connections to other servers. */
export class DuplicateLogins {
  readonly #context: LogicContext;
  readonly #asked: Question<typeof PlayerAskedSchema, typeof PlayerAnswerSchema>;

  constructor(context: LogicContext) {
    this.#context = context;
    this.#asked = context.bus.question(PlayerAskedSchema, PlayerAnswerSchema);
    this.#asked.answer(({ playerId }) => {
      const session = context.sessions.findPlayer(Number(playerId));
      return { isConnected: (session?.link ?? null) !== null };
    });
  }

  /**
   * Whether a player whom another server has must be left to it; undefined: the newest connection wins, wherever it is.
   */
  get keeps(): ((owner: NodeId, playerId: number) => Promise<boolean>) | undefined {
    return this.#context.config.duplicateLogin === "reject"
      ? (owner, playerId) => this.#isConnectedTo(owner, playerId)
      : undefined;
  }

  /** Whether a player must be left to the server that has it in the directory. Rejects as the storage does. */
  async isKept(playerId: number, stores: Stores): Promise<boolean> {
    const { incarnation, isShared } = this.#context;
    if (!isShared || this.keeps === undefined) return false;
    const owner = await stores.of(DIRECTORY).ownerOf(playerId);
    return owner !== undefined && owner.incarnation !== incarnation && await this.#isConnectedTo(owner, playerId);
  }

  /** Of a server that lives and does not answer, it is to be feared. */
  async #isConnectedTo({ incarnation }: NodeId, playerId: number): Promise<boolean> {
    try {
      return (await this.#asked.ask(incarnation, { playerId: BigInt(playerId) })).isConnected;
    } catch {
      // It lives and cannot be asked: it keeps its player.
      return true;
    }
  }
}
