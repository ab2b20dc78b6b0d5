/**
 * A TCP proxy that breaks each connection that passes it, as its {@linkcode FaultPlan} says.
 *
 * @module
 */

import net from "node:net";
import { type Direction, FAULT_KINDS, type FaultKind, type FaultPlan, planFault } from "./fault_plan.ts";

/** How long the ends of a broken connection may take to close before it is reset, in milliseconds, at least. */
const END_GRACE_MS = 100;

/** The faults of all proxies of one run. */
export class Faults {
  /** Kills so far, by kind. */
  readonly kills: Record<FaultKind, number> = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<
    FaultKind,
    number
  >;
  /** Connections that came. */
  connections = 0;
  /** Connections that are broken and not closed yet. */
  breaking = 0;
  readonly #seed: number;
  #killsMax = 0;

  /** @param seed What the plans are drawn from. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Kills so far. */
  get killCount(): number {
    return Object.values(this.kills).reduce((sum, count) => sum + count, 0);
  }

  /** Whether connections are being broken. */
  get armed(): boolean {
    return this.killCount < this.#killsMax;
  }

  /** Breaks connections from now on until there have been this many kills. */
  arm(killsMax: number): void {
    this.#killsMax = killsMax;
  }

  /** The plan of the next connection. */
  next(): FaultPlan {
    return planFault(this.#seed, this.connections++);
  }
}

/** One listening port in front of one port of a server. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: net.Server;
  readonly #open = new Set<ProxiedConnection>();

  private constructor(server: net.Server) {
    this.#server = server;
  }

  /** Listens on a free port of this machine. */
  static start(targetPort: number, faults: Faults): Promise<FaultProxy> {
    return new Promise((resolve) => {
      const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
        const connection = new ProxiedConnection(client, targetPort, faults, () => proxy.#open.delete(connection));
        proxy.#open.add(connection);
      });
      const proxy = new FaultProxy(server);
      server.listen(0, "127.0.0.1", () => resolve(proxy));
    });
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#open) connection.destroy();
    await closed;
  }
}

/** Two sockets and what passes between them. */
class ProxiedConnection {
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  readonly #faults: Faults;
  readonly #plan: FaultPlan;
  readonly #onClosed: () => void;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #openSockets = 2;
  /** Bytes that passed in the plan's direction while faults were armed. */
  #passedBytes = 0;
  #broken = false;
  /** Directions whose bytes are swallowed. */
  readonly #deaf = { up: false, down: false };
  /** What the client sent and the server is to get late; `null`: it gets it at once. */
  #held: Uint8Array[] | null = null;

  constructor(client: net.Socket, targetPort: number, faults: Faults, onClosed: () => void) {
    this.#client = client;
    this.#server = net.connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.#faults = faults;
    this.#plan = faults.next();
    this.#onClosed = onClosed;
    this.#pipe("up", this.#client, this.#server);
    this.#pipe("down", this.#server, this.#client);
  }

  destroy(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#client.destroy();
    this.#server.destroy();
  }

  #pipe(direction: Direction, from: net.Socket, to: net.Socket): void {
    from.on("data", (bytes: Uint8Array) => this.#onData(direction, from, to, bytes));
    from.on("end", () => {
      if (!this.#deaf[direction]) to.end();
    });
    // An error is followed by the close.
    from.on("error", () => {});
    from.on("close", () => {
      if (--this.#openSockets === 0) {
        for (const timer of this.#timers) clearTimeout(timer);
        if (this.#broken) this.#faults.breaking--;
        this.#onClosed();
      } else if (!this.#broken) {
        to.resetAndDestroy();
      }
    });
  }

  #onData(direction: Direction, from: net.Socket, to: net.Socket, bytes: Uint8Array): void {
    if (this.#deaf[direction]) return;
    if (direction === "up" && this.#held !== null) {
      this.#held.push(bytes);
    } else if (!this.#broken && this.#faults.armed && direction === this.#plan.direction) {
      const roomBytes = this.#plan.afterBytes - this.#passedBytes;
      this.#passedBytes += bytes.length;
      if (bytes.length <= roomBytes) return this.#forward(from, to, bytes);
      this.#broken = true;
      this.#faults.kills[this.#plan.kind]++;
      this.#faults.breaking++;
      // What passes must have left before the connection breaks.
      from.pause();
      this.#later(this.#plan.holdMs + END_GRACE_MS, () => this.#reset());
      to.write(bytes.subarray(0, roomBytes), () => {
        from.resume();
        this.#break(bytes.subarray(roomBytes));
      });
    } else {
      this.#forward(from, to, bytes);
    }
  }

  #forward(from: net.Socket, to: net.Socket, bytes: Uint8Array): void {
    if (to.destroyed || to.write(bytes)) return;
    from.pause();
    to.once("drain", () => from.resume());
  }

  /** @param rest What came behind the last byte that passed. */
  #break(rest: Uint8Array): void {
    const { kind, direction, holdMs } = this.#plan;
    switch (kind) {
      case "reset":
        return this.#reset();
      case "end":
        this.#end("up");
        this.#end("down");
        return;
      case "half_up":
        if (direction === "down") this.#client.write(rest);
        return this.#end("up");
      case "half_down":
        if (direction === "up") this.#server.write(rest);
        return this.#end("down");
      case "silence":
        this.#deaf.up = this.#deaf.down = true;
        return;
      case "late":
        this.#held = direction === "up" ? [rest] : [];
        if (direction === "down") this.#client.write(rest);
        this.#later(holdMs / 2, () => {
          this.#deaf.down = true;
          this.#client.resetAndDestroy();
        });
        return this.#later(holdMs, () => this.#deliverLate());
    }
  }

  #end(direction: Direction): void {
    this.#deaf[direction] = true;
    (direction === "up" ? this.#server : this.#client).end();
  }

  #deliverLate(): void {
    const held = this.#held!;
    this.#deaf.up = true;
    for (const bytes of held) this.#server.write(bytes);
  }

  #reset(): void {
    this.#deaf.up = this.#deaf.down = true;
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  #later(delayMs: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, delayMs);
    this.#timers.add(timer);
  }
}
