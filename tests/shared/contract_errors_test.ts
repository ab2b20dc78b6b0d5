import type { MessageInitShape } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Type as Type } from "@bufbuild/protobuf/wkt";
import {
  DeliveryClass,
  PacketOptions_Handler as Handler,
  PacketOptions_Port as Port,
  PacketOptions_Sender as Sender,
  PacketOptions_State as State,
  type PacketOptionsSchema,
} from "../../shared/gen/options_pb.ts";
import { ECHO_PAYLOAD_BYTES_MAX, PACKET_TOKENS_BURST, PACKET_TYPE_MAX } from "../../shared/limits.ts";
import { gameContract, type GameMessage } from "../game/game_contract.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

type Options = MessageInitShape<typeof PacketOptionsSchema>;

const CLIENT = Sender.CLIENT;
const message = (packet: Options | null, fields: GameMessage["fields"] = { text: Type.STRING }): GameMessage => ({
  fields,
  packet,
});
/** A request that is right but for `options`, and its answer. */
const asked = (options: Options) => ({
  Ask: message({ number: 10_000, from: CLIENT, ...options }),
  Answer: message({ number: 10_001 }),
});

const TABLE: readonly [what: string, messages: Readonly<Record<string, GameMessage>>, says: string][] = [
  [
    "two messages with one number",
    { One: message({ number: 10_000, from: CLIENT }), Two: message({ number: 10_000 }) },
    "bad.Two has number 10000, which bad.One has already",
  ],
  ["a number of the engine", asked({ number: 1_050 }), "bad.Ask has number 1050, numbers of bad.proto are 10000-"],
  ["a number of a part", asked({ number: 7_000 }), "bad.Ask has number 7000, numbers of bad.proto are 10000-"],
  [
    "a number beyond all",
    asked({ number: PACKET_TYPE_MAX + 1 }),
    `bad.Ask has number ${PACKET_TYPE_MAX + 1}, numbers of bad.proto are 10000-${PACKET_TYPE_MAX}`,
  ],
  ["no number", asked({ number: 0 }), "bad.Ask has number 0"],
  ["an answer that is no message", asked({ reply: "Nothing" }), "bad.Ask is answered by Nothing, which is no packet"],
  [
    "an answer that is no packet",
    { ...asked({ reply: "Part" }), Part: message(null) },
    "bad.Ask is answered by Part, which is no packet",
  ],
  [
    "an answer that only clients send",
    { ...asked({ reply: "Other" }), Other: message({ number: 10_002, from: CLIENT }) },
    "bad.Ask is answered by Other, which only clients send",
  ],
  [
    "a payload beyond the frame",
    asked({ payloadBytesMax: ECHO_PAYLOAD_BYTES_MAX + 1 }),
    `bad.Ask may have ${ECHO_PAYLOAD_BYTES_MAX + 1} bytes, a frame has room for ${ECHO_PAYLOAD_BYTES_MAX}`,
  ],
  [
    "a price that nobody can pay",
    asked({ cost: PACKET_TOKENS_BURST + 1 }),
    `bad.Ask costs ${PACKET_TOKENS_BURST + 1} tokens, nobody has more than ${PACKET_TOKENS_BURST}`,
  ],
  ["a rate of nothing", asked({ rate: { perSecond: 0, burst: 9 } }), "bad.Ask has a rate that lets none through"],
  ["a state that is none", asked({ in: [State.WORLD, 9 as State] }), "bad.Ask is allowed in states 3,9"],
  ["a port that is none", asked({ on: [0 as Port] }), "bad.Ask is served on ports 0"],
  ["a sender that is none", asked({ from: 7 as Sender }), "bad.Ask is from 7, which is no sender"],
  ["a delivery that is none", asked({ delivery: 7 as DeliveryClass }), "bad.Ask has delivery 7, which is no class"],
  [
    "an io worker that is to know a game",
    asked({ handledBy: Handler.IO }),
    "bad.Ask is handled by IO, which answers packets of the session only",
  ],
  [
    "durability without a reply",
    asked({ durable: true }),
    "bad.Ask is durable, and no reliable request of a player that has a reply",
  ],
  [
    "limits of what only the server sends",
    { News: message({ number: 10_000, cost: 3 }) },
    "bad.News is not from CLIENT, and says what clients may send",
  ],
  [
    "one answer to two requests that does not say to which",
    { ...asked({ reply: "Answer" }), Also: message({ number: 10_002, from: CLIENT, reply: "Answer" }) },
    "bad.Answer answers 2 requests and has no request_type that says which",
  ],
];

for (const [what, messages, says] of TABLE) {
  Deno.test(`Contract refuses ${what}`, () => {
    const { message } = assertThrows(() => gameContract("bad", messages), TypeError, says);
    assert(message.startsWith("Cannot use packets: "), message);
    assertEquals(message.split("; ").length, 1, message);
  });
}

Deno.test("Contract names every problem at once", () => {
  const messages = { ...asked({ cost: 9_999, reply: "Nothing" }), More: message({ number: 5, from: CLIENT }) };
  const { message: text } = assertThrows(() => gameContract("bad", messages), TypeError);
  assertEquals(text.split("; ").length, 3, text);
});

Deno.test("Contract takes a game's packet of one line, and gives it what packets have", () => {
  const row = gameContract("bad", asked({ reply: "Answer" })).contract.packets.row(10_000)!;
  const { cost, payloadBytesMax, states, ports, delivery, replyType, refusal } = row;
  assertEquals(
    { cost, payloadBytesMax, states, ports, delivery, replyType, refusal },
    {
      cost: 1,
      payloadBytesMax: 256,
      states: 4,
      ports: 6,
      delivery: DeliveryClass.RELIABLE,
      replyType: 10_001,
      refusal: null,
    },
  );
});
