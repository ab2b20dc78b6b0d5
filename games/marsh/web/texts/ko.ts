/**
 * Everything the page says, in Korean. A particle that depends on the name before it is chosen by its last letter; most
 * names are followed by a word such as 님 or 길드 instead.
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

/** What the server says of moderators' decisions and of maintenance: for how long, and why. */
const SERVER_SAID =
  /^(You are (?:banned|muted)|You were kicked|The server is under maintenance)(?: for another ([^:]+?))?(?:: (.*?))?\.?$/s;
const UNITS: Readonly<Record<string, string>> = { d: "일", h: "시간", min: "분", s: "초" };
/** What the server says when a session ends that no moderator ended. */
const SERVER_SENTENCES: Readonly<Record<string, string>> = {
  "Log in again, please": "다시 로그인해 주세요.",
  "The account is deleted": "계정이 삭제되었습니다.",
  "The password was changed": "비밀번호가 변경되었습니다. 다시 로그인해 주세요.",
  "The password was reset": "비밀번호가 초기화되었습니다. 운영자에게 받은 비밀번호로 다시 로그인해 주세요.",
  "You were logged out from another session": "다른 기기에서 모두 로그아웃했습니다. 다시 로그인해 주세요.",
};
/** Reasons that are the server's own; empty: there is nothing to say. */
const REASONS: Readonly<Record<string, string>> = { "no reason given": "", "too many messages": "도배" };

/** A name with 을 or 를, by its last letter. */
function withObject(name: string): string {
  const code = (name.codePointAt(name.length - 1) ?? 0) - 0xac00;
  if (code < 0 || code > 11_171) return `${name}을(를)`;
  return `${name}${code % 28 === 0 ? "를" : "을"}`;
}

/** The texts. */
export const ko: Texts = {
  languageName: "한국어",
  number: (value) => numbers.format(value),

  names: {
    "Bridgefield": "브리지필드",
    "The Undercroft": "지하 회랑",
    "Fogmarsh": "안개 늪",
    "Frost Crown": "서리 왕관",
    "Moat Slime": "해자 슬라임",
    "Grey Wolf": "회색 늑대",
    "Bone Archer": "해골 궁수",
    "Gate Golem": "성문 골렘",
    "Cellar Bat": "지하실 박쥐",
    "Bone Warden": "해골 파수꾼",
    "Marsh Leech": "늪 거머리",
    "Will-o'-Wisp": "도깨비불",
    "Crown Yeti": "왕관 설인",
    "Rime Wyrm": "서리 비룡",
  },

  page: {
    account: "계정",
    accountDeletion: "계정 삭제",
    accountDeletionNote:
      `${GRACE_DAYS}일 뒤 캐릭터, 친구, 길드 소속, 점수가 모두 삭제됩니다. 그 전에 다시 로그인하면 삭제가 ` +
      "취소됩니다.",
    accountPassword: "비밀번호 변경",
    accountRevocation: "다른 기기에서 로그아웃",
    add: "추가",
    bytesUsed: "입력한 바이트",
    castle: "기본",
    change: "변경",
    channelArea: "주변",
    channelGlobal: "전체",
    channelGuild: "길드",
    channelParty: "파티",
    channelWhisper: "귓속말",
    channels: "채팅 채널",
    chat: "채팅",
    clearTarget: "대상 해제",
    closePanel: "창 닫기",
    conversations: "대화",
    create: "창설",
    deaths: "사망",
    declare: "선포",
    delete: "삭제",
    enter: "입장",
    friendAdd: "친구 추가",
    friendRequests: "받은 친구 요청",
    friends: "친구",
    friendsKey: "친구 (F)",
    accountKey: "계정 (U)",
    guild: "길드",
    guildCreate: "길드 창설",
    guildKey: "길드 (G)",
    guildLeave: "길드 탈퇴",
    guildName: "길드 이름",
    hintKeys: "{W} {A} {S} {D} 또는 클릭으로 이동하고, 몬스터를 클릭해 공격하세요.",
    hintSafe: "빛의 고리 안은 안전지대입니다.",
    hintTouch: "터치해 이동하고, 몬스터를 터치해 공격하세요.",
    ignore: "차단",
    ignored: "차단 목록",
    ignorePlayer: "플레이어 차단",
    invitations: "받은 초대",
    invite: "초대",
    invited: "초대한 플레이어",
    kills: "처치",
    language: "언어",
    leaderboard: "랭킹",
    leaderboardKey: "랭킹 (L)",
    leave: "나가기",
    leaveCastle: "성에서 나가기",
    logIn: "로그인",
    logOutOthers: "모두 로그아웃",
    members: "길드원",
    message: "메시지",
    messagePlaceholder: "메시지 입력 또는 /help",
    messages: "메시지",
    monsters: "몬스터",
    monsterKills: "몬스터 처치",
    name: "이름",
    newHere: "회원가입",
    newPassword: "새 비밀번호",
    open: "만들기",
    ownHealth: "내 체력",
    panels: "메뉴",
    panelsOfSide: "길드, 채팅방, 친구, 랭킹, 계정",
    party: "파티",
    partyDisband: "파티 해산",
    partyInvite: "파티 초대",
    partyLeave: "파티 탈퇴",
    partyMembers: "파티원",
    password: "비밀번호",
    passwordHelp: `${PASSWORD_LENGTH_MIN}자 이상 입력하세요.`,
    passwordOptional: "비밀번호 (선택)",
    period: "기간",
    periodAll: "전체 기간",
    periodDay: "오늘",
    places: "정원",
    player: "플레이어",
    playerName: "캐릭터 이름",
    playersInView: "시야 안의 플레이어 수",
    playersNearby: "주변 플레이어",
    queueLeave: "대기 취소",
    queueNote: "이 창을 닫지 마세요. 차례가 되면 자동으로 입장합니다.",
    queuePlace: "내 대기 순번",
    queueTitle: "서버 접속 대기 중",
    rank: "순위",
    rankingBy: "랭킹 기준",
    ranks: "랭킹",
    recipientName: "이름",
    registerNameHelp: `한글이나 영문 등의 글자, 숫자, "_", "-"로 ${PLAYER_NAME_LENGTH_MIN}~${PLAYER_NAME_LENGTH_MAX}자`,
    roomOpen: "채팅방 만들기",
    rooms: "채팅방",
    roomsKey: "채팅방 (R)",
    roomsOther: "다른 채팅방",
    roomsOwn: "참여 중인 채팅방",
    roundTrip: "서버 응답 시간",
    send: "전송",
    skillArea: "화염: 지정한 지점 주변의 적을 모두 공격",
    skillMelee: "베기: 바로 앞의 적을 공격",
    skillRanged: "사격: 멀리 있는 적을 공격",
    skills: "스킬",
    status: "상태",
    sure: "삭제에 동의합니다",
    tag: "태그",
    tagline: "다리를 건너 성 안으로 들어오세요.",
    target: "대상",
    targetHealth: "대상 체력",
    visible: "명",
    warDeclare: "전쟁을 선포할 길드",
    wars: "전쟁",
    whatToDo: "로그인 또는 회원가입",
    whisperRecipient: "귓속말 받는 사람",
    whisperTo: "받는 사람",
    worldLabel:
      "성 안뜰. 화살표 키나 W, A, S, D로 이동합니다. Q로 대상을 선택하고 1, 2, 3으로 스킬을 사용하며 E로 포털에 들어갑니다. " +
      "Enter를 누르면 채팅창이 열립니다.",
  },

  errors: {
    [ErrorCode.NONE]: "문제가 발생했습니다. 다시 시도해 주세요.",
    [ErrorCode.INVALID_CREDENTIALS]: "이름 또는 비밀번호가 올바르지 않습니다.",
    [ErrorCode.SERVER_FULL]: "서버 인원이 가득 찼습니다. 잠시 후 다시 시도해 주세요.",
    [ErrorCode.VERSION_MISMATCH]: "최신 버전의 페이지가 아닙니다. 새로고침해 주세요.",
    [ErrorCode.BANNED]: "이용이 정지된 계정입니다.",
    [ErrorCode.MAINTENANCE]: "서버 점검 중입니다. 나중에 다시 접속해 주세요.",
    [ErrorCode.INTERNAL]: "서버 오류가 발생했습니다. 다시 시도해 주세요.",
    [ErrorCode.TIMEOUT]: "서버가 응답하지 않습니다. 다시 시도해 주세요.",
    [ErrorCode.ALREADY_LOGGED_IN]: "이미 다른 곳에서 접속 중인 계정입니다.",
    [ErrorCode.INVALID_PACKET]: "서버가 요청을 처리하지 못했습니다.",
    [ErrorCode.RATE_LIMITED]: "요청이 너무 잦습니다. 잠시 후 다시 시도해 주세요.",
    [ErrorCode.NOT_AUTHENTICATED]: "로그인이 해제되었습니다.",
    [ErrorCode.INVALID_STATE]: "지금은 할 수 없습니다.",
    [ErrorCode.INVALID_TOKEN]: "로그인 정보가 유효하지 않습니다. 다시 로그인해 주세요.",
    [ErrorCode.TOKEN_EXPIRED]: "로그인이 만료되었습니다. 다시 로그인해 주세요.",
    [ErrorCode.NAME_TAKEN]: "이미 사용 중인 이름이거나 너무 비슷한 이름입니다. 다른 이름을 입력해 주세요.",
    [ErrorCode.NAME_INVALID]: `이름은 한글이나 영문 등의 글자, 숫자, "_", "-"로 ${PLAYER_NAME_LENGTH_MIN}~` +
      `${PLAYER_NAME_LENGTH_MAX}자여야 합니다.`,
    [ErrorCode.NOT_FOUND]: "해당 이름을 찾을 수 없습니다.",
    [ErrorCode.PERMISSION_DENIED]: "권한이 없습니다.",
    [ErrorCode.ALREADY_EXISTS]: "이미 존재합니다.",
    [ErrorCode.OUT_OF_RANGE]: "거리가 너무 멉니다.",
    [ErrorCode.ON_COOLDOWN]: "재사용 대기 중입니다.",
    [ErrorCode.TARGET_INVALID]: "대상으로 지정할 수 없습니다.",
    [ErrorCode.MUTED]: "채팅이 금지되었습니다.",
    [ErrorCode.RESUME_EXPIRED]: "접속이 너무 오래 끊겨 있었습니다.",
    [ErrorCode.SHUTTING_DOWN]: "서버가 종료되는 중입니다.",
    [ErrorCode.UNSUPPORTED]: "서버가 지원하지 않는 기능입니다.",
    [ErrorCode.UNAVAILABLE]: "지금은 서버 데이터에 접근할 수 없습니다. 변경된 내용은 없습니다. 다시 시도해 주세요.",
  },

  disconnects: {
    [DisconnectReason.UNSPECIFIED]: "연결이 끊어졌습니다.",
    [DisconnectReason.MALFORMED_FRAME]: "잘못된 데이터가 전송되어 연결이 끊어졌습니다.",
    [DisconnectReason.MALFORMED_PACKET]: "잘못된 데이터가 전송되어 연결이 끊어졌습니다.",
    [DisconnectReason.FLOOD]: "한꺼번에 너무 많은 요청을 보내 연결이 끊어졌습니다.",
    [DisconnectReason.IDLE]: "오랫동안 응답이 없어 접속이 종료되었습니다.",
    [DisconnectReason.SLOW_READER]: "네트워크가 너무 느려 연결이 끊어졌습니다.",
    [DisconnectReason.LOGGED_IN_ELSEWHERE]: "다른 창에서 접속했습니다.",
    [DisconnectReason.KICKED]: "운영자에 의해 접속이 종료되었습니다.",
    [DisconnectReason.BANNED]: "이용이 정지된 계정입니다.",
    [DisconnectReason.SHUTDOWN]: "서버가 종료되었습니다.",
    [DisconnectReason.SERVER_FULL]: "서버 인원이 가득 찼습니다. 잠시 후 다시 시도해 주세요.",
    [DisconnectReason.HANDSHAKE_TIMEOUT]: "입장 시간이 초과되었습니다. 다시 시도해 주세요.",
    [DisconnectReason.SERVER_ERROR]: "서버 오류가 발생했습니다. 다시 시도해 주세요.",
    [DisconnectReason.PROTOCOL_VIOLATION]: "통신 오류가 발생했습니다. 페이지를 새로고침해 주세요.",
  },
  // Only the server knows a reason and a time, and it says so in English.
  serverSaid: (sentence, own) => {
    const whole = SERVER_SENTENCES[sentence.replace(/\.$/, "")];
    if (whole !== undefined) return whole;
    const [deletion, date] = /^The account will be deleted on ([\d-]+)/.exec(sentence) ?? [];
    if (deletion !== undefined) return `계정이 ${date}에 삭제됩니다. 그 전에 로그인하면 취소됩니다.`;
    const [said, start, time, given = ""] = SERVER_SAID.exec(sentence) ?? [];
    if (said === undefined) return `${own} (${sentence})`;
    const left = time?.replace(/(\d+) (d|h|min|s)\b/g, (_, count, unit) => `${count}${UNITS[unit]}`);
    const reason = Object.hasOwn(REASONS, given) ? REASONS[given] : given;
    const label = start.startsWith("You") ? "사유" : "안내";
    return [own, left === undefined ? "" : `남은 기간: ${left}.`, reason === "" ? "" : `${label}: ${reason}`]
      .filter((part) => part !== "").join(" ");
  },

  connect: {
    unreachable: "서버에 접속할 수 없습니다. 네트워크 상태를 확인하고 다시 시도해 주세요.",
    noWebSocket: "서버는 응답하지만, 프록시 등 중간 장비가 WebSocket 연결을 막고 있습니다.",
    origin: "서버가 이 페이지의 주소를 허용하지 않습니다. 운영자가 --allowed-origins로 허용할 수 있습니다.",
    host: "서버에 등록되지 않은 호스트 이름입니다. 운영자가 --public-host로 추가할 수 있습니다.",
    address: "지금은 이 IP 주소에서 더 접속할 수 없습니다. 나중에 다시 시도해 주세요.",
    statuses: {
      idle: "미접속",
      connecting: "연결 중",
      connected: "연결됨",
      silent: "응답 없음",
      reconnecting: "재접속 중",
      replaced: "다른 곳에서 접속",
      closed: "연결 끊김",
    },
    inSeconds: (seconds) => `${seconds}초 후`,
    lost: "연결이 끊어졌습니다",
    retry: (seconds) => seconds > 0 ? `${seconds}초 후 재접속합니다.` : "재접속하는 중입니다.",
    retryNow: "지금 재접속",
    elsewhere: "다른 곳에서 접속했습니다",
    elsewhereText: "다른 창에서 접속하여 이 창의 접속이 종료되었습니다.",
    playHere: "여기서 계속하기",
    logOutHere: "로그아웃",
    enteredAgain: "접속이 오래 끊겨 성에 다시 입장했습니다.",
  },

  login: {
    logIn: "로그인",
    createAccount: "계정 만들기",
    nameMissing: "이름을 입력하세요.",
    passwordMissing: "비밀번호를 입력하세요.",
    passwordShort: `비밀번호는 ${PASSWORD_LENGTH_MIN}자 이상이어야 합니다.`,
    calling: "문지기를 부르는 중 …",
    entering: "도개교를 내리는 중 …",
    welcome: (name) => `${name}님, 환영합니다.`,
    welcomeKeys: "Enter로 채팅창을 열고, /help를 입력하면 명령어와 단축키를 볼 수 있습니다.",
    welcomeTouch: "채팅창에 /help를 입력하면 명령어를 볼 수 있습니다.",
    deletionCancelled: "삭제 예정이던 계정입니다. 로그인하여 삭제가 취소되었습니다.",
  },

  queue: {
    place: (position) => numbers.format(position),
    placeSpoken: (position) => `대기 순번 ${numbers.format(position)}번입니다.`,
    wait: (minutes) => minutes <= 1 ? "예상 대기 시간 약 1분" : `예상 대기 시간 약 ${numbers.format(minutes)}분`,
  },

  account: {
    wrongPassword: "비밀번호가 올바르지 않습니다.",
    tooManyTries: "시도 횟수가 너무 많습니다. 잠시 후 다시 시도해 주세요.",
    passwordChanged: "비밀번호를 변경했습니다. 다른 기기에서는 로그아웃됩니다.",
    revoked: "다른 기기에서 모두 로그아웃했습니다.",
    notSure: "삭제하려면 동의란을 선택하세요.",
    busy: "잠시만 기다려 주세요 …",
  },

  world: {
    neighbour: ({ name, kind, x, z }) =>
      `${name}${kind === "player" ? "" : kind === "friend" ? ", 친구" : ", 몬스터"}, 위치 ${x}, ${z}`,
    dead: "사망",
    health: (current, max) => `체력 ${max} 중 ${current}`,
    nearby: (others, monsters) => {
      const people = others === 0 ? "주변에 아무도 없습니다" : `주변에 플레이어 ${numbers.format(others)}명이 있습니다`;
      return monsters === 0 ? people : `${people}. 몬스터 ${numbers.format(monsters)}마리가 있습니다`;
    },
    arrived: (map) => `${map}에 도착했습니다.`,
    portal: (map) => `${map} 입장`,
    portalLabel: (map) => `→ ${map}`,
    safe: (seconds) =>
      "안전지대입니다. 빛의 고리 안에는 몬스터가 들어오지 못하며, 전쟁 중인 길드가 아니면 공격받지 않습니다. " +
      `먼저 공격하면 ${seconds}초 동안 보호받지 못합니다.`,
    portalGone: "포털이 사라졌습니다.",
    portalNotNow: "지금은 포털에 들어갈 수 없습니다.",
    portalFar: "포털에 더 가까이 다가가세요.",
    portalCrowded: "이동할 지역이 가득 찼습니다. 잠시 후 다시 시도해 주세요.",
  },

  combat: {
    skills: { melee: "베기", ranged: "사격", area: "화염" },
    stunned: "기절 상태입니다.",
    isStunned: "기절",
    nobodyNear: "주변에 대상이 없습니다.",
    tooFar: "거리가 너무 멉니다.",
    notReady: "재사용 대기 중입니다.",
    noTarget: "공격할 대상이 없습니다.",
    sheltered: "안전지대에서는 전쟁 중인 상대만 공격할 수 있습니다.",
    notNow: "지금은 할 수 없습니다.",
    dodged: "회피",
    blocked: "방어",
    partlyBlocked: (damage) => `${damage} 방어`,
    killed: (victim) => `${withObject(victim)} 처치했습니다.`,
    died: "사망했습니다",
    killedBy: (killer) => `${killer}에게 처치당했습니다`,
    respawn: (seconds, automaticSeconds) => {
      const own = seconds > 0 ? `${seconds}초 후 부활할 수 있습니다` : "지금 부활할 수 있습니다";
      return `${own}. ${
        automaticSeconds > 0 ? `${automaticSeconds}초 후 자동으로 부활합니다` : "곧 자동으로 부활합니다"
      }.`;
    },
    riseAgain: "부활",
  },

  chat: {
    help: [
      "/w 이름 내용 - 귓속말",
      "/r 내용 - 마지막 귓속말에 답장",
      "/a 내용 - 주변 채팅",
      "/g 내용 - 길드 채팅",
      "/p 내용 - 파티 채팅",
      "/all 내용 - 전체 채팅",
    ],
    keyHelp: [
      "Enter - 채팅창 열기, Escape - 채팅창 닫기",
      "1, 2, 3 - 스킬 사용, Q - 대상 선택, Escape - 대상 해제",
      "G, R, F, L, U - 길드, 채팅방, 친구, 랭킹, 계정",
    ],
    whisperUsage: "사용법: /w 이름 내용",
    noWhisperer: "아직 받은 귓속말이 없습니다",
    unknownCommand: (word) => `/${word} 명령어는 없습니다. /help를 입력해 보세요`,
    empty: "보낼 내용을 입력하세요",
    noRecipient: "귓속말을 보낼 상대의 이름을 입력하세요",
    forbidden: "사용할 수 없는 문자가 포함되어 있습니다",
    tooManyMarks: `한 글자에 붙은 결합 부호가 ${MARKS_PER_LETTER_MAX}개를 넘습니다`,
    tooLong: (bytes, bytesMax) => `메시지가 너무 깁니다 (${numbers.format(bytes)}/${numbers.format(bytesMax)}바이트)`,
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
    unread: (count) => `읽지 않은 메시지 ${numbers.format(count)}개`,
    tooFast: "메시지를 너무 빨리 보내고 있습니다. 잠시 후 다시 시도해 주세요.",
    nobodyCalled: (name) => `${name}님을 찾을 수 없습니다.`,
    noGuild: "가입한 길드가 없습니다.",
    noParty: "참가 중인 파티가 없습니다.",
    noRoom: "참여 중인 채팅방이 아닙니다.",
    notSent: "메시지를 보내지 못했습니다. 잠시 후 다시 시도해 주세요.",
    sentLater: "재접속하면 전송됩니다.",
  },

  parties: {
    none: "참가 중인 파티가 없습니다.",
    notFound: "존재하지 않는 플레이어입니다.",
    already: "이미 파티원이거나 초대한 플레이어입니다.",
    isSelf: "자신은 초대할 수 없습니다.",
    tooMany: "응답을 기다리는 초대가 너무 많습니다.",
    notLeader: "파티장만 할 수 있습니다.",
    full: "파티 인원이 가득 찼습니다.",
    inviteOver: "만료된 초대입니다.",
    leaveFirst: "먼저 현재 파티에서 탈퇴하세요.",
    leader: "파티장",
    linkDead: "연결 끊김",
    lead: "파티장 위임",
    leadLabel: (name) => `${name}님에게 파티장 위임`,
    kick: "추방",
    kickLabel: (name) => `${name}님을 파티에서 추방`,
    acceptLabel: (name) => `${name}님의 파티 초대 수락`,
    declineLabel: (name) => `${name}님의 파티 초대 거절`,
    asked: (name) => `${name}님을 파티에 초대했습니다.`,
    invitedBy: (name) => `${name}님이 파티에 초대했습니다. 친구 창에서 수락하거나 거절하세요.`,
    invitation: "파티 초대",
    invites: "파티에 초대함",
    invitesYou: (name) => `${name}님이 파티에 초대했습니다.`,
    joined: (name) => `${name}님이 파티에 참가했습니다.`,
    youJoined: "파티에 참가했습니다.",
    left: (name) => `${name}님이 파티에서 탈퇴했습니다.`,
    youLeft: "파티에서 탈퇴했습니다.",
    kicked: (name) => `${name}님이 파티에서 추방되었습니다.`,
    youWereKicked: "파티에서 추방되었습니다.",
    leads: (name) => `${name}님이 파티장이 되었습니다.`,
    youLead: "파티장이 되었습니다.",
    disbanded: "파티가 해산되었습니다.",
    declined: (name) => `${name}님이 파티 초대를 거절했습니다.`,
  },
  lists: {
    online: "접속 중",
    offline: "미접속",
    sure: "확인",
    sureLabel: (label) => `${label}: 진행하려면 한 번 더 누르세요`,
    password: "비밀번호",
    accept: "수락",
    decline: "거절",
    playerMissing: "캐릭터 이름을 입력하세요.",
  },

  friends: {
    notFound: "존재하지 않는 플레이어입니다.",
    already: "이미 친구이거나 응답을 기다리는 요청이 있습니다.",
    isSelf: "자신에게는 할 수 없습니다.",
    tooMany: "나 또는 상대의 친구나 요청이 너무 많습니다.",
    changed: "그사이에 상태가 변경되었습니다.",
    tooManyIgnored: "차단 목록이 가득 찼습니다.",
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
    pending: "수락 대기 중",
    whisper: "귓속말",
    whisperLabel: (name) => `${name}님에게 귓속말`,
    unignore: "차단 해제",
    unignoreLabel: (name) => `${name}님 차단 해제`,
    requested: (name) => `${name}님이 친구 요청을 보냈습니다. 친구 창에서 수락하거나 거절하세요.`,
    cameOnline: (name) => `${name}님이 접속했습니다.`,
    wentOffline: (name) => `${name}님이 접속을 종료했습니다.`,
  },

  guilds: {
    ranks: {
      [GuildRank.MEMBER]: "길드원",
      [GuildRank.OFFICER]: "부길드장",
      [GuildRank.LEADER]: "길드장",
    },
    nameRule: `길드 이름은 한글이나 영문 등의 글자, 숫자, "_", "-", 공백으로 ${GUILD_NAME_LENGTH_MIN}~` +
      `${GUILD_NAME_LENGTH_MAX}자여야 합니다.`,
    tagRule:
      `길드 태그는 한글이나 영문 등의 글자나 숫자로 ${GUILD_TAG_LENGTH_MIN}~${GUILD_TAG_LENGTH_MAX}자여야 합니다.`,
    nameTaken: "이미 사용 중인 길드 이름 또는 태그입니다.",
    nameInvalid: "사용할 수 없는 길드 이름입니다.",
    inGuild: "이미 길드에 가입되어 있습니다.",
    notFound: "존재하지 않는 플레이어 또는 길드입니다.",
    rankTooLow: "길드 권한이 부족합니다.",
    already: "이미 그 상태입니다.",
    full: "길드 인원이 가득 찼습니다.",
    notNow: "지금은 할 수 없습니다.",
    playerNotFound: "존재하지 않는 플레이어입니다.",
    invitedAlready: "이미 초대받았거나 길드에 가입한 플레이어입니다.",
    tooManyInvitations: "응답을 기다리는 초대가 너무 많습니다.",
    invitationGone: "만료된 초대입니다.",
    guildNotFound: "존재하지 않는 길드입니다.",
    atWarAlready: "이미 전쟁 중인 길드입니다.",
    tooManyWars: "두 길드 중 한쪽이 진행 중인 전쟁이 너무 많습니다.",
    warTooSoon: "아직 전쟁을 선포할 수 없습니다. 전쟁이 끝나면 휴전 기간이 있고, 하루 전쟁 횟수에도 제한이 있습니다.",
    warWithSelf: "자신의 길드에는 전쟁을 선포할 수 없습니다.",
    noGuild: "가입한 길드가 없습니다.",
    noParty: "참가 중인 파티가 없습니다.",
    leaderStays: "먼저 다른 길드원에게 길드장을 위임하세요.",
    nobodyInvited: "초대한 플레이어가 없습니다.",
    noInvitations: "아직 받은 초대가 없습니다.",
    noMembers: "길드원이 없습니다.",
    noWars: "진행 중인 전쟁이 없습니다.",
    invitedBy: (inviter) => `${inviter}님이 초대함`,
    invitation: (inviter, guild) => `${inviter}님이 ${guild} 길드에 초대했습니다. 길드 창에서 수락하거나 거절하세요.`,
    warBegan: (enemy) => `${enemy} 길드와의 전쟁이 시작되었습니다.`,
    warEnded: (outcome, ownKills, enemyKills) =>
      `전쟁이 종료되었습니다: ${{ draw: "무승부", victory: "승리", defeat: "패배" }[outcome]} (${
        numbers.format(ownKills)
      } 대 ${numbers.format(enemyKills)})`,
    war: (lead, ownKills, enemyKills) =>
      `${numbers.format(ownKills)} : ${numbers.format(enemyKills)}, ${
        { even: "동점", ahead: "우세", behind: "열세" }[lead]
      }`,
    members: (count, online) => `길드원 ${numbers.format(count)}명, 접속 ${numbers.format(online)}명`,
    left: "길드에서 탈퇴했습니다.",
    acceptLabel: (guild) => `${guild} 길드 가입`,
    declineLabel: (guild) => `${guild} 길드 초대 거절`,
    withdraw: "초대 취소",
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
    created: (guild) => `${guild} 길드를 창설했습니다.`,
    invited: (player) => `${player}님을 길드에 초대했습니다.`,
    joined: "길드에 가입했습니다.",
    declined: "초대를 거절했습니다.",
    enemyMissing: "길드 이름을 입력하세요.",
    warDeclared: (enemy) => `${enemy} 길드에 전쟁을 선포했습니다.`,
    timeLeft: (ms) => {
      const seconds = Math.ceil(ms / 1_000);
      if (seconds <= 0) return "곧 종료";
      if (seconds < 60) return `${seconds}초 남음`;
      const minutes = Math.floor(seconds / 60);
      if (minutes < 60) return `${minutes}분 ${seconds % 60}초 남음`;
      const hours = Math.floor(minutes / 60);
      return hours < 24 ? `${hours}시간 ${minutes % 60}분 남음` : `${Math.floor(hours / 24)}일 ${hours % 24}시간 남음`;
    },
  },

  rooms: {
    tooMany: `채팅방은 ${ROOMS_PER_PLAYER}개까지 참여할 수 있습니다.`,
    wrongPassword: "비밀번호가 올바르지 않습니다.",
    full: "채팅방 정원이 가득 찼습니다.",
    gone: "존재하지 않는 채팅방입니다.",
    nameTaken: "이미 사용 중인 채팅방 이름입니다.",
    nameRule: `채팅방 이름은 한글이나 영문 등의 글자로 ${ROOM_NAME_LENGTH_MIN}~${ROOM_NAME_LENGTH_MAX}자여야 합니다.`,
    tooManyRooms: "채팅방이 너무 많습니다.",
    notInside: "참여 중인 채팅방이 아닙니다.",
    noneJoined: "참여 중인 채팅방이 없습니다.",
    noneOther: "다른 채팅방이 없습니다.",
    open: "열기",
    openLabel: (room) => `${room} 채팅방 열기`,
    leave: "나가기",
    leaveLabel: (room) => `${room} 채팅방 나가기`,
    join: "입장",
    joinLabel: (room) => `${room} 채팅방 입장`,
    passwordLabel: (room) => `${room} 채팅방 비밀번호`,
    passwordAgain: (room) => `${room} 채팅방의 비밀번호를 다시 입력하세요.`,
    closedMeanwhile: (room) => `${room} 채팅방이 사라졌습니다.`,
    placesRule: `채팅방 정원은 1~${ROOM_MEMBERS_MAX}명입니다.`,
    created: (room) => `${room} 채팅방을 만들었습니다.`,
    joined: (player) => `${player}님이 입장했습니다.`,
    left: (player) => `${player}님이 퇴장했습니다.`,
    leftSelf: (room) => `${room} 채팅방에서 나왔습니다.`,
    closed: (room) => `${room} 채팅방이 사라졌습니다.`,
    inside: (count, max) =>
      max > 0 ? `${numbers.format(count)}/${numbers.format(max)}명` : `${numbers.format(count)}명`,
    hasPassword: "비밀번호 있음",
  },

  ranks: {
    none: (board, isToday) => `${isToday ? "오늘 " : ""}${BOARD_NOUNS[board]} 기록이 아직 없습니다.`,
    own: ({ board, rank, count, isToday }) => {
      const place = rank === 0 ? `${numbers.format(LEADERBOARD_RANK_MAX)}위 밖` : `${numbers.format(rank)}위`;
      return `${isToday ? "오늘 " : ""}${place}, ${BOARD_NOUNS[board]} ${numbers.format(count)}회`;
    },
    dayEnds: (hours, minutes) => `${hours > 0 ? `${hours}시간 ` : ""}${minutes}분 후 오늘의 랭킹이 초기화됩니다.`,
    caption: (board, period) => `랭킹: ${board}, ${period}`,
    nobody: "아직 아무도 없습니다.",
  },
};
