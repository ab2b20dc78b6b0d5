/**
 * Maintenance as the operator has planned it, in a file of the data folder, so that a restart changes nothing of it.
 *
 * @module
 */

import { join } from "node:path";
import { DependencyError } from "../../shared/errors.ts";
import { MAINTENANCE_ALLOWED_MAX, MODERATION_BODY_BYTES_MAX } from "../../shared/limits.ts";
import { checkPlayerName } from "../auth/names.ts";
import type { Clock } from "../base/clock.ts";
import { durationText } from "../moderation/duration.ts";
import type { ModerationOutcome, ModerationRequest } from "../moderation/moderation_request.ts";
import { fileReason } from "../base/file_error.ts";

/** When maintenance begins, what players are told, and whom it does not concern. */
export interface MaintenancePlan {
  /** Unix time in milliseconds. */
  readonly startsAtMs: number;
  /** Empty: nothing more than that there is maintenance. */
  readonly message: string;
  /** Names of players. */
  readonly allow: readonly string[];
}

/** What the operator asks for. */
type MaintenanceRequest = Extract<ModerationRequest, { act: "maintenance" }>;

/** Keeps the plan, and has it carried out. */
export class MaintenanceDesk {
  readonly #path: string;
  readonly #clock: Clock;
  #plan: MaintenancePlan | null;

  private constructor(path: string, clock: Clock, plan: MaintenancePlan | null) {
    this.#path = path;
    this.#clock = clock;
    this.#plan = plan;
  }

  /**
   * Reads the plan of before.
   *
   * @throws {DependencyError} `unavailable` when there is a file that cannot be read, or is no plan: better no server
   * than one that lets everybody in.
   */
  static async open(dataDir: string, clock: Clock): Promise<MaintenanceDesk> {
    const path = join(dataDir, "maintenance.json");
    return new MaintenanceDesk(path, clock, await read(path));
  }

  /** What is planned; null: no maintenance. */
  get plan(): MaintenancePlan | null {
    return this.#plan;
  }

  /** What the status page may show of it: not whom it lets in. */
  get summary(): Pick<MaintenancePlan, "startsAtMs" | "message"> | null {
    return this.#plan === null ? null : { startsAtMs: this.#plan.startsAtMs, message: this.#plan.message };
  }

  /** Whether it has begun. */
  get isOn(): boolean {
    return this.#plan !== null && this.#clock.unixMs() >= this.#plan.startsAtMs;
  }

  /**
   * Writes down what the operator asks for, and has `apply` carry it out. It is on disk when this answers.
   *
   * @param apply Told of the new plan.
   */
  async run(
    { plan: wanted }: MaintenanceRequest,
    apply: (plan: MaintenancePlan | null) => void,
  ): Promise<ModerationOutcome> {
    if (wanted === null && this.#plan === null) return { kind: "not_found", text: "There is no maintenance" };
    const plan = wanted === null ? null : {
      startsAtMs: this.#clock.unixMs() + wanted.seconds * 1_000,
      message: wanted.message,
      allow: wanted.allow,
    };
    try {
      if (plan === null) await Deno.remove(this.#path);
      else await write(this.#path, JSON.stringify(plan));
    } catch (error) {
      const reason = fileReason(error);
      return { kind: "unavailable", text: `Cannot write ${this.#path}: ${reason}` };
    }
    this.#plan = plan;
    apply(plan);
    if (wanted === null) return { kind: "done", text: "Maintenance is over" };
    const time = wanted.seconds === 0 ? "begins now" : `begins in ${durationText(wanted.seconds * 1_000)}`;
    return { kind: "done", text: `Maintenance ${time}` };
  }
}

async function read(path: string): Promise<MaintenancePlan | null> {
  let text: string;
  try {
    const { size } = await Deno.stat(path);
    if (size > 2 * MODERATION_BODY_BYTES_MAX) throw new Error(`it has ${size} bytes`);
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw unusable(path, fileReason(error));
  }
  const plan = planOf(text);
  if (plan === undefined) throw unusable(path, "it is not a maintenance plan");
  return plan;
}

function planOf(text: string): MaintenancePlan | undefined {
  try {
    const { startsAtMs, message, allow } = JSON.parse(text);
    const isPlan = Number.isSafeInteger(startsAtMs) && startsAtMs >= 0 && typeof message === "string" &&
      Array.isArray(allow) && allow.length <= MAINTENANCE_ALLOWED_MAX &&
      allow.every((name) => typeof name === "string" && checkPlayerName(name) === "ok");
    return isPlan ? { startsAtMs, message, allow } : undefined;
  } catch {
    return undefined;
  }
}

function unusable(path: string, reason: string): DependencyError {
  return new DependencyError(
    "unavailable",
    `Cannot read ${path}: ${reason}; remove the file, and switch maintenance on again if you want it`,
  );
}

/** Under another name first: a crash leaves the whole old plan, or the whole new one. */
async function write(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  using file = await Deno.open(temporary, { write: true, create: true, truncate: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
  await file.sync();
  await Deno.rename(temporary, path);
}
