/**
 * Drawbridge: one command starts login server, game server, gateway, world and admin site.
 *
 *     native client --TCP------\
 *                               io workers --rings-- logic worker --port-- storage worker
 *     browser ------WebSocket--/
 *     main thread: configuration, supervision, monitor, admin site
 *
 * @module
 */

import { ConfigError, DependencyError, EXIT_CONFIG } from "../shared/errors.ts";
import { SESSIONS_DRAIN_MS } from "../shared/limits.ts";
import { hasSessionKey } from "./auth/key_file.ts";
import { SystemClock } from "./base/clock.ts";
import { checkPublicHost, describeConfig, problemText, type ServerConfig, sqlitePath } from "./config/config.ts";
import { isLoopback } from "./base/host.ts";
import { startAdminSite } from "./ops/admin_site.ts";
import { loadAdminToken } from "./ops/admin_token_file.ts";
import { getLogger, setupLogging } from "./ops/logging.ts";
import { Monitor } from "./ops/monitor.ts";
import { getLimitedLogger } from "./ops/rate_limited_log.ts";
import { MaintenanceDesk } from "./process/maintenance_plan.ts";
import { narrowPermissions } from "./process/permissions.ts";
import { keepServer } from "./process/process_keeper.ts";
import { addressesOf, readyLine, terminalGuide } from "./process/ready_line.ts";
import { findStartTerminal, onReloadSignal, onStopSignal, type StartTerminal } from "./process/signals.ts";
import { MEMORY_PATH } from "./storage/sqlite_database.ts";
import { readSessionKey, startDatabase } from "./process/database.ts";
import { startBus } from "./process/bus.ts";
import { makeDataFolder } from "./process/data_folder.ts";
import { describeHolder, lockDataFolder } from "./process/data_lock.ts";
import { obeyDev, withPageReload } from "./process/dev_desk.ts";
import { drillsOf } from "./process/drills.ts";
import { type Launch, readLaunch } from "./process/launch.ts";
import { checkPortsFree } from "./process/listen_error.ts";
import { printLine } from "./process/standard_output.ts";
import { EXIT_HANG, Supervisor } from "./process/supervisor.ts";
import { readTls } from "./process/tls.ts";
import { loadWebAssets } from "./process/web_assets.ts";

const MONITOR_INTERVAL_MS = 1_000;

async function serve({ config, game, notes }: Launch, terminal: StartTerminal): Promise<void> {
  checkPublicHost(config);
  await makeDataFolder(config.dataDir);
  const holder = describeHolder();
  const isNarrow = narrowPermissions(config);
  lockDataFolder(config, holder);
  checkPortsFree(config);
  setupLogging({ level: config.logLevel, format: config.logFormat, thread: "main" });
  const log = getLogger("main");
  for (const note of notes) log.info(note);
  const hadKey = await hasSessionKey(config.dataDir);
  const sessionKey = await readSessionKey(config, game, log);
  const moderationToken = config.adminToken !== "" ? config.adminToken : await loadAdminToken(config.dataDir);
  const path = sqlitePath(config);
  const clock = new SystemClock();
  const maintenance = await MaintenanceDesk.open(config.dataDir, clock);
  if (maintenance.plan !== null) log.warn("Maintenance is planned or on", { ...maintenance.plan });
  const monitor = new Monitor({ nowMs: () => performance.now() });
  const isDev = config.dev !== "off";
  const loadPage = async () => {
    const assets = await loadWebAssets(new URL("web/", game.folder));
    return isDev ? await withPageReload(assets) : assets;
  };
  const supervisor = new Supervisor({
    config,
    tls: await readTls(config),
    packets: game.packets,
    logicEntry: game.logicEntry,
    game: game.name,
    assets: await loadPage(),
    sessionKey,
    startStorage: async (onError, counters) => {
      const storage = await startDatabase(config, game, { onError, counters });
      if (storage.isNew && hadKey && path !== MEMORY_PATH) {
        log.warn("The database is new, but the data folder has the key of a server that ran here before", { path });
      }
      return storage;
    },
    startBus: (parts) => {
      const waitMs = config.dependencyWait * 1_000;
      return startBus(config, { ...parts, sessionKey, waitMs, log });
    },
    gameMetrics: monitor.gameMetrics,
    attachCounters: (worker, counters) => monitor.attach(worker, counters),
    clock,
    maintenance,
    // A debugger holds threads up for as long as somebody thinks.
    onHang: () => config.dev === "inspect" || Deno.exit(EXIT_HANG),
    log: getLimitedLogger("supervisor", () => performance.now()),
  });
  await supervisor.start();
  const admin = await startAdminSite({
    host: config.adminHost,
    port: config.adminPort,
    token: config.adminToken,
    monitor,
    facts: () => ({
      serverId: config.serverId,
      serverName: config.serverName,
      role: config.role,
      addresses: addressesOf(config, supervisor.ports, admin.address),
      config: describeConfig(config),
      maintenance: maintenance.summary,
    }),
    reasons: () => supervisor.reasons(),
    notices: () => supervisor.notices(),
    logger: getLimitedLogger("admin", () => performance.now()),
    drills: config.diagnostics ? drillsOf(supervisor) : new Map(),
    moderation: {
      token: moderationToken,
      run: (request) => supervisor.moderate(request),
      audit: getLogger("moderation"),
    },
  });
  const sampling = setInterval(() => monitor.sample(), MONITOR_INTERVAL_MS);

  const stop = onStopSignal(terminal, {
    drainMs: config.drainTimeout * 1_000 + SESSIONS_DRAIN_MS,
    drain: async (signal) => {
      log.info("Stopping", { signal });
      await supervisor.drain();
    },
    hurry: () => supervisor.hurry(),
    stop: async () => {
      await supervisor.stop();
      clearInterval(sampling);
      await admin.stop();
      log.info("Stopped");
    },
  });
  onReloadSignal(terminal, async () => {
    try {
      const tls = await readTls(config);
      if (tls === null) return log.info("Nothing to reload: there is no certificate");
      await supervisor.replaceCertificate(tls);
      log.info("Certificate reloaded");
    } catch (error) {
      log.error("Cannot reload the certificate, the old one stays in use", { error: String(error) });
    }
  });
  if (!isNarrow) log.warn("The process can access all files: start it with --allow-read=/ --allow-write=/ to limit it");
  if (config.tlsCert === "" && !isLoopback(config.host)) {
    log.warn(
      "Passwords and chat travel unencrypted beyond this machine: set --tls-cert and --tls-key, or put a TLS proxy in front",
    );
  }
  printLine(readyLine(addressesOf(config, supervisor.ports, admin.address)));
  if (isDev) {
    void obeyDev(Deno.stdin.readable, {
      reloadGame: () => supervisor.reloadGame(),
      reloadPage: async () => supervisor.replaceAssets(await loadPage()),
      onEnd: () => void stop("end of input"),
    });
  }
  if (Deno.stdout.isTerminal()) printLine(terminalGuide(config, supervisor.ports, admin.address));
}

/** Runs the server in a child process; gives the exit status to end with. */
async function supervise(config: ServerConfig, terminal: StartTerminal): Promise<number> {
  setupLogging({ level: config.logLevel, format: config.logFormat, thread: "parent" });
  return await keepServer(Deno.args, terminal, getLogger("keeper"));
}

/** What an operator needs of an error: of our own the message, a line for each problem; any other whole. */
function startText(error: unknown): string {
  if (error instanceof ConfigError) return problemText(error);
  if (!(error instanceof DependencyError)) return `Cannot start: ${error}`;
  const lines = error.message.split("\n");
  if (lines.length === 1) return `Cannot start: ${lines[0]}`;
  return `Cannot start:\n${lines.map((line) => `  - ${line}`).join("\n")}`;
}

if (import.meta.main) {
  // First: in a terminal, the runtime has a handler of SIGHUP of its own by the time the game has been read.
  const terminal = findStartTerminal();
  try {
    const launch = await readLaunch({ args: Deno.args, env: Deno.env.toObject() });
    if (typeof launch === "string") {
      printLine(launch);
      Deno.exit(0);
    }
    if (launch.config.supervise) Deno.exit(await supervise(launch.config, terminal));
    await serve(launch, terminal);
  } catch (error) {
    printLine(startText(error), "error");
    Deno.exit(error instanceof ConfigError ? EXIT_CONFIG : 1);
  }
}
