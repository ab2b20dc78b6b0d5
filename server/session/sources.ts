/** On whose behalf connections ask the storage. @module */

import type { ServerConfig } from "../config/config.ts";
import { addressGroup, AddressRanges } from "../base/ip_address.ts";
import type { Link } from "./link.ts";

/**
 * Names the sources of requests: where many ask at once, each has its turn. Behind one address is one source, however
 * many connections it has; a trusted address stands for many, so there each connection is one.
 */
export class Sources {
  readonly #trusted: AddressRanges;
  readonly #isOn: boolean;

  constructor(config: Pick<ServerConfig, "floodControl" | "trustedAddresses">) {
    this.#trusted = new AddressRanges(config.trustedAddresses);
    this.#isOn = config.floodControl;
  }

  /** The source of what a connection asks. */
  of({ info, worker, slot, generation }: Link): string {
    const isLimited = this.#isOn && !this.#trusted.containsText(info.address);
    return isLimited ? addressGroup(info.address) : `${worker}.${slot}.${generation}`;
  }
}
