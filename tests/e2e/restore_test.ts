import { EnterWorldRequestSchema, EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { connect, connectToLogin, login, register } from "../support/wire_session.ts";

/** Registers and logs in; gives what the player keeps. */
async function join(server: ServerProcess, name: string): Promise<{ playerId: bigint; token: string }> {
  await using client = await connectToLogin(server, "tcp");
  assert((await register(client, name, "pw")).success);
  const { playerId, sessionToken } = await login(client, name, "pw");
  return { playerId, token: sessionToken };
}

async function enterCode(server: ServerProcess, sessionToken: string): Promise<string> {
  await using client = await connect(server, "tcp");
  return ErrorCode[(await client.ask(EnterWorldRequestSchema, { sessionToken }, EnterWorldResponseSchema)).errorCode];
}

async function restore(dataDir: string, path: string, removed: readonly string[]): Promise<void> {
  await Deno.copyFile(path, `${dataDir}/drawbridge.db`);
  for (const name of removed) {
    await Deno.remove(`${dataDir}/${name}`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

const WRITE_AHEAD = ["drawbridge.db-wal", "drawbridge.db-shm"];

for (
  const { what, removed, kept } of [
    { what: "the documented restore", removed: [...WRITE_AHEAD, "session.key"], kept: "INVALID_TOKEN" },
    { what: "a restore that forgot session.key", removed: WRITE_AHEAD, kept: "NONE" },
  ]
) {
  Deno.test(`serve gives an old token nobody else's account after ${what}, when its id is given again`, async () => {
    await withTempDir(async (dir) => {
      const dataDir = `${dir}/data`;
      let server = await ServerProcess.start({ dataDir });
      let anna: { token: string };
      let lost: { playerId: bigint; token: string };
      try {
        anna = await join(server, "Anna");
        // As docs/operations.md has it.
        assertEquals((await server.admin("backup", `${dir}/backup.db`))[0], 0);
        lost = await join(server, "Lost");
        assertEquals(await enterCode(server, lost.token), "NONE");
        await server.stop();
      } finally {
        await server[Symbol.asyncDispose]();
      }
      await restore(dataDir, `${dir}/backup.db`, removed);
      server = await ServerProcess.start({ dataDir });
      try {
        const carla = await join(server, "Carla");
        assertEquals(carla.playerId, lost.playerId);
        assertEquals(await enterCode(server, lost.token), "INVALID_TOKEN");
        assertEquals(await enterCode(server, anna.token), kept);
        assertEquals(await enterCode(server, carla.token), "NONE");
        await server.stop();
      } finally {
        await server[Symbol.asyncDispose]();
      }
    });
  });
}

Deno.test("serve is to delete again, after the documented restore, whoever was when the copy was made, and a login keeps it", async () => {
  await withTempDir(async (dir) => {
    const dataDir = `${dir}/data`;
    const cancels = async (server: ServerProcess) => {
      await using client = await connectToLogin(server, "tcp");
      const { success, deletionCancelled } = await login(client, "Anna", "pw");
      assert(success);
      return deletionCancelled;
    };
    let server = await ServerProcess.start({ dataDir });
    let token: string;
    try {
      ({ token } = await join(server, "Anna"));
      assertEquals((await server.admin("delete", "Anna"))[0], 0);
      assertEquals((await server.admin("backup", `${dir}/backup.db`))[0], 0);
      assertEquals([await cancels(server), await cancels(server)], [true, false]);
      await server.stop();
    } finally {
      await server[Symbol.asyncDispose]();
    }
    await restore(dataDir, `${dir}/backup.db`, [...WRITE_AHEAD, "session.key"]);
    server = await ServerProcess.start({ dataDir });
    try {
      assertEquals(await enterCode(server, token), "INVALID_TOKEN");
      assertEquals([await cancels(server), await cancels(server)], [true, false]);
      assertEquals((await server.admin("restore", "Anna"))[0], 1);
      await server.stop();
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});
