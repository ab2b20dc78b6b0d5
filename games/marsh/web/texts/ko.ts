/**
 * Everything the page says, in Korean. Names are followed by a word such as 님, 길드 or 방, so that the particle after it
 * does not depend on the name.
 *
 * @module
 */

import { DisconnectReason } from "../../../../shared/gen/auth_pb.ts";
import { Channel } from "../../../parts/chat/chat_pb.ts";
import { ErrorCode } from "../../../../shared/gen/common_pb.ts";
import { GuildRank } from "../../../parts/guilds/guilds_pb.ts";
import { LeaderboardBoard } from "../../../parts/leaderboards/leaderboards_pb.ts";
import {
  ACCOUNT_DELETION_GRACE_MS,
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
import { PASSWORD_LENGTH_MIN } from "../form.ts";
import type { Texts } from "./en.ts";

const GRACE_DAYS = ACCOUNT_DELETION_GRACE_MS / 86_400_000;
const numbers = new Intl.NumberFormat("ko");

const BOARD_NOUNS: Readonly<Record<LeaderboardBoard, string>> = {
  [LeaderboardBoard.KILLS]: "처치",
  [LeaderboardBoard.DEATHS]: "사망",
  [LeaderboardBoard.MONSTER_KILLS]: "몬스터 처치",
};

/** The texts. */
export const ko: Texts = {
  languageName: "한국어",
  number: (value) => numbers.format(value),

  page: {
    account: "계정",
    accountDeletion: "계정 삭제",
    accountDeletionNote:
      `${GRACE_DAYS}일 뒤에 캐릭터, 친구, 길드 소속, 점수가 모두 함께 삭제됩니다. 그 전에 로그인하면 모두 그대로 ` +
      "유지됩니다.",
    accountPassword: "비밀번호 변경",
    accountRevocation: "다른 기기에서 모두 로그아웃",
    add: "추가",
    bytesUsed: "사용한 바이트",
    castle: "성",
    change: "변경",
    channelArea: "주변",
    channelGlobal: "전체",
    channelGuild: "길드",
    channelWhisper: "귓속말",
    channels: "듣는 사람",
    chat: "채팅",
    clearTarget: "대상 해제",
    closePanel: "패널 닫기",
    conversations: "대화",
    create: "만들기",
    deaths: "사망",
    declare: "선포",
    delete: "삭제",
    enter: "입장",
    friendAdd: "친구 추가",
    friendRequests: "받은 요청",
    friends: "친구",
    friendsKey: "친구 (F)",
    accountKey: "계정 (U)",
    guild: "길드",
    guildCreate: "길드 만들기",
    guildKey: "길드 (G)",
    guildLeave: "길드 탈퇴",
    guildName: "길드 이름",
    hintKeys: "{W} {A} {S} {D} 키나 클릭으로 이동하고, 상대를 클릭해 공격하세요.",
    hintTouch: "탭하여 이동하고, 상대를 탭해 공격하세요.",
    ignore: "차단",
    ignored: "차단 목록",
    ignorePlayer: "플레이어 차단",
    invitations: "받은 초대",
    invite: "초대",
    invited: "초대한 플레이어",
    kills: "처치",
    language: "언어",
    leaderboard: "순위표",
    leaderboardKey: "순위표 (L)",
    leave: "나가기",
    leaveCastle: "성에서 나가기",
    logIn: "로그인",
    logOutOthers: "모두 로그아웃",
    members: "길드원",
    message: "메시지",
    messagePlaceholder: "메시지 또는 /help",
    messages: "메시지",
    monsters: "몬스터",
    monsterKills: "몬스터 처치",
    name: "이름",
    newHere: "처음이에요",
    newPassword: "새 비밀번호",
    open: "열기",
    ownHealth: "내 체력",
    panels: "패널",
    panelsOfSide: "길드, 채팅방, 친구, 순위, 계정",
    password: "비밀번호",
    passwordHelp: `${PASSWORD_LENGTH_MIN}자 이상이어야 합니다.`,
    passwordOptional: "비밀번호 (선택)",
    period: "기간",
    periodAll: "전체 기간",
    periodDay: "오늘",
    places: "정원",
    player: "플레이어",
    playerName: "플레이어 이름",
    playersInView: "보이는 플레이어 수",
    playersNearby: "주변 플레이어",
    rank: "순위",
    rankingBy: "순위 기준",
    ranks: "순위",
    recipientName: "이름",
    registerNameHelp:
      `한 가지 문자 체계의 글자, 숫자, "_", "-"로 ${PLAYER_NAME_LENGTH_MIN}~${PLAYER_NAME_LENGTH_MAX}자.`,
    roomOpen: "채팅방 열기",
    rooms: "채팅방",
    roomsKey: "채팅방 (R)",
    roomsOther: "다른 채팅방",
    roomsOwn: "참여 중인 채팅방",
    roundTrip: "서버 왕복 시간",
    send: "전송",
    skillArea: "화염: 한 지점 주변의 모두를 공격",
    skillMelee: "베기: 바로 옆의 상대를 공격",
    skillRanged: "사격: 멀리서 공격",
    skills: "스킬",
    status: "상태",
    sure: "정말 삭제합니다",
    tag: "태그",
    tagline: "성 안에 이미 누군가 있습니다.",
    target: "대상",
    targetHealth: "대상의 체력",
    visible: "명 보임",
    warDeclare: "전쟁 선포 대상",
    wars: "전쟁",
    whatToDo: "할 일",
    whisperRecipient: "귓속말 받는 사람",
    whisperTo: "받는 사람",
    worldLabel:
      "성 안뜰. 화살표 키나 W, A, S, D로 이동합니다. Q로 대상을 고르고 1, 2, 3으로 스킬을 쓰고 E로 포털에 들어갑니다. " +
      "Enter를 누르면 채팅이 열립니다.",
  },

  errors: {
    [ErrorCode.NONE]: "문제가 생겼습니다. 다시 시도해 주세요.",
    [ErrorCode.INVALID_CREDENTIALS]: "이름과 비밀번호가 맞지 않습니다.",
    [ErrorCode.SERVER_FULL]: "성이 가득 찼습니다. 잠시 뒤에 다시 시도해 주세요.",
    [ErrorCode.VERSION_MISMATCH]: "오래된 페이지입니다. 새로 고침해 주세요.",
    [ErrorCode.BANNED]: "이용이 정지된 계정입니다.",
    [ErrorCode.MAINTENANCE]: "성이 점검 중입니다. 나중에 다시 시도해 주세요.",
    [ErrorCode.INTERNAL]: "서버에 문제가 생겼습니다. 다시 시도해 주세요.",
    [ErrorCode.TIMEOUT]: "서버의 응답이 너무 늦습니다. 다시 시도해 주세요.",
    [ErrorCode.ALREADY_LOGGED_IN]: "다른 곳에서 이미 접속 중인 계정입니다.",
    [ErrorCode.INVALID_PACKET]: "서버가 요청을 읽지 못했습니다.",
    [ErrorCode.RATE_LIMITED]: "너무 빠릅니다. 잠시 기다렸다가 다시 시도해 주세요.",
    [ErrorCode.NOT_AUTHENTICATED]: "로그인이 풀렸습니다.",
    [ErrorCode.INVALID_STATE]: "지금은 할 수 없습니다.",
    [ErrorCode.INVALID_TOKEN]: "로그인이 더 이상 유효하지 않습니다. 다시 로그인해 주세요.",
    [ErrorCode.TOKEN_EXPIRED]: "로그인이 만료되었습니다. 다시 로그인해 주세요.",
    [ErrorCode.NAME_TAKEN]: "이미 쓰는 이름이거나 그와 비슷해 보이는 이름입니다. 다른 이름을 골라 주세요.",
    [ErrorCode.NAME_INVALID]: `이름은 한 가지 문자 체계의 글자, 숫자, "_", "-"로 ${PLAYER_NAME_LENGTH_MIN}~` +
      `${PLAYER_NAME_LENGTH_MAX}자여야 합니다.`,
    [ErrorCode.NOT_FOUND]: "그런 이름을 찾을 수 없습니다.",
    [ErrorCode.PERMISSION_DENIED]: "권한이 없습니다.",
    [ErrorCode.ALREADY_EXISTS]: "이미 있습니다.",
    [ErrorCode.OUT_OF_RANGE]: "너무 멉니다.",
    [ErrorCode.ON_COOLDOWN]: "아직 안 됩니다. 잠시 기다려 주세요.",
    [ErrorCode.TARGET_INVALID]: "대상으로 삼을 수 없습니다.",
    [ErrorCode.MUTED]: "채팅이 금지되었습니다.",
    [ErrorCode.RESUME_EXPIRED]: "너무 오래 자리를 비웠습니다.",
    [ErrorCode.SHUTTING_DOWN]: "서버가 종료되는 중입니다.",
    [ErrorCode.UNSUPPORTED]: "서버가 지원하지 않는 기능입니다.",
    [ErrorCode.UNAVAILABLE]: "지금은 성의 기록에 접근할 수 없습니다. 바뀐 것은 없습니다. 다시 시도해 주세요.",
  },

  disconnects: {
    [DisconnectReason.UNSPECIFIED]: "연결이 끊어졌습니다.",
    [DisconnectReason.MALFORMED_FRAME]: "깨진 데이터 때문에 연결이 끊어졌습니다.",
    [DisconnectReason.MALFORMED_PACKET]: "깨진 데이터 때문에 연결이 끊어졌습니다.",
    [DisconnectReason.FLOOD]: "한꺼번에 너무 많이 보냈습니다.",
    [DisconnectReason.IDLE]: "너무 오래 자리를 비웠습니다.",
    [DisconnectReason.SLOW_READER]: "연결이 너무 느려 따라가지 못했습니다.",
    [DisconnectReason.LOGGED_IN_ELSEWHERE]: "다른 창에서 접속 중입니다.",
    [DisconnectReason.KICKED]: "성에서 추방되었습니다.",
    [DisconnectReason.BANNED]: "이용이 정지된 계정입니다.",
    [DisconnectReason.SHUTDOWN]: "서버가 종료되는 중입니다.",
    [DisconnectReason.SERVER_FULL]: "성이 가득 찼습니다. 잠시 뒤에 다시 시도해 주세요.",
    [DisconnectReason.HANDSHAKE_TIMEOUT]: "입장이 너무 오래 걸렸습니다. 다시 시도해 주세요.",
    [DisconnectReason.SERVER_ERROR]: "서버에 문제가 생겼습니다. 다시 시도해 주세요.",
    [DisconnectReason.PROTOCOL_VIOLATION]: "서버가 이 페이지를 이해하지 못했습니다. 새로 고침해 주세요.",
  },
  // Only the server knows a reason and a time, and it says so in English.
  serverSaid: (sentence, own) => `${own} (${sentence})`,

  connect: {
    unreachable: "성에 연결할 수 없습니다. 네트워크를 확인하고 다시 시도해 주세요.",
    noWebSocket: "성은 응답하지만, 프록시 같은 중간 장치가 WebSocket을 막고 있습니다.",
    origin: "성이 이 페이지의 주소를 거부합니다. 운영자가 --allowed-origins로 허용할 수 있습니다.",
    host: "성이 이 호스트 이름을 모릅니다. 운영자가 --public-host로 추가할 수 있습니다.",
    address: "지금은 이 네트워크 주소에서 더 들어갈 수 없습니다. 나중에 다시 시도해 주세요.",
    statuses: {
      idle: "연결 안 됨",
      connecting: "연결 중",
      connected: "연결됨",
      silent: "응답 없음",
      reconnecting: "다시 연결 중",
      replaced: "다른 곳에서 접속 중",
      closed: "연결 끊김",
    },
    inSeconds: (seconds) => `${seconds}초 뒤`,
    lost: "연결이 끊어졌습니다",
    retry: (seconds) => seconds > 0 ? `${seconds}초 뒤에 다시 시도합니다.` : "다시 시도하는 중입니다.",
    retryNow: "지금 다시 시도",
    elsewhere: "다른 곳에서 접속 중",
    elsewhereText: "다른 창에서 성에 들어가서 이 창의 연결이 끊어졌습니다.",
    playHere: "여기서 계속하기",
    logOutHere: "여기서 로그아웃",
    enteredAgain: "너무 오래 자리를 비워 성에 다시 입장했습니다.",
  },

  login: {
    logIn: "로그인",
    createAccount: "계정 만들기",
    nameMissing: "이름을 입력하세요.",
    passwordMissing: "비밀번호를 입력하세요.",
    passwordShort: `${PASSWORD_LENGTH_MIN}자 이상으로 정하세요.`,
    calling: "문지기를 부르는 중 …",
    entering: "도개교가 내려오는 중 …",
    queued: (position, minutes) =>
      `월드가 가득 찼습니다. 대기 순서 ${numbers.format(position)}번, 약 ${numbers.format(minutes)}분 남음`,
    welcome: (name) => `${name}님, 환영합니다.`,
    welcomeKeys: "Enter를 누르면 채팅이 열리고, /help를 입력하면 명령어와 키를 볼 수 있습니다.",
    welcomeTouch: "채팅에 /help를 입력하면 명령어를 볼 수 있습니다.",
    deletionCancelled: "삭제될 예정이던 계정입니다. 로그인했으므로 삭제가 취소되었습니다.",
  },

  account: {
    wrongPassword: "비밀번호가 맞지 않습니다.",
    tooManyTries: "시도가 너무 많습니다. 잠시 뒤에 다시 시도해 주세요.",
    passwordChanged: "비밀번호를 변경했습니다. 다른 기기에서는 로그아웃되었습니다.",
    revoked: "다른 기기에서 모두 로그아웃되었습니다.",
    notSure: "정말 삭제하려면 상자를 선택하세요.",
    busy: "잠시만 기다려 주세요 …",
  },

  world: {
    neighbour: ({ name, kind, x, z }) =>
      `${name}${kind === "player" ? "" : kind === "friend" ? ", 친구" : ", 몬스터"}, 위치 ${x}, ${z}`,
    dead: "쓰러짐",
    health: (current, max) => `체력 ${max} 중 ${current}`,
    nearby: (others, monsters) => {
      const people = others === 0 ? "주변에 아무도 없습니다" : `주변에 플레이어 ${numbers.format(others)}명이 있습니다`;
      return monsters === 0 ? people : `${people}. 몬스터 ${numbers.format(monsters)}마리가 있습니다`;
    },
    arrived: (map) => `${map}에 도착했습니다.`,
    portal: (map) => `${map} 입장`,
    portalLabel: (map) => `→ ${map}`,
    safe: (seconds) =>
      "여기는 안전합니다. 빛의 고리 안에는 몬스터가 들어오지 못하고, 전쟁 중인 길드가 아니면 아무도 공격받지 않습니다. " +
      `먼저 공격하면 ${seconds}초 동안 보호받지 못합니다.`,
    portalGone: "포털이 사라졌습니다.",
    portalNotNow: "지금은 포털에 들어갈 수 없습니다.",
    portalFar: "포털에 더 가까이 가세요.",
    portalCrowded: "건너편이 너무 붐빕니다. 잠시 뒤에 다시 시도해 주세요.",
  },

  combat: {
    skills: { melee: "베기", ranged: "사격", area: "화염" },
    stunned: "기절했습니다.",
    isStunned: "기절",
    nobodyNear: "가까이에 아무도 없습니다.",
    tooFar: "너무 멉니다.",
    notReady: "아직 준비되지 않았습니다.",
    noTarget: "공격할 대상이 없습니다.",
    sheltered: "고리 안에서는 전쟁 중이 아니면 공격할 수 없습니다.",
    notNow: "지금은 할 수 없습니다.",
    dodged: "회피",
    blocked: "막음",
    partlyBlocked: (damage) => `${damage} 막음`,
    killed: (victim) => `처치: ${victim}.`,
    died: "쓰러졌습니다",
    killedBy: (killer) => `${killer}에게 쓰러졌습니다`,
    respawn: (seconds, automaticSeconds) => {
      const own = seconds > 0 ? `${seconds}초 뒤에 부활할 수 있습니다` : "준비되면 부활하세요";
      return `${own}. ${automaticSeconds > 0 ? `${automaticSeconds}초 뒤에 자동으로 부활합니다` : "곧 부활합니다"}.`;
    },
    riseAgain: "부활",
  },

  chat: {
    help: [
      "/w 이름 내용 - 한 사람에게 귓속말",
      "/r 내용 - 마지막 귓속말에 답장",
      "/a 내용 - 주변에 말하기",
      "/g 내용 - 길드에 말하기",
      "/all 내용 - 모두에게 말하기",
    ],
    keyHelp: [
      "Enter로 채팅을 열고 Escape로 닫습니다",
      "1, 2, 3으로 스킬을 쓰고, Q로 대상을 고르고, Escape로 해제합니다",
      "G, R, F, L, U로 길드, 채팅방, 친구, 순위표, 계정을 엽니다",
    ],
    whisperUsage: "이렇게 쓰세요: /w 이름 내용",
    noWhisperer: "아직 받은 귓속말이 없습니다",
    unknownCommand: (word) => `/${word} 명령어는 없습니다. /help를 입력해 보세요`,
    empty: "보낼 내용이 없습니다",
    noRecipient: "귓속말을 받을 플레이어의 이름을 입력하세요",
    forbidden: "제어 문자나 보이지 않는 문자가 있습니다",
    tooManyMarks: `한 글자에 결합 부호가 ${MARKS_PER_LETTER_MAX}개를 넘습니다`,
    tooLong: (bytes, bytesMax) =>
      `너무 깁니다: ${numbers.format(bytes)}바이트이며 ${numbers.format(bytesMax)}바이트까지 보낼 수 있습니다`,
    channels: {
      [Channel.AREA]: "주변",
      [Channel.GUILD]: "길드",
      [Channel.PARTY]: "파티",
      [Channel.TRADE]: "거래",
      [Channel.ROOM]: "채팅방",
      [Channel.SYSTEM]: "공지",
    },
    whisperTo: "보냄",
    whisperFrom: "받음",
    messagesIn: (room) => `${room} 채팅방의 메시지`,
    messageTo: (room) => `${room} 채팅방에 보낼 메시지`,
    unread: (count) => `읽지 않음 ${numbers.format(count)}개`,
    tooFast: "너무 빨리 쓰고 있습니다. 잠시 기다려 주세요.",
    nobodyCalled: (name) => `${name}님을 찾을 수 없습니다.`,
    noGuild: "속한 길드가 없습니다.",
    noRoom: "이제 그 채팅방에 있지 않습니다.",
    notSent: "보내지 못했습니다. 잠시 뒤에 다시 시도해 주세요.",
    sentLater: "다시 연결되면 보냅니다.",
  },

  lists: {
    online: "접속 중",
    offline: "오프라인",
    sure: "확실한가요?",
    sureLabel: (label) => `${label}: 확실하면 다시 누르세요`,
    password: "비밀번호",
    accept: "수락",
    decline: "거절",
    playerMissing: "플레이어 이름을 입력하세요.",
  },

  friends: {
    notFound: "그런 이름의 플레이어가 없습니다.",
    already: "이미 친구이거나 요청이 있습니다.",
    isSelf: "본인입니다.",
    tooMany: "둘 중 한 명의 친구나 요청이 너무 많습니다.",
    changed: "그사이에 바뀌었습니다.",
    tooManyIgnored: "차단한 플레이어가 너무 많습니다.",
    noRequests: "받은 요청이 없습니다.",
    noFriends: "아직 친구가 없습니다.",
    noIgnored: "차단한 플레이어가 없습니다.",
    isFriend: (name) => `${name}님과 친구가 되었습니다.`,
    asked: (name) => `${name}님에게 친구 요청을 보냈습니다.`,
    ignored: (name) => `${name}님을 차단했습니다.`,
    acceptLabel: (name) => `${name}님의 친구 요청 수락`,
    declineLabel: (name) => `${name}님의 친구 요청 거절`,
    remove: "삭제",
    removeLabel: (name) => `${name}님을 친구에서 삭제`,
    pending: "요청 보냄",
    whisper: "귓속말",
    whisperLabel: (name) => `${name}님에게 귓속말`,
    unignore: "차단 해제",
    unignoreLabel: (name) => `${name}님 차단 해제`,
    requested: (name) => `${name}님이 친구가 되고 싶어 합니다. 친구 패널에서 답하세요.`,
    cameOnline: (name) => `${name}님이 접속했습니다.`,
    wentOffline: (name) => `${name}님이 접속을 끊었습니다.`,
  },

  guilds: {
    ranks: {
      [GuildRank.MEMBER]: "길드원",
      [GuildRank.OFFICER]: "간부",
      [GuildRank.LEADER]: "길드장",
    },
    nameRule: `길드 이름은 한 가지 문자 체계의 글자, 숫자, "_", "-", 공백으로 ${GUILD_NAME_LENGTH_MIN}~` +
      `${GUILD_NAME_LENGTH_MAX}자여야 합니다.`,
    tagRule:
      `길드 태그는 한 가지 문자 체계의 글자나 숫자로 ${GUILD_TAG_LENGTH_MIN}~${GUILD_TAG_LENGTH_MAX}자여야 합니다.`,
    nameTaken: "다른 길드가 쓰는 이름이나 태그입니다.",
    nameInvalid: "쓸 수 없는 길드 이름입니다.",
    inGuild: "이미 길드에 속해 있습니다.",
    notFound: "그런 플레이어나 길드가 없습니다.",
    rankTooLow: "직위가 낮아 할 수 없습니다.",
    already: "이미 그렇습니다.",
    full: "길드가 가득 찼습니다.",
    notNow: "지금은 할 수 없습니다.",
    playerNotFound: "그런 이름의 플레이어가 없습니다.",
    invitedAlready: "이미 초대받았거나 길드에 속한 플레이어입니다.",
    tooManyInvitations: "초대가 너무 많습니다.",
    invitationGone: "더 이상 유효하지 않은 초대입니다.",
    guildNotFound: "그런 이름의 길드가 없습니다.",
    atWarAlready: "이미 전쟁 중인 길드입니다.",
    tooManyWars: "두 길드 중 하나가 이미 너무 많은 전쟁을 하고 있습니다.",
    warTooSoon: "너무 이릅니다. 전쟁이 끝나면 한동안 평화가 이어지고, 하루에 할 수 있는 전쟁 수도 정해져 있습니다.",
    warWithSelf: "자기 길드와는 전쟁할 수 없습니다.",
    noGuild: "속한 길드가 없습니다.",
    leaderStays: "먼저 다른 사람을 길드장으로 세우세요.",
    nobodyInvited: "초대한 플레이어가 없습니다.",
    noInvitations: "아직 받은 초대가 없습니다.",
    noMembers: "아무도 없습니다.",
    noWars: "지금은 평화롭습니다.",
    invitedBy: (inviter) => `${inviter}님이 초대함`,
    invitation: (inviter, guild) => `${inviter}님이 ${guild} 길드에 초대했습니다. 길드 패널에서 답하세요.`,
    warBegan: (enemy) => `${enemy} 길드와 전쟁이 시작되었습니다.`,
    warEnded: (outcome, ownKills, enemyKills) =>
      `전쟁이 끝났습니다: ${{ draw: "무승부", victory: "승리", defeat: "패배" }[outcome]}, ${
        numbers.format(ownKills)
      } 대 ${numbers.format(enemyKills)}.`,
    war: (lead, ownKills, enemyKills) =>
      `${numbers.format(ownKills)} : ${numbers.format(enemyKills)}, ${
        { even: "동점", ahead: "우세", behind: "열세" }[lead]
      }`,
    members: (count, online) => `길드원 ${numbers.format(count)}명, 접속 ${numbers.format(online)}명`,
    left: "길드에서 탈퇴했습니다.",
    acceptLabel: (guild) => `${guild} 길드 가입`,
    declineLabel: (guild) => `${guild} 길드 초대 거절`,
    withdraw: "취소",
    withdrawLabel: (player) => `${player}님 초대 취소`,
    withdrawn: (player) => `${player}님의 초대를 취소했습니다.`,
    promote: "승급",
    promoteLabel: (player) => `${player}님 승급`,
    demote: "강등",
    demoteLabel: (player) => `${player}님 강등`,
    makeLeader: "길드장 위임",
    makeLeaderLabel: (player) => `${player}님에게 길드장 위임`,
    kick: "추방",
    kickLabel: (player) => `${player}님 추방`,
    kicked: (player) => `${player}님을 길드에서 추방했습니다.`,
    created: (guild) => `${guild} 길드를 만들었습니다.`,
    invited: (player) => `${player}님을 초대했습니다.`,
    joined: "길드에 가입했습니다.",
    declined: "거절했습니다.",
    enemyMissing: "길드 이름을 입력하세요.",
    warDeclared: (enemy) => `${enemy} 길드에 전쟁을 선포했습니다.`,
    timeLeft: (ms) => {
      const seconds = Math.ceil(ms / 1_000);
      if (seconds <= 0) return "곧 끝남";
      if (seconds < 60) return `${seconds}초 남음`;
      const minutes = Math.floor(seconds / 60);
      if (minutes < 60) return `${minutes}분 ${seconds % 60}초 남음`;
      const hours = Math.floor(minutes / 60);
      return hours < 24 ? `${hours}시간 ${minutes % 60}분 남음` : `${Math.floor(hours / 24)}일 ${hours % 24}시간 남음`;
    },
  },

  rooms: {
    tooMany: `채팅방은 ${ROOMS_PER_PLAYER}개까지 들어갈 수 있습니다.`,
    wrongPassword: "비밀번호가 맞지 않습니다.",
    full: "채팅방이 가득 찼습니다.",
    gone: "더 이상 없는 채팅방입니다.",
    nameTaken: "다른 채팅방이 쓰는 이름입니다.",
    nameRule: `채팅방 이름은 한 가지 문자 체계의 글자로 ${ROOM_NAME_LENGTH_MIN}~${ROOM_NAME_LENGTH_MAX}자여야 합니다.`,
    tooManyRooms: "채팅방이 너무 많습니다.",
    notInside: "그 채팅방에 있지 않습니다.",
    noneJoined: "참여 중인 채팅방이 없습니다.",
    noneOther: "다른 채팅방이 없습니다.",
    open: "열기",
    openLabel: (room) => `${room} 채팅방 열기`,
    leave: "나가기",
    leaveLabel: (room) => `${room} 채팅방 나가기`,
    join: "입장",
    joinLabel: (room) => `${room} 채팅방 입장`,
    passwordLabel: (room) => `${room} 채팅방의 비밀번호`,
    passwordAgain: (room) => `${room} 채팅방이 비밀번호를 다시 묻습니다.`,
    closedMeanwhile: (room) => `${room} 채팅방이 닫혔습니다.`,
    placesRule: `채팅방 정원은 1~${ROOM_MEMBERS_MAX}명입니다.`,
    created: (room) => `${room} 채팅방을 열었습니다.`,
    joined: (player) => `${player}님이 들어왔습니다.`,
    left: (player) => `${player}님이 나갔습니다.`,
    leftSelf: (room) => `${room} 채팅방에서 나왔습니다.`,
    closed: (room) => `${room} 채팅방이 닫혔습니다.`,
    inside: (count, max) =>
      max > 0 ? `${numbers.format(max)}명 중 ${numbers.format(count)}명` : `${numbers.format(count)}명`,
    hasPassword: "비밀번호 있음",
  },

  ranks: {
    none: (board, isToday) => `${isToday ? "오늘 " : ""}${BOARD_NOUNS[board]} 기록이 아직 없습니다.`,
    own: ({ board, rank, count, isToday }) => {
      const place = rank === 0 ? `${numbers.format(LEADERBOARD_RANK_MAX)}위 밖` : `${numbers.format(rank)}위`;
      return `${isToday ? "오늘 " : ""}${place}, ${BOARD_NOUNS[board]} ${numbers.format(count)}회입니다.`;
    },
    dayEnds: (hours, minutes) => `${hours > 0 ? `${hours}시간 ` : ""}${minutes}분 뒤에 새로운 하루가 시작됩니다.`,
    caption: (board, period) => `순위표: ${board}, ${period}`,
    nobody: "아직 아무도 없습니다.",
  },
};
