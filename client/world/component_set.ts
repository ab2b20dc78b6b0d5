/**
 * What a game tells of one entity beside its pose, as messages of its own.
 *
 * @module
 */

import { create, type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { componentIdOf } from "../../shared/component_id.ts";
import type { ComponentUpdate } from "../../shared/gen/world_pb.ts";
import { COMPONENT_BYTES_MAX, COMPONENTS_MAX } from "../../shared/limits.ts";

/** The newest state of each component of one entity. */
export class ComponentSet {
  readonly #contents: Map<number, Uint8Array> = new Map();
  readonly #messages: Map<number, unknown> = new Map();

  /**
   * What the server told last of a component.
   *
   * @param schema Its message, which has the `component` option.
   * @returns One object until the component is told anew; nothing but defaults where it was never told.
   * @throws {TypeError} when the message is no component.
   */
  get<D extends DescMessage>(schema: D): MessageShape<D> {
    const componentId = componentIdOf(schema);
    let message = this.#messages.get(componentId) as MessageShape<D> | undefined;
    if (message === undefined) {
      const content = this.#contents.get(componentId);
      message = content === undefined ? create(schema) : fromBinary(schema, content);
      this.#messages.set(componentId, message);
    }
    return message;
  }

  /**
   * Takes what an update says. Of more components than a game can have, those that are new are left out, and so is what is
   * longer than a component can be.
   */
  apply(updates: readonly ComponentUpdate[]): void {
    for (const { componentId, content } of updates) {
      if (!this.#contents.has(componentId) && this.#contents.size >= COMPONENTS_MAX) continue;
      if (content.length > COMPONENT_BYTES_MAX) continue;
      // As it came it is a part of its packet, all of which it would keep.
      this.#contents.set(componentId, content.slice());
      this.#messages.delete(componentId);
    }
  }

  /** Forgets all: a spawn tells anew. */
  clear(): void {
    this.#contents.clear();
    this.#messages.clear();
  }
}
