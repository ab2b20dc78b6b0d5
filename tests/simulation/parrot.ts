/**
 * A way to the server that says things twice: numbered packets that were delivered come again, in both directions, as they
 * would from another implementation that replays more than it must. The contract has both ends leave them alone.
 *
 * @module
 */

import type { Transport, TransportHandler } from "../../client/transport.ts";
import type { Prng } from "../../server/world/prng.ts";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import { frameOf } from "../shared/frames.ts";

const MEMORY_FRAMES = 8;
/** One of so many chances is taken. */
const ODDS = 12;

/** Here one numbering ends, or another begins. */
const BORDERS: ReadonlySet<number> = new Set([
  PacketType.ENTER_WORLD_RESPONSE,
  PacketType.LEAVE_WORLD_REQUEST,
  PacketType.LOGOUT_REQUEST,
  PacketType.LOGOUT_RESPONSE,
]);

/** Wraps a transport; `hasSession` tells whether the client is in a session that numbers count in. */
export class Parrot implements Transport {
  readonly #inner: Transport;
  readonly #up: Memory;
  readonly #down: Memory;

  readonly #hasSession: () => boolean;

  constructor(inner: Transport, prng: Prng, hasSession: () => boolean) {
    this.#inner = inner;
    this.#hasSession = hasSession;
    this.#up = new Memory(prng);
    this.#down = new Memory(prng);
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  start(handler: TransportHandler): void {
    this.#inner.start({
      onBytes: (bytes) => {
        // Before the handler may overwrite them.
        const repeat = this.#down.take(bytes);
        handler.onBytes(bytes);
        if (repeat !== null && this.#hasSession()) handler.onBytes(repeat);
      },
      onClose: (reason) => handler.onClose(reason),
    });
  }

  send(bytes: Uint8Array): void {
    const repeat = this.#up.take(bytes);
    this.#inner.send(bytes);
    if (repeat !== null && this.#hasSession()) this.#inner.send(repeat);
  }

  close(): void {
    this.#inner.close();
  }
}

/** The last numbered frames of one direction. */
class Memory {
  readonly #prng: Prng;
  readonly #view = new PacketView();
  readonly #decoder: FrameDecoder;
  #frames: { readonly sequence: number; readonly bytes: Uint8Array }[] = [];
  #isLastNumbered = false;
  #isLost = false;
  /** Bytes of the frame that is not complete yet. */
  #partBytes = 0;

  constructor(prng: Prng) {
    this.#prng = prng;
    this.#decoder = new FrameDecoder({
      onFrame: (bytes, start, end) => {
        this.#partBytes -= 4 + end - start;
        this.#view.decode(bytes, start, end);
        const { sequence, type } = this.#view;
        this.#isLastNumbered = sequence > 0 && !BORDERS.has(type);
        if (this.#isLastNumbered) this.#keep(sequence, frameOf(bytes.slice(start, end)));
        else if (BORDERS.has(type)) this.#frames = [];
        return true;
      },
    });
  }

  /** Takes bytes of the stream; gives a frame to be said again behind them, or null. */
  take(bytes: Uint8Array): Uint8Array | null {
    if (this.#isLost) return null;
    this.#partBytes += bytes.length;
    try {
      this.#decoder.push(bytes.slice(), 0, bytes.length);
    } catch {
      // Complaining of a broken stream is up to its ends.
      this.#isLost = true;
      return null;
    }
    if (this.#partBytes !== 0 || !this.#isLastNumbered || this.#prng.nextInt(ODDS) > 0) return null;
    return this.#frames[this.#prng.nextInt(this.#frames.length)].bytes.slice();
  }

  #keep(sequence: number, bytes: Uint8Array): void {
    // A new session numbers from 1 again, and knows nothing of the one before.
    if (this.#frames.some((frame) => frame.sequence >= sequence)) this.#frames = [];
    this.#frames.push({ sequence, bytes });
    if (this.#frames.length > MEMORY_FRAMES) this.#frames.shift();
  }
}
