import { ComponentOptions_SeenBy as SeenBy } from "../../shared/gen/options_pb.ts";
import { COMPONENT_BYTES_MAX, COMPONENTS_MAX } from "../../shared/limits.ts";
import { componentsOf } from "../../shared/component_table.ts";
import { contract } from "../../games/marsh/contract.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { componentFile, type ComponentProto } from "../support/protos.ts";

const RUNNER: ComponentProto = {
  name: "Runner",
  fields: ["is_it bool", "hat_id uint32"],
  option: { id: 1, seenBy: SeenBy.INTEREST, bytesMax: 16 },
};
const PURSE: ComponentProto = {
  name: "Purse",
  fields: ["coins uint32"],
  option: { id: 2, seenBy: SeenBy.OWNER, bytesMax: 16, saved: true },
};

Deno.test("componentsOf() reads what messages say of themselves, by ascending id", () => {
  const components = componentsOf([componentFile(PURSE, RUNNER)]);
  assertEquals(components.map(({ schema, ...rest }) => ({ ...rest, message: schema.typeName })), [
    { id: 1, name: "Runner", seenBy: "interest", bytesMax: 16, saved: false, message: "test.Runner" },
    { id: 2, name: "Purse", seenBy: "owner", bytesMax: 16, saved: true, message: "test.Purse" },
  ]);
  assertEquals(componentsOf(contract.files), []);
});

Deno.test("componentsOf() refuses what contradicts itself or a bound, and names all of it", () => {
  const of = (option: ComponentProto["option"], fields = RUNNER.fields) => ({ ...RUNNER, fields, option });
  const table: [protos: ComponentProto[], says: string][] = [
    [[RUNNER, { ...PURSE, option: RUNNER.option }], "test.Purse has component id 1, as test.Runner"],
    [[of({ id: 0, bytesMax: 16 })], "test.Runner has component id 0, ids are 1 to 127"],
    [[of({ id: 128, bytesMax: 16 })], "has component id 128"],
    [[of({ id: 1 })], "may have 0 bytes, components have 1 to 512"],
    [[of({ id: 1, bytesMax: COMPONENT_BYTES_MAX + 1 })], "may have 513 bytes"],
    [[of({ id: 1, bytesMax: 16, seenBy: 9 as SeenBy })], "is seen by 9, which is nobody"],
    [[of({ id: 1, bytesMax: 7 })], "may have 7 bytes, its fields can be 8 bytes"],
    [[of({ id: 1, bytesMax: 10 }, ["score int32"])], "its fields can be 11 bytes"],
    [[of({ id: 0 })], "ids are 1 to 127; test.Runner may have 0 bytes"],
    [
      Array.from({ length: COMPONENTS_MAX + 1 }, (_, index) => ({
        ...PURSE,
        name: `C${index}`,
        option: { id: index + 1, bytesMax: 6 },
      })),
      "there are 32 components, limit is 31",
    ],
  ];
  for (const [protos, says] of table) assertThrows(() => componentsOf([componentFile(...protos)]), TypeError, says);
});

Deno.test("componentsOf() lets pass what depends on its content, which each change is held to", () => {
  const fields = ["title string", "hats uint32[]", "next Runner"];
  assertEquals(componentsOf([componentFile({ ...RUNNER, fields })]).length, 1);
  assertEquals(componentsOf([componentFile({ ...RUNNER, option: { id: 1, bytesMax: 8 } })]).length, 1);
});
