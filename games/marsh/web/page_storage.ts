/**
 * What the page remembers: the player's name and language, this device, and until the tab is closed the login and the chat rooms.
 *
 * @module
 */

const NAME_KEY = "drawbridge.name";
const LANGUAGE_KEY = "drawbridge.language";
const DEVICE_KEY = "drawbridge.device";
const LOGIN_KEY = "drawbridge.login";
const ROOMS_KEY = "drawbridge.rooms";
const CHAT_KEY = "drawbridge.chat";
/** Lines kept, and for how long, in milliseconds. */
const CHAT_LINES_MAX = 40;
const CHAT_MS_MAX = 10 * 60_000;

/** The name of the last login; empty before. */
export function rememberedName(): string {
  return read(() => localStorage, NAME_KEY);
}

/** Remembers a name beyond this visit. */
export function rememberName(name: string): void {
  write(() => localStorage, NAME_KEY, name);
}

/** The language that the player chose; empty: none. */
export function rememberedLanguage(): string {
  return read(() => localStorage, LANGUAGE_KEY);
}

/** Remembers a language beyond this visit. */
export function rememberLanguage(language: string): void {
  write(() => localStorage, LANGUAGE_KEY, language);
}

/** Who is logged in, in this tab. */
export interface StoredLogin {
  readonly name: string;
  /** The session token. */
  readonly token: string;
}

/** The login of this tab; `null` when nobody is logged in. */
export function storedLogin(): StoredLogin | null {
  const [token, name] = read(() => sessionStorage, LOGIN_KEY).split(" ");
  return token === "" || name === undefined ? null : { token, name };
}

/** Keeps a login until the tab is closed; `null` forgets it. */
export function storeLogin(login: StoredLogin | null): void {
  write(() => sessionStorage, LOGIN_KEY, login === null ? "" : `${login.token} ${login.name}`);
}

/** Names of the rooms that the player is in, in this tab. */
export function storedRooms(): string[] {
  // Names have no control characters.
  const names = read(() => sessionStorage, ROOMS_KEY);
  return names === "" ? [] : names.split("\n");
}

/** Keeps the names of rooms until the tab is closed. */
export function storeRooms(names: readonly string[]): void {
  write(() => sessionStorage, ROOMS_KEY, names.join("\n"));
}

/** A line that was said to everyone. */
export interface StoredLine {
  readonly senderName: string;
  readonly text: string;
  /** Unix milliseconds. */
  readonly timestampMs: number;
}

/** What was said to everyone in the last minutes, as the player of this tab heard it. */
export function storedChat(playerName: string, nowMs: number): StoredLine[] {
  try {
    const { name, lines } = JSON.parse(read(() => sessionStorage, CHAT_KEY)) as { name: string; lines: StoredLine[] };
    return name === playerName ? lines.filter(({ timestampMs }) => nowMs - timestampMs < CHAT_MS_MAX) : [];
  } catch {
    // Nothing was stored, or by another version of the page.
    return [];
  }
}

/** Keeps a line for a reload of the page. */
export function storeChatLine(playerName: string, line: StoredLine): void {
  const lines = [...storedChat(playerName, line.timestampMs), line].slice(-CHAT_LINES_MAX);
  write(() => sessionStorage, CHAT_KEY, JSON.stringify({ name: playerName, lines }));
}

/** A random name of this browser, the same at each visit. */
export function deviceId(): string {
  const known = read(() => localStorage, DEVICE_KEY);
  if (known !== "") return known;
  // Not `randomUUID`, which plain HTTP does not have.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const fresh = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  write(() => localStorage, DEVICE_KEY, fresh);
  return fresh;
}

/** Storage may be forbidden, even to ask for; then nothing is remembered. */
function read(storage: () => Storage, key: string): string {
  try {
    return storage().getItem(key) ?? "";
  } catch {
    // Forbidden: nothing is remembered.
    return "";
  }
}

function write(storage: () => Storage, key: string, value: string): void {
  try {
    if (value === "") storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // Full or forbidden: the player types it again next time.
  }
}
