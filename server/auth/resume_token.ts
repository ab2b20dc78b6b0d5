/** What is stored of resume tokens: nobody resumes by what a database holds. @module */

import { createHash } from "node:crypto";

/** SHA-256 of a resume token, in base64url. */
export function resumeTokenHash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
