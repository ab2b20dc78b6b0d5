import { checkGameData, loadGameData } from "../../games/marsh/data/game_data.ts";
import { Atlas } from "../../games/marsh/maps/atlas.ts";
import { checkMapData } from "../../games/marsh/maps/map_data.ts";
import { ConfigError } from "../../shared/errors.ts";
import { MAP_ENTRIES_MAX, PORTALS_MAX, SAFE_AREAS_MAX } from "../../games/marsh/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const FIELD = { mapId: 0, name: "Field", theme: "meadow", width: 1_000, height: 500 };
const CAVE = { mapId: 7, name: "Cave", theme: "cave", width: 100, height: 80 };
const DOWN = { portalId: 1, x: 0.5, z: 0.5, radius: 5, toMap: 7, toX: 0.1, toZ: 0.25 };
const UP = { portalId: 2, x: 0.1, z: 0.2, radius: 4, toMap: 0, toX: 0.5, toZ: 0.5 };

/** Two maps with a way there and back, in which a few fields differ; `undefined` takes a field out. */
function withMaps(field: Record<string, unknown>, cave: Record<string, unknown> = {}): unknown {
  const maps = [{ ...FIELD, portals: [DOWN], ...field }, { ...CAVE, portals: [UP], ...cave }];
  return { maps: maps.map((map) => Object.fromEntries(Object.entries(map).filter(([, v]) => v !== undefined))) };
}

const withPortal = (fields: Record<string, unknown>) => withMaps({ portals: [{ ...DOWN, ...fields }] });

function problemsOf(value: unknown): readonly string[] {
  return assertThrows(() => checkMapData(value, "m.json"), ConfigError).problems
    .map((problem) => {
      assert(problem.startsWith("Cannot use m.json: "), problem);
      return problem.slice("Cannot use m.json: ".length);
    });
}

Deno.test("loadGameData() gives three maps or more, each with monsters of its own", () => {
  const { maps, monsters } = loadGameData();
  assert(maps.length >= 3);
  assertEquals(new Set(maps.map(({ name }) => name)).size, maps.length);
  assertEquals(new Set(maps.map(({ theme }) => theme)).size, maps.length);
  for (const { mapId } of maps) {
    assert(monsters.spawns.some(({ map = 0 }) => map === mapId), `Nobody lives on map ${mapId}`);
  }
  assertEquals(monsters.spawns.reduce((sum, { map = 0, count }) => map === 0 ? sum + count : sum, 0), 40);
});

Deno.test("checkMapData() takes all that a map may have", () => {
  const spawnArea = { x: 0, z: 1, radius: 10 };
  const files = [
    { maps: [{ ...FIELD, portals: [] }] },
    withMaps({}),
    withMaps({ spawnArea }, { spawnArea, interestRadius: 30, playersMax: 5 }),
  ];
  for (const file of files) assertEquals(checkMapData(file, "m.json").maps, (file as { maps: unknown }).maps);
});

/** What is wrong, and each whole list of problems. */
const BAD: readonly { readonly value: unknown; readonly problems: readonly string[] }[] = [
  { value: null, problems: ["it is null, expected an object with maps"] },
  { value: {}, problems: [`maps is missing, expected a list of at most ${MAP_ENTRIES_MAX} entries`] },
  { value: { maps: [] }, problems: ["maps is [], expected at least the map with id 0"] },
  { value: { maps: [7] }, problems: ["maps[0] is 7, expected an object"] },
  {
    value: { maps: new Array(MAP_ENTRIES_MAX + 1).fill(FIELD) },
    problems: [`maps is ${MAP_ENTRIES_MAX + 1} entries, expected a list of at most ${MAP_ENTRIES_MAX} entries`],
  },
  {
    value: withMaps({ mapId: 1 }, { portals: [{ ...UP, toMap: 1 }] }),
    problems: ["maps[0].mapId is 1, expected 0 for the first map, on which players begin"],
  },
  {
    value: withMaps({}, { mapId: 256 }),
    problems: [
      "maps[1].mapId is 256, expected an integer from 0 to 255",
      "maps[0].portals[0].toMap is 7, expected the id of a map",
    ],
  },
  {
    value: withMaps({}, { mapId: 0 }),
    problems: [
      "maps[1].mapId is 0, expected an id that no map before it has",
      "maps[0].portals[0].toMap is 7, expected the id of a map",
      "maps[1].portals[0].toMap is 0, expected another map",
    ],
  },
  { value: withMaps({ width: 9 }), problems: ["maps[0].width is 9, expected a number from 10 to 10000"] },
  { value: withMaps({ height: NaN }), problems: ["maps[0].height is null, expected a number from 10 to 10000"] },
  {
    value: withMaps({ name: "\n" }),
    problems: ["maps[0].name is \n, expected text of 1 to 80 bytes without control characters"],
  },
  {
    value: withMaps({ theme: "Dark Cave" }),
    problems: ["maps[0].theme is Dark Cave, expected 1 to 32 lower-case letters, digits, - or _"],
  },
  { value: withMaps({ weather: "rain" }), problems: ["maps[0].weather is not known"] },
  { value: withMaps({ portals: undefined }), problems: ["maps[0].portals is missing, expected a list"] },
  { value: withMaps({ portals: {} }), problems: ["maps[0].portals is {}, expected a list"] },
  {
    value: withMaps({ interestRadius: 30, playersMax: 5 }),
    problems: [
      "maps[0].interestRadius is given, expected none for the first map",
      "maps[0].playersMax is given, expected none for the first map",
    ],
  },
  {
    value: withMaps({}, { playersMax: 0 }),
    problems: ["maps[1].playersMax is 0, expected an integer from 1 to 16384"],
  },
  {
    value: withMaps({}, { interestRadius: 0.5 }),
    problems: ["maps[1].interestRadius is 0.5, expected a number from 1 to 10000"],
  },
  { value: withMaps({ spawnArea: 3 }), problems: ["maps[0].spawnArea is 3, expected an object"] },
  {
    value: withMaps({ spawnArea: { x: 2, z: 0, r: 1 } }),
    problems: [
      "maps[0].spawnArea.x is 2, expected a number from 0 to 1",
      "maps[0].spawnArea.radius is missing, expected a number from 0 to 10000",
      "maps[0].spawnArea.r is not known",
    ],
  },
  { value: withMaps({ safeAreas: {} }), problems: ["maps[0].safeAreas is {}, expected a list"] },
  {
    value: withMaps({ safeAreas: [{ x: -1, z: 0.5, radius: 0 }, { x: 0, r: 1, radius: 5 }] }),
    problems: [
      "maps[0].safeAreas[0].x is -1, expected a number from 0 to 1",
      "maps[0].safeAreas[0].radius is 0, expected a number from 1 to 10000",
      "maps[0].safeAreas[1].z is missing, expected a number from 0 to 1",
      "maps[0].safeAreas[1].r is not known",
    ],
  },
  {
    value: withMaps({ safeAreas: new Array(SAFE_AREAS_MAX + 1).fill({ x: 0, z: 0, radius: 1 }) }),
    problems: [
      `maps[0].safeAreas is ${SAFE_AREAS_MAX + 1} entries, expected a list of at most ${SAFE_AREAS_MAX} entries`,
    ],
  },
  {
    value: withMaps({ portals: new Array(PORTALS_MAX + 1).fill(DOWN) }),
    problems: [`maps[0].portals is ${PORTALS_MAX + 1} entries, expected a list of at most ${PORTALS_MAX} entries`],
  },
  {
    value: withMaps({}, { portals: [{ ...UP, portalId: 1 }] }),
    problems: ["maps[1].portals[0].portalId is 1, expected an id that no portal before it has"],
  },
  {
    value: withPortal({ portalId: 0 }),
    problems: ["maps[0].portals[0].portalId is 0, expected an integer from 1 to 4294967295"],
  },
  { value: withPortal({ x: 1.01 }), problems: ["maps[0].portals[0].x is 1.01, expected a number from 0 to 1"] },
  { value: withPortal({ toZ: -1 }), problems: ["maps[0].portals[0].toZ is -1, expected a number from 0 to 1"] },
  { value: withPortal({ radius: 0 }), problems: ["maps[0].portals[0].radius is 0, expected a number from 1 to 50"] },
  { value: withPortal({ toMap: 3 }), problems: ["maps[0].portals[0].toMap is 3, expected the id of a map"] },
  { value: withPortal({ toMap: 0 }), problems: ["maps[0].portals[0].toMap is 0, expected another map"] },
  {
    value: withMaps({ portals: [] }),
    problems: ["maps[1] is out of reach, expected portals from the first map to it"],
  },
  {
    value: withMaps({}, { portals: [] }),
    problems: ["maps[1] has no way out, expected portals from it to the first map"],
  },
];

for (const { value, problems } of BAD) {
  Deno.test(`checkMapData() lists every problem: ${problems.join("; ").slice(0, 120)}`, () => {
    assertEquals(problemsOf(value), problems);
  });
}

Deno.test("checkMapData() gives data or a ConfigError for any JSON", () => {
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (maps, map, portal) => {
    const deep = withMaps({ ...(map as Record<string, unknown>) }, { portals: [portal] });
    for (const value of [maps, { maps }, { maps: [map] }, deep]) {
      try {
        checkMapData(value, "m.json");
      } catch (error) {
        assert(error instanceof ConfigError && error.problems.length > 0);
      }
    }
  }));
});

Deno.test("checkGameData() lists the problems of both files, and of each only its own", () => {
  const monsters = { kinds: [], spawns: [{ kind: "rat", map: 7, count: 1 }, { kind: "rat", map: 3, count: 1 }] };
  const { problems } = assertThrows(() => checkGameData(withMaps({ width: 0 }), monsters), ConfigError);
  assertEquals(problems, [
    "Cannot use maps.json: maps[0].width is 0, expected a number from 10 to 10000",
    "Cannot use monsters.json: spawns[0].kind is rat, expected the id of a kind",
    "Cannot use monsters.json: spawns[1].kind is rat, expected the id of a kind",
    "Cannot use monsters.json: spawns[1].map is 3, expected the id of a map",
  ]);
});

Deno.test("Atlas brings fractions to units, and the first map to its configured sides", () => {
  const spawnArea = { x: 0.5, z: 0.25, radius: 10 };
  const { maps } = checkMapData(withMaps({ spawnArea }, { interestRadius: 30, playersMax: 5 }), "m.json");
  const atlas = new Atlas(maps, { mapSize: 2_000, interestRadius: 40 });
  const [field, cave] = atlas.maps;
  assertEquals([field.width, field.height, field.interestRadius, field.areaFactor], [2_000, 2_000, 40, 8]);
  assertEquals([cave.width, cave.height, cave.interestRadius, cave.areaFactor], [100, 80, 30, 1]);
  assertEquals([field.playersMax, cave.playersMax], [undefined, 5]);
  assertEquals(field.spawnArea, { x: 1_000, z: 500, radius: 10 });
  const [{ portalId, x, z, radius, target, arrival }] = field.portals;
  assertEquals([portalId, x, z, radius, target, arrival], [1, 1_000, 1_000, 5, cave, { x: 10, z: 20 }]);
  assertEquals([atlas.find(7), atlas.find(1), atlas.find(NaN)], [cave, undefined, undefined]);
});

Deno.test("Atlas leaves a safe area out where a side of its map is shorter than four of its radii", () => {
  const { maps } = checkMapData(withMaps({ safeAreas: [{ x: 0.5, z: 0.75, radius: 25 }] }), "m.json");
  const areasAt = (mapSize: number) =>
    new Atlas(maps, { mapSize, interestRadius: 40 }).maps.map((map) => map.safeAreas);
  assertEquals(areasAt(100), [[{ x: 50, z: 75, radius: 25 }], []]);
  assertEquals(areasAt(99.9), [[], []]);
});
