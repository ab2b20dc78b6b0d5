/**
 * The contract of a game: what its protos and the engine's say. Data only, the same for every thread, the client, tools
 * and tests.
 *
 * @module
 */

import {
  type DescField,
  type DescFile,
  type DescMessage,
  getOption,
  hasOption,
  type Message,
} from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type ComponentDefinition, componentsOf } from "./component_table.ts";
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
import { ECHO_PAYLOAD_BYTES_MAX, PACKET_TOKENS_BURST, PACKET_TYPE_MAX } from "./limits.ts";
import {
  type PacketRow,
  PacketTable,
  PORT_GAME,
  PORT_GATEWAY,
  PORT_LOGIN,
  type RefusalShape,
  STATE_AUTHENTICATED,
  STATE_CONNECTED,
  STATE_IN_WORLD,
} from "./packet_table.ts";

/** What the types of a contract say of one packet: the message that each side sends, and the one that answers it. */
export interface PacketShape {
  /** Sent by clients. */
  readonly client?: Message;
  /** Sent by the server. */
  readonly server?: Message;
  /** Answers the client's. */
  readonly reply?: Message;
}

/** Packet shapes by number: the generated interface of a contract. */
export type PacketShapes<P> = { readonly [Type in keyof P]: PacketShape };

/** The messages that clients send. */
export type SentByClient<P> = { [Type in keyof P]: P[Type] extends { client: infer M } ? M : never }[keyof P];
/** The messages that the server sends. */
export type SentByServer<P> = { [Type in keyof P]: P[Type] extends { server: infer M } ? M : never }[keyof P];
/** The messages of clients that have a reply. */
export type Requests<P> = {
  [Type in keyof P]: P[Type] extends { client: infer M; reply: Message } ? M : never;
}[keyof P];
/** The message that answers `Request`. */
export type ReplyOf<P, Request> = {
  [Type in keyof P]: P[Type] extends { client: Request; reply: infer Reply } ? Reply : never;
}[keyof P];
/** The schemas of messages. */
export type SchemaOf<M> = M extends Message ? GenMessage<M> : never;

/** What a game's protos and the engine's say. `P`: the shapes of its packets, by number. */
export class Contract<P extends PacketShapes<P> = object> {
  /** Every packet type; its rows are plain data. */
  readonly packets: PacketTable;
  /** Every component, by ascending id. */
  readonly components: readonly ComponentDefinition[];
  /** Known to the compiler only. */
  declare readonly shapes: P;
  readonly #schemas = new Map<number, DescMessage>();
  readonly #rows = new Map<DescMessage, PacketRow>();

  /**
   * Makes a contract.
   *
   * @param name The game's.
   * @param files Descriptors of the game's protos, its parts' and the engine's.
   * @throws {TypeError} when packets or components contradict each other or the engine; names every problem.
   */
  constructor(readonly name: string, readonly files: readonly DescFile[]) {
    this.packets = buildPacketTable(files);
    this.components = componentsOf(files);
    for (const { schema, options } of declaredIn(files)) {
      this.#schemas.set(options.number, schema);
      this.#rows.set(schema, this.packets.row(options.number)!);
    }
  }

  /** The message that a packet type carries; `undefined` when there is no such type. */
  schemaOf(type: number): DescMessage | undefined {
    return this.#schemas.get(type);
  }

  /**
   * The packet type that carries a message.
   *
   * @throws {TypeError} when none does.
   */
  rowOf(schema: DescMessage): PacketRow {
    const row = this.#rows.get(schema);
    if (row !== undefined) return row;
    throw new TypeError(`${schema.typeName} is no packet of ${this.name}`);
  }
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
 * Makes the table of all packets in `files`.
 *
 * @throws {TypeError} when packets contradict each other or the engine; names every problem.
 */
export function buildPacketTable(files: readonly DescFile[]): PacketTable {
  const problems: string[] = [];
  const declared = declaredIn(files);
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
    const isWhole = options.reply !== "" && options.delivery === DeliveryClass.RELIABLE &&
      (states & STATE_CONNECTED) === 0 &&
      options.handledBy === Handler.LOGIC;
    check(!options.durable || isWhole, "is durable, and no reliable request of a player that has a reply");
    check(
      isSent || (options.in.length + options.on.length === 0 && options.cost === undefined && rate === undefined &&
        options.payloadBytesMax === 0 && options.reply === "" && !options.changesState && !options.durable),
      "is not from CLIENT, and says what clients may send",
    );
    return {
      type: number,
      name: nameOf(schema),
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
      refusal: reply === undefined ? null : refusalShapeOf(reply),
      isDurable: options.durable,
      isSecret: someField(schema, ({ proto }) => proto.options?.debugRedact === true),
    };
  });
  checkTwins(declared, problems);
  for (const { schema, options } of declared) {
    // 0: no reply.
    const count = rows.filter(({ replyType }) => replyType !== 0 && replyType === options.number).length;
    if (count > 1 && schema.field.requestType === undefined) {
      problems.push(`${schema.typeName} answers ${count} requests and has no request_type that says which`);
    }
  }
  if (problems.length > 0) throw new TypeError(`Cannot use packets: ${problems.join("; ")}`);
  return new PacketTable(rows);
}

/** Every packet in `files`, ascending. */
function declaredIn(files: readonly DescFile[]): readonly Declared[] {
  return files.flatMap(({ messages }) => messages).flatMap(nestedToo)
    .filter((schema) => hasOption(schema, packet))
    .map((schema): Declared => ({ schema, options: getOption(schema, packet) }))
    .sort((a, b) => a.options.number - b.options.number);
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

function checkTwins(declared: readonly Declared[], problems: string[]): void {
  for (const [index, { schema, options }] of declared.entries()) {
    const before = declared.slice(0, index);
    const twin = before.find((other) => other.options.number === options.number);
    if (twin !== undefined) {
      problems.push(`${schema.typeName} has number ${options.number}, which ${twin.schema.typeName} has already`);
    }
    const namesake = before.find((other) => nameOf(other.schema) === nameOf(schema));
    if (namesake !== undefined) {
      problems.push(`${schema.typeName} is called ${nameOf(schema)}, as ${namesake.schema.typeName} is already`);
    }
  }
}

function refusalShapeOf({ schema: { field }, options }: Declared): RefusalShape | null {
  if (field.success === undefined || field.errorCode === undefined) return null;
  return {
    type: options.number,
    errorCode: field.errorCode.number,
    errorMessage: field.errorMessage?.number ?? 0,
    requestType: field.requestType?.number ?? 0,
    explanation: field.explanation?.number ?? 0,
  };
}

const TYPES: WeakMap<DescMessage, number> = new WeakMap();

/**
 * The number of a packet by its message, where no contract is at hand.
 *
 * @throws {TypeError} when the message is no packet.
 */
export function packetTypeOf(schema: DescMessage): number {
  let type = TYPES.get(schema);
  if (type === undefined) {
    if (!hasOption(schema, packet)) throw new TypeError(`${schema.typeName} is no packet`);
    TYPES.set(schema, type = getOption(schema, packet).number);
  }
  return type;
}

/** Whether a field of a message, or of a message in it, is what `is` says. */
export function someField(message: DescMessage, is: (field: DescField) => boolean): boolean {
  const messages = new Set([message]);
  for (const { fields } of messages) {
    for (const field of fields) {
      if (is(field)) return true;
      if (field.message !== undefined) messages.add(field.message);
    }
  }
  return false;
}
