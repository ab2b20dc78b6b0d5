/** Somebody who has found old resume tokens and tries them. @module */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../server/world/prng.ts";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { ResumeRequestSchema, ResumeResponseSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { PacketSchema } from "../../shared/gen/packet_pb.ts";
import { frameOf } from "../shared/frames.ts";
import type { Surroundings } from "./simulated_player.ts";

const GAME_PORT = 1;
const PAUSE_MS = 1_000;
/** How long it waits for an answer, in milliseconds. */
const PATIENCE_MS = 3_000;

/** Tries spent tokens until everything is over. */
export async function steal(around: Surroundings, prng: Prng): Promise<void> {
  const { time, judges } = around;
  while (!around.isOver) {
    await time.sleep(PAUSE_MS);
    const tokens = judges.delivery.spentTokens();
    if (around.isQuiet || tokens.length === 0) continue;
    await tryToken(around, tokens[prng.nextInt(tokens.length)]);
  }
}

async function tryToken({ network, time, judges }: Surroundings, resumeToken: string): Promise<void> {
  let socket;
  try {
    socket = await network.connect(GAME_PORT, "203.0.113.250");
  } catch {
    return;
  }
  const decoder = new FrameDecoder({
    onFrame: (bytes, start, end) => {
      const { header, payload } = fromBinary(PacketSchema, bytes.slice(start, end));
      if (header?.type !== PacketType.RESUME_RESPONSE) return true;
      const { success } = fromBinary(ResumeResponseSchema, payload);
      judges.verdict.expect(!success, "resume", `A session was resumed by a spent token, ${resumeToken}`);
      return true;
    },
  });
  const take = (bytes: Uint8Array) => {
    try {
      decoder.push(bytes, 0, bytes.length);
    } catch (error) {
      judges.verdict.fail("contract", `A server sent what cannot be read: ${error}`);
    }
  };
  socket.start({ onBytes: take, onClose: () => {} });
  const request = toBinary(ResumeRequestSchema, create(ResumeRequestSchema, { resumeToken }));
  const packet = create(PacketSchema, { header: { type: PacketType.RESUME_REQUEST }, payload: request });
  socket.send(frameOf(toBinary(PacketSchema, packet)));
  await time.sleep(PATIENCE_MS);
  socket.close();
}
