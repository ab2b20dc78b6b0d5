import { OnlineLists } from "../../games/parts/friends/online_lists.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("OnlineLists.ignores() is one-sided and holds while the ignoring player is online", () => {
  const lists = new OnlineLists();
  lists.add(1, [], [2]);
  lists.add(2, [], []);
  assert(lists.ignores(1, 2) && !lists.ignores(2, 1));
  assert(lists.isIgnoredByAny(2) && !lists.isIgnoredByAny(1));
  lists.remove(1);
  assert(!lists.ignores(1, 2) && !lists.isIgnoredByAny(2));
});

Deno.test("OnlineLists.removeIgnored() leaves those alone who ignore the same player", () => {
  const lists = new OnlineLists();
  lists.add(1, [], [3]);
  lists.add(2, [], [3]);
  lists.removeIgnored(1, 3);
  lists.removeIgnored(1, 3);
  assert(!lists.ignores(1, 3) && lists.ignores(2, 3) && lists.isIgnoredByAny(3));
  lists.removeIgnored(2, 3);
  assert(!lists.isIgnoredByAny(3));
});

Deno.test("OnlineLists.addIgnored() and addFriends() do nothing for a player whose lists are not here", () => {
  const lists = new OnlineLists();
  lists.addIgnored(1, 2);
  lists.addFriends(1, 2);
  assert(!lists.ignores(1, 2) && !lists.isIgnoredByAny(2) && !lists.has(1));
  assertEquals([...lists.friendsOf(1)], []);
});

Deno.test("OnlineLists.addFriends() and removeFriends() are for both, as far as they are here", () => {
  const lists = new OnlineLists();
  lists.add(1, [9], []);
  lists.add(2, [], []);
  lists.addFriends(1, 2);
  lists.addFriends(1, 3);
  assertEquals([[...lists.friendsOf(1)], [...lists.friendsOf(2)], [...lists.friendsOf(3)]], [[9, 2, 3], [1], []]);
  lists.removeFriends(2, 1);
  assertEquals([[...lists.friendsOf(1)], [...lists.friendsOf(2)]], [[9, 3], []]);
});

Deno.test("OnlineLists.add() replaces what was known before", () => {
  const lists = new OnlineLists();
  lists.add(1, [2], [3]);
  lists.add(1, [4], [5]);
  assertEquals([...lists.friendsOf(1)], [4]);
  assert(!lists.ignores(1, 3) && lists.ignores(1, 5) && !lists.isIgnoredByAny(3));
});
