/**
 * Friends, as the page shows them.
 *
 * @module
 */

import { FriendNoticeKind } from "../../../shared/gen/social_pb.ts";

/** Friends with those online first, then by name. */
export function sortFriends<F extends { readonly name: string; readonly online: boolean }>(friends: readonly F[]): F[] {
  return [...friends].sort((a, b) => Number(b.online) - Number(a.online) || a.name.localeCompare(b.name));
}

/** What to tell of a FRIEND_NOTICE; empty: nothing. */
export function friendNews(kind: FriendNoticeKind, name: string): string {
  switch (kind) {
    case FriendNoticeKind.REQUESTED:
      return `${name} would like to be your friend. Open your friends to answer.`;
    case FriendNoticeKind.ACCEPTED:
      return `${name} is your friend now.`;
    case FriendNoticeKind.ONLINE:
      return `${name} has come in.`;
    case FriendNoticeKind.OFFLINE:
      return `${name} has left.`;
    default:
      // That somebody ended a friendship is seen in the list, and not announced.
      return "";
  }
}
