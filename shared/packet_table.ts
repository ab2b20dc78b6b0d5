/**
 * One row per packet type: what it carries, who may send it when, where it is handled, what it costs. The rows follow
 * from the `packet` option of messages.
 *
 * @see proto/options.proto
 * @module
 */

import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { file_auth } from "./gen/auth_pb.ts";
import { file_chat } from "./gen/chat_pb.ts";
import { file_game } from "./gen/game_pb.ts";
import { file_guild } from "./gen/guild_pb.ts";
import { file_leaderboard } from "./gen/leaderboard_pb.ts";
import {
  DeliveryClass,
  packet,
  packet_numbers,
  type PacketOptions,
  PacketOptions_Handler as Handler,
  PacketOptions_Port as Port,
  PacketOptions_Sender as Sender,
  PacketOptions_State as State,
  PacketOptions_Urgency as Urgency,
} from "./gen/options_pb.ts";
import type { PacketType } from "./gen/packet_pb.ts";
import { file_social } from "./gen/social_pb.ts";
import { ECHO_PAYLOAD_BYTES_MAX, PACKET_TOKENS_BURST, PACKET_TYPE_MAX } from "./limits.ts";

/** A connection's first state, as a bit: not logged in. */
export const STATE_CONNECTED = 1;
/** A connection's state, as a bit: logged in. */
export const STATE_AUTHENTICATED = 2;
/** A connection's state, as a bit: in the world. */
export const STATE_IN_WORLD = 4;

/** The login port, as a bit. */
export const PORT_LOGIN = 1;
/** The game port, as a bit. */
export const PORT_GAME = 2;
/** The gateway's port, as a bit. */
export const PORT_GATEWAY = 4;

/** What the system knows about one packet type. */
export interface PacketRow {
  /** Its number on the wire. */
  readonly type: PacketType;
  /** The type's name, as in the wire contract. */
  readonly name: string;
  /** The message its payload holds. */
  readonly schema: DescMessage;
  /** How it travels once its receiver is slow or its connection breaks. */
  readonly delivery: DeliveryClass;
  /** Who sends it. */
  readonly direction: "client" | "server" | "both";
  /** States a client may send it in, as bits; 0 for the server's own. */
  readonly states: number;
  /** Ports a client may send it on, as bits; 0 for the server's own. */
  readonly ports: number;
  /** Where it is handled: on the io worker that reads the socket, or by the logic worker. */
  readonly handledBy: "io" | "logic" | "none";
  /** Tokens it takes from the sender's bucket. */
  readonly cost: number;
  /**
   * How many of it one connection may send, besides what its tokens allow: each second and at once. `null`: tokens
   * alone decide.
   */
  readonly rate: { readonly perSecond: number; readonly burst: number } | null;
  /** Largest payload a client may send, in bytes, after decompression. */
  readonly payloadBytesMax: number;
  /** It leads to another state: what the client sends behind it waits until it is answered. */
  readonly changesState: boolean;
  /** Whether logic is woken for it; otherwise it has no effect before the next step of the world. */
  readonly isUrgent: boolean;
  /** The type that answers it; 0: none does. */
  readonly replyType: PacketType;
  /** The type that refuses it: its reply where that has `success` and `error_code`; 0: ERROR_RESPONSE does. */
  readonly responseType: PacketType;
  /** Whether its payload has secrets, which are not to be logged. */
  readonly isSecret: boolean;
}

const STATE_BITS: ReadonlyMap<State, number> = new Map([
  [State.CONNECTED, STATE_CONNECTED],
  [State.LOGGED_IN, STATE_AUTHENTICATED],
  [State.WORLD, STATE_IN_WORLD],
]);
const PORT_BITS: ReadonlyMap<Port, number> = new Map([
  [Port.LOGIN, PORT_LOGIN],
  [Port.GAME, PORT_GAME],
  [Port.GATEWAY, PORT_GATEWAY],
]);
const DIRECTIONS: ReadonlyMap<Sender, PacketRow["direction"]> = new Map([
  [Sender.SERVER, "server"],
  [Sender.CLIENT, "client"],
  [Sender.BOTH, "both"],
]);
/** Numbers of packets about the session itself, which io workers may answer. */
const SESSION_TYPE_MAX = 1_099;
/** The first number of games; below are those of the engine and of parts. */
const GAME_TYPE_MIN = 10_000;
const PAYLOAD_BYTES_DEFAULT = 256;

/** A message that is a packet, and what its proto says of it. */
interface Declared {
  readonly schema: DescMessage;
  readonly options: PacketOptions;
}

/**
 * Makes the rows of all packets in `files`.
 *
 * @returns One row per packet type, ascending.
 * @throws {TypeError} when packets contradict each other or the engine; names every problem.
 */
export function buildPacketRows(files: readonly DescFile[]): readonly PacketRow[] {
  const problems: string[] = [];
  const declared = files.flatMap(({ messages }) => messages).flatMap(nestedToo)
    .filter((schema) => hasOption(schema, packet))
    .map((schema): Declared => ({ schema, options: getOption(schema, packet) }))
    .sort((a, b) => a.options.number - b.options.number);
  checkRanges(files, problems);
  const rows = declared.map(({ schema, options }): PacketRow => {
    const check = (isRight: boolean, problem: string) => {
      if (!isRight) problems.push(`${schema.typeName} ${problem}`);
    };
    const { number, from, cost = 1, rate } = options;
    const isSent = from !== Sender.SERVER;
    const isOwn = rangesOf(schema.file).some(({ first, last }) => number >= first && number <= last);
    const states = bitsOf(options.in, STATE_BITS, STATE_IN_WORLD);
    const ports = bitsOf(options.on, PORT_BITS, PORT_GAME | PORT_GATEWAY);
    const payloadBytesMax = options.payloadBytesMax || PAYLOAD_BYTES_DEFAULT;
    const replyName = options.reply.includes(".") ? options.reply : `${schema.file.proto.package}.${options.reply}`;
    const reply = options.reply === "" ? undefined : declared.find((other) => other.schema.typeName === replyName);
    const isRefusal = reply?.schema.field.success !== undefined && reply.schema.field.errorCode !== undefined;
    check(isOwn, `has number ${number}, numbers of ${schema.file.name}.proto are ${rangesText(schema.file)}`);
    check(DIRECTIONS.has(from), `is from ${from}, which is no sender`);
    check(DeliveryClass[options.delivery] !== undefined, `has delivery ${options.delivery}, which is no class`);
    check(states > 0, `is allowed in states ${options.in}, of which one is none`);
    check(ports > 0, `is served on ports ${options.on}, of which one is none`);
    check(cost <= PACKET_TOKENS_BURST, `costs ${cost} tokens, nobody has more than ${PACKET_TOKENS_BURST}`);
    check(rate === undefined || (rate.perSecond > 0 && rate.burst > 0), "has a rate that lets none through");
    check(
      payloadBytesMax <= ECHO_PAYLOAD_BYTES_MAX,
      `may have ${payloadBytesMax} bytes, a frame has room for ${ECHO_PAYLOAD_BYTES_MAX}`,
    );
    check(options.reply === "" || reply !== undefined, `is answered by ${options.reply}, which is no packet`);
    check(reply?.options.from !== Sender.CLIENT, `is answered by ${options.reply}, which only clients send`);
    check(
      options.handledBy === Handler.LOGIC || number <= SESSION_TYPE_MAX,
      "is handled by IO, which answers packets of the session only",
    );
    check(
      isSent || (options.in.length + options.on.length === 0 && options.cost === undefined && rate === undefined &&
        options.payloadBytesMax === 0 && options.reply === "" && !options.changesState),
      "is not from CLIENT, and says what clients may send",
    );
    return {
      type: number,
      name: nameOf(schema),
      schema,
      delivery: options.delivery,
      direction: DIRECTIONS.get(from) ?? "server",
      states: isSent ? states : 0,
      ports: isSent ? ports : 0,
      handledBy: !isSent ? "none" : options.handledBy === Handler.IO ? "io" : "logic",
      cost: isSent ? cost : 0,
      rate: rate === undefined ? null : { perSecond: rate.perSecond, burst: rate.burst },
      payloadBytesMax: isSent ? payloadBytesMax : 0,
      changesState: options.changesState,
      isUrgent: options.urgency === Urgency.AT_ONCE,
      replyType: reply?.options.number ?? 0,
      responseType: isRefusal ? reply!.options.number : 0,
      isSecret: hasSecrets(schema, new Set()),
    };
  });
  checkTwins(rows, problems);
  for (const { name, schema, type } of rows) {
    const count = rows.filter(({ replyType }) => replyType === type).length;
    if (count > 1 && schema.field.requestType === undefined) {
      problems.push(`${name} answers ${count} requests and has no request_type that says which`);
    }
  }
  if (problems.length > 0) throw new TypeError(`Cannot use packets: ${problems.join("; ")}`);
  return rows;
}

function nestedToo(message: DescMessage): DescMessage[] {
  return [message, ...message.nestedMessages.flatMap(nestedToo)];
}

/** `LoginRequest` is LOGIN_REQUEST. */
function nameOf({ name }: DescMessage): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
}

/** 0: a value is no bit's. */
function bitsOf<T>(values: readonly T[], bits: ReadonlyMap<T, number>, none: number): number {
  if (values.length === 0) return none;
  return values.every((value) => bits.has(value)) ? values.reduce((sum, value) => sum | bits.get(value)!, 0) : 0;
}

function rangesOf(file: DescFile): readonly { readonly first: number; readonly last: number }[] {
  const claimed = getOption(file, packet_numbers);
  return claimed.length > 0 ? claimed : [{ first: GAME_TYPE_MIN, last: PACKET_TYPE_MAX }];
}

function rangesText(file: DescFile): string {
  return rangesOf(file).map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`).join(", ");
}

/** Only those below the games' are anybody's own. */
function checkRanges(files: readonly DescFile[], problems: string[]): void {
  const claims = files.flatMap((file) => getOption(file, packet_numbers).map((range) => ({ file, ...range })));
  for (const [index, claim] of claims.entries()) {
    const { file, first, last } = claim;
    if (first < 1 || last < first || last >= GAME_TYPE_MIN) {
      problems.push(`${file.name}.proto claims numbers ${first}-${last}, a range is within 1-${GAME_TYPE_MIN - 1}`);
    }
    const other = claims.slice(0, index).find((other) => other.first <= last && first <= other.last);
    if (other !== undefined) {
      problems.push(`${file.name}.proto claims numbers ${first}-${last}, of which ${other.file.name}.proto has some`);
    }
  }
}

function checkTwins(rows: readonly PacketRow[], problems: string[]): void {
  for (const [index, { type, name, schema }] of rows.entries()) {
    const before = rows.slice(0, index);
    const twin = before.find((other) => other.type === type);
    if (twin !== undefined) {
      problems.push(`${schema.typeName} has number ${type}, which ${twin.schema.typeName} has already`);
    }
    const namesake = before.find((other) => other.name === name);
    if (namesake !== undefined) {
      problems.push(`${schema.typeName} is called ${name}, as ${namesake.schema.typeName} is already`);
    }
  }
}

/** Whether a field of the message, or of a message in it, is a secret. */
function hasSecrets(message: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(message)) return false;
  seen.add(message);
  return message.fields.some((field) =>
    field.proto.options?.debugRedact === true || (field.message !== undefined && hasSecrets(field.message, seen))
  );
}

/** Every packet type, ascending. */
export const PACKET_TABLE: readonly PacketRow[] = buildPacketRows([
  file_auth,
  file_game,
  file_chat,
  file_guild,
  file_social,
  file_leaderboard,
]);

const ROW_BY_TYPE: (PacketRow | undefined)[] = new Array(PACKET_TYPE_MAX + 1).fill(undefined);
for (const row of PACKET_TABLE) ROW_BY_TYPE[row.type] = row;

/**
 * The row of a packet type.
 *
 * @param type Any 32-bit integer, as it came from the wire.
 * @returns `undefined` when there is no such type.
 */
export function packetRow(type: number): PacketRow | undefined {
  return type >= 0 && type <= PACKET_TYPE_MAX ? ROW_BY_TYPE[type] : undefined;
}
