import { createDescriptorBuffer, DescriptorSet } from "../../server/io/descriptor_set.ts";
import { DESCRIPTORS_MAX } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("DescriptorSet.takeAll() gives what is held, once, to whoever sees the same memory", () => {
  const buffer = createDescriptorBuffer();
  const crashed = new DescriptorSet(buffer);
  for (const descriptor of [0, 5, 9, DESCRIPTORS_MAX - 1]) assertEquals(crashed.tryAdd(descriptor), true);
  crashed.remove(9);
  crashed.remove(77);
  const successor = new DescriptorSet(buffer);
  assertEquals(successor.takeAll(), [0, 5, DESCRIPTORS_MAX - 1]);
  assertEquals(successor.takeAll(), []);
});

Deno.test("DescriptorSet.tryAdd() refuses a descriptor beyond its bound", () => {
  const set = new DescriptorSet(createDescriptorBuffer());
  assertEquals(set.tryAdd(DESCRIPTORS_MAX), false);
  assertEquals(set.takeAll(), []);
});
