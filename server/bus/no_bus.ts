/** One node, or several that say nothing to each other. @module */

import type { Bus } from "./bus.ts";

const NOTHING = () => {};

/** Nobody hears what is said. */
export const NO_BUS: Bus = {
  isShared: false,
  isUp: true,
  node: "",
  nodes: [],
  topic: () => ({ publish: () => true, on: NOTHING }),
  question: () => ({
    ask: () => Promise.reject(new TypeError("Cannot ask a node: there is no other")),
    answer: NOTHING,
  }),
  onMissed: NOTHING,
  onSilent: NOTHING,
  loadOf: () => undefined,
  take: () => false,
  flush: NOTHING,
  sweep: NOTHING,
};
