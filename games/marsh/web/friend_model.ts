/**
 * Friends, as the page shows them.
 *
 * @module
 */

import { FriendNoticeKind } from "../../parts/friends/friends_pb.ts";
import { TEXTS } from "./language.ts";

/** Friends with those online first, then by name. */
export function sortFriends<F extends { readonly name: string; readonly online: boolean }>(friends: readonly F[]): F[] {
  return [...friends].sort((a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name));
}

/** What to tell of a FRIEND_NOTICE; empty: nothing. */
export function friendNews(kind: FriendNoticeKind, name: string): string {
  switch (kind) {
    case FriendNoticeKind.REQUESTED:
      return TEXTS.friends.requested(name);
    case FriendNoticeKind.ACCEPTED:
      return TEXTS.friends.isFriend(name);
    case FriendNoticeKind.ONLINE:
      return TEXTS.friends.cameOnline(name);
    case FriendNoticeKind.OFFLINE:
      return TEXTS.friends.wentOffline(name);
    default:
      // That somebody ended a friendship is seen in the list, and not announced.
      return "";
  }
}
