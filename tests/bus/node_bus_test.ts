import { BytesValueSchema, StringValueSchema, UInt32ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  BUS_AGE_MS_MAX,
  BUS_NUMBERS_PER_LIFE,
  BUS_PEERS_MAX,
  BUS_QUESTIONS_PER_NODE_MAX,
  BUS_SILENT_MS,
} from "../../shared/limits.ts";
import type { BusMessage } from "../../server/bus/bus.ts";
import { NodeBus } from "../../server/bus/node_bus.ts";
import { Counter, CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { Faults } from "../../server/ops/faults.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { ManualClock } from "../support/logic_harness.ts";
import { MemoryBus } from "../support/memory_bus.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

const LOAD = { currentPlayers: 3, maxPlayers: 10, isDraining: false };

/** Nodes on a {@linkcode MemoryBus}. */
class Nodes {
  readonly clock = new ManualClock();
  readonly network = new MemoryBus();
  readonly log = new RecordingLogger();
  readonly counters = new CounterBlock(createCounterBlock());

  add(node: string, life = 0) {
    const { clock, counters, log } = this;
    const carrier = this.network.carrier(node), faults = new Faults(log, counters);
    const bus = new NodeBus({ carrier, node, life, clock, counters, log, faults });
    const heard: string[] = [], missed: string[] = [], silent: string[] = [];
    const topic = bus.topic(StringValueSchema);
    topic.on(({ value }) => {
      if (value === "throw") throw new Error("A listener fails");
      heard.push(value);
    });
    bus.onMissed((from) => void missed.push(from));
    bus.onSilent((from) => void silent.push(from));
    const say = (value: string, receiver?: string) => {
      const isSaid = topic.publish({ value }, receiver);
      bus.flush();
      return isSaid;
    };
    const take = () => bus.take(Infinity);
    const beat = () => {
      take();
      bus.sweep(LOAD);
      bus.flush();
    };
    return { bus, heard, missed, silent, say, take, beat, carrier };
  }
}

Deno.test("NodeBus.take() takes each message once, and says when one is missing", () => {
  const nodes = new Nodes();
  const a = nodes.add("a"), b = nodes.add("b");
  let held: BusMessage[] = [];
  nodes.network.reaches = (message) => {
    held.push(message);
    return !message.payload.includes("x".charCodeAt(0));
  };
  for (const text of ["1", "2", "x", "3"]) a.say(text);
  b.take();
  assertEquals([b.heard, b.missed], [["1", "2", "3"], ["a"]]);
  held = held.filter(({ receiver }) => receiver === "");
  for (const message of held) b.carrier.add(message);
  b.take();
  assertEquals([b.heard, b.missed], [["1", "2", "3"], ["a"]], "What comes again, or late, is not taken");
});

Deno.test("NodeBus.take() takes what a node says whose logic was started again, and says that something may be missing", () => {
  const nodes = new Nodes();
  const a = nodes.add("a"), b = nodes.add("b");
  a.say("old");
  a.say("for b", "b");
  b.take();
  const again = nodes.add("a", 1);
  again.say("new");
  again.say("for b again", "b");
  b.take();
  assertEquals(b.heard, ["old", "for b", "new", "for b again"]);
  assertEquals(new Set(b.missed), new Set(["a"]));
  assertEquals(Number.isSafeInteger(100_000 * BUS_NUMBERS_PER_LIFE), true);
});

Deno.test("NodeBus.take() goes on after a listener that throws, and stops when its time is over", () => {
  const nodes = new Nodes();
  const a = nodes.add("a"), b = nodes.add("b");
  for (const text of ["throw", "1", "2"]) a.say(text);
  assertEquals(b.bus.take(0), true);
  assertEquals(b.heard, []);
  assertEquals(b.bus.take(Infinity), false);
  assertEquals(b.heard, ["1", "2"]);
  assertEquals(nodes.log.records.filter(({ level }) => level === "error").length, 1);
});

Deno.test("NodeBus.sweep() tells how a node is, and who says nothing for BUS_SILENT_MS", () => {
  const nodes = new Nodes();
  const a = nodes.add("a"), b = nodes.add("b");
  const second = (...who: readonly { beat(): void }[]) => {
    for (const node of who) node.beat();
    nodes.clock.advance(1_000);
  };
  assertEquals(b.bus.loadOf("a"), undefined, "It cannot be known yet");
  for (let count = 0; count < 5; count++) second(a, b);
  assertEquals([b.bus.loadOf("a"), [...b.bus.nodes], b.silent], [LOAD, ["a"], []]);
  assertEquals([b.bus.loadOf("b"), b.bus.loadOf("nobody")], [undefined, "silent"]);
  for (let count = 0; count < BUS_SILENT_MS / 1_000 + 1; count++) second(b);
  assertEquals([b.bus.loadOf("a"), [...b.bus.nodes], b.silent], ["silent", [], ["a"]]);
  assertEquals(b.missed, ["a"], "What it did last it may not have told");
  second(a);
  b.take();
  assertEquals([b.bus.loadOf("a"), [...b.bus.nodes], b.missed], [LOAD, ["a"], ["a", "a"]]);
  nodes.network.isUp = false;
  for (let count = 0; count < 10; count++) second(b);
  assertEquals([b.bus.loadOf("a"), b.silent], [undefined, ["a"]], "Nobody is silent while nobody can be heard");
  nodes.network.isUp = true;
  second(b);
  assertEquals([b.bus.loadOf("a"), b.silent, b.missed], [LOAD, ["a"], ["a", "a", "a"]]);
});

Deno.test("NodeBus.publish() counts what it cannot say: who hears the next message knows that one is missing", () => {
  const nodes = new Nodes();
  const a = nodes.add("a"), b = nodes.add("b");
  a.say("1");
  nodes.network.isDownFor = "a";
  assertEquals(a.say("lost"), false);
  nodes.network.isDownFor = "";
  a.say("2");
  b.take();
  assertEquals([b.heard, b.missed], [["1", "2"], ["a"]]);
});

Deno.test("NodeBus.ask() is given up after a while, as nobody may wait for ever", async () => {
  const nodes = new Nodes();
  const a = nodes.add("a");
  const question = a.bus.question(BytesValueSchema, UInt32ValueSchema);
  const asked = question.ask("b", {}).then(() => "", (error) => error.code);
  a.beat();
  nodes.clock.advance(2_000);
  a.beat();
  assertEquals(await asked, "timeout");
});

Deno.test("NodeBus.ask() asks the others while BUS_QUESTIONS_PER_NODE_MAX wait for one that does not answer, and that one when they are over", async () => {
  const nodes = new Nodes();
  const [a, b] = [nodes.add("a"), nodes.add("b")].map(({ beat, bus }) => {
    const question = bus.question(BytesValueSchema, UInt32ValueSchema);
    question.answer(() => ({ value: 7 }));
    return { beat, bus, ask: (node: string) => question.ask(node, {}).then(({ value }) => value, ({ code }) => code) };
  });
  const silent = Array.from({ length: BUS_QUESTIONS_PER_NODE_MAX }, () => a.ask("silent"));
  assertEquals(await a.ask("silent"), "unavailable");
  const answered = a.ask("b");
  a.bus.flush();
  b.beat();
  a.beat();
  assertEquals(await answered, 7);
  nodes.clock.advance(2_000);
  a.beat();
  assertEquals(new Set(await Promise.all(silent)), new Set(["timeout"]));
  const again = a.ask("silent");
  nodes.network.isUp = false;
  a.beat();
  assertEquals(await again, "unavailable");
  nodes.network.isUp = true;
  const more = Array.from({ length: BUS_QUESTIONS_PER_NODE_MAX }, () => a.ask("silent"));
  nodes.clock.advance(2_000);
  a.beat();
  assertEquals(new Set(await Promise.all(more)), new Set(["timeout"]), "None of those before counts any more");
});

Deno.test("NodeBus.take() does not take what was said long ago, also on a node that is new, and goes on with what is said now", () => {
  const nodes = new Nodes();
  const a = nodes.add("a"), kept: BusMessage[] = [];
  nodes.network.reaches = (message) => kept.push(message) > 0;
  nodes.add("b");
  a.say("old");
  nodes.clock.advance(BUS_AGE_MS_MAX + 1);
  const late = nodes.add("late");
  for (const message of kept) late.carrier.add(message);
  late.take();
  assertEquals([late.heard, [...late.bus.nodes]], [[], []]);
  assertEquals(nodes.counters.get(Counter.BUS_REFUSED), kept.length);
  a.say("new");
  late.take();
  assertEquals(late.heard, ["new"]);
  late.carrier.add({ ...kept.at(-1)!, number: 99, sentAtMs: nodes.clock.unixMs() + BUS_AGE_MS_MAX + 1 });
  late.take();
  assertEquals(late.heard, ["new"], "Nor what is not yet said by any clock that may be");
});

Deno.test("NodeBus remembers BUS_PEERS_MAX nodes, and forgets those that are silent", () => {
  const nodes = new Nodes();
  const a = nodes.add("a"), old = nodes.add("old");
  old.say("1");
  a.beat();
  nodes.clock.advance(BUS_SILENT_MS);
  for (let index = 0; index < BUS_PEERS_MAX - 1; index++) nodes.add(`node ${index}`).say("x");
  a.beat();
  assertEquals([...a.bus.nodes].length, BUS_PEERS_MAX - 1);
  nodes.add("new").say("x");
  a.take();
  assertEquals([...a.bus.nodes].length, BUS_PEERS_MAX);
  assertEquals(a.silent, ["old"]);
});

Deno.test("NodeBus.topic() has each message for one use", () => {
  const { bus } = new Nodes().add("a");
  assertThrows(
    () => bus.topic(StringValueSchema),
    TypeError,
    "Cannot use google.protobuf.StringValue on the bus twice",
  );
});
