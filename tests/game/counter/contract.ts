/**
 * The contract of the counter, a game of two packets: a request that counts, and what everybody is told then; and of a
 * component that is kept.
 *
 * @module
 */

import { FieldDescriptorProto_Type as Type } from "@bufbuild/protobuf/wkt";
import { PacketOptions_Sender as Sender } from "../../../shared/gen/options_pb.ts";
import { gameContract } from "../game_contract.ts";

const { contract, schemaOf } = gameContract("counter", {
  CountRequest: {
    fields: { by: Type.UINT32 },
    packet: { number: 10_000, from: Sender.CLIENT, reply: "CountResponse" },
  },
  CountResponse: {
    fields: { success: Type.BOOL, error_code: Type.INT32, count: Type.UINT32 },
    packet: { number: 10_001 },
  },
  Counted: { fields: { name: Type.STRING, count: Type.UINT32 }, packet: { number: 10_002 } },
  Mark: { fields: { count: Type.UINT32 }, packet: null, component: { id: 1, bytesMax: 8, saved: true } },
});

export { contract };
export const CountRequestSchema = schemaOf("CountRequest");
export const CountResponseSchema = schemaOf("CountResponse");
export const CountedSchema = schemaOf("Counted");
/** What a player has of its own and keeps. */
export const MarkSchema = schemaOf("Mark");
