/** The page of the marsh with a server that lies: it stays alive, and shows what can be shown of it. @module */

import { Buffer } from "node:buffer";
import { create, toBinary } from "@bufbuild/protobuf";
import { PacketType } from "../../games/marsh/contract.ts";
import { ROWS_MAX } from "../../games/marsh/web/row_list.ts";
import { RoomListResponseSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { MAP_SIZE_MAX } from "../../shared/limits.ts";
import type { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import { deflatePayload } from "../../client/inflate.ts";
import { frame, framePayload } from "../client/support/memory_server.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit } from "../support/browser.ts";
import { openPanel, stateOf, untilInWorld } from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";

/** Wider than any canvas. */
const LONG = "W".repeat(10_000);

/** What a hostile server answers a packet with; a number of the session's order is given by the caller. */
type Lies = (type: number, nextSequence: () => number) => Uint8Array[];

/** Has the connections of a page end here, at somebody who lies. */
async function lieTo(page: Page, lies: Lies): Promise<void> {
  await page.routeWebSocket(/\/ws$/, (socket) => {
    let sequence = 0;
    const view = new PacketView();
    const decoder = new FrameDecoder({
      onFrame: (bytes, start, end) => {
        view.decode(bytes, start, end);
        for (const answer of lies(view.type, () => ++sequence)) socket.send(Buffer.from(answer));
        return true;
      },
    });
    socket.onMessage((message) => {
      const bytes = new Uint8Array(message as Buffer);
      decoder.push(bytes, 0, bytes.length);
    });
  });
  // From the next load on.
  await page.reload();
}

async function logIn(page: Page): Promise<void> {
  await page.locator("#login-name").fill("Anna");
  await page.locator("#login-password").fill("correct horse");
  await page.locator("#login-submit").click();
  await untilInWorld(page);
}

/** Resolves when the page has drawn so often: it does not hang. */
async function untilFrames(page: Page, count: number): Promise<void> {
  await page.evaluate((count) =>
    new Promise<void>((resolve) => {
      const next = (left: number) => left === 0 ? resolve() : requestAnimationFrame(() => next(left - 1));
      next(count);
    }), count);
}

browserTest("The page draws on whatever places, maps, speeds and names a server tells", async (browser) => {
  await using server = await ServerProcess.start({});
  for (const told of [NaN, -Infinity, 3e38]) {
    const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`);
    const position = { x: told, y: told, z: told };
    const size = { width: told, height: told, interestRadius: told };
    const circle = { position, radius: told };
    await lieTo(page, (type, next) => {
      const spawn = (entityId: bigint) => ({
        entityId,
        update: { case: "spawn" as const, value: { name: LONG, kind: 1, movement: { position, velocity: position } } },
      });
      if (type === PacketType.LOGIN_REQUEST) {
        return [frame(PacketType.LOGIN_RESPONSE, { success: true, sessionToken: "token", playerId: 1n })];
      }
      if (type === PacketType.MAP_INFO_REQUEST) {
        const map = {
          mapId: 0,
          name: LONG,
          ...size,
          portals: [{ ...circle, targetMapName: LONG }],
          safeAreas: [circle],
        };
        return [frame(PacketType.MAP_INFO_RESPONSE, { success: true, map }, { sequence: next() })];
      }
      if (type !== PacketType.ENTER_WORLD_REQUEST) return [];
      const entry = { success: true, resumeToken: "token", entityId: 5n, spawnPosition: position };
      const map = { mapWidth: told, mapHeight: told, interestRadius: told, maxSpeed: told };
      return [
        frame(PacketType.ENTER_WORLD_RESPONSE, { ...entry, ...map }, { sequence: next() }),
        frame(PacketType.WORLD_SNAPSHOT, { serverTimestamp: 1n, updates: [spawn(5n), spawn(6n), spawn(6n)] }),
        frame(PacketType.MOVEMENT_CORRECTION, { sequenceNumber: 1, position }),
        frame(PacketType.CHAT_MESSAGE, { senderId: 6n, senderName: LONG, message: LONG }, { sequence: next() }),
        frame(PacketType.ERROR_RESPONSE, { requestType: 99_999, errorCode: 99_999 as ErrorCode, message: LONG }),
      ];
    });
    await logIn(page);
    await page.locator("#world").focus();
    await page.keyboard.down("KeyD");
    await untilFrames(page, 30);
    await page.keyboard.up("KeyD");
    const { x, z } = await stateOf(page);
    for (const at of [x, z].map(Number)) assert(at >= 0 && at <= MAP_SIZE_MAX, `${told} led to ${x}, ${z}`);
    assertEquals(errors, []);
    await page.context().close();
  }
  await server.stop();
});

browserTest("The page shows a bounded part of a list without end", async (browser) => {
  await using server = await ServerProcess.start({});
  const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`);
  // Many more rooms than there can be.
  const rooms = toBinary(
    RoomListResponseSchema,
    create(RoomListResponseSchema, {
      rooms: Array.from({ length: 10_000 }, (_, index) => ({ roomId: BigInt(index) })),
    }),
  );
  await lieTo(page, (type, next) => {
    switch (type) {
      case PacketType.LOGIN_REQUEST:
        return [frame(PacketType.LOGIN_RESPONSE, { success: true, sessionToken: "token", playerId: 1n })];
      case PacketType.ENTER_WORLD_REQUEST: {
        const entry = { success: true, resumeToken: "token", entityId: 5n, mapWidth: 100, mapHeight: 100 };
        return [frame(PacketType.ENTER_WORLD_RESPONSE, { ...entry, maxSpeed: 10 }, { sequence: next() })];
      }
      case PacketType.ROOM_LIST_REQUEST:
        return [framePayload(PacketType.ROOM_LIST_RESPONSE, deflatePayload(rooms)!, { sequence: next() }, true)];
      default:
        return [];
    }
  });
  await logIn(page);
  await openPanel(page, "rooms");
  await page.locator("#rooms-list .row").first().waitFor({ state: "attached" });
  await untilFrames(page, 10);
  const count = await page.locator("#rooms-list li").count();
  assertEquals(count, ROWS_MAX);
  assertEquals(errors, []);
  await page.context().close();
  await server.stop();
});
