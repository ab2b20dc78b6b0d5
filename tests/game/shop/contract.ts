/**
 * The contract of the shop: a purchase, and the purse it is paid from. It is made at run time, from descriptors: messages
 * without generated types go the same ways, and `counter` beside it is made of a proto, as games are.
 *
 * @module
 */

import { FieldDescriptorProto_Type as Type } from "@bufbuild/protobuf/wkt";
import { PacketOptions_Sender as Sender } from "../../../shared/gen/options_pb.ts";
import { gameContract } from "../game_contract.ts";

const { contract, schemaOf } = gameContract("shop", {
  BuyRequest: {
    fields: { isHeldBack: Type.BOOL },
    packet: { number: 10_000, from: Sender.CLIENT, reply: "BuyResponse", durable: true },
  },
  BuyResponse: {
    fields: { success: Type.BOOL, error_code: Type.INT32, bought: Type.UINT32 },
    packet: { number: 10_001 },
  },
  Purse: { fields: { coins: Type.UINT32, bought: Type.UINT32 }, packet: null },
});

/** The fields of a purse. */
export interface Purse {
  coins: number;
  bought: number;
}

/** The fields of a purchase. */
export interface BuyRequest {
  /** Its answer is never sent, but by its receipt. */
  readonly isHeldBack: boolean;
}

export { contract };
export const BuyRequestSchema = schemaOf("BuyRequest");
export const PurseSchema = schemaOf("Purse");
