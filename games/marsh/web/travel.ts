/**
 * Between maps: asks where the player is and takes it through portals.
 *
 * @module
 */

import type { DrawbridgeClient } from "../../../client/browser.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { type MapEntered, type MapInfo } from "../../../shared/gen/world_pb.ts";
import { MapInfoRequestSchema, PortalRequestSchema } from "../marsh_pb.ts";
import { PacketType } from "../contract.ts";
import { TEXTS } from "./language.ts";
import { type CodeTexts, outcomeOf } from "./request_answer.ts";

const REFUSALS: CodeTexts = {
  [ErrorCode.NOT_FOUND]: TEXTS.world.portalGone,
  [ErrorCode.INVALID_STATE]: TEXTS.world.portalNotNow,
  [ErrorCode.OUT_OF_RANGE]: TEXTS.world.portalFar,
  [ErrorCode.SERVER_FULL]: TEXTS.world.portalCrowded,
};

/** What travel tells the page. */
export interface TravelHandlers {
  /** The map that the player is on. */
  readonly onMap: (map: MapInfo) => void;
  /** The player is on another map now. */
  readonly onEntered: (entered: MapEntered & { readonly map: MapInfo }) => void;
  /** Why nothing happened. */
  readonly onRefused: (text: string) => void;
}

/** The player's travels. */
export class Travel {
  readonly #client: DrawbridgeClient;
  readonly #handlers: TravelHandlers;
  #isPassing = false;

  constructor(client: DrawbridgeClient, handlers: TravelHandlers) {
    this.#client = client;
    this.#handlers = handlers;
    client.on(PacketType.MAP_INFO_RESPONSE, ({ map }) => map !== undefined && handlers.onMap(map));
    client.on(PacketType.MAP_ENTERED, (entered) => {
      const { map, success } = entered;
      if (success && map !== undefined) handlers.onEntered({ ...entered, map });
    });
  }

  /** Asks for the map that the player is on; the answer goes to `onMap`. */
  async ask(): Promise<void> {
    await outcomeOf(this.#client.request(MapInfoRequestSchema, {}), {});
  }

  /** Passes a portal. */
  async use(portalId: number): Promise<void> {
    if (this.#isPassing || this.#client.state !== "connected") return;
    this.#isPassing = true;
    const { text } = await outcomeOf(this.#client.request(PortalRequestSchema, { portalId }), REFUSALS);
    this.#isPassing = false;
    if (text !== "") this.#handlers.onRefused(text);
  }
}
