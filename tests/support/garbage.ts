/** What nobody uses any more. @module */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");

/** Collects everything that nothing refers to, and that was made in an earlier turn of the event loop. */
export const collectGarbage = runInNewContext("gc") as () => void;
