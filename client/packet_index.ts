/**
 * What clients look up of a contract, made once for all clients of it.
 *
 * @module
 */

import { ScalarType } from "@bufbuild/protobuf";
import { type Contract, someField } from "../shared/contract.ts";

/** See {@linkcode packetIndexOf}. */
export interface PacketIndex {
  /** The request type of each reply that answers only one. */
  readonly requestByReply: ReadonlyMap<number, number>;
  /** Replies that name the request type they answer. */
  readonly sharedReplies: ReadonlySet<number>;
  /** Types whose messages would point into the transport's buffer, which is used again: the codec copies no bytes. */
  readonly withBytes: ReadonlySet<number>;
}

const INDEXES: WeakMap<Contract, PacketIndex> = new WeakMap();

/** The index of a contract. */
export function packetIndexOf(contract: Contract): PacketIndex {
  let index = INDEXES.get(contract);
  if (index === undefined) INDEXES.set(contract, index = makeIndex(contract));
  return index;
}

function makeIndex(contract: Contract): PacketIndex {
  const requestByReply = new Map<number, number>(), sharedReplies = new Set<number>(), withBytes = new Set<number>();
  for (const { type, replyType } of contract.packets.rows) {
    if (someField(contract.schemaOf(type)!, ({ scalar }) => scalar === ScalarType.BYTES)) withBytes.add(type);
    if (replyType === 0) continue;
    if (contract.schemaOf(replyType)!.field.requestType !== undefined) sharedReplies.add(replyType);
    else requestByReply.set(replyType, type);
  }
  return { requestByReply, sharedReplies, withBytes };
}
