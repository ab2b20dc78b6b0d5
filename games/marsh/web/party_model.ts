/**
 * Parties, as the page tells of them.
 *
 * @module
 */

import { PartyChange, type PartyState } from "../../parts/parties/parties_pb.ts";
import { TEXTS } from "./language.ts";

/** What to tell of a PARTY_STATE; empty: nothing. */
export function partyNews({ change, playerName }: PartyState, ownName: string): string {
  const isOwn = playerName.toLowerCase() === ownName.toLowerCase();
  switch (change) {
    case PartyChange.JOINED:
      return isOwn ? TEXTS.parties.youJoined : TEXTS.parties.joined(playerName);
    case PartyChange.LEFT:
      return isOwn ? TEXTS.parties.youLeft : TEXTS.parties.left(playerName);
    case PartyChange.KICKED:
      return isOwn ? TEXTS.parties.youWereKicked : TEXTS.parties.kicked(playerName);
    case PartyChange.LED:
      return isOwn ? TEXTS.parties.youLead : TEXTS.parties.leads(playerName);
    case PartyChange.DISBANDED:
      return TEXTS.parties.disbanded;
    case PartyChange.DECLINED:
      return TEXTS.parties.declined(playerName);
    default:
      return "";
  }
}
