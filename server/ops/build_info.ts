/**
 * What this build calls itself.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };

/** The version of the project, as its `deno.json` says. */
export const VERSION: string = manifest.version;
