/// <reference lib="deno.worker" />
/** The entry of the game's storage worker. @module */

import { runStorageWorker } from "../../server/storage/storage_worker.ts";
import { MARSH_RECORDS } from "./records.ts";

runStorageWorker(MARSH_RECORDS);
