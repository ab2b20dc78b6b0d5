/** Blows between players on the harness. @module */

import { PacketType } from "../../games/marsh/contract.ts";
import { CombatActionSchema } from "../../games/parts/combat/combat_pb.ts";
import { SKILL_MELEE } from "../../games/parts/combat/skills.ts";
import type { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert } from "../support/assert.ts";
import type { HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** A skill of one player on another. */
export function hit(
  harness: LogicHarness,
  attacker: HarnessClient,
  target: HarnessClient,
  skillId = SKILL_MELEE,
): void {
  harness.send(attacker, CombatActionSchema, { skillId, targetId: BigInt(target.entityId) });
}

/** Hits until the target is dead: from one hit point, until a blow is not dodged. */
export function kill(harness: LogicHarness, attacker: HarnessClient, target: HarnessClient): void {
  harness.health.set(target.entityId, { hp: 1, hpMax: 100 });
  for (let round = 0; harness.health.hpOf(target.entityId) > 0; round++) {
    assert(round < 100, "Somebody must be hit in a hundred blows");
    hit(harness, attacker, target);
    harness.advance(500);
  }
}

/** The codes of the ERROR_RESPONSE packets that a client received and was not asked for yet. */
export function takeErrors(harness: LogicHarness, client: HarnessClient): ErrorCode[] {
  return harness.take(client, PacketType.ERROR_RESPONSE).map(({ errorCode }) => errorCode);
}
