import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { nulCheckOf } from "../../server/session/nul_check.ts";
import { Dispatcher, LateReply, RequestError } from "../../server/session/dispatcher.ts";
import { Session } from "../../server/session/session.ts";
import { DependencyError } from "../../shared/errors.ts";
import {
  ErrorResponseSchema,
  LoginRequestSchema,
  LoginResponseSchema,
  ServerInfoSchema,
} from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { GuildCreateRequestSchema, GuildCreateResponseSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { ErrorCode, Vector3Schema } from "../../shared/gen/common_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { MESSAGE_FIELDS_MAX, REQUEST_ANSWER_MS } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { until } from "../support/wait.ts";

interface Sent {
  readonly session: Session;
  readonly type: number;
  readonly payload: Uint8Array;
}

/** A dispatcher, and what it sent and reported. */
function openDispatcher() {
  const sent: Sent[] = [];
  const errors: { type: PacketType; error: unknown }[] = [];
  const now = { ms: 0 };
  const dispatcher = new Dispatcher(contract, {
    send: (session, type, payload) => void sent.push({ session, type, payload }),
    onHandlerError: (_session, type, error) => void errors.push({ type, error }),
    onSettled: () => {},
    sinceMs: () => now.ms,
  });
  return { dispatcher, sent, errors, now };
}

const NAME = new TextEncoder();
const LOGIN = toBinary(LoginRequestSchema, create(LoginRequestSchema, { username: "anna" }));
const CHAT = toBinary(ChatMessageSchema, create(ChatMessageSchema, { message: "hi" }));

Deno.test("Dispatcher.dispatch() hands the message over, without fields that nobody knows", () => {
  const { dispatcher, sent } = openDispatcher();
  const session = new Session();
  const handled: [Session, Message][] = [];
  dispatcher.on(ChatMessageSchema, (session, message) => void handled.push([session, message]));
  dispatcher.dispatch(session, PacketType.CHAT_MESSAGE, 5, new Uint8Array([...CHAT, 0xf8, 0x07, 0x01]));
  assertEquals(handled, [[session, create(ChatMessageSchema, { message: "hi" })]]);
  assertEquals(sent, []);
});

Deno.test("Dispatcher.dispatch() refuses texts with NUL characters, which not every database keeps", () => {
  const { dispatcher, sent } = openDispatcher();
  const session = new Session();
  const handled: Message[] = [];
  dispatcher.on(ChatMessageSchema, (_, message) => void handled.push(message));
  for (const text of [{ message: "h\0i" }, { message: "hi", recipientName: "\0" }]) {
    dispatcher.dispatch(
      session,
      PacketType.CHAT_MESSAGE,
      5,
      toBinary(ChatMessageSchema, create(ChatMessageSchema, text)),
    );
    assertEquals(fromBinary(ErrorResponseSchema, sent.at(-1)!.payload).errorCode, ErrorCode.INVALID_PACKET);
  }
  assertEquals(handled, []);
  dispatcher.dispatch(session, PacketType.CHAT_MESSAGE, 5, CHAT);
  assertEquals([handled.length, sent.length], [1, 2]);
});

Deno.test("nulCheckOf() looks at the texts of fields, lists, maps, choices and messages within, and at nothing else", () => {
  const hasNul = (schema: DescMessage, message: Message) => nulCheckOf(schema)!(message);
  const server = (serverName: string) => create(ServerInfoSchema, { serverName });
  assertEquals(
    hasNul(LoginResponseSchema, create(LoginResponseSchema, { gameServers: [server("a"), server("b")] })),
    false,
  );
  assertEquals(
    hasNul(LoginResponseSchema, create(LoginResponseSchema, { gameServers: [server("a"), server("\0")] })),
    true,
  );
  const value = (text: string) => create(ValueSchema, { kind: { case: "stringValue", value: text } });
  const struct = (key: string, text: string) => create(StructSchema, { fields: { [key]: value(text) } });
  assertEquals(hasNul(ValueSchema, create(ValueSchema)), false);
  for (const [key, text, expected] of [["a", "b", false], ["a\0", "b", true], ["a", "\0b", true]] as const) {
    assertEquals(hasNul(StructSchema, struct(key, text)), expected, JSON.stringify([key, text]));
  }
  assertEquals(nulCheckOf(Vector3Schema), undefined);
});

Deno.test("Dispatcher.dispatch() answers a type without a handler with UNSUPPORTED", () => {
  const { dispatcher, sent } = openDispatcher();
  const session = new Session();
  dispatcher.dispatch(session, PacketType.CHAT_MESSAGE, 5, CHAT);
  assert(sent[0].session === session);
  const { errorCode, requestType, requestSequence } = fromBinary(ErrorResponseSchema, sent[0].payload);
  assertEquals([errorCode, requestType, requestSequence], [ErrorCode.UNSUPPORTED, PacketType.CHAT_MESSAGE, 5n]);
});

Deno.test("Dispatcher.dispatch() answers what cannot be parsed with INVALID_PACKET, by its own response type", () => {
  const { dispatcher, sent, errors } = openDispatcher();
  const session = new Session();
  let handled = 0;
  dispatcher.on(LoginRequestSchema, () => void handled++);
  dispatcher.on(ChatMessageSchema, () => void handled++);
  // Cut; no UTF-8; a group without an end.
  const crowd = new Array(MESSAGE_FIELDS_MAX + 1).fill([0x78, 0x01]).flat();
  assertEquals(fromBinary(LoginRequestSchema, new Uint8Array(crowd)).username, "", "The codec takes many fields");
  for (const payload of [[0x0a, 0x05], [0x0a, 0x01, 0xff], [0x0b], crowd]) {
    dispatcher.dispatch(session, PacketType.LOGIN_REQUEST, 0, new Uint8Array(payload));
  }
  dispatcher.dispatch(session, PacketType.CHAT_MESSAGE, 3, new Uint8Array([0x0a]));
  assertEquals(sent.map(({ type }) => type), [
    PacketType.LOGIN_RESPONSE,
    PacketType.LOGIN_RESPONSE,
    PacketType.LOGIN_RESPONSE,
    PacketType.LOGIN_RESPONSE,
    PacketType.ERROR_RESPONSE,
  ]);
  assertEquals(fromBinary(LoginResponseSchema, sent[0].payload).errorCode, ErrorCode.INVALID_PACKET);
  assertEquals([handled, errors], [0, []]);
});

const FAILURES: readonly { what: string; error: unknown; code: ErrorCode; type: PacketType; isReported: boolean }[] = [
  {
    what: "a RequestError",
    error: new RequestError(ErrorCode.MUTED, "You are muted"),
    code: ErrorCode.MUTED,
    type: PacketType.LOGIN_RESPONSE,
    isReported: false,
  },
  {
    what: "a DependencyError",
    error: new DependencyError("timeout", "Storage did not answer in 5000 ms"),
    code: ErrorCode.UNAVAILABLE,
    type: PacketType.LOGIN_RESPONSE,
    isReported: true,
  },
  {
    what: "any other error",
    error: new TypeError("undefined is not a function"),
    code: ErrorCode.INTERNAL,
    type: PacketType.ERROR_RESPONSE,
    isReported: true,
  },
];

for (const { what, error, code, type, isReported } of FAILURES) {
  for (const how of ["throws", "rejects"]) {
    Deno.test(`Dispatcher.dispatch() answers ${ErrorCode[code]} when the handler ${how} ${what}, and goes on`, async () => {
      const { dispatcher, sent, errors } = openDispatcher();
      const session = new Session();
      dispatcher.on(LoginRequestSchema, () => {
        if (how === "rejects") return Promise.reject(error);
        throw error;
      });
      let handled = 0;
      dispatcher.on(ChatMessageSchema, () => void handled++);
      dispatcher.dispatch(session, PacketType.LOGIN_REQUEST, 4, LOGIN);
      dispatcher.dispatch(session, PacketType.CHAT_MESSAGE, 5, CHAT);
      await until("the answer", () => sent.length === 1);
      assertEquals([sent[0].type, handled], [type, 1]);
      const schema = type === PacketType.LOGIN_RESPONSE ? LoginResponseSchema : ErrorResponseSchema;
      const answer = fromBinary(schema, sent[0].payload);
      assertEquals(answer.errorCode, code);
      const text = "message" in answer ? answer.message : answer.errorMessage;
      assert(isReported ? !text.includes((error as Error).message) : text === (error as Error).message, text);
      assertEquals(errors, isReported ? [{ type: PacketType.LOGIN_REQUEST, error }] : []);
    });
  }
}

Deno.test("Dispatcher.dispatch() answers nothing to a session that has ended meanwhile", async () => {
  const { dispatcher, sent, errors } = openDispatcher();
  const session = new Session();
  const gate = Promise.withResolvers<void>();
  dispatcher.on(LoginRequestSchema, () => gate.promise);
  dispatcher.dispatch(session, PacketType.LOGIN_REQUEST, 0, LOGIN);
  session.ended = true;
  gate.reject(new TypeError("late"));
  await until("the report", () => errors.length === 1);
  assertEquals(sent, []);
});

Deno.test("Dispatcher.on() refuses a message that no packet carries", () => {
  const { dispatcher } = openDispatcher();
  assertThrows(() => dispatcher.on(Vector3Schema, () => {}), TypeError, "drawbridge.v1.Vector3");
});

Deno.test("Dispatcher.on() refuses a second handler for a message, and keeps the first", () => {
  const { dispatcher } = openDispatcher();
  const handled: string[] = [];
  dispatcher.on(ChatMessageSchema, () => void handled.push("first"));
  assertThrows(() => dispatcher.on(ChatMessageSchema, () => void handled.push("second")), TypeError, "has a handler");
  dispatcher.dispatch(new Session(), PacketType.CHAT_MESSAGE, 1, CHAT);
  assertEquals(handled, ["first"]);
});

Deno.test("Dispatcher.dispatch() answers requests of one type in the order of its session, whatever is decided first", async () => {
  const { dispatcher, sent } = openDispatcher();
  const decisions = new Map<string, PromiseWithResolvers<string>>();
  dispatcher.on(GuildCreateRequestSchema, (session, { name }) => {
    const send = (name: string) =>
      void sent.push({ session, type: PacketType.GUILD_CREATE_RESPONSE, payload: NAME.encode(name) });
    if (name.startsWith("refused")) throw new RequestError(ErrorCode.NAME_TAKEN, name);
    if (name.startsWith("now")) return new LateReply(name, send);
    const decision = Promise.withResolvers<string>();
    decisions.set(name, decision);
    return new LateReply(decision.promise, send);
  });
  const said = (session: Session) =>
    sent.filter((packet) => packet.session === session).map(({ payload }) => {
      if (payload[0] !== 0x10) return new TextDecoder().decode(payload);
      return ErrorCode[fromBinary(GuildCreateResponseSchema, payload).errorCode];
    });
  const ann = new Session(), ben = new Session();
  const ask = (session: Session, name: string) =>
    dispatcher.dispatch(
      session,
      PacketType.GUILD_CREATE_REQUEST,
      0,
      toBinary(GuildCreateRequestSchema, create(GuildCreateRequestSchema, { name })),
    );
  ask(ann, "now 1");
  assertEquals(said(ann), ["now 1"]);
  for (const name of ["late 2", "refused 3", "now 4", "late 5", "late 6"]) ask(ann, name);
  dispatcher.dispatch(ann, PacketType.GUILD_CREATE_REQUEST, 0, new Uint8Array([0x0a, 0x05]));
  ask(ben, "now 1");
  assertEquals(said(ben), ["now 1"], "others do not wait");
  decisions.get("late 6")!.resolve("late 6");
  decisions.get("late 5")!.reject(new RequestError(ErrorCode.OUT_OF_RANGE, "refused 5"));
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(said(ann), ["now 1"]);
  decisions.get("late 2")!.resolve("late 2");
  await until("all are answered", () => dispatcher.pending.size === 0);
  const expected = ["now 1", "late 2", "NAME_TAKEN", "now 4", "OUT_OF_RANGE", "late 6", "INVALID_PACKET"];
  assertEquals(said(ann), expected);
  ask(ann, "now 8");
  assertEquals(said(ann).at(-1), "now 8", "nothing waits any more");
});

Deno.test("Dispatcher.refuseOverdue() refuses a request that is never answered, lets those behind it go on, and drops its late answer", async () => {
  const { dispatcher, sent, errors, now } = openDispatcher();
  const session = new Session();
  const decisions: PromiseWithResolvers<string>[] = [];
  const dropped: string[] = [];
  dispatcher.on(GuildCreateRequestSchema, () => {
    const decision = Promise.withResolvers<string>();
    decisions.push(decision);
    const send = (name: string) =>
      void sent.push({ session, type: PacketType.GUILD_CREATE_RESPONSE, payload: NAME.encode(name) });
    return new LateReply(decision.promise, send, undefined, (name) => void dropped.push(name));
  });
  const ask = () => dispatcher.dispatch(session, PacketType.GUILD_CREATE_REQUEST, 0, new Uint8Array());
  const said = () =>
    sent.map(({ payload }) =>
      payload[0] === 0x10 ? ErrorCode[fromBinary(GuildCreateResponseSchema, payload).errorCode] : `${payload[0]}`
    );
  ask();
  now.ms = 1_000;
  for (let count = 0; count < 2; count++) ask();
  decisions[1].resolve("b");
  await new Promise((resolve) => setTimeout(resolve));
  dispatcher.refuseOverdue(REQUEST_ANSWER_MS - 1);
  assertEquals(said(), []);
  dispatcher.refuseOverdue(REQUEST_ANSWER_MS);
  assertEquals(said(), ["UNAVAILABLE", "98"]);
  assertEquals([dispatcher.pending.size, errors.length], [1, 1]);
  assert(errors[0].error instanceof DependencyError && errors[0].type === PacketType.GUILD_CREATE_REQUEST);
  assertEquals(dispatcher.takeSettledType(), PacketType.GUILD_CREATE_REQUEST);
  decisions[0].resolve("a");
  await until("it is dropped", () => dropped.length === 1);
  assertEquals([dropped, said().length], [["a"], 2]);
  dispatcher.refuseOverdue(1_000 + REQUEST_ANSWER_MS);
  assertEquals(said(), ["UNAVAILABLE", "98", "UNAVAILABLE"]);
  decisions[2].reject(new Error("planted"));
  await until("it is told", () => errors.length === 3);
  assertEquals([said().length, dispatcher.pending.size], [3, 0]);
});
