/**
 * A thread of the load test: builds the parts, runs its share of the load, posts its account.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { ChatScenario } from "./chat_scenario.ts";
import { DenoClient } from "./deno_client.ts";
import { EchoScenario } from "./echo_scenario.ts";
import type { ClientEngine } from "./engine.ts";
import { EpollClient } from "./epoll_client.ts";
import type { LatencyCounts } from "./latency_counts.ts";
import { ConnectionHost } from "./load_connection.ts";
import { IdleScenario } from "./idle_scenario.ts";
import { LoadRunner } from "./load_runner.ts";
import type { LoadContext } from "./load_session.ts";
import { LoginScenario } from "./login_scenario.ts";
import type { LoadPlan, ScenarioName, WorkerMessage, WorkerTask } from "./messages.ts";
import type { Scenario } from "./scenario.ts";
import { Counters, LATENCY_KINDS, type LatencyKind, latencyRecorders, PhaseState } from "./shared_state.ts";
import { WorldScenario } from "./world_scenario.ts";

const SCENARIOS: Readonly<Record<ScenarioName, new (context: LoadContext) => Scenario>> = {
  echo: EchoScenario,
  login: LoginScenario,
  world: WorldScenario,
  chat: ChatScenario,
  idle: IdleScenario,
};

function createEngine(plan: LoadPlan): ClientEngine {
  return plan.engine === "epoll" ? new EpollClient(plan.baseUnixMs) : new DenoClient(plan.baseUnixMs, plan.caCerts);
}

function createContext(task: WorkerTask, engine: ClientEngine): LoadContext {
  const counters = new Counters(task.counters);
  const latencies = Object.fromEntries(LATENCY_KINDS.map((kind) => [kind, latencyRecorders(task.counters, kind)]));
  return {
    task,
    host: new ConnectionHost(engine, counters),
    counters,
    phase: new PhaseState(task.phase),
    latencies: latencies as Record<LatencyKind, readonly LatencyCounts[]>,
    failures: new Map(),
    servers: { players: new Map(), returns: 0, gaps: 0, reentries: 0 },
  };
}

/** Runs one thread's part until the phase says to stop. */
async function runTask(task: WorkerTask): Promise<WorkerMessage> {
  const engine = createEngine(task.plan);
  const context = createContext(task, engine);
  const scenario = new SCENARIOS[task.plan.scenario](context);
  await engine.run(new LoadRunner(context, scenario));
  return {
    kind: "report",
    report: {
      ...scenario.report(),
      servers: context.servers,
      failures: context.failures,
      clients: scenario.clientStats(),
    },
  };
}

self.onmessage = async ({ data }: MessageEvent<WorkerTask>) => {
  try {
    self.postMessage(await runTask(data));
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    self.postMessage({ kind: "failed", message } satisfies WorkerMessage);
  }
};
