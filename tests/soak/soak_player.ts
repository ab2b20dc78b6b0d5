/** What the players of the resume soak have in common. @module */

import type { ChatMessage } from "../../games/parts/chat/chat_pb.ts";
import type { Channel } from "../../games/parts/chat/chat_pb.ts";

/** Where a player can connect to: proxies in front of the ports that serve the game. */
export interface Doors {
  readonly game: number;
  readonly gateway: number;
}

/** Something to say. */
export interface Saying {
  readonly channel: Channel;
  readonly message: string;
  readonly recipientName?: string;
  readonly roomId?: bigint;
}

/** What a player tells. */
export interface SoakPlayerEvents {
  onChat(chat: ChatMessage): void;
  /** The server said that packets are gone. */
  onGap(): void;
  /** The session is over, or the server broke the contract: whatever the reason, what was under way is lost. */
  onLoss(why: string): void;
}

/** One player, who comes back whenever it is thrown out. */
export interface SoakPlayer {
  readonly name: string;
  /** Sessions resumed. */
  readonly resumeCount: number;
  /** Enters the world. */
  enter(): Promise<void>;
  /** Enters a chat room, which is made if there is none; gives its id. */
  joinRoom(name: string): Promise<bigint>;
  /** Says something; `false`: not now, too much waits already. */
  say(saying: Saying): boolean;
  /** Leaves. */
  stop(): Promise<void>;
}
