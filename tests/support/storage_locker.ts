/**
 * A worker that stands for another process about to use a new database file: keeps a lock on it until the test, which
 * then waits for that lock and can say no more, has had time to meet it.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<{ path: string; isOpening: Int32Array }>) => void) | null;
  postMessage(message: "locked" | "done"): void;
};
/** Too short only makes the test easier to pass, never to fail. */
const MEET_MS = 100;

scope.onmessage = ({ data: { path, isOpening } }) => {
  const database = new DatabaseSync(path);
  database.exec("BEGIN IMMEDIATE; CREATE TABLE notes (x INTEGER)");
  scope.postMessage("locked");
  Atomics.wait(isOpening, 0, 0);
  Atomics.wait(isOpening, 0, 1, MEET_MS);
  database.exec("ROLLBACK");
  database.close();
  scope.postMessage("done");
};
