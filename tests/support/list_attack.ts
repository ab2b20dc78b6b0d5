/** Players who ask again and again for the most that the storage can have to answer: full lists and full guilds. @module */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import net from "node:net";
import { DatabaseSync } from "node:sqlite";
import { nameKey } from "../../server/auth/names.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { fromBinary } from "@bufbuild/protobuf";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { EnterWorldRequestSchema, EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import { GuildInfoRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { FriendListRequestSchema, IgnoreListRequestSchema } from "../../games/parts/friends/friends_pb.ts";
import { FRIENDS_MAX, IGNORED_PLAYERS_MAX } from "../../games/parts/friends/limits.ts";
import { GUILD_MEMBERS_MAX } from "../../games/parts/guilds/limits.ts";
import { packet } from "./wire.ts";
import { join } from "./wire_websocket.ts";

/** Requests of the burst at the beginning, and the pause between those after it: within the limits of an address. */
const BURST = 98;
const INTERVAL_MS = 50;
const NOW_MS = Date.now();

/** Gives each player full lists, and makes a full guild, number 1, in the database at `path`. */
export async function fillLists(path: string, names: readonly string[]): Promise<void> {
  const storage = new DirectStorage({ path }, MARSH_RECORDS);
  const fillers = Array.from({ length: Math.max(FRIENDS_MAX, IGNORED_PLAYERS_MAX, GUILD_MEMBERS_MAX) }, (_, index) => {
    const name = `Filler${index}`;
    return { name, nameKey: nameKey(name), passwordVerifier: null, createdAtMs: NOW_MS };
  });
  const others = (await storage.accounts.createMany(fillers)).map(({ accountId }) => accountId);
  const guild = { leaderId: others[0], name: "Full House", nameKey: "full house", tag: "FULL", tagKey: "full" };
  await storage.of(GUILDS).create({ ...guild, createdAtMs: NOW_MS });
  for (const [index, playerId] of others.slice(1, GUILD_MEMBERS_MAX).entries()) {
    const invite = { inviterId: others[0], nameKey: fillers[index + 1].nameKey, nowMs: NOW_MS };
    await storage.of(GUILDS).invite({ ...invite, expiresAtMs: NOW_MS + 60_000 });
    await storage.of(GUILDS).join({ playerId, guildId: 1, nowMs: NOW_MS });
  }
  for (const name of names) {
    const playerId = (await storage.accounts.findByName(nameKey(name)))!.accountId;
    await Promise.all(
      others.slice(0, IGNORED_PLAYERS_MAX).map((otherId) => storage.of(SOCIAL).addIgnored({ playerId, otherId })),
    );
  }
  await storage.close();
  befriend(path, names, others.slice(0, FRIENDS_MAX));
}

/** Makes friends past the bound of those on the other side, which is not what is looked at. */
function befriend(path: string, names: readonly string[], others: readonly number[]): void {
  const database = new DatabaseSync(path);
  const insert = database.prepare(
    "INSERT INTO friends (player_id, friend_id, since_ms) SELECT id, ?, 0 FROM accounts WHERE name_key = ?",
  );
  database.exec("PRAGMA busy_timeout = 60000");
  database.exec("BEGIN IMMEDIATE");
  for (const name of names) for (const otherId of others) insert.run(otherId, nameKey(name));
  database.exec("COMMIT");
  database.close();
}

/** One connection of an attacker. */
export interface ListAttack {
  /** Bytes it was answered. */
  readonly bytesRead: number;
  /** How its connection ended; null: it is open. */
  readonly end: "closed" | "stopped" | null;
  /** Whether it was let into the world; null: it was not told. */
  readonly hasEntered: boolean | null;
  stop(): void;
}

/**
 * Enters, asks in one write for as much as it may, then again and again.
 *
 * @param index What it asks for: its list of ignored players, its list of friends, or a guild, in turns.
 */
export function attackLists(port: number, localAddress: string, token: string, index: number): ListAttack {
  let bytesRead = 0;
  let end: ListAttack["end"] = null;
  let hasEntered: boolean | null = null;
  const view = new PacketView();
  const decoder = new FrameDecoder({
    onFrame: (bytes, start, end) => {
      view.decode(bytes, start, end);
      if (view.type !== PacketType.ENTER_WORLD_RESPONSE) return true;
      const payload = bytes.slice(view.payloadStart, view.payloadEnd);
      hasEntered = fromBinary(EnterWorldResponseSchema, payload).success;
      return false;
    },
  });
  const schema = [IgnoreListRequestSchema, FriendListRequestSchema, GuildInfoRequestSchema][index % 3];
  let sequence = 0n;
  // Acknowledges whatever has come.
  const next = () =>
    packet(schema, index % 3 === 2 ? { guildId: 1n } : {}, { sequence: ++sequence, ack: 1_000_000_000n });
  const socket = net.connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
  let timer: ReturnType<typeof setInterval> | undefined;
  socket.on("connect", () => {
    socket.write(packet(EnterWorldRequestSchema, { sessionToken: token }));
    socket.write(join(Array.from({ length: BURST }, next)));
    timer = setInterval(() => socket.write(next()), INTERVAL_MS);
  });
  socket.on("data", (bytes) => {
    bytesRead += bytes.length;
    if (hasEntered === null) decoder.push(new Uint8Array(bytes), 0, bytes.length);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(timer);
    end ??= "closed";
  });
  return {
    get bytesRead() {
      return bytesRead;
    },
    get end() {
      return end;
    },
    get hasEntered() {
      return hasEntered;
    },
    stop() {
      end ??= "stopped";
      socket.destroy();
    },
  };
}
