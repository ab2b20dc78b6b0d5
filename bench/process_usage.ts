/** What a process and those it has started use, as the kernel tells it. @module */

/** The kernel counts processor time in these, 100 a second. */
const TICK_MS = 10;

/** What is used. */
export interface ProcessUsage {
  /** Since they were started; children that have ended are in it. */
  readonly processorMs: number;
  /** Shared pages count for each process by its share. */
  readonly memoryMb: number;
}

/** Looks at a process and its children. */
export function usageOf(pid: number): ProcessUsage {
  let ticks = 0, memoryKb = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = Deno.readTextFileSync(`/proc/${name}/stat`).replace(/^.*\) /s, "").split(" ");
      const isSelf = Number(name) === pid;
      // State, parent, …; user and system time are the 14th and 15th of all, those of ended children the next two.
      if (!isSelf && Number(fields[1]) !== pid) continue;
      for (const field of fields.slice(11, isSelf ? 15 : 13)) ticks += Number(field);
      const rollup = Deno.readTextFileSync(`/proc/${name}/smaps_rollup`);
      memoryKb += Number(/^Pss:\s*(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
    } catch {
      // It has just ended.
    }
  }
  return { processorMs: ticks * TICK_MS, memoryMb: memoryKb / 1_024 };
}
