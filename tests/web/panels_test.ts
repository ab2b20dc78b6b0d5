import { friendNews, sortFriends } from "../../games/marsh/web/friend_model.ts";
import {
  checkNewGuild,
  invitedText,
  membersText,
  rankName,
  rightsOf,
  sortMembers,
  warEndText,
  warText,
} from "../../games/marsh/web/guild_model.ts";
import { outcomeOf } from "../../games/marsh/web/request_answer.ts";
import { RoomModel, roomText } from "../../games/marsh/web/room_model.ts";
import { type Row, rowLook } from "../../games/marsh/web/row_list.ts";
import { tabAfter } from "../../games/marsh/web/tab_list.ts";
import { RequestError } from "../../client/browser.ts";
import { checkGuildName, checkGuildTag } from "../../games/parts/guilds/guild_names.ts";
import { RoomEventKind } from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { GuildRank } from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { FriendNoticeKind } from "../../games/parts/friends/friends_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const { MEMBER, OFFICER, LEADER } = GuildRank;

Deno.test("rightsOf() offers each rank what it may do", () => {
  const rights = (rank: GuildRank) => {
    const { mayInvite, mayDeclareWar, maySetRank, mayKick } = rightsOf(rank);
    return [mayInvite, mayDeclareWar, maySetRank, mayKick(MEMBER), mayKick(OFFICER), mayKick(LEADER)];
  };
  assertEquals(rights(MEMBER), [false, false, false, false, false, false]);
  assertEquals(rights(OFFICER), [true, true, false, true, false, false]);
  assertEquals(rights(LEADER), [true, true, true, true, true, false]);
  assertEquals([MEMBER, OFFICER, LEADER, 9 as GuildRank].map(rankName), ["Member", "Officer", "Leader", "Member"]);
});

Deno.test("sortMembers() goes by rank, then presence, then name", () => {
  const member = (name: string, rank: GuildRank, online: boolean) => ({ name, rank, online });
  const members = [member("Cy", MEMBER, false), member("Bo", MEMBER, true), member("Al", MEMBER, false)];
  const sorted = sortMembers([...members, member("Di", LEADER, false), member("Ed", OFFICER, true)]);
  assertEquals(sorted.map(({ name }) => name), ["Di", "Ed", "Bo", "Al", "Cy"]);
  assertEquals(membersText(members), "3 members, 1 online");
  assertEquals(membersText([members[0]]), "1 member, 0 online");
});

Deno.test("invitedText() tells who invited, and how long it stands", () => {
  assertEquals(invitedText({ inviterName: "Ben", expiresAt: 90_061_000n }, 0), "invited by Ben · 1 d 1 h left");
  assertEquals(invitedText({ inviterName: "Ben", expiresAt: 5n }, 5), "invited by Ben · ending");
});

Deno.test("warText() and warEndText() tell how a war stands and ended", () => {
  const war = { warId: 1n, enemyGuildId: 2n, enemyName: "Elm", ownKills: 3, enemyKills: 1, endsAt: 61_000n };
  assertEquals(warText(war, 0), "3 : 1, ahead · 1 min 1 s left");
  assertEquals(warText({ ...war, enemyKills: 3 }, 0), "3 : 3, even · 1 min 1 s left");
  assert(warEndText({ ownKills: 3, enemyKills: 1, winnerGuildId: 9n }, 9n).includes("victory, 3 to 1"));
  assert(warEndText({ ownKills: 0, enemyKills: 1, winnerGuildId: 2n }, 9n).includes("defeat"));
  assert(warEndText({ ownKills: 1, enemyKills: 1, winnerGuildId: 0n }, 9n).includes("draw"));
});

Deno.test("checkNewGuild() takes what the server takes", () => {
  const text = fc.string({ unit: fc.constantFrom(..."aZ09_- é한б"), maxLength: 26 });
  fc.assert(fc.property(text, text, (name, tag) => {
    if (checkGuildName(name) === "ok" && checkGuildTag(tag) === "ok") assertEquals(checkNewGuild(name, tag), "");
  }));
  assertEquals(checkNewGuild("Old Oak", "OAK"), "");
  assert(checkNewGuild("Old Oak", "O").includes("tag"));
  assert(checkNewGuild("Old  Oak", "OAK").includes("name"));
});

const ROOM = { roomId: 4n, name: "Tavern", memberCount: 2, maxMembers: 50, hasPassword: true };

Deno.test("RoomModel.apply() counts who comes and goes, and tells when a room is over", () => {
  const model = new RoomModel();
  const event = (playerName: string, kind: RoomEventKind) =>
    model.apply({ roomId: 4n, playerId: 9n, playerName, kind }, "Ada");
  assertEquals(event("Bo", RoomEventKind.JOINED), null);
  model.join(ROOM);
  assertEquals(event("Bo", RoomEventKind.JOINED), { text: "Bo joined.", isOver: false });
  assertEquals(event("ADA", RoomEventKind.JOINED), null);
  assertEquals(model.joined.get(4n)?.memberCount, 3);
  assertEquals(event("Bo", RoomEventKind.LEFT), { text: "Bo left.", isOver: false });
  assertEquals(model.joined.get(4n)?.memberCount, 2);
  assertEquals(event("Ada", RoomEventKind.LEFT)?.isOver, true);
  assertEquals(event("", RoomEventKind.CLOSED)?.isOver, true);
});

Deno.test("RoomModel.others lists the rooms the player is not in", () => {
  const model = new RoomModel();
  model.join(ROOM);
  model.setList([{ ...ROOM, memberCount: 7 }, { ...ROOM, roomId: 5n }]);
  assertEquals(model.others.map(({ roomId }) => roomId), [5n]);
  assertEquals(model.joined.get(4n)?.memberCount, 7);
  model.leave(4n);
  assertEquals(model.others.length, 2);
});

Deno.test("RoomModel.unread adds up, and survives joining again", () => {
  const model = new RoomModel();
  model.join(ROOM).unread = 2;
  model.join({ ...ROOM, roomId: 5n }).unread = 3;
  model.join(ROOM);
  assertEquals(model.unread, 5);
  model.clear();
  assertEquals([model.unread, model.joined.size], [0, 0]);
});

Deno.test("roomText() tells how full a room is and whether it is locked", () => {
  assertEquals(roomText(ROOM), "2 of 50 inside · password");
  assertEquals(roomText({ ...ROOM, hasPassword: false, maxMembers: 0 }), "2 inside");
});

Deno.test("sortFriends() shows those online first", () => {
  const friends = [{ name: "Cy", online: false }, { name: "Bo", online: true }, { name: "Al", online: false }];
  assertEquals(sortFriends(friends).map(({ name }) => name), ["Bo", "Al", "Cy"]);
});

Deno.test("friendNews() tells of everything but a friendship's end", () => {
  const { REQUESTED, ACCEPTED, ONLINE, OFFLINE, REMOVED } = FriendNoticeKind;
  for (const kind of [REQUESTED, ACCEPTED, ONLINE, OFFLINE]) assert(friendNews(kind, "Bo").includes("Bo"));
  assertEquals(friendNews(REMOVED, "Bo"), "");
});

Deno.test("outcomeOf() gives the response, or a text for why there is none", async () => {
  const texts = { [ErrorCode.NOT_FOUND]: "No such guild." };
  const yes = { success: true, errorCode: ErrorCode.NONE, guildId: 3n };
  assertEquals((await outcomeOf(Promise.resolve(yes), texts)).response, yes);
  assertEquals((await outcomeOf(Promise.resolve({ rooms: [] }), texts)).response, { rooms: [] });
  const no = { success: false, errorCode: ErrorCode.NOT_FOUND };
  const refused = { response: null, code: ErrorCode.NOT_FOUND, text: "No such guild." };
  assertEquals(await outcomeOf(Promise.resolve(no), texts), refused);
  const error = new RequestError("refused", ErrorCode.NOT_FOUND, PacketType.GUILD_INFO_REQUEST, "no");
  assertEquals(await outcomeOf(Promise.reject(error), texts), refused);
  assertEquals((await outcomeOf(Promise.reject(new TypeError("broken")), texts)).code, ErrorCode.INTERNAL);
});

Deno.test("tabAfter() goes around with arrows, and to the ends", () => {
  assertEquals(["ArrowRight", "ArrowLeft", "Home", "End", "a"].map((key) => tabAfter(key, 2, 3)), [0, 1, 0, 2, null]);
  assertEquals(tabAfter("ArrowLeft", 0, 3), 2);
});

Deno.test("rowLook() differs where a row looks different, and not where only its meaning does", () => {
  const row: Row = {
    key: "1",
    title: "Bo",
    note: "Member",
    actions: [{ text: "Kick", label: "Kick Bo", onClick() {} }],
  };
  assertEquals(rowLook(row), rowLook({ ...row, actions: [{ text: "Kick", label: "Kick Bo", onClick: () => 1 }] }));
  for (const other of [{ title: "Al" }, { note: "" }, { isOnline: true }, { badge: 1 }, { actions: [] }]) {
    assert(rowLook(row) !== rowLook({ ...row, ...other }));
  }
});
