/** Logs from the main thread, then from a worker, as JSON. @module */

import { getLogger, setupLogging } from "../../server/ops/logging.ts";

const thread = self.name || "main";
setupLogging({ level: "info", format: "auto", thread });

if (thread !== "main") {
  getLogger("test").info("In a worker");
  postMessage("done");
} else {
  getLogger("test").info("Before");
  const worker = new Worker(import.meta.url, { type: "module", name: "io-1" });
  worker.onmessage = () => worker.terminate();
}
