import { MaintenanceDesk, type MaintenancePlan } from "../../server/process/maintenance_plan.ts";
import { parseModerationRequest } from "../../server/moderation/moderation_request.ts";
import { DependencyError } from "../../shared/errors.ts";
import { MAINTENANCE_ALLOWED_MAX, MAINTENANCE_DELAY_SECONDS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { ManualClock } from "../support/logic_harness.ts";
import { withTempDir } from "../support/temp_dir.ts";

const WANTED = { seconds: 600, message: "a new map", allow: ["Ann"] };
const REST = { act: "maintenance", moderator: "op" } as const;

Deno.test("MaintenanceDesk keeps what is planned over a restart, until it is over", async () => {
  await withTempDir(async (dir) => {
    const clock = new ManualClock();
    const applied: (MaintenancePlan | null)[] = [];
    const desk = await MaintenanceDesk.open(dir, clock);
    assertEquals(desk.plan, null);
    const outcome = await desk.run({ ...REST, plan: WANTED }, (plan) => void applied.push(plan));
    assertEquals(outcome, { kind: "done", text: "Maintenance begins in 10 min" });
    const plan = { startsAtMs: clock.unixMs() + 600_000, message: "a new map", allow: ["Ann"] };
    assertEquals(applied, [plan]);
    const again = await MaintenanceDesk.open(dir, clock);
    assertEquals([again.plan, again.isOn], [plan, false]);
    clock.advance(600_000);
    assertEquals(again.isOn, true);
    assertEquals((await again.run({ ...REST, plan: null }, () => {})).kind, "done");
    assertEquals((await again.run({ ...REST, plan: null }, () => {})).kind, "not_found");
    assertEquals((await MaintenanceDesk.open(dir, clock)).plan, null);
  });
});

Deno.test("MaintenanceDesk changes nothing that it cannot write down", async () => {
  const desk = await MaintenanceDesk.open("/nonexistent", new ManualClock());
  const outcome = await desk.run({ ...REST, plan: WANTED }, () => assert(false, "nothing is applied"));
  assertEquals([outcome.kind, desk.plan], ["unavailable", null]);
});

Deno.test("MaintenanceDesk.open() refuses a file that is no plan, rather than let everybody in", async () => {
  await withTempDir(async (dir) => {
    for (const text of ["", "{", "[]", "{}", `{"startsAtMs":-1,"message":"","allow":[]}`, "x".repeat(100_000)]) {
      await Deno.writeTextFile(`${dir}/maintenance.json`, text);
      await assertRejects(() => MaintenanceDesk.open(dir, new ManualClock()), DependencyError, "maintenance.json");
    }
  });
});

Deno.test("parseModerationRequest() reads what maintenance and accounts take, and nothing else", () => {
  const parse = (act: "maintenance" | "password" | "delete", json: unknown) => parseModerationRequest(act, json);
  assertEquals(
    parse("maintenance", { on: true, seconds: 600, message: "a new map", allow: ["Ann"], moderator: "op" }),
    {
      ...REST,
      plan: WANTED,
    },
  );
  assertEquals(parse("maintenance", { on: false, moderator: "op" }), { ...REST, plan: null });
  assertEquals(parse("delete", { player: "Ann", now: true, moderator: "op" }), {
    act: "delete",
    target: { player: "Ann" },
    now: true,
    moderator: "op",
  });
  const wrong: [Parameters<typeof parse>[0], unknown][] = [
    ["maintenance", { on: false, seconds: 5 }],
    ["maintenance", { on: 1 }],
    ["maintenance", { on: true, seconds: -1 }],
    ["maintenance", { on: true, seconds: MAINTENANCE_DELAY_SECONDS_MAX + 1 }],
    ["maintenance", { on: true, allow: "Ann" }],
    ["maintenance", { on: true, allow: ["A n n"] }],
    ["maintenance", { on: true, allow: new Array(MAINTENANCE_ALLOWED_MAX + 1).fill("Ann") }],
    ["password", { player: "Ann" }],
    ["password", { player: "Ann", passwordHash: "hunter2" }],
    ["delete", { player: "Ann", now: "yes" }],
    ["delete", {}],
  ];
  for (const [act, json] of wrong) assert("problems" in parse(act, json), JSON.stringify(json));
});
