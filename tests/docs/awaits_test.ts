/** What a session has may be gone when something is answered: it is taken before, or looked at after. @module */

import { assertEquals } from "../support/assert.ts";
import { sourceFiles } from "../support/source_files.ts";

const ROOT = new URL("../../", import.meta.url);
const ASYNC = /^( *)(?:export )?(?:static )?async /;
/** What becomes null when a player logs out, leaves the world or loses its connection. */
const TAKEN_FOR_GRANTED = /\b(?:player|link|presence|outbox|owner)!/;

/** The lines of async functions and methods behind their first `await` that take for granted what may be gone by then. */
function takenForGranted(source: string): string[] {
  const found: string[] = [];
  let end: string | null = null, hasAwaited = false;
  for (const line of source.split("\n")) {
    if (end === null) {
      const start = ASYNC.exec(line);
      if (start !== null) [end, hasAwaited] = [`${start[1]}}`, false];
    } else if (line === end) {
      end = null;
    } else {
      if (hasAwaited && TAKEN_FOR_GRANTED.test(line)) found.push(line.trim());
      hasAwaited ||= /\bawait\b/.test(line);
    }
  }
  return found;
}

Deno.test("takenForGranted() finds what may be gone behind an await, and not before it", () => {
  const source = `class A {
  async enter(session: Session) {
    const before = session.player!.playerId;
    await this.read(before);
    this.admit(session.link!);
  }

  admit(session: Session) {
    return session.presence!.entityId;
  }
}`;
  assertEquals(takenForGranted(source), ["this.admit(session.link!);"]);
});

Deno.test("No async function takes for granted, behind an await, what a session had before it", async () => {
  const folders = await Promise.all(["client", "games", "gateway", "server"].map(sourceFiles));
  const found: string[] = [];
  for (const file of folders.flat()) {
    const lines = takenForGranted(await Deno.readTextFile(new URL(file, ROOT)));
    found.push(...lines.map((line) => `${file}: ${line}`));
  }
  assertEquals(found, []);
});
