import {
  ErrorResponseSchema,
  LoginRequestSchema,
  LoginResponseSchema,
  LogoutRequestSchema,
  LogoutResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  EnterWorldRequestSchema,
  EnterWorldResponseSchema,
  EntityUpdateSchema,
  LeaveWorldRequestSchema,
  MovementCorrectionSchema,
  MovementUpdateSchema,
} from "../../shared/gen/world_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { WireClient } from "../support/wire.ts";
import { enterWorld, login, register, resume } from "../support/wire_session.ts";
import { MarkdownDocument } from "./markdown.ts";

/** Somebody on the gateway, which serves every type. */
interface Walker {
  readonly server: ServerProcess;
  readonly client: WireClient;
  /** An account with a password. */
  readonly name: string;
}

const PASSWORD = "pw";
let accountCount = 0;

async function walkTo(state: string, server: ServerProcess): Promise<Walker> {
  const client = await WireClient.webSocket(server.ports.gateway);
  const name = `Walker${++accountCount}`;
  assert((await register(client, name, PASSWORD)).success);
  if (state !== "C") assert((await login(client, name, PASSWORD)).success);
  if (state === "W") await enterWorld(client, "");
  return { server, client, name };
}

/** Another's entity cannot be moved: each state says so in another way. */
async function stateOf(client: WireClient): Promise<string> {
  const before = client.packets.length;
  client.send(MovementUpdateSchema, { entityId: 1n << 40n, position: {} });
  let state = "";
  await client.until("the answer to a movement", () => {
    for (const { message } of client.packets.slice(before)) {
      if (message.$typeName === MovementCorrectionSchema.typeName) state = "W";
      if (message.$typeName !== ErrorResponseSchema.typeName) continue;
      const { errorCode } = message as unknown as { errorCode: ErrorCode };
      state = errorCode === ErrorCode.NOT_AUTHENTICATED ? "C" : "A";
    }
    return state !== "";
  });
  return state;
}

async function refusedWith(client: WireClient, code: ErrorCode): Promise<void> {
  assertEquals((await client.expect(ErrorResponseSchema)).errorCode, code);
}

/** What each event of the table is; each waits for what the table says the client learns it from. */
const EVENTS: Readonly<Record<string, (walker: Walker) => Promise<void>>> = {
  "REGISTER_REQUEST accepted": async ({ client, name }) => {
    assert((await register(client, `${name}b`, PASSWORD)).success);
  },
  "LOGIN_REQUEST accepted": async ({ client, name }) => {
    assert((await login(client, name, PASSWORD)).success);
  },
  "LOGIN_REQUEST refused": async ({ client, name }) => {
    assertEquals((await login(client, name, "wrong")).errorCode, ErrorCode.INVALID_CREDENTIALS);
  },
  "ENTER_WORLD_REQUEST with a session token accepted": async ({ client, server }) => {
    await enterWorld(client, server.takePlayer().token);
  },
  "ENTER_WORLD_REQUEST refused": async ({ client }) => {
    const answer = await client.ask(EnterWorldRequestSchema, {}, EnterWorldResponseSchema);
    assertEquals([answer.success, answer.errorCode], [false, ErrorCode.NOT_AUTHENTICATED]);
  },
  "RESUME_REQUEST accepted": async ({ client, server }) => {
    await using lost = (await walkTo("A", server)).client;
    const { resumeToken } = await enterWorld(lost, "");
    await lost.close();
    assert((await resume(client, resumeToken, 1)).success);
  },
  "RESUME_REQUEST refused": async ({ client }) => {
    const answer = await resume(client, "no such token", 1);
    assertEquals([answer.success, answer.errorCode], [false, ErrorCode.RESUME_EXPIRED]);
  },
  "ENTER_WORLD_REQUEST accepted": async ({ client }) => {
    await enterWorld(client, "");
  },
  "LEAVE_WORLD_REQUEST": async ({ client }) => {
    const { update } = await client.ask(LeaveWorldRequestSchema, {}, EntityUpdateSchema);
    assertEquals(update.case, "despawn");
  },
  "LOGOUT_REQUEST": async ({ client }) => {
    assert((await client.ask(LogoutRequestSchema, {}, LogoutResponseSchema)).success);
  },
  "a packet that C does not allow": async ({ client }) => {
    client.send(LeaveWorldRequestSchema, {});
    await refusedWith(client, ErrorCode.NOT_AUTHENTICATED);
  },
  "a packet that A does not allow": async ({ client }) => {
    client.send(LeaveWorldRequestSchema, {});
    await refusedWith(client, ErrorCode.INVALID_STATE);
  },
  "a packet that W does not allow": async ({ client }) => {
    client.send(LoginRequestSchema, {});
    await refusedWith(client, ErrorCode.INVALID_STATE);
    assertEquals(client.all(LoginResponseSchema).length, 1, "A refusal for the state is an ERROR_RESPONSE");
  },
};

Deno.test("docs/protocol.md's table of states is the server's", async (t) => {
  const rows = (await MarkdownDocument.read("docs/protocol.md")).section("States").table("From");
  await using server = await ServerProcess.start({ players: 1, flags: ["--monsters", "off"] });
  for (const { From: from, Event: event, To: to } of rows) {
    await t.step(`${from}: ${event} leads to ${to}`, async () => {
      const act = EVENTS[event];
      assert(act !== undefined, `This test does not know "${event}"`);
      const walker = await walkTo(from, server);
      await using client = walker.client;
      assertEquals(await stateOf(client), from);
      await act(walker);
      assertEquals(await stateOf(client), to);
    });
  }
  await server.stop();
});
