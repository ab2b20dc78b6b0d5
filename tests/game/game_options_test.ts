import { gamePathOf, loadConfig } from "../../server/config/config.ts";
import { informationText } from "../../server/config/help.ts";
import { defineGame, integer, onOff } from "../../server/game/game.ts";
import { Contract } from "../../shared/contract.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";
import { contract, CountRequestSchema, CountResponseSchema } from "./counter/contract.ts";
import counter from "./counter/game.ts";
import { fromBinary } from "@bufbuild/protobuf";

const OPTIONS = {
  countMax: { kind: integer({ min: 1, max: 100 }), default: 10, help: "How far one request may count" },
  friendlyFire: { kind: onOff(), default: false, help: "Whether friends are hit" },
};
const platform = { os: "linux", cores: 1 };

Deno.test("loadConfig() reads a game's options from flags over the environment over the file over their defaults", () => {
  const files: Record<string, string> = { "c.json": `{"countMax": 3, "friendlyFire": true}` };
  const read = (args: string[], env: Record<string, string> = {}) =>
    loadConfig({ args, env, platform, gameOptions: OPTIONS, readTextFile: (path) => files[path] }).gameOptions;
  assertEquals(read([]), { countMax: 10, friendlyFire: false });
  assertEquals(read(["--config", "c.json"]), { countMax: 3, friendlyFire: true });
  assertEquals(read(["--config", "c.json"], { DRAWBRIDGE_COUNT_MAX: "4" }), { countMax: 4, friendlyFire: true });
  assertEquals(read(["--count-max=5", "--friendly-fire"], { DRAWBRIDGE_COUNT_MAX: "4" }), {
    countMax: 5,
    friendlyFire: true,
  });
});

Deno.test("loadConfig() refuses bad values of a game's options, and options that this game does not have", () => {
  const problemsOf = (args: string[], gameOptions = {}) =>
    assertThrows(() => loadConfig({ args, env: {}, platform, gameOptions }), ConfigError).problems;
  assertEquals(problemsOf(["--count-max", "0"], OPTIONS), [
    `Cannot use --count-max "0": expected an integer from 1 to 100`,
  ]);
  assertEquals(problemsOf(["--count-max", "5"]).length, 1);
  const marsh = { countMax: { ...OPTIONS.countMax, alsoCalled: ["tally"] } };
  for (const flag of ["--cuont-max", "--tally"]) {
    assertEquals(problemsOf([flag, "5"], marsh), [`Unknown flag ${flag}, did you mean --count-max?`]);
  }
});

Deno.test("gamePathOf() finds the game before its options are known", () => {
  const sources = { args: ["--count-max=5", "--game", "x/game.ts"], env: {}, platform };
  assertEquals(gamePathOf(sources), "x/game.ts");
  assertEquals(gamePathOf({ args: [], env: { DRAWBRIDGE_GAME: "y.ts" }, platform }), "y.ts");
});

Deno.test("informationText() shows a game's own options", () => {
  const help = informationText(["--help"], OPTIONS)!;
  assert(/The game's own\n {2}--count-max N +How far one request may count \[10\]/.test(help), help);
  assert(!informationText(["--help"])!.includes("The game's own"));
});

Deno.test("defineGame() says how to call the folder of a game whose name is none", () => {
  const blank = new Contract("my game", []);
  const define = () => defineGame(blank, { maps: () => [] }, () => {});
  assertThrows(define, TypeError, 'game "my game": the name of its folder must be small letters, digits and "-"');
});

Deno.test("defineGame() gives a game the values of its options, and refuses keys that are the server's", async () => {
  await using harness = await LogicHarness.create({ game: counter, config: { gameOptions: { countMax: 20 } } });
  const ann = await harness.connect();
  for (const by of [20, 21]) harness.send(ann, CountRequestSchema, { by });
  const { type } = contract.rowOf(CountResponseSchema);
  const answers = ann.packets.filter((packet) => packet.type === type)
    .map(({ payload }) => fromBinary(CountResponseSchema, payload));
  assertEquals(answers.map(({ errorCode }) => errorCode), [0, ErrorCode.OUT_OF_RANGE]);
  const options = { tickMs: OPTIONS.countMax };
  assertThrows(() => defineGame(contract, { maps: () => [], options }, () => {}), TypeError, "tickMs");
});
