/** Processor time, which what else the machine does hardly changes. @module */

import process from "node:process";

/** What this process has used of processors, in milliseconds. */
export function processorMs(): number {
  const { system, user } = process.cpuUsage();
  return (system + user) / 1_000;
}
