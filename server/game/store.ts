/**
 * What a store of a game or a part is written with, where documents (`game.store`) do not do. It runs in the storage's
 * thread, and so imports nothing that knows the rules.
 *
 * @module
 */

export type { Ownership } from "../cluster/directory_store.ts";
export { isTaken } from "../cluster/stored_directory.ts";
export { looksOf } from "../names/public_name.ts";
export { Room, type RoomQuery } from "../storage/room.ts";
export type { SchemaStep } from "../storage/schema.ts";
export {
  type Count,
  countOf,
  listOf,
  type Row,
  type Sql,
  type SqlValue,
  Statement,
  statement,
} from "../storage/sql.ts";
export { type GameRecords, type OpenedStore, sqlStore } from "../storage/sql_store.ts";
export type { Partings, PlayerName } from "../storage/storage.ts";
export { checkId, checkRows } from "../storage/storage_checks.ts";
export { defineStore, type HandlersOf, read, type StoreOf, write } from "../storage/store.ts";
