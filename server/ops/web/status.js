// The status page: asks for the numbers every second and shows them. Text only ever goes through `textContent`.

const INTERVAL_MS = 1_000;
const REQUEST_TIMEOUT_MS = 5_000;
const SVG = "http://www.w3.org/2000/svg";

/** The tiles at the top: a title, the number, what stands beside it and the lines drawn under it. */
const TILES = [
  {
    title: "Players online",
    number: (report) => [count(report.totals.playersOnline), ""],
    beside: (report) => `${count(report.totals.linkDead)} link-dead`,
    lines: [(sample) => sample.playersOnline],
  },
  {
    title: "Connections",
    number: (report) => [count(report.totals.connectionCount), ""],
    beside: (report) => `${rate(report.rates.acceptedPerSecond)} new/s, ${count(report.totals.refused)} refused`,
    lines: [(sample) => sample.connectionCount],
  },
  {
    title: "Packets in",
    number: (report) => [rate(report.rates.packetsInPerSecond), "/s"],
    beside: (report) => ["out ", `${rate(report.rates.packetsOutPerSecond)}/s`],
    lines: [(sample) => sample.packetsInPerSecond, (sample) => sample.packetsOutPerSecond],
  },
  {
    title: "Bandwidth in",
    number: (report) => bytes(report.rates.bytesInPerSecond, "/s"),
    beside: (report) => ["out ", bytes(report.rates.bytesOutPerSecond, "/s").join(" ")],
    lines: [(sample) => sample.bytesInPerSecond, (sample) => sample.bytesOutPerSecond],
  },
  {
    title: "Round trip, p95",
    number: (report) => milliseconds(report.rates.rttMsP95),
    beside: (report) => `mean ${milliseconds(report.rates.rttMsMean).join(" ")}`,
    lines: [(sample) => sample.rttMsP95 ?? 0],
  },
  {
    title: "Tick, p95",
    number: (report) => milliseconds(report.rates.tickMsP95),
    beside: (report) =>
      `mean ${milliseconds(report.rates.tickMsMean).join(" ")}, ${count(report.totals.tickOverruns)} over`,
    lines: [(sample) => sample.tickMsP95 ?? 0],
  },
];

const STATE_NAMES = { connected: "Connected", authenticated: "Logged in", in_world: "In world" };
const TRANSPORT_NAMES = { tcp: "TCP", tls: "TLS", websocket: "WebSocket", http: "HTTP" };

const byId = (id) => document.getElementById(id);
const tiles = TILES.map(createTile);
byId("tiles").append(...tiles.map((tile) => tile.element));

let lastCpu;

await refresh();
setInterval(refresh, INTERVAL_MS);

async function refresh() {
  if (document.hidden) return;
  try {
    const response = await fetch("/status.json", {
      cache: "no-store",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (response.status === 401) throw new Error("The session has ended. Open this page with ?token=TOKEN again.");
    if (!response.ok) throw new Error(`The server answered ${response.status}`);
    show(await response.json());
  } catch (error) {
    document.body.classList.add("stale");
    setState("waiting", "no answer");
    const known = error instanceof Error && error.message.startsWith("The ");
    setNotice(known ? error.message : "The server does not answer. Trying again.");
  }
}

function show(report) {
  document.body.classList.remove("stale");
  document.title = `${report.serverName} status`;
  byId("server-name").textContent = report.serverName;
  byId("server-facts").textContent = [
    `Drawbridge ${report.version}`,
    `server ${report.serverId}`,
    `role ${report.role}`,
    `up ${duration(report.uptimeMs)}`,
  ].join(" · ");
  setState(report.ready ? "ready" : "trouble", report.ready ? "ready" : "not ready");
  setNotice([...report.reasons, ...report.notices].join("\n"));
  showPlanned(report.maintenance);
  tiles.forEach((tile) => tile.show(report));
  showConnections(report.totals.connections);
  showList("world", worldRows(report));
  showList("traffic", trafficRows(report.totals));
  showWorkers(report.workers);
  showList("closed", closedRows(report.totals.closed));
  showList("process", processRows(report));
  showList("config", Object.entries(report.config).map(([key, value]) => [key, configText(value)]));
}

function setState(kind, text) {
  const state = byId("state");
  if (state.textContent === text) return;
  state.className = `state ${kind}`;
  state.textContent = text;
}

function setNotice(text) {
  const notice = byId("notice");
  notice.hidden = text === "";
  if (notice.textContent !== text) notice.textContent = text;
}

/** Maintenance that has not begun; once it has, it is a reason. */
function showPlanned(maintenance) {
  const planned = byId("planned");
  planned.hidden = maintenance === null || maintenance.startsAtMs <= Date.now();
  if (planned.hidden) return;
  const { startsAtMs, message } = maintenance;
  const text = `Maintenance begins at ${new Date(startsAtMs).toLocaleString()}${message === "" ? "" : `: ${message}`}`;
  if (planned.textContent !== text) planned.textContent = text;
}

function worldRows({ totals }) {
  const snapshotBytes = totals.snapshotsBuilt > 0 ? totals.snapshotBytes / totals.snapshotsBuilt : 0;
  return [
    ["Sessions", count(totals.sessions)],
    ["Entities", count(totals.entities)],
    ["Ticks", count(totals.ticks)],
    ["Snapshots built", count(totals.snapshotsBuilt)],
    ["Mean snapshot", bytes(snapshotBytes, "").join(" ")],
    ["Entities encoded", count(totals.encoderCalls)],
    ["Chat messages", count(totals.chatMessages)],
    ["Chat refused", `${count(totals.chatRefusedFlood)} flood, ${count(totals.chatRefusedMuted)} muted`],
    ["Chat crowded out", count(totals.chatCrowdedOut)],
    ["Logins", `${count(totals.loginsOk)} ok, ${count(totals.loginsFailed)} failed`],
    ["Storage requests waiting", count(totals.storagePending)],
    ["Memory of logic in use", `${Math.round(totals.logicMemoryShare * 100)} %`],
    ["Logic replaced", count(totals.logicReplaced)],
    ["Unreadable documents met", count(totals.documentsUnreadable)],
  ];
}

function trafficRows(totals) {
  return [
    ["Packets in, out", `${count(totals.packetsIn)}, ${count(totals.packetsOut)}`],
    ["Bytes in, out", `${bytes(totals.bytesIn, "").join(" ")}, ${bytes(totals.bytesOut, "").join(" ")}`],
    ["Accepted", count(totals.accepted)],
    ["Accept errors", count(totals.acceptErrors)],
    ["Pauses for a full ring", count(totals.ringFullPauses)],
    ["Droppable packets shed", count(totals.droppableShed)],
    ["Slow packets (over 1 ms)", count(totals.slowPackets)],
    ["Ticks skipped by slow instances", count(totals.instanceTicksSkipped)],
    ["Handler errors", count(totals.handlerErrors)],
  ];
}

function closedRows(closed) {
  const rows = Object.entries(closed).filter(([, times]) => times > 0).sort((left, right) => right[1] - left[1]);
  if (rows.length === 0) return [["None yet", ""]];
  return rows.map(([reason, times]) => [reasonName(reason), count(times)]);
}

function reasonName(reason) {
  if (reason === "peer") return "by the peer";
  if (reason === "error") return "network error";
  return reason.replaceAll("_", " ");
}

function processRows(report) {
  const cpu = lastCpu === undefined || report.uptimeMs <= lastCpu.uptimeMs
    ? undefined
    : (report.cpuMs - lastCpu.cpuMs) / (report.uptimeMs - lastCpu.uptimeMs);
  lastCpu = { cpuMs: report.cpuMs, uptimeMs: report.uptimeMs };
  return [
    ["Memory", bytes(report.memoryBytes, "").join(" ")],
    ["Processor", cpu === undefined ? "–" : `${Math.round(cpu * 100)} %`],
    ["Deno", report.deno],
    ...Object.entries(report.addresses),
  ];
}

function configText(value) {
  if (value === "") return "–";
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}

function showConnections(connections) {
  const transports = Object.keys(TRANSPORT_NAMES);
  const head = ["", ...transports.map((transport) => TRANSPORT_NAMES[transport]), "all"];
  const rows = Object.keys(STATE_NAMES).map((state) => {
    const found = connections.filter((connection) => connection.state === state);
    const counts = transports.map((transport) => found.find((item) => item.transport === transport)?.count ?? 0);
    return [STATE_NAMES[state], ...[...counts, sum(counts)].map(count)];
  });
  showTable("connections", head, rows);
}

function showWorkers(workers) {
  const rows = workers.map((load) => [
    load.worker,
    count(load.connectionCount),
    rate(load.packetsInPerSecond),
    rate(load.packetsOutPerSecond),
    `${Math.round(load.lagMs)} ms`,
  ]);
  showTable("workers", ["", "connections", "in/s", "out/s", "behind"], rows);
}

function showTable(id, head, rows) {
  const headRow = row(head.map((text) => cell("th", text)));
  const bodyRows = rows.map(([name, ...values]) => row([cell("td", name), ...values.map((text) => cell("td", text))]));
  byId(id).replaceChildren(headRow, ...bodyRows);
}

function row(cells) {
  const element = document.createElement("tr");
  element.append(...cells);
  return element;
}

function cell(kind, text) {
  const element = document.createElement(kind);
  element.textContent = text;
  if (text === "0") element.className = "zero";
  return element;
}

function showList(id, rows) {
  byId(id).replaceChildren(...rows.flatMap(([name, value]) => [cell("dt", name), cell("dd", value)]));
}

function createTile({ title, number, beside, lines }) {
  const element = document.createElement("article");
  element.className = "tile";
  const heading = cell("h2", title);
  const figure = cell("p", "–");
  figure.className = "number";
  const besides = cell("p", "");
  besides.className = "beside";
  const { svg, draw } = createSparkline(lines.length);
  element.append(heading, figure, besides, svg);
  return {
    element,
    show(report) {
      const [value, unit] = number(report);
      const small = cell("small", unit);
      figure.replaceChildren(value, ...(unit === "" ? [] : [small]));
      const text = beside(report);
      if (Array.isArray(text)) {
        const out = document.createElement("span");
        out.className = "out";
        out.textContent = text.join("");
        besides.replaceChildren(out);
      } else {
        besides.textContent = text;
      }
      draw(lines.map((line) => report.history.map(line)));
    },
  };
}

/** A line over the last minute, and a second one in another colour where there are two. */
function createSparkline(lineCount) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = (className) => {
    const element = document.createElementNS(SVG, "path");
    element.setAttribute("class", className);
    svg.append(element);
    return element;
  };
  const fill = path("spark-fill");
  const first = path("spark-line");
  const second = lineCount > 1 ? path("spark-second") : undefined;
  return {
    svg,
    draw(series) {
      // Both lines have one scale, and the smallest value is not zero, or noise would look like a mountain.
      const top = Math.max(...series.flat(), 1e-9) * 1.15;
      first.setAttribute("d", linePath(series[0], top));
      fill.setAttribute("d", areaPath(series[0], top));
      second?.setAttribute("d", linePath(series[1], top));
    },
  };
}

const SAMPLES_SHOWN = 60;

function points(values, top) {
  const step = 100 / (SAMPLES_SHOWN - 1);
  const start = 100 - (values.length - 1) * step;
  return values.map((value, index) => `${(start + index * step).toFixed(2)} ${(98 - 96 * value / top).toFixed(2)}`);
}

function linePath(values, top) {
  return values.length < 2 ? "" : `M${points(values, top).join("L")}`;
}

function areaPath(values, top) {
  if (values.length < 2) return "";
  const start = 100 - (values.length - 1) * 100 / (SAMPLES_SHOWN - 1);
  return `${linePath(values, top)}L100 100L${start.toFixed(2)} 100Z`;
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

function count(value) {
  return Math.round(value).toLocaleString("en");
}

function rate(value) {
  return value > 0 && value < 10 ? value.toFixed(1) : count(value);
}

function bytes(value, per) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return [unit > 0 && value < 100 ? value.toFixed(1) : String(Math.round(value)), units[unit] + per];
}

function milliseconds(value) {
  if (value === undefined || value === null) return ["–", ""];
  return [value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : count(value), "ms"];
}

function duration(value) {
  const seconds = Math.floor(value / 1_000);
  const parts = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const start = parts.findIndex(([length]) => seconds >= length);
  if (start < 0) return "0 s";
  return parts.slice(start, start + 2).map(([length, name], index) => {
    const whole = index === 0 ? seconds : seconds % parts[start][0];
    return `${Math.floor(whole / length)} ${name}`;
  }).join(" ");
}
