/**
 * What parts of games and games with wishes of their own are built with, beside the rules that `game.ts` is for: names,
 * budgets, guards, payloads for many, places, and the bytes of components.
 *
 * @module
 */

export { nameKey } from "../auth/names.ts";
export { foldName, isWord, looksLikeName, looksOf, type NameBounds, type NameRule } from "../names/public_name.ts";
export { type Login, LoginGuard } from "../auth/login_guard.ts";
export { type BucketRate, TokenBucket } from "../base/token_bucket.ts";
export { RecentMap } from "../base/recent_map.ts";
export { explain } from "../session/told.ts";
export { pack, packBehind, type Packed } from "../session/packed.ts";
export { placeAround, type Point } from "../world/places.ts";
export { varintBytes, writeFloatField, writeVarint, writeVarintField } from "../world/wire_writer.ts";
