/**
 * What goes with a session to another node: what was said in both directions and is not known to have arrived.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { HandedOverSessionSchema } from "../../shared/gen/handover_pb.ts";
import type { OutboxImage } from "./outbox.ts";
import type { Session } from "./session.ts";

/** The numbers of a session in both directions, with the packets that bear them. */
export interface SessionNumbers
  extends Pick<Session, "receivedSequence" | "adoptsSequence" | "clientVersion" | "carried"> {
  readonly outbox: OutboxImage;
}

/** A session as the database keeps it: a `HandedOverSession`. */
export function encodeSession(
  { adoptsSequence, carried, clientVersion, outbox, receivedSequence }: SessionNumbers,
): Uint8Array {
  const { firstSequence, hasGap, isAcknowledged, packets, sentSequence } = outbox;
  return toBinary(
    HandedOverSessionSchema,
    create(HandedOverSessionSchema, {
      packets: packets.map(({ type, payload, isCompressed, isForMany = false }) => ({
        ...{ type, payload, isCompressed, isForMany },
      })),
      firstSequence: BigInt(firstSequence),
      sentSequence: BigInt(sentSequence),
      isAcknowledged,
      hasGap,
      receivedSequence: BigInt(receivedSequence),
      adoptsSequence,
      clientVersion: clientVersion ?? "",
      carried: Object.fromEntries(carried),
    }),
  );
}

/** What {@linkcode encodeSession} made. @throws {Error} when it is nothing of the kind. */
export function decodeSession(bytes: Uint8Array): SessionNumbers {
  const { packets, firstSequence, sentSequence, isAcknowledged, hasGap, ...rest } = fromBinary(
    HandedOverSessionSchema,
    bytes,
  );
  return {
    outbox: {
      packets: packets.map(({ type, payload, isCompressed, isForMany }) => ({
        ...{ type, payload, isCompressed, isForMany },
      })),
      firstSequence: Number(firstSequence),
      sentSequence: Number(sentSequence),
      isAcknowledged,
      hasGap,
    },
    receivedSequence: Number(rest.receivedSequence),
    adoptsSequence: rest.adoptsSequence,
    clientVersion: rest.clientVersion === "" ? null : rest.clientVersion,
    carried: new Map(Object.entries(rest.carried)),
  };
}

/**
 * The numbers of a session whose node is dead. The server's go on behind what the client has received; those of the client
 * begin with whatever comes first, as nobody knows what it has sent.
 */
export function numbersAfter(lastSequence: number): SessionNumbers {
  const outbox = {
    packets: [],
    firstSequence: lastSequence + 1,
    sentSequence: lastSequence,
    isAcknowledged: true,
    hasGap: true,
  };
  return { outbox, receivedSequence: 0, adoptsSequence: true, clientVersion: null, carried: new Map() };
}
