import { checkMonsterData } from "../../games/marsh/monsters/monster_data.ts";
import { ConfigError } from "../../shared/errors.ts";
import { ENTITY_NAME_BYTES_MAX } from "../../shared/limits.ts";
import { MONSTER_ENTRIES_MAX } from "../../games/marsh/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const KIND = {
  id: "rat",
  name: "Rat",
  hp: 10,
  damageMin: 1,
  damageMax: 2,
  range: 2,
  attackIntervalMs: 1_000,
  speed: 3,
  aggroRadius: 5,
  leashRadius: 20,
  wanderRadius: 4,
  respawnSeconds: 30,
};
const SPAWN = { kind: "rat", count: 3 };
const MAP_IDS = new Set([0, 7]);

function problemsOf(value: unknown): readonly string[] {
  return assertThrows(() => checkMonsterData(value, "m.json", MAP_IDS), ConfigError).problems
    .map((problem) => {
      assert(problem.startsWith("Cannot use m.json: "), problem);
      return problem.slice("Cannot use m.json: ".length);
    });
}

/** A file with one kind in which a few fields differ; `undefined` takes a field out. */
function withKind(fields: Record<string, unknown>): unknown {
  return {
    kinds: [Object.fromEntries(Object.entries({ ...KIND, ...fields }).filter(([, v]) => v !== undefined))],
    spawns: [],
  };
}

function withSpawn(fields: Record<string, unknown>): unknown {
  return { kinds: [KIND], spawns: [{ ...SPAWN, ...fields }] };
}

Deno.test("checkMonsterData() takes empty lists, fixed places and packs", () => {
  const files = [
    { kinds: [], spawns: [] },
    { kinds: [KIND], spawns: [SPAWN] },
    withSpawn({ x: 0, z: 1 }),
    withSpawn({ packSize: 3 }),
    withSpawn({ map: 7 }),
  ];
  for (const file of files) assertEquals(checkMonsterData(file, "m.json", MAP_IDS), file);
});

/** What is wrong, and each whole list of problems. */
const BAD: readonly { readonly value: unknown; readonly problems: readonly string[] }[] = [
  { value: null, problems: ["it is null, expected an object with kinds and spawns"] },
  { value: [], problems: ["it is [], expected an object with kinds and spawns"] },
  { value: 7, problems: ["it is 7, expected an object with kinds and spawns"] },
  {
    value: {},
    problems: [
      `kinds is missing, expected a list of at most ${MONSTER_ENTRIES_MAX} entries`,
      `spawns is missing, expected a list of at most ${MONSTER_ENTRIES_MAX} entries`,
    ],
  },
  {
    value: { kinds: {}, spawns: [], loot: [] },
    problems: ["loot is not known", `kinds is {}, expected a list of at most ${MONSTER_ENTRIES_MAX} entries`],
  },
  {
    value: { kinds: [], spawns: new Array(MONSTER_ENTRIES_MAX + 1).fill(SPAWN) },
    problems: [
      `spawns is ${MONSTER_ENTRIES_MAX + 1} entries, expected a list of at most ${MONSTER_ENTRIES_MAX} entries`,
    ],
  },
  {
    value: { kinds: [null, "rat"], spawns: [] },
    problems: ["kinds[0] is null, expected an object", "kinds[1] is rat, expected an object"],
  },
  { value: withKind({ hp: undefined }), problems: ["kinds[0].hp is missing, expected an integer from 1 to 1000000"] },
  { value: withKind({ hp: 0 }), problems: ["kinds[0].hp is 0, expected an integer from 1 to 1000000"] },
  { value: withKind({ hp: 1.5 }), problems: ["kinds[0].hp is 1.5, expected an integer from 1 to 1000000"] },
  { value: withKind({ hp: 1_000_001 }), problems: ["kinds[0].hp is 1000001, expected an integer from 1 to 1000000"] },
  { value: withKind({ hp: "10" }), problems: ["kinds[0].hp is 10, expected an integer from 1 to 1000000"] },
  { value: withKind({ speed: NaN }), problems: ["kinds[0].speed is null, expected a number from 0 to 1000"] },
  { value: withKind({ range: 0 }), problems: ["kinds[0].range is 0, expected a number from 0.1 to 10000"] },
  {
    value: withKind({ attackIntervalMs: 99 }),
    problems: ["kinds[0].attackIntervalMs is 99, expected an integer from 100 to 60000"],
  },
  {
    value: withKind({ respawnSeconds: 0.5 }),
    problems: ["kinds[0].respawnSeconds is 0.5, expected a number from 1 to 86400"],
  },
  { value: withKind({ aggression: 1 }), problems: ["kinds[0].aggression is not known"] },
  {
    value: withKind({ name: "" }),
    problems: [`kinds[0].name is , expected text of 1 to ${ENTITY_NAME_BYTES_MAX} bytes without control characters`],
  },
  {
    value: withKind({ name: "ü".repeat(ENTITY_NAME_BYTES_MAX / 2 + 1) }),
    problems: [
      `kinds[0].name is ${"ü".repeat(ENTITY_NAME_BYTES_MAX / 2 + 1)}, ` +
      `expected text of 1 to ${ENTITY_NAME_BYTES_MAX} bytes without control characters`,
    ],
  },
  {
    value: withKind({ id: "Rat!" }),
    problems: ["kinds[0].id is Rat!, expected 1 to 32 lower-case letters, digits, - or _"],
  },
  {
    value: { kinds: [KIND, KIND], spawns: [] },
    problems: ["kinds[1].id is rat, expected an id that no kind before it has"],
  },
  { value: withKind({ damageMin: 3 }), problems: ["kinds[0].damageMin is 3, expected at most damageMax, which is 2"] },
  {
    value: withKind({ aggroRadius: 21 }),
    problems: ["kinds[0].aggroRadius is 21, expected at most leashRadius, which is 20"],
  },
  {
    value: withKind({ wanderRadius: 21 }),
    problems: ["kinds[0].wanderRadius is 21, expected at most leashRadius, which is 20"],
  },
  { value: withKind({ range: 21 }), problems: ["kinds[0].range is 21, expected at most leashRadius, which is 20"] },
  { value: withSpawn({ kind: "cat" }), problems: ["spawns[0].kind is cat, expected the id of a kind"] },
  { value: withSpawn({ map: 1 }), problems: ["spawns[0].map is 1, expected the id of a map"] },
  { value: withSpawn({ map: -1 }), problems: ["spawns[0].map is -1, expected an integer from 0 to 255"] },
  { value: withSpawn({ count: 0 }), problems: ["spawns[0].count is 0, expected an integer from 1 to 10000"] },
  { value: withSpawn({ x: 0.5 }), problems: ["spawns[0].x is given alone, expected z too"] },
  { value: withSpawn({ z: 0.5 }), problems: ["spawns[0].z is given alone, expected x too"] },
  {
    value: withSpawn({ x: 1.01, z: -0.1 }),
    problems: [
      "spawns[0].x is 1.01, expected a number from 0 to 1",
      "spawns[0].z is -0.1, expected a number from 0 to 1",
    ],
  },
  {
    value: withSpawn({ x: 0.5, z: 0.5, packSize: 2 }),
    problems: ["spawns[0].packSize is given, expected none where the place is fixed"],
  },
  {
    value: { kinds: [{ ...KIND, hp: 0, speed: -1 }], spawns: [{ ...SPAWN, kind: "cat", level: 1 }], x: 1 },
    problems: [
      "x is not known",
      "kinds[0].hp is 0, expected an integer from 1 to 1000000",
      "kinds[0].speed is -1, expected a number from 0 to 1000",
      "spawns[0].level is not known",
      "spawns[0].kind is cat, expected the id of a kind",
    ],
  },
];

for (const { value, problems } of BAD) {
  Deno.test(`checkMonsterData() lists every problem: ${problems.join("; ").slice(0, 120)}`, () => {
    assertEquals(problemsOf(value), problems);
  });
}

Deno.test("checkMonsterData() shows at most the start of a wrong value", () => {
  const [problem] = problemsOf(withKind({ id: "x".repeat(10_000) }));
  assert(problem.length < 200, problem);
});

Deno.test("checkMonsterData() gives data or a ConfigError for any JSON", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (kinds, spawns) => {
    for (const value of [kinds, { kinds, spawns }, { kinds: [kinds], spawns: [spawns] }]) {
      try {
        checkMonsterData(value, "m.json", MAP_IDS);
      } catch (error) {
        assert(error instanceof ConfigError && error.problems.length > 0);
      }
    }
  }));
});
