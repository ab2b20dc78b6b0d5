/** The key with which nodes seal what they say to each other. @module */

import { createHmac } from "node:crypto";

/**
 * The key that the nodes of a cluster share: made of the one that the database has for session tokens, as all that is
 * the cluster's secret stands there, and of no use for tokens.
 */
export function clusterKeyOf(sessionKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHmac("sha256", sessionKey).update("drawbridge bus").digest());
}
