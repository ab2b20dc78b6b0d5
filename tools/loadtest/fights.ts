/**
 * One player's blows: each must be answered, by a COMBAT_RESULT that everyone near sees or by a refusal.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CombatActionSchema, CombatResultSchema } from "../../games/parts/combat/combat_pb.ts";
import type { LedgerTotals } from "./sequence_ledger.ts";

/** The ranged skill: one target, and one result for each blow. */
const SKILL_ID = 2;
/** How far it reaches, in centimetres; less the steps that both take meanwhile. */
export const FIGHT_RANGE_CM = 2_300;

interface Blow {
  readonly sequence: number;
  readonly dueUs: number;
}

/** What became of a player's blows. */
export class Fights {
  #entityId: number;
  /** Blows without an answer, in the order they were dealt. */
  readonly #open: Blow[] = [];
  #dealt = 0;
  #answered = 0;
  #repeated = 0;

  constructor(entityId: number) {
    this.#entityId = entityId;
  }

  /** The player has another entity. */
  goOnAs(entityId: number): void {
    this.#entityId = entityId;
  }

  /** Blows without an answer. */
  get openCount(): number {
    return this.#open.length;
  }

  /** The payload of a blow at an entity. */
  encode(targetId: number): Uint8Array {
    const action = create(CombatActionSchema, {
      targetId: BigInt(targetId),
      skillId: SKILL_ID,
      actionSequence: this.#dealt + 1,
    });
    return toBinary(CombatActionSchema, action);
  }

  /** A blow was sent under this number. */
  deal(sequence: number, dueUs: number): void {
    this.#dealt++;
    this.#open.push({ sequence, dueUs });
  }

  /** A COMBAT_RESULT; gives when the blow was due that it answers, or -1: it is another's, or a surplus. */
  receive(payload: Uint8Array): number {
    const result = fromBinary(CombatResultSchema, payload);
    if (Number(result.attackerId) !== this.#entityId || result.skillId !== SKILL_ID) return -1;
    const blow = this.#open.shift();
    if (blow === undefined) {
      this.#repeated++;
      return -1;
    }
    this.#answered++;
    return blow.dueUs;
  }

  /** The server refused the packet of this number; gives whether it was a blow. */
  refuse(sequence: number): boolean {
    const index = this.#open.findIndex((blow) => blow.sequence === sequence);
    if (index < 0) return false;
    this.#open.splice(index, 1);
    this.#answered++;
    return true;
  }

  /** The account. */
  totals(): LedgerTotals {
    return {
      sent: this.#dealt,
      received: this.#answered,
      lost: this.#open.length,
      duplicated: this.#repeated,
      outOfOrder: 0,
      corrupted: 0,
    };
  }
}
