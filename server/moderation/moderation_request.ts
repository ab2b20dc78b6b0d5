/**
 * What a moderator can ask of the running server, as JSON and as it travels between threads.
 *
 * @module
 */

import {
  ANNOUNCEMENT_BYTES_MAX,
  DOCUMENT_KEY_LENGTH_MAX,
  GAME_ACTION_CHARS_MAX,
  GAME_ACTION_FIELDS_MAX,
  MAINTENANCE_ALLOWED_MAX,
  MAINTENANCE_DELAY_SECONDS_MAX,
  MODERATION_REASON_CHARS_MAX,
  MODERATION_SECONDS_MAX,
  MODERATOR_CHARS_MAX,
  PLAYER_NAME_LENGTH_MAX,
} from "../../shared/limits.ts";
import { cleanText, textProblem } from "../../shared/player_text.ts";
import { checkPlayerName } from "../auth/names.ts";
import { isClientPasswordHash } from "../auth/password.ts";
import type { Sanction } from "./sanction_store.ts";
import { parseAddressRange } from "./address_range.ts";

/** The reason of a moderator who gives none; players are told none. */
export const NO_REASON = "no reason given";

/** What can be done to a player, or to everybody. */
export type ModerationAct =
  | "mute"
  | "unmute"
  | "kick"
  | "ban"
  | "unban"
  | "announce"
  | "password"
  | "revoke"
  | "delete"
  | "restore"
  | "maintenance"
  | "game"
  | "documents";

/** What can be done about documents of a game that it cannot read. */
export const DOCUMENT_ACTIONS = ["list", "show", "aside", "restore"] as const;
/** One of {@linkcode DOCUMENT_ACTIONS}. */
export type DocumentAction = typeof DOCUMENT_ACTIONS[number];

/** One request; `address` is an `AddressRange.text`. */
export type ModerationRequest =
  | {
    readonly act: "mute" | "ban";
    readonly target: ModerationTarget;
    /** Null: until it is lifted. */
    readonly seconds: number | null;
    readonly reason: string;
    readonly moderator: string;
  }
  | { readonly act: "unmute" | "unban"; readonly target: ModerationTarget; readonly moderator: string }
  | { readonly act: "kick"; readonly target: PlayerTarget; readonly reason: string; readonly moderator: string }
  | { readonly act: "announce"; readonly text: string; readonly moderator: string }
  | {
    readonly act: "password";
    readonly target: PlayerTarget;
    /** What a client would send of the new password. */
    readonly passwordHash: string;
    readonly moderator: string;
  }
  | { readonly act: "revoke" | "restore"; readonly target: PlayerTarget; readonly moderator: string }
  /** `now`: without the time of grace. */
  | { readonly act: "delete"; readonly target: PlayerTarget; readonly now: boolean; readonly moderator: string }
  | {
    readonly act: "maintenance";
    /** Null: it is over. */
    readonly plan: { readonly seconds: number; readonly message: string; readonly allow: readonly string[] } | null;
    readonly moderator: string;
  }
  | {
    /** An action of the game's own. */
    readonly act: "game";
    /** Empty: those there are are told. */
    readonly action: string;
    /** As it was given; the game checks it. */
    readonly input: Readonly<Record<string, string | number | boolean>>;
    readonly moderator: string;
  }
  | {
    /** Documents of the game that it cannot read. */
    readonly act: "documents";
    readonly action: DocumentAction;
    /** Empty for a list. */
    readonly collection: string;
    readonly key: string;
    readonly moderator: string;
  }
  | { readonly act: "list" };

/** A player by name. */
export interface PlayerTarget {
  readonly player: string;
}

/** Who something is done to. */
export type ModerationTarget = PlayerTarget | { readonly address: string };

/** What became of a request. */
export type ModerationOutcome =
  /** `text` says what was done. */
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "list"; readonly list: ModerationList }
  | { readonly kind: ModerationRefusal; readonly text: string };

/**
 * Why nothing was done: there is nobody or nothing like that, there is no room, something stands in its way, or the
 * storage cannot be reached.
 */
export type ModerationRefusal = "not_found" | "full" | "conflict" | "unavailable";

/** Who is online, on all servers that share the database, and what stands. */
export interface ModerationList {
  /** Of each server those who came online first, at most `MODERATION_PLAYERS_MAX` of all. */
  readonly players: readonly OnlinePlayer[];
  readonly playerCount: number;
  /** Servers whose players are not among them, as they did not answer: `3 (Phoenix Server)`. */
  readonly unanswered: readonly string[];
  /** Newest first, at most `MODERATION_SANCTIONS_MAX`. */
  readonly sanctions: readonly Sanction[];
}

/** A player with a session that can play. */
export interface OnlinePlayer {
  readonly playerId: number;
  /** `--server-id` of the server that has the session. */
  readonly serverId: number;
  readonly name: string;
  /** Of its connection; null while it has none. */
  readonly address: string | null;
  readonly isInWorld: boolean;
  readonly isMuted: boolean;
}

/** The fields that each act takes; all of them but `text` may be left out where it makes sense. */
const FIELDS: Readonly<Record<ModerationAct, readonly string[]>> = {
  mute: ["player", "seconds", "reason", "moderator"],
  unmute: ["player", "moderator"],
  kick: ["player", "reason", "moderator"],
  ban: ["player", "address", "seconds", "reason", "moderator"],
  unban: ["player", "address", "moderator"],
  announce: ["text", "moderator"],
  password: ["player", "passwordHash", "moderator"],
  revoke: ["player", "moderator"],
  delete: ["player", "now", "moderator"],
  restore: ["player", "moderator"],
  maintenance: ["on", "seconds", "message", "allow", "moderator"],
  game: ["action", "input", "moderator"],
  documents: ["action", "collection", "key", "moderator"],
};

/** Whether there is such an act. */
export function isModerationAct(name: string): name is ModerationAct {
  return Object.hasOwn(FIELDS, name);
}

/**
 * Reads the JSON of a request strictly: unknown fields, wrong types and values out of their range are problems.
 *
 * @returns The request, or everything that is wrong with it.
 */
export function parseModerationRequest(
  act: ModerationAct,
  value: unknown,
): ModerationRequest | { readonly problems: readonly string[] } {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { problems: ["Expected an object"] };
  const reader = new FieldReader(value as Record<string, unknown>, FIELDS[act]);
  const moderator = reader.text("moderator", MODERATOR_CHARS_MAX, "admin");
  const request = requestOf(act, reader, moderator);
  return reader.problems.length === 0 ? request : { problems: reader.problems };
}

function requestOf(act: ModerationAct, reader: FieldReader, moderator: string): ModerationRequest {
  switch (act) {
    case "mute":
    case "ban": {
      const target = reader.target();
      return { act, target, seconds: reader.seconds(), reason: reader.reason(), moderator };
    }
    case "unmute":
    case "unban":
      return { act, target: reader.target(), moderator };
    case "kick":
      return { act, target: reader.target() as PlayerTarget, reason: reader.reason(), moderator };
    case "announce":
      return { act, text: reader.announcement(), moderator };
    case "password":
      return { act, target: reader.target() as PlayerTarget, passwordHash: reader.passwordHash(), moderator };
    case "revoke":
    case "restore":
      return { act, target: reader.target() as PlayerTarget, moderator };
    case "delete":
      return { act, target: reader.target() as PlayerTarget, now: reader.flag("now"), moderator };
    case "maintenance":
      return { act, plan: reader.maintenance(), moderator };
    case "game":
      return { act, action: reader.action(), input: reader.input(), moderator };
    case "documents":
      return { act, ...reader.document(), moderator };
  }
}

/** Reads fields and gathers what is wrong with them. */
class FieldReader {
  readonly problems: string[] = [];
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #known: readonly string[];

  constructor(fields: Readonly<Record<string, unknown>>, known: readonly string[]) {
    this.#fields = fields;
    this.#known = known;
    for (const name of Object.keys(fields)) {
      if (known.includes(name)) continue;
      this.problems.push(`Unknown field ${JSON.stringify(name.slice(0, 64))}: expected ${known.join(", ")}`);
    }
  }

  /** A text of at most `charsMax` characters that can be written into a log and onto a page. */
  text(name: string, charsMax: number, fallback: string): string {
    const value = this.#fields[name] ?? fallback;
    if (typeof value !== "string") return this.#wrong(name, "expected a text");
    if (value.length > charsMax) {
      return this.#wrong(name, `${value.length} characters, limit is ${charsMax} characters`);
    }
    const clean = cleanText(value);
    if ("text" in clean) return clean.text;
    // Nothing but blanks is nothing given.
    return value.trim() === "" ? fallback : this.#wrong(name, `it ${textProblem(clean.problem)}`);
  }

  reason(): string {
    return this.text("reason", MODERATION_REASON_CHARS_MAX, NO_REASON);
  }

  announcement(): string {
    const text = this.text("text", ANNOUNCEMENT_BYTES_MAX, "");
    const byteCount = new TextEncoder().encode(text).length;
    if (text === "") return this.#wrong("text", "it is empty");
    if (byteCount > ANNOUNCEMENT_BYTES_MAX) {
      return this.#wrong("text", `${byteCount} bytes, limit is ${ANNOUNCEMENT_BYTES_MAX} bytes`);
    }
    return text;
  }

  seconds(): number | null {
    const value = this.#fields.seconds ?? null;
    if (value === null) return null;
    if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MODERATION_SECONDS_MAX) return Number(value);
    this.#wrong("seconds", `expected an integer from 1 to ${MODERATION_SECONDS_MAX}`);
    return null;
  }

  flag(name: string): boolean {
    const value = this.#fields[name] ?? false;
    if (typeof value !== "boolean") this.#wrong(name, "expected true or false");
    return value === true;
  }

  passwordHash(): string {
    const { passwordHash } = this.#fields;
    if (typeof passwordHash === "string" && isClientPasswordHash(passwordHash)) return passwordHash;
    return this.#wrong("passwordHash", "expected 64 hex digits");
  }

  document(): Pick<Extract<ModerationRequest, { act: "documents" }>, "action" | "collection" | "key"> {
    const action = this.#fields.action as DocumentAction;
    if (!DOCUMENT_ACTIONS.includes(action)) {
      this.#wrong("action", `expected ${DOCUMENT_ACTIONS.join(", ")}`);
      return { action: "list", collection: "", key: "" };
    }
    // As it is: keys are a game's to choose.
    const [collection, key] = ["collection", "key"].map((name) => {
      const value = this.#fields[name] ?? "";
      const isText = typeof value === "string" && value.length <= DOCUMENT_KEY_LENGTH_MAX;
      if (!isText || (value === "") !== (action === "list")) {
        return this.#wrong(
          name,
          action === "list" ? "a list takes none" : `expected a text of 1 to ${DOCUMENT_KEY_LENGTH_MAX} characters`,
        );
      }
      return value;
    });
    return { action, collection, key };
  }

  maintenance(): Extract<ModerationRequest, { act: "maintenance" }>["plan"] {
    if (!this.flag("on")) {
      for (const name of ["seconds", "message", "allow"]) {
        if (this.#fields[name] !== undefined) this.#wrong(name, "only maintenance that is switched on takes it");
      }
      return null;
    }
    const seconds = this.#fields.seconds ?? 0;
    const isTime = Number.isInteger(seconds) && Number(seconds) >= 0 &&
      Number(seconds) <= MAINTENANCE_DELAY_SECONDS_MAX;
    if (!isTime) this.#wrong("seconds", `expected an integer from 0 to ${MAINTENANCE_DELAY_SECONDS_MAX}`);
    const message = this.text("message", MODERATION_REASON_CHARS_MAX, "");
    const allow = this.#fields.allow ?? [];
    if (!Array.isArray(allow) || allow.length > MAINTENANCE_ALLOWED_MAX) {
      this.#wrong("allow", `expected at most ${MAINTENANCE_ALLOWED_MAX} names`);
      return null;
    }
    return { seconds: Number(seconds), message, allow: allow.map((name) => this.#player(name, "allow")) };
  }

  action(): string {
    return this.text("action", GAME_ACTION_CHARS_MAX, "");
  }

  input(): Readonly<Record<string, string | number | boolean>> {
    const { input = {} } = this.#fields;
    const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
    const entries = isObject ? Object.entries(input as Record<string, unknown>) : [];
    const isPlain = entries.every(([, value]) =>
      typeof value === "number" || typeof value === "boolean" ||
      (typeof value === "string" && value.length <= MODERATION_REASON_CHARS_MAX)
    );
    if (!isObject || !isPlain || entries.length > GAME_ACTION_FIELDS_MAX) {
      const values = `texts of at most ${MODERATION_REASON_CHARS_MAX} characters, numbers, true or false`;
      this.#wrong("input", `expected an object of at most ${GAME_ACTION_FIELDS_MAX} fields: ${values}`);
    }
    return Object.fromEntries(entries) as Record<string, string | number | boolean>;
  }

  target(): ModerationTarget {
    const { player, address } = this.#fields;
    if (player !== undefined && address !== undefined) this.problems.push("Cannot take both player and address");
    if (address === undefined || !this.#known.includes("address")) return { player: this.#player(player) };
    const range = typeof address === "string" ? parseAddressRange(address) : { problem: "expected a text" };
    if (!("problem" in range)) return { address: range.text };
    return { address: this.#wrong("address", range.problem) };
  }

  #player(value: unknown, field = "player"): string {
    if (value === undefined) return this.#wrong(field, "it is missing");
    const name = typeof value === "string" ? value.normalize("NFC") : "";
    if (checkPlayerName(name) === "ok") return name;
    return this.#wrong(field, `expected a name of at most ${PLAYER_NAME_LENGTH_MAX} letters, digits, _ or -`);
  }

  #wrong(name: string, problem: string): string {
    this.problems.push(`Cannot use ${name}: ${problem}`);
    return "";
  }
}
