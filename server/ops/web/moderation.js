// The moderation section of the status page. Text only ever goes through `textContent`.

const INTERVAL_MS = 2_000;
const REQUEST_TIMEOUT_MS = 10_000;
const NO_TOKEN =
  "To moderate, open /token and give the admin token. Without --admin-token it is in admin.token in the server's data folder.";

const byId = (id) => document.getElementById(id);
const section = byId("moderation");
const decision = byId("decision");
const announcement = byId("announce");

/** Without the token, the server is asked once only. */
let isRefused = false;
section.addEventListener("toggle", () => {
  isRefused = false;
  refresh();
});
setInterval(refresh, INTERVAL_MS);
announcement.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { text } = Object.fromEntries(new FormData(announcement));
  if (await act("announce", { text })) announcement.reset();
});
decision.addEventListener("submit", (event) => {
  event.preventDefault();
  const { target, reason, seconds } = Object.fromEntries(new FormData(decision));
  const kind = event.submitter.value;
  const whom = /[.:]/.test(target) ? { address: target } : { player: target };
  act(kind, { ...whom, reason, ...(kind === "kick" || seconds === "" ? {} : { seconds: Number(seconds) }) });
});

async function refresh() {
  if (!section.open || document.hidden || isRefused) return;
  try {
    const response = await send("/moderation/list");
    isRefused = response.status === 401;
    byId("moderation-desk").hidden = isRefused;
    if (isRefused) return say(NO_TOKEN);
    if (!response.ok) return say(`The server answered ${response.status}`);
    show(await response.json());
  } catch {
    say("The server does not answer. Trying again.");
  }
}

/** Asks for something to be done; gives whether it was. */
async function act(kind, body) {
  try {
    const response = await send(`/moderation/${kind}`, { ...body, moderator: "status page" });
    const answer = response.status === 401 ? { errors: [NO_TOKEN] } : await response.json();
    say(answer.done ?? answer.errors.join("; "));
    refresh();
    return response.ok;
  } catch {
    say("The server does not answer. Check the list before you try again.");
    return false;
  }
}

function send(path, body) {
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  if (body === undefined) return fetch(path, { cache: "no-store", signal });
  const headers = { "content-type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

function say(text) {
  const message = byId("moderation-message");
  if (message.textContent !== text) message.textContent = text;
}

let shown = "";

/** What has not changed stays, with the focus that may be in it. */
function show(list) {
  if (byId("moderation-message").textContent === NO_TOKEN) say("");
  const look = JSON.stringify(list);
  if (look === shown) return;
  shown = look;
  const isOne = new Set(list.players.map(({ serverId }) => serverId)).size <= 1;
  const players = list.players.map(({ name, address, isInWorld, isMuted, serverId }) => [
    isOne ? name : `${name} (server ${serverId})`,
    address ?? "link-dead",
    [isInWorld ? "in world" : "logged in", ...(isMuted ? ["muted"] : [])].join(", "),
    button("Choose", `Choose ${name}`, () => choose(name)),
  ]);
  const more = list.playerCount - list.players.length;
  if (more > 0) players.push([`and ${more} more`, "", "", ""]);
  for (const server of list.unanswered) players.push([`without those of server ${server}: no answer`, "", "", ""]);
  fill("players", [`${list.playerCount} online`, "from", "", ""], players);
  const sanctions = list.sanctions.map((sanction) => [
    sanction.playerName ?? sanction.address,
    sanction.kind === "ban" ? "banned" : "muted",
    sanction.endsAtMs === null ? "until lifted" : `until ${new Date(sanction.endsAtMs).toLocaleString()}`,
    `${sanction.reason} (${sanction.moderator})`,
    button("Lift", `Lift the ${sanction.kind} of ${sanction.playerName ?? sanction.address}`, () => lift(sanction)),
  ]);
  fill("sanctions", [`${list.sanctions.length} mutes and bans`, "", "", "reason", ""], sanctions);
}

function choose(name) {
  decision.elements.target.value = name;
  decision.elements.reason.focus();
}

function lift({ kind, playerName, address }) {
  act(kind === "ban" ? "unban" : "unmute", playerName === null ? { address } : { player: playerName });
}

function fill(id, head, rows) {
  byId(id).replaceChildren(row(head, "th"), ...rows.map((cells) => row(cells, "td")));
}

function row(cells, kind) {
  const element = document.createElement("tr");
  for (const content of cells) {
    const cell = document.createElement(kind);
    cell.append(content);
    element.append(cell);
  }
  return element;
}

function button(text, label, onClick) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.ariaLabel = label;
  element.addEventListener("click", onClick);
  return element;
}
