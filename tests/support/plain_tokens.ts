/** Session tokens that name the player in plain text. @module */

import type { TokenPlayer, TokenVerdict } from "../../server/auth/token.ts";
import type { LogicContext } from "../../server/session/context.ts";
import type { Storage } from "../../server/storage/storage.ts";

/** Tokens such as `plain:7:Anna`, good for the player who has that id now, made by the operator. */
export function plainTokens(storage: Storage): LogicContext["tokens"] {
  return {
    sign: ({ playerId, name }: TokenPlayer) => Promise.resolve(`plain:${playerId}:${name}`),
    verify: async (token: string): Promise<TokenVerdict> => {
      const [, id, name] = /^plain:(\d+):(.+)$/.exec(token) ?? [];
      if (name === undefined) return { ok: false, error: "invalid_token" };
      const playerId = Number(id);
      const { createdAtMs, tokenEpoch } = await storage.accounts.find(playerId) ?? { createdAtMs: 0, tokenEpoch: 0 };
      return { ok: true, playerId, name, createdAtMs, tokenEpoch, clientVersion: null };
    },
  };
}
