/**
 * Everything the page says, in English. Other languages have the same shape: see `ko.ts`.
 *
 * @module
 */

import { DisconnectReason } from "../../../../shared/gen/auth_pb.ts";
import { Channel } from "../../../parts/chat/chat_pb.ts";
import { Cause, ErrorCode } from "../../../../shared/gen/common_pb.ts";
import { GuildRank } from "../../../parts/guilds/guilds_pb.ts";
import { LeaderboardBoard } from "../../../parts/leaderboards/leaderboards_pb.ts";
import {
  ACCOUNT_DELETION_GRACE_MS,
  LOGIN_QUEUE_KEPT_MS,
  MARKS_PER_LETTER_MAX,
  PLAYER_NAME_LENGTH_MAX,
  PLAYER_NAME_LENGTH_MIN,
} from "../../../../shared/limits.ts";
import {
  GUILD_NAME_LENGTH_MAX,
  GUILD_NAME_LENGTH_MIN,
  GUILD_TAG_LENGTH_MAX,
  GUILD_TAG_LENGTH_MIN,
} from "../../../parts/guilds/limits.ts";
import { LEADERBOARD_RANK_MAX } from "../../../parts/leaderboards/limits.ts";
import {
  ROOM_MEMBERS_MAX,
  ROOM_NAME_LENGTH_MAX,
  ROOM_NAME_LENGTH_MIN,
  ROOMS_PER_PLAYER,
} from "../../../parts/rooms/limits.ts";
import { durationOf } from "../duration.ts";
import { PASSWORD_LENGTH_MIN } from "../form.ts";

const GRACE_DAYS = ACCOUNT_DELETION_GRACE_MS / 86_400_000;
const numbers = new Intl.NumberFormat("en");
const plurals = new Intl.PluralRules("en");
const dates = new Intl.DateTimeFormat("en", { dateStyle: "long" });

/** "1 member", "1,200 members". */
function counted(count: number, one: string, other: string): string {
  return `${numbers.format(count)} ${plurals.select(count) === "one" ? one : other}`;
}

/** "The Undercroft" after other words. */
function midSentence(name: string): string {
  return name.replace(/^The /, "the ");
}

const BOARD_NOUNS: Readonly<Record<LeaderboardBoard, readonly [one: string, other: string]>> = {
  [LeaderboardBoard.KILLS]: ["kill", "kills"],
  [LeaderboardBoard.DEATHS]: ["death", "deaths"],
  [LeaderboardBoard.MONSTER_KILLS]: ["monster kill", "monster kills"],
};

/** The texts; a text with values in it is a function. */
export const en = {
  /** What the language calls itself. */
  languageName: "English",
  number: (value: number): string => numbers.format(value),

  /** What the maps and monsters of the data files are called, by the name the server tells; unless told, that itself. */
  names: {} as Readonly<Record<string, string>>,

  /** Texts of `index.html`, by the names in its `data-text` attributes. `{W}` stands for a key. */
  page: {
    account: "Account",
    accountDeletion: "Delete your account",
    accountDeletionNote:
      `Your character, friends, guild membership and scores are deleted with it, ${GRACE_DAYS} days from now. ` +
      "Log in before then to keep everything.",
    accountPassword: "Change your password",
    accountRevocation: "Log out everywhere else",
    add: "Add",
    bytesUsed: "Bytes used",
    castle: "Castle",
    change: "Change",
    channelArea: "Area",
    channelGlobal: "Global",
    channelGuild: "Guild",
    channelParty: "Party",
    channelWhisper: "Whisper",
    channels: "Who hears you",
    chat: "Chat",
    clearTarget: "Clear the target",
    closePanel: "Close the panel",
    conversations: "Conversations",
    create: "Create",
    deaths: "Deaths",
    declare: "Declare",
    delete: "Delete",
    enter: "Enter",
    friendAdd: "Add a friend",
    friendRequests: "Requests",
    friends: "Friends",
    friendsKey: "Friends (F)",
    accountKey: "Account (U)",
    guild: "Guild",
    guildCreate: "Create a guild",
    guildKey: "Guild (G)",
    guildLeave: "Leave the guild",
    guildName: "guild's name",
    hintKeys: "Move with {W} {A} {S} {D} or by clicking. Click a monster to attack.",
    hintSafe: "Inside the ring of light you are safe.",
    hintTouch: "Tap to move. Tap a monster to attack.",
    ignore: "Ignore",
    ignored: "Ignored",
    ignorePlayer: "Ignore a player",
    invitations: "Invitations",
    invite: "Invite",
    invited: "Invited",
    kills: "Kills",
    language: "Language",
    leaderboard: "Leaderboard",
    leaderboardKey: "Leaderboard (L)",
    leave: "Leave",
    leaveCastle: "Leave the castle",
    logIn: "Log in",
    logOutOthers: "Log out other devices",
    members: "Members",
    message: "Message",
    messagePlaceholder: "Message or /help",
    messages: "Messages",
    monsters: "Monsters",
    monsterKills: "Monster kills",
    name: "Name",
    newHere: "New here",
    newPassword: "New password",
    open: "Open",
    ownHealth: "Your health",
    panels: "Panels",
    panelsOfSide: "Guild, rooms, friends, ranks and account",
    party: "Party",
    partyDisband: "Disband the party",
    partyInvite: "Invite to your party",
    partyLeave: "Leave the party",
    partyMembers: "Members of your party",
    password: "Password",
    passwordHelp: `At least ${PASSWORD_LENGTH_MIN} characters.`,
    passwordOptional: "Password (optional)",
    period: "Period",
    periodAll: "All time",
    periodDay: "Today",
    places: "Places",
    player: "Player",
    playerName: "player's name",
    playersInView: "Players in view",
    playersNearby: "Players nearby",
    queueLeave: "Leave the line",
    queueNote: "Keep this page open: you enter as soon as it is your turn. If you reload or close it, your place is " +
      `kept for ${LOGIN_QUEUE_KEPT_MS / 1_000} seconds.`,
    queuePlace: "Your place in line",
    queueTitle: "The castle is full",
    rank: "Rank",
    rankingBy: "Ranking by",
    ranks: "Ranks",
    recipientName: "name",
    registerNameHelp:
      `${PLAYER_NAME_LENGTH_MIN} to ${PLAYER_NAME_LENGTH_MAX} letters of one script, digits, "_" or "-".`,
    roomOpen: "Open a room",
    rooms: "Rooms",
    roomsKey: "Rooms (R)",
    roomsOther: "Other rooms",
    roomsOwn: "Your rooms",
    roundTrip: "Round trip to the server",
    send: "Send",
    skillArea: "Blaze: hits everyone around a spot",
    skillMelee: "Strike: hits a target next to you",
    skillRanged: "Shot: hits from afar",
    skills: "Skills",
    status: "Status",
    sure: "I am sure",
    tag: "Tag",
    tagline: "Cross the bridge and look around.",
    target: "Target",
    targetHealth: "Health of the target",
    visible: "in view",
    warDeclare: "Declare war on",
    wars: "Wars",
    whatToDo: "What to do",
    whisperRecipient: "Whisper to",
    whisperTo: "to",
    worldLabel:
      "The castle grounds. Walk with the arrow keys or W, A, S and D. Q picks a target, 1, 2 and 3 use skills, E " +
      "enters a portal. Enter opens the chat.",
  },

  errors: {
    [ErrorCode.NONE]: "Something went wrong. Please try again.",
    [ErrorCode.INVALID_CREDENTIALS]: "Name and password don't match.",
    [ErrorCode.SERVER_FULL]: "The castle is full. Try again in a moment.",
    [ErrorCode.VERSION_MISMATCH]: "This page is out of date. Reload it.",
    [ErrorCode.BANNED]: "This account is banned.",
    [ErrorCode.MAINTENANCE]: "The castle is closed for maintenance. Try again later.",
    [ErrorCode.INTERNAL]: "Something broke on our side. Please try again.",
    [ErrorCode.TIMEOUT]: "The server took too long to answer. Please try again.",
    [ErrorCode.ALREADY_LOGGED_IN]: "This account is already playing somewhere else.",
    [ErrorCode.INVALID_PACKET]: "The server could not read that.",
    [ErrorCode.RATE_LIMITED]: "That was too fast. Wait a moment and try again.",
    [ErrorCode.NOT_AUTHENTICATED]: "You are no longer logged in.",
    [ErrorCode.INVALID_STATE]: "That can't be done right now.",
    [ErrorCode.INVALID_TOKEN]: "Your login is no longer valid. Please log in again.",
    [ErrorCode.TOKEN_EXPIRED]: "Your login has expired. Please log in again.",
    [ErrorCode.NAME_TAKEN]: "That name is taken, or looks too much like one that is. Choose another.",
    [ErrorCode.NAME_INVALID]:
      `A name has ${PLAYER_NAME_LENGTH_MIN} to ${PLAYER_NAME_LENGTH_MAX} letters of one script, ` +
      'digits, "_" or "-".',
    [ErrorCode.NOT_FOUND]: "There is nothing by that name.",
    [ErrorCode.PERMISSION_DENIED]: "You are not allowed to do that.",
    [ErrorCode.ALREADY_EXISTS]: "That already exists.",
    [ErrorCode.OUT_OF_RANGE]: "That is too far away.",
    [ErrorCode.ON_COOLDOWN]: "Not yet. Wait a moment.",
    [ErrorCode.TARGET_INVALID]: "That is not a valid target.",
    [ErrorCode.MUTED]: "You are muted and cannot chat.",
    [ErrorCode.RESUME_EXPIRED]: "You were away for too long.",
    [ErrorCode.SHUTTING_DOWN]: "The server is shutting down.",
    [ErrorCode.UNSUPPORTED]: "The server does not offer that.",
    [ErrorCode.UNAVAILABLE]: "The castle's records can't be reached right now. Nothing was changed. Please try again.",
  } satisfies Record<ErrorCode, string> as Readonly<Record<ErrorCode, string>>,

  disconnects: {
    [DisconnectReason.UNSPECIFIED]: "The connection was closed.",
    [DisconnectReason.MALFORMED_FRAME]: "The connection was closed because of garbled data.",
    [DisconnectReason.MALFORMED_PACKET]: "The connection was closed because of garbled data.",
    [DisconnectReason.FLOOD]: "You were sending too much at once.",
    [DisconnectReason.IDLE]: "You were away for too long.",
    [DisconnectReason.SLOW_READER]: "Your connection is too slow.",
    [DisconnectReason.LOGGED_IN_ELSEWHERE]: "You are playing in another window.",
    [DisconnectReason.KICKED]: "You were kicked from the castle.",
    [DisconnectReason.BANNED]: "This account is banned.",
    [DisconnectReason.SHUTDOWN]: "The server has shut down.",
    [DisconnectReason.SERVER_FULL]: "The castle is full. Try again in a moment.",
    [DisconnectReason.HANDSHAKE_TIMEOUT]: "Entering took too long. Please try again.",
    [DisconnectReason.SERVER_ERROR]: "Something broke on our side. Please try again.",
    [DisconnectReason.PROTOCOL_VIOLATION]: "The server did not understand this page. Reload it.",
  } satisfies Record<DisconnectReason, string> as Readonly<Record<DisconnectReason, string>>,
  /** Why somebody is kept out, silenced or sent away. */
  explained: {
    head: {
      [Cause.BANNED]: "You are banned",
      [Cause.MUTED]: "You are muted",
      [Cause.KICKED]: "You were kicked",
      [Cause.CHAT_FLOOD]: "You wrote too much too fast and are muted",
      [Cause.MAINTENANCE]: "The server is under maintenance",
      [Cause.MAINTENANCE_PLANNED]: "Maintenance begins",
      [Cause.PASSWORD_CHANGED]: "Your password was changed. Please log in again",
      [Cause.LOGGED_OUT_EVERYWHERE]: "You were logged out from another device. Please log in again",
      [Cause.PASSWORD_RESET]: "Your password was reset. Log in with the one that the operator gave you",
      [Cause.TOKENS_REVOKED]: "Please log in again",
      [Cause.ACCOUNT_DELETED]: "This account was deleted",
    } as Readonly<Partial<Record<Cause, string>>>,
    deletion: (deletesAtMs: number): string =>
      `This account will be deleted on ${dates.format(deletesAtMs)} unless you log in before then`,
    /** `time` and `reason` may be empty. */
    parts: (head: string, time: string, reason: string, cause: Cause): string => {
      const timeWord = cause === Cause.MAINTENANCE_PLANNED ? "in" : "for another";
      const text = `${head}${time === "" ? "" : ` ${timeWord} ${time}`}${reason === "" ? "" : `: ${reason}`}`;
      return /[.!?]$/.test(text) ? text : `${text}.`;
    },
  },

  /** A time in its two largest units. */
  duration: (ms: number): string => durationOf(ms, ["d", "h", "min", "s"], " "),

  connect: {
    unreachable: "The castle can't be reached. Check your connection and try again.",
    noWebSocket: "The castle answers, but something in between, such as a proxy, does not let WebSockets through.",
    origin: "The castle refuses the address of this page. Its operator can allow it with --allowed-origins.",
    host: "The castle does not know this host name. Its operator can add it with --public-host.",
    address: "The castle takes no more connections from your network address for now. Try again later.",
    statuses: {
      idle: "Not connected",
      connecting: "Connecting",
      connected: "Connected",
      silent: "No answer",
      reconnecting: "Reconnecting",
      replaced: "Playing elsewhere",
      closed: "Disconnected",
    },
    inSeconds: (seconds: number): string => `in ${seconds} s`,
    lost: "Connection lost",
    retry: (seconds: number): string => seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again now.",
    retryNow: "Try now",
    elsewhere: "Playing elsewhere",
    elsewhereText: "You entered the castle in another window, so this one was disconnected.",
    playHere: "Play here instead",
    logOutHere: "Log out here",
    enteredAgain: "Your session had ended, so you have entered the castle again.",
  },

  login: {
    logIn: "Log in",
    createAccount: "Create account",
    nameMissing: "Enter your name.",
    passwordMissing: "Enter your password.",
    passwordShort: `Choose at least ${PASSWORD_LENGTH_MIN} characters.`,
    calling: "Calling the gatekeeper …",
    entering: "The bridge is coming down …",
    welcome: (name: string): string => `Welcome, ${name}.`,
    welcomeKeys: "Press Enter to chat; /help lists commands and keys.",
    welcomeTouch: "Type /help in the chat for its commands.",
    deletionCancelled: "Your account was going to be deleted. Because you logged in, it stays.",
  },

  /** A full world; what does not change stands in `page`. */
  queue: {
    place: (position: number): string => numbers.format(position),
    placeSpoken: (position: number): string => `You are number ${numbers.format(position)} in line.`,
    wait: (minutes: number): string =>
      minutes <= 1 ? "About a minute to go." : `About ${numbers.format(minutes)} minutes to go.`,
  },

  account: {
    wrongPassword: "That is not your password.",
    tooManyTries: "Too many attempts. Wait a moment and try again.",
    passwordChanged: "Your password was changed. Other devices were logged out.",
    revoked: "You are logged out everywhere else.",
    notSure: "Tick the box if you are sure.",
    busy: "One moment …",
  },

  world: {
    /** For a screen reader. */
    neighbour: (
      { name, kind, x, z }: { name: string; kind: "monster" | "friend" | "player"; x: number; z: number },
    ): string => `${name}${kind === "player" ? "" : `, a ${kind},`} at ${x}, ${z}`,
    dead: "dead",
    health: (current: number, max: number): string => `health ${current} of ${max}`,
    nearby: (others: number, monsters: number): string => {
      const people = others === 0
        ? "Nobody else is in view"
        : plurals.select(others) === "one"
        ? "One other is in view"
        : `${numbers.format(others)} others are in view`;
      if (monsters === 0) return people;
      return `${people}, and ${plurals.select(monsters) === "one" ? "a monster" : counted(monsters, "", "monsters")}`;
    },
    arrived: (map: string): string => `You have arrived in ${midSentence(map)}.`,
    portal: (map: string): string => `Enter ${midSentence(map)}`,
    portalLabel: (map: string): string => `To ${midSentence(map)}`,
    safe: (seconds: number): string =>
      "You are safe here: monsters stay out of the ring, and nobody in it can be hit except by a guild at war with " +
      `theirs. If you attack, you are not safe for ${seconds} seconds.`,
    portalGone: "That portal is gone.",
    portalNotNow: "You can't enter a portal now.",
    portalFar: "Step closer to the portal.",
    portalCrowded: "It is too crowded over there. Try again in a moment.",
  },

  combat: {
    skills: { melee: "Strike", ranged: "Shot", area: "Blaze" },
    stunned: "You are stunned.",
    isStunned: "stunned",
    nobodyNear: "Nobody is close enough.",
    tooFar: "Too far away.",
    notReady: "Not ready yet.",
    noTarget: "Nobody there to hit.",
    sheltered: "Players in the ring can't be hit, except in a war.",
    notNow: "You can't do that now.",
    dodged: "Dodged",
    blocked: "Blocked",
    partlyBlocked: (damage: string): string => `${damage} blocked`,
    killed: (victim: string): string => `You have slain ${victim}.`,
    died: "You were slain",
    killedBy: (killer: string): string => `Slain by ${killer}`,
    respawn: (seconds: number, automaticSeconds: number): string => {
      const own = seconds > 0 ? `You can rise again in ${seconds} s` : "Rise again when you are ready";
      return `${own}. You will rise automatically ${automaticSeconds > 0 ? `in ${automaticSeconds} s` : "now"}.`;
    },
    riseAgain: "Rise again",
  },

  chat: {
    help: [
      "/w name text - whisper to one player",
      "/r text - answer the last whisper",
      "/a text - talk to those around you",
      "/g text - talk to your guild",
      "/p text - talk to your party",
      "/all text - talk to everyone",
    ],
    keyHelp: [
      "Enter opens the chat, Esc leaves it",
      "1, 2 and 3 use skills, Q picks a target, Esc clears it, E enters a portal",
      "G, R, F, L and U open guild, rooms, friends, leaderboard and account",
    ],
    whisperUsage: "Usage: /w name text",
    noWhisperer: "Nobody has whispered to you yet",
    unknownCommand: (word: string): string => `There is no command /${word}. Try /help`,
    empty: "Type a message first",
    noRecipient: "Enter the name of the player to whisper to",
    forbidden: "This contains characters that are invisible or not allowed",
    tooManyMarks: `The text has more than ${MARKS_PER_LETTER_MAX} marks on one letter`,
    tooLong: (bytes: number, bytesMax: number): string =>
      `This is too long: ${numbers.format(bytes)} bytes of ${numbers.format(bytesMax)}`,
    channels: {
      [Channel.AREA]: "Area",
      [Channel.GUILD]: "Guild",
      [Channel.PARTY]: "Party",
      [Channel.TRADE]: "Trade",
      [Channel.ROOM]: "Room",
      [Channel.SYSTEM]: "Announcement",
    } as Readonly<Partial<Record<Channel, string>>>,
    whisperTo: "to",
    whisperFrom: "from",
    messagesIn: (room: string): string => `Messages in ${room}`,
    messageTo: (room: string): string => `Message to ${room}`,
    unread: (count: number): string => `${numbers.format(count)} unread`,
    tooFast: "You are writing too fast. Wait a moment.",
    nobodyCalled: (name: string): string => `There is nobody called ${name}.`,
    noGuild: "You are not in a guild.",
    noParty: "You are not in a party.",
    noRoom: "You are no longer in that room.",
    notSent: "That could not be sent. Try again in a moment.",
    sentLater: "That will be sent when you are connected again.",
  },

  parties: {
    none: "You are not in a party.",
    notFound: "Nobody has that name.",
    already: "That player is already in your party, or invited.",
    isSelf: "That is you.",
    tooMany: "Too many invitations are open.",
    notLeader: "Only the leader of the party can do that.",
    full: "The party is full.",
    inviteOver: "That invitation has expired.",
    leaveFirst: "Leave your party first.",
    leader: "Leader",
    linkDead: "connection lost",
    lead: "Make leader",
    leadLabel: (name: string): string => `Make ${name} the leader of the party`,
    kick: "Remove",
    kickLabel: (name: string): string => `Remove ${name} from the party`,
    acceptLabel: (name: string): string => `Join ${name}'s party`,
    declineLabel: (name: string): string => `Decline ${name}'s invitation`,
    asked: (name: string): string => `You have invited ${name} to your party.`,
    invitedBy: (name: string): string => `${name} invites you to a party. Open the friends panel to answer.`,
    invitation: "Party invitation",
    invites: "invites you to a party",
    invitesYou: (name: string): string => `${name} invites you to a party.`,
    joined: (name: string): string => `${name} joined your party.`,
    youJoined: "You joined the party.",
    left: (name: string): string => `${name} left your party.`,
    youLeft: "You left the party.",
    kicked: (name: string): string => `${name} was removed from your party.`,
    youWereKicked: "You were removed from the party.",
    leads: (name: string): string => `${name} now leads your party.`,
    youLead: "You now lead the party.",
    disbanded: "Your party was disbanded.",
    declined: (name: string): string => `${name} declined your invitation.`,
  },
  lists: {
    online: "online",
    offline: "offline",
    sure: "Sure?",
    sureLabel: (label: string): string => `${label}: sure? Press again`,
    password: "Password",
    accept: "Accept",
    decline: "Decline",
    playerMissing: "Enter the name of a player.",
  },

  friends: {
    notFound: "Nobody has that name.",
    already: "You are already friends, or one of you has asked.",
    isSelf: "That is you.",
    tooMany: "One of you has too many friends or requests.",
    changed: "That changed in the meantime.",
    tooManyIgnored: "You ignore too many players already.",
    noRequests: "No requests.",
    noFriends: "No friends yet.",
    noIgnored: "Nobody.",
    isFriend: (name: string): string => `You and ${name} are friends now.`,
    asked: (name: string): string => `Your request was sent to ${name}.`,
    ignored: (name: string): string => `You now ignore ${name}.`,
    acceptLabel: (name: string): string => `Become friends with ${name}`,
    declineLabel: (name: string): string => `Decline ${name}'s request`,
    remove: "Remove",
    removeLabel: (name: string): string => `Remove ${name}`,
    pending: "request sent",
    whisper: "Whisper",
    whisperLabel: (name: string): string => `Whisper to ${name}`,
    unignore: "Stop ignoring",
    unignoreLabel: (name: string): string => `Stop ignoring ${name}`,
    requested: (name: string): string => `${name} would like to be your friend. Open the friends panel to answer.`,
    cameOnline: (name: string): string => `${name} is online.`,
    wentOffline: (name: string): string => `${name} is offline.`,
  },

  guilds: {
    ranks: {
      [GuildRank.MEMBER]: "Member",
      [GuildRank.OFFICER]: "Officer",
      [GuildRank.LEADER]: "Leader",
    } satisfies Record<GuildRank, string> as Readonly<Record<GuildRank, string>>,
    nameRule:
      `A guild's name has ${GUILD_NAME_LENGTH_MIN} to ${GUILD_NAME_LENGTH_MAX} letters of one script, digits, ` +
      '"_", "-" or spaces.',
    tagRule: `A guild's tag has ${GUILD_TAG_LENGTH_MIN} to ${GUILD_TAG_LENGTH_MAX} letters of one script, or digits.`,
    nameTaken: "Another guild has this name or this tag.",
    nameInvalid: "A guild can't have that name.",
    inGuild: "You are already in a guild.",
    notFound: "There is no such player or guild.",
    rankTooLow: "Your rank does not allow that.",
    already: "Nothing to change.",
    full: "The guild is full.",
    notNow: "That can't be done right now.",
    playerNotFound: "Nobody has that name.",
    invitedAlready: "That player already has an invitation, or a guild.",
    tooManyInvitations: "Too many invitations are open.",
    invitationGone: "That invitation is no longer open.",
    guildNotFound: "No guild has that name.",
    atWarAlready: "You are already at war with them.",
    tooManyWars: "One of the guilds is in too many wars.",
    warTooSoon: "Too soon. A truce follows each war, and there is a limit to wars a day.",
    warWithSelf: "A guild can't be at war with itself.",
    noGuild: "You are not in a guild.",
    noParty: "You are not in a party.",
    leaderStays: "Make somebody else the leader first.",
    nobodyInvited: "No open invitations.",
    noInvitations: "No invitations yet.",
    noMembers: "Nobody.",
    noWars: "Peace, for now.",
    invitedBy: (inviter: string): string => `invited by ${inviter}`,
    invitation: (inviter: string, guild: string): string =>
      `${inviter} invites you to the guild ${guild}. Open the guild panel to answer.`,
    warBegan: (enemy: string): string => `Your guild is at war with ${enemy}.`,
    warEnded: (outcome: "draw" | "victory" | "defeat", ownKills: number, enemyKills: number): string =>
      `The war is over: ${outcome === "draw" ? "a draw" : outcome}, ${numbers.format(ownKills)} to ${
        numbers.format(enemyKills)
      }.`,
    war: (lead: "even" | "ahead" | "behind", ownKills: number, enemyKills: number): string =>
      `${numbers.format(ownKills)} : ${numbers.format(enemyKills)}, ${lead}`,
    members: (count: number, online: number): string =>
      `${counted(count, "member", "members")}, ${numbers.format(online)} online`,
    left: "You left the guild.",
    acceptLabel: (guild: string): string => `Join ${guild}`,
    declineLabel: (guild: string): string => `Decline ${guild}'s invitation`,
    withdraw: "Withdraw",
    withdrawLabel: (player: string): string => `Withdraw ${player}'s invitation`,
    withdrawn: (player: string): string => `${player} is no longer invited.`,
    promote: "Promote",
    promoteLabel: (player: string): string => `Promote ${player}`,
    demote: "Demote",
    demoteLabel: (player: string): string => `Demote ${player}`,
    makeLeader: "Make leader",
    makeLeaderLabel: (player: string): string => `Make ${player} the leader`,
    kick: "Kick",
    kickLabel: (player: string): string => `Kick ${player}`,
    kicked: (player: string): string => `${player} is no longer in the guild.`,
    created: (guild: string): string => `You founded the guild ${guild}.`,
    invited: (player: string): string => `${player} is invited.`,
    joined: "Welcome to the guild.",
    declined: "Invitation declined.",
    enemyMissing: "Enter the name of a guild.",
    warDeclared: (enemy: string): string => `You declared war on ${enemy}.`,
    /** How long something still lasts. */
    timeLeft: (time: string): string => `${time} left`,
    ending: "ending",
  },

  rooms: {
    tooMany: `Nobody can be in more than ${ROOMS_PER_PLAYER} rooms.`,
    wrongPassword: "That is not the password.",
    full: "The room is full.",
    gone: "That room no longer exists.",
    nameTaken: "Another room has this name.",
    nameRule: `A room's name has ${ROOM_NAME_LENGTH_MIN} to ${ROOM_NAME_LENGTH_MAX} characters, letters of one script.`,
    tooManyRooms: "There are too many rooms already.",
    notInside: "You are not in that room.",
    noneJoined: "You are not in a room.",
    noneOther: "There are no other rooms.",
    open: "Open",
    openLabel: (room: string): string => `Open the chat of ${room}`,
    leave: "Leave",
    leaveLabel: (room: string): string => `Leave ${room}`,
    join: "Join",
    joinLabel: (room: string): string => `Join ${room}`,
    passwordLabel: (room: string): string => `Password of ${room}`,
    passwordAgain: (room: string): string => `The room ${room} asks for its password again.`,
    closedMeanwhile: (room: string): string => `The room ${room} is closed.`,
    placesRule: `A room holds 1 to ${ROOM_MEMBERS_MAX} players.`,
    created: (room: string): string => `The room ${room} is open.`,
    joined: (player: string): string => `${player} joined.`,
    left: (player: string): string => `${player} left.`,
    leftSelf: (room: string): string => `You left ${room}.`,
    closed: (room: string): string => `The room ${room} was closed.`,
    inside: (count: number, max: number): string =>
      max > 0 ? `${numbers.format(count)} of ${numbers.format(max)} inside` : `${numbers.format(count)} inside`,
    hasPassword: "password",
  },

  ranks: {
    none: (board: LeaderboardBoard, isToday: boolean): string =>
      `You have no ${BOARD_NOUNS[board][1]}${isToday ? " today" : ""} yet.`,
    own: (
      { board, rank, count, isToday }: { board: LeaderboardBoard; rank: number; count: number; isToday: boolean },
    ): string => {
      const place = rank === 0
        ? `behind ${numbers.format(LEADERBOARD_RANK_MAX)} others`
        : `number ${numbers.format(rank)}`;
      return `You are ${place}, with ${counted(count, ...BOARD_NOUNS[board])}${isToday ? " today" : ""}.`;
    },
    dayEnds: (hours: number, minutes: number): string =>
      `A new day begins in ${hours > 0 ? `${hours} h ` : ""}${minutes} min.`,
    caption: (board: string, period: string): string => `Leaderboard: ${board}, ${period}`,
    nobody: "Nobody yet.",
  },
};

/** What every language has. */
export type Texts = typeof en;
