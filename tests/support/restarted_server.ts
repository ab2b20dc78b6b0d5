/** A server that tests kill and start again. @module */

import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import type { Contract, PacketShapes } from "../../shared/contract.ts";
import { ServerProcess } from "./server_process.ts";

/** A server that is started again and again on one data folder, and clients that find it wherever it is then. */
export class RestartedServer implements AsyncDisposable {
  #server: ServerProcess;
  readonly #dataDir: string;
  readonly #flags: readonly string[];

  private constructor(dataDir: string, flags: readonly string[], server: ServerProcess) {
    this.#dataDir = dataDir;
    this.#flags = flags;
    this.#server = server;
  }

  static async start(dataDir: string, flags: readonly string[] = []): Promise<RestartedServer> {
    return new RestartedServer(dataDir, flags, await RestartedServer.#start(dataDir, flags));
  }

  static #start(dataDir: string, flags: readonly string[]): Promise<ServerProcess> {
    return ServerProcess.start({ flags: [...flags, "--flood-control", "off"], dataDir, errorsExpected: true });
  }

  async killAndStart(): Promise<void> {
    this.#server.kill("SIGKILL");
    await this.#server[Symbol.asyncDispose]();
    this.#server = await RestartedServer.#start(this.#dataDir, this.#flags);
  }

  /** A new player: its session token. */
  async register<P extends PacketShapes<P>>(contract: Contract<P>, name: string): Promise<string> {
    const client = new GameClient({
      contract,
      connect: () => connectWebSocket(`ws://127.0.0.1:${this.#server.ports.gateway}/ws`),
    });
    await client.open();
    await client.register(name, `secret of ${name}`);
    const { sessionToken } = await client.login(name, `secret of ${name}`);
    await client.close();
    return sessionToken;
  }

  /** A client in the world. @param random Default: the machine's chance. */
  async enter<P extends PacketShapes<P>>(
    contract: Contract<P>,
    token: string,
    random?: () => number,
  ): Promise<GameClient<P>> {
    const client = new GameClient({
      contract,
      connect: () => connectTcp({ hostname: "127.0.0.1", port: this.#server.ports.game }),
      ...random === undefined ? {} : { random },
    });
    await client.open();
    await client.enterWorld({ token });
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
