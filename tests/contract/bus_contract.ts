/** What every bus does, whatever carries it. @module */

import { DependencyError } from "../../shared/errors.ts";
import { BytesValueSchema, StringValueSchema, UInt32ValueSchema } from "@bufbuild/protobuf/wkt";
import { SystemClock } from "../../server/base/clock.ts";
import type { BusCarrier } from "../../server/bus/bus.ts";
import { NodeBus } from "../../server/bus/node_bus.ts";
import { CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { Faults } from "../../server/ops/faults.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";
import { until } from "../support/wait.ts";

/** A bus that can be stopped and started. */
export interface ContractBus extends AsyncDisposable {
  carrier(node: string): Promise<BusCarrier>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** One node on it, and what it heard. */
class ContractNode {
  readonly heard: string[] = [];
  readonly missed: string[] = [];
  readonly bus: NodeBus;
  readonly say: (text: string, receiver?: string) => boolean;
  readonly ask: (receiver: string, text: string) => Promise<string>;

  constructor(readonly name: string, carrier: BusCarrier) {
    const counters = new CounterBlock(createCounterBlock()), log = new RecordingLogger();
    const clock = new SystemClock();
    this.bus = new NodeBus({ carrier, node: name, life: 0, clock, counters, log, faults: new Faults(log, counters) });
    const topic = this.bus.topic(StringValueSchema);
    topic.on(({ value }, from) => void this.heard.push(`${from}: ${value}`));
    this.say = (value, receiver) => topic.publish({ value }, receiver);
    const question = this.bus.question(BytesValueSchema, UInt32ValueSchema);
    question.answer(({ value }) => ({ value: value.length }));
    this.ask = async (receiver, text) =>
      String((await question.ask(receiver, { value: new TextEncoder().encode(text) })).value);
    this.bus.onMissed((from) => void this.missed.push(from));
  }

  /** One turn. */
  turn(): void {
    this.bus.take(Infinity);
    this.bus.flush();
  }
}

/** Registers the tests of a bus. */
export function busContract(
  name: string,
  test: (name: string, run: () => Promise<void>) => void,
  open: () => Promise<ContractBus>,
): void {
  const withNodes = async (act: (bus: ContractBus, nodes: readonly ContractNode[]) => Promise<void>) => {
    await using bus = await open();
    const nodes: ContractNode[] = [];
    for (const node of ["a", "b", "c"]) nodes.push(new ContractNode(node, await bus.carrier(node)));
    await untilAll(nodes, "everybody to be connected", () => nodes.every(({ bus }) => bus.isUp));
    await act(bus, nodes);
  };

  test(`${name} brings what a node says to every other one, in its order`, () =>
    withNodes(async (_bus, nodes) => {
      const [a, b, c] = nodes;
      const texts = Array.from({ length: 500 }, (_, index) => `line ${index}`);
      for (const text of texts) assertEquals(a.say(text), true);
      assertEquals(b.say("from b"), true);
      await untilAll(
        nodes,
        "all of it",
        () => c.heard.length === 501 && b.heard.length === 500 && a.heard.length === 1,
      );
      assertEquals(b.heard, texts.map((text) => `a: ${text}`));
      assertEquals(c.heard.filter((line) => line.startsWith("a")), texts.map((text) => `a: ${text}`));
      assertEquals(a.heard, ["b: from b"]);
      assertEquals([b.missed, c.missed], [[], []]);
    }));

  test(`${name} brings what is for one node to that one`, () =>
    withNodes(async (_bus, nodes) => {
      const [a, b, c] = nodes;
      a.say("for b", "b");
      a.say("for nobody", "gone");
      a.say("for all");
      await untilAll(nodes, "both", () => b.heard.length === 2 && c.heard.length === 1);
      assertEquals([b.heard.toSorted(), c.heard], [["a: for all", "a: for b"], ["a: for all"]]);
      assertEquals([b.missed, c.missed], [[], []]);
    }));

  test(`${name} brings questions and their answers`, () =>
    withNodes(async (_bus, nodes) => {
      const [a, b] = nodes;
      const answers = Promise.all([a.ask("b", "four"), a.ask("c", "nothing"), b.ask("a", "")]);
      assertEquals(await whileTurning(nodes, answers), ["4", "7", "0"]);
    }));

  test(`${name} that is down takes nothing, and says that something may be missing once it is back`, () =>
    withNodes(async (bus, nodes) => {
      const [a, b] = nodes;
      a.say("before");
      await untilAll(nodes, "the first line", () => b.heard.length === 1);
      const open = a.ask("gone", "whoever").then(() => undefined, (error) => error);
      await bus.stop();
      await untilAll(nodes, "everybody to notice", () => nodes.every(({ bus }) => !bus.isUp));
      assertEquals(a.say("meanwhile"), false);
      assertEquals((await open as DependencyError).code, "unavailable");
      assertEquals((await assertRejects(() => a.ask("b", "x"), DependencyError)).code, "unavailable");
      await bus.start();
      await untilAll(nodes, "everybody to be back", () => nodes.every(({ bus }) => bus.isUp));
      assertEquals(b.missed, ["a"]);
      a.say("after");
      await untilAll(nodes, "the last line", () => b.heard.length === 2);
      assertEquals(b.heard, ["a: before", "a: after"]);
    }));
}

async function untilAll(nodes: readonly ContractNode[], what: string, probe: () => boolean): Promise<void> {
  await until(what, () => {
    for (const node of nodes) node.turn();
    return probe();
  });
}

async function whileTurning<T>(nodes: readonly ContractNode[], work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => isDone = true);
  await untilAll(nodes, "the answers", () => isDone);
  return await done;
}
