/**
 * One row per packet type: who may send it when, where it is handled, what it costs. The rows follow from the `packet`
 * option of messages.
 *
 * @see contract.ts
 * @module
 */

import type { DeliveryClass } from "./gen/enums.ts";

/** A connection's first state, as a bit: not logged in. */
export const STATE_CONNECTED = 1;
/** A connection's state, as a bit: logged in. */
export const STATE_AUTHENTICATED = 2;
/** A connection's state, as a bit: in the world. */
export const STATE_IN_WORLD = 4;

/** The login port, as a bit. */
export const PORT_LOGIN = 1;
/** The game port, as a bit. */
export const PORT_GAME = 2;
/** The gateway's port, as a bit. */
export const PORT_GATEWAY = 4;

/** Where a reply says that it is a refusal: numbers of fields, 0 where it has none. */
export interface RefusalShape {
  /** Its packet type. */
  readonly type: number;
  /** Field of the code. */
  readonly errorCode: number;
  /** Field of the text. */
  readonly errorMessage: number;
  /** Field of the type that is refused. */
  readonly requestType: number;
  /** Field of the explanation. */
  readonly explanation: number;
}

/** What the system knows about one packet type; plain data, so that threads can be given it. */
export interface PacketRow {
  /** Its number on the wire. */
  readonly type: number;
  /** The type's name, as in the wire contract. */
  readonly name: string;
  /** How it travels once its receiver is slow or its connection breaks. */
  readonly delivery: DeliveryClass;
  /** Who sends it. */
  readonly direction: "client" | "server" | "both";
  /** States a client may send it in, as bits; 0 for the server's own. */
  readonly states: number;
  /** Ports a client may send it on, as bits; 0 for the server's own. */
  readonly ports: number;
  /** Where it is handled: on the io worker that reads the socket, or by the logic worker. */
  readonly handledBy: "io" | "logic" | "none";
  /** Tokens it takes from the sender's bucket. */
  readonly cost: number;
  /**
   * How many of it one connection may send, besides what its tokens allow: each second and at once. `null`: tokens
   * alone decide.
   */
  readonly rate: { readonly perSecond: number; readonly burst: number } | null;
  /** Largest payload a client may send, in bytes, after decompression. */
  readonly payloadBytesMax: number;
  /** It leads to another state: what the client sends behind it waits until it is answered. */
  readonly changesState: boolean;
  /** Whether logic is woken for it; otherwise it has no effect before the next step of the world. */
  readonly isUrgent: boolean;
  /** The type that answers it; 0: none does. */
  readonly replyType: number;
  /** How its reply refuses it; `null`: ERROR_RESPONSE does. */
  readonly refusal: RefusalShape | null;
  /** Whether its reply is kept with what it changed, so that the same request again is answered the same. */
  readonly isDurable: boolean;
  /** Whether its payload has secrets, which are not to be logged. */
  readonly isSecret: boolean;
}

/** Every packet type of a game and its engine, found by number. */
export class PacketTable {
  /** The highest type there is. */
  readonly typeMax: number;
  readonly #byType: readonly (PacketRow | undefined)[];

  /**
   * Makes a table.
   *
   * @param rows One for each type, ascending.
   */
  constructor(readonly rows: readonly PacketRow[]) {
    this.typeMax = rows.at(-1)?.type ?? 0;
    const byType: (PacketRow | undefined)[] = new Array(this.typeMax + 1).fill(undefined);
    for (const row of rows) byType[row.type] = row;
    this.#byType = byType;
  }

  /**
   * The row of a packet type.
   *
   * @param type Any 32-bit integer, as it came from the wire.
   * @returns `undefined` when there is no such type.
   */
  row(type: number): PacketRow | undefined {
    return type >= 0 && type <= this.typeMax ? this.#byType[type] : undefined;
  }

  /** The name of a packet type: `LOGIN_REQUEST`; `UNKNOWN_77` for one that has none. */
  nameOf(type: number): string {
    return this.row(type)?.name ?? `UNKNOWN_${type}`;
  }
}
