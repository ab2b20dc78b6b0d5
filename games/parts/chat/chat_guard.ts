/**
 * Keeps chat readable: how much a player may say, how often the same, and a mute for who does not take the hint.
 *
 * @module
 */

import {
  CHAT_BURST,
  CHAT_MUTE_FORGIVEN_MS,
  CHAT_MUTE_MS,
  CHAT_MUTE_MS_MAX,
  CHAT_PER_SECOND,
  CHAT_REPEAT_WINDOW_MS,
  CHAT_REPEATS_MAX,
  CHAT_SPEAKERS_MAX,
  CHAT_STRIKES_MAX,
  CHAT_TEXTS_WATCHED,
} from "./limits.ts";

import { RecentMap } from "../../../server/game/kit.ts";

/** What becomes of a message: it is said, or not, and why. `mute`: it is the one that the player is muted for. */
export type ChatVerdict = "ok" | "too_fast" | "repeated" | "mute" | "muted";

/** What is known of one player. Times are monotonic, in milliseconds. */
interface Speaker {
  tokens: number;
  filledAtMs: number;
  strikes: number;
  struckAtMs: number;
  mutedUntilMs: number;
  /** How many mutes it has had, less those forgiven. */
  muteCount: number;
  /** The texts it said, by their hash, the one that began longest ago first. */
  readonly texts: Map<number, { count: number; readonly sinceMs: number }>;
}

const STRIKE_FORGIVEN_MS = 1_000;

/** Watches what players say. Bounded: who is as a newcomer again is forgotten, and who has been silent longest first. */
export class ChatGuard {
  readonly #speakers = new RecentMap<number, Speaker>(CHAT_SPEAKERS_MAX, isForgiven);

  /** Judges a message before it is said. */
  judge(playerId: number, text: string, nowMs: number): ChatVerdict {
    const speaker = this.#find(playerId, nowMs);
    if (nowMs < speaker.mutedUntilMs) return "muted";
    const repeated = isRepeated(speaker, hashOf(normalize(text)), nowMs);
    speaker.tokens = Math.min(CHAT_BURST, speaker.tokens + (nowMs - speaker.filledAtMs) * CHAT_PER_SECOND / 1_000);
    speaker.filledAtMs = nowMs;
    if (!repeated && speaker.tokens >= 1) {
      speaker.tokens--;
      return "ok";
    }
    if (strike(speaker, nowMs)) return "mute";
    return repeated ? "repeated" : "too_fast";
  }

  /** How long a player is muted from `nowMs` on, in milliseconds; 0: not at all. */
  mutedForMs(playerId: number, nowMs: number): number {
    return Math.max(0, (this.#speakers.find(playerId)?.mutedUntilMs ?? 0) - nowMs);
  }

  /** Mutes a player for so many milliseconds, as another server has done: the next mute is longer here, too. */
  mute(playerId: number, forMs: number, nowMs: number): void {
    if (forMs <= 0) return;
    const speaker = this.#find(playerId, nowMs);
    countMute(speaker, nowMs);
    speaker.mutedUntilMs = Math.max(speaker.mutedUntilMs, nowMs + Math.min(CHAT_MUTE_MS_MAX, forMs));
  }

  /** Forgives a player everything. */
  forgive(playerId: number): void {
    this.#speakers.delete(playerId);
  }

  #find(playerId: number, nowMs: number): Speaker {
    return this.#speakers.use(playerId, nowMs, () => ({
      tokens: CHAT_BURST,
      filledAtMs: nowMs,
      strikes: 0,
      struckAtMs: nowMs,
      mutedUntilMs: 0,
      muteCount: 0,
      texts: new Map(),
    }));
  }
}

/** Whether nothing that a player has said or done counts any more. */
function isForgiven({ filledAtMs, strikes, struckAtMs, mutedUntilMs, muteCount }: Speaker, nowMs: number): boolean {
  const silentMs = nowMs - filledAtMs;
  return silentMs >= CHAT_REPEAT_WINDOW_MS && silentMs * CHAT_PER_SECOND >= CHAT_BURST * 1_000 &&
    nowMs - struckAtMs >= strikes * STRIKE_FORGIVEN_MS && nowMs - mutedUntilMs >= muteCount * CHAT_MUTE_FORGIVEN_MS;
}

/** Counts a text; gives whether it was said too often of late. */
function isRepeated({ texts }: Speaker, hash: number, nowMs: number): boolean {
  const text = texts.get(hash);
  if (text !== undefined && nowMs - text.sinceMs < CHAT_REPEAT_WINDOW_MS) return ++text.count > CHAT_REPEATS_MAX;
  texts.delete(hash);
  texts.set(hash, { count: 1, sinceMs: nowMs });
  if (texts.size > CHAT_TEXTS_WATCHED) texts.delete(texts.keys().next().value!);
  return false;
}

/** Counts a refused message; gives whether the player is muted for it from now on. */
function strike(speaker: Speaker, nowMs: number): boolean {
  const forgiven = Math.floor((nowMs - speaker.struckAtMs) / STRIKE_FORGIVEN_MS);
  speaker.strikes = Math.max(0, speaker.strikes - forgiven) + 1;
  // What is left of a second is not lost.
  speaker.struckAtMs = forgiven > 0 ? nowMs - (nowMs - speaker.struckAtMs) % STRIKE_FORGIVEN_MS : speaker.struckAtMs;
  if (speaker.strikes <= CHAT_STRIKES_MAX) return false;
  speaker.mutedUntilMs = nowMs + countMute(speaker, nowMs);
  return true;
}

/** Counts one more mute; gives how long it lasts, in milliseconds: longer each time. */
function countMute(speaker: Speaker, nowMs: number): number {
  const quietMs = Math.max(0, nowMs - speaker.mutedUntilMs);
  speaker.muteCount = Math.max(0, speaker.muteCount - Math.floor(quietMs / CHAT_MUTE_FORGIVEN_MS));
  speaker.strikes = 0;
  return Math.min(CHAT_MUTE_MS_MAX, CHAT_MUTE_MS * 2 ** Math.min(speaker.muteCount++, 30));
}

/** What is left of a text when case, blanks, signs and letters in a row are left out: what a reader takes for the same. */
function normalize(text: string): string {
  const bare = text.normalize("NFKC").toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "").replaceAll(/(\p{L})\1+/gu, "$1");
  return bare === "" ? text : bare;
}

/** FNV-1a over the code units: two texts out of a few are hardly ever taken for one. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}
