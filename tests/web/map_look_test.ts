import { create } from "@bufbuild/protobuf";
import { isSafe, mapLook, plainLook, portalAt } from "../../games/marsh/web/map_look.ts";
import { firstToEach } from "../../games/marsh/web/minimap.ts";
import { GROUNDS } from "../../games/marsh/web/palette.ts";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { MapInfoSchema } from "../../shared/gen/world_pb.ts";
import { MAP_SIZE_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

const INFO = create(MapInfoSchema, {
  mapId: 3,
  name: "Cave",
  width: 100,
  height: 80,
  interestRadius: 30,
  theme: "cave",
  portals: [{ portalId: 7, position: { x: 10, z: 20 }, radius: 5, targetMapId: 0, targetMapName: "Field" }],
  safeAreas: [{ position: { x: 50, z: 79 }, radius: 8 }],
});

Deno.test("mapLook() takes what the server told, and paints what it does not know as a meadow", () => {
  const look = mapLook(INFO);
  assertEquals([look.name, look.width, look.height, look.interestRadius], ["Cave", 100, 80, 30]);
  assertEquals(look.portals, [{ portalId: 7, x: 10, z: 20, radius: 5, targetName: "Field" }]);
  assertEquals(look.colors, GROUNDS.cave);
  for (const theme of ["", "volcano", "toString", "__proto__"]) {
    assertEquals(mapLook(create(MapInfoSchema, { theme })).colors, GROUNDS.meadow);
  }
});

Deno.test("mapLook() has colours of their own for every theme of the build", () => {
  for (const { theme } of loadGameData().maps) assert(Object.hasOwn(GROUNDS, theme), `No colours for ${theme}`);
});

Deno.test("portalAt() finds a portal within its radius, the border included", () => {
  const look = mapLook(INFO);
  assertEquals([portalAt(look, 15, 20)?.portalId, portalAt(look, 15.01, 20)], [7, undefined]);
  assertEquals(portalAt(plainLook({ width: 10, height: 10, interestRadius: 5 }), 1, 1), undefined);
});

Deno.test("isSafe() is true within a safe area, the border included", () => {
  const look = mapLook(INFO);
  assertEquals([isSafe(look, 50, 71), isSafe(look, 50, 70.99), isSafe(look, 10, 20)], [true, false, false]);
});

Deno.test("mapLook() and plainLook() give lengths that whoever paints them comes to the end of", () => {
  for (const told of [NaN, Infinity, -Infinity, 3e38, -1]) {
    const circle = { position: { x: told, y: told, z: told }, radius: told };
    const size = { width: told, height: told, interestRadius: told };
    const map = mapLook(create(MapInfoSchema, { ...size, portals: [circle], safeAreas: [circle] }));
    const circles = [...map.portals, ...map.safeAreas].flatMap(({ x, z, radius }) => [x, z, radius]);
    const sides = [map, plainLook(size)].flatMap((
      { width, height, interestRadius },
    ) => [width, height, interestRadius]);
    assert([...circles, ...sides].every((length) => length >= 0 && length <= MAP_SIZE_MAX), String(told));
  }
});

Deno.test("firstToEach() names each map once, however many portals lead there", () => {
  const portals = ["Undercroft", "Fogmarsh", "Undercroft", "Fogmarsh"].map((targetName, x) => ({ targetName, x }));
  assertEquals(firstToEach(portals).map(({ x }) => x), [0, 1]);
});
