/** The ways from player to player, which all parts of a game share. @module */

import type { Game } from "../../../server/game/game.ts";
import { OnlineLists } from "../friends/online_lists.ts";
import { ChatDelivery } from "./chat_delivery.ts";
import { ChatGuard } from "./chat_guard.ts";
import { ContactGate } from "./contact_gate.ts";

/** Who may be told what by whom, and how it comes there. */
export interface Contacts {
  readonly guard: ChatGuard;
  readonly gate: ContactGate;
  readonly delivery: ChatDelivery;
}

const withoutFriends = new WeakMap<Game, Contacts>();

/** Those of the part `friends`. In a game without it nobody ignores anybody; mutes and budgets hold all the same. */
export function contactsOf(game: Game, friends: Contacts | undefined): Contacts {
  const known = friends ?? withoutFriends.get(game);
  if (known !== undefined) return known;
  const guard = new ChatGuard(), lists = new OnlineLists();
  const gate = new ContactGate(game, { guard, lists });
  const contacts = { guard, gate, delivery: new ChatDelivery(game, { lists, gate, crowdedOut: () => {} }) };
  withoutFriends.set(game, contacts);
  return contacts;
}
