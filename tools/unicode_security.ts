/**
 * Makes the tables of `server/names/` from Unicode's own files, which lie at
 * `https://www.unicode.org/Public/security/VERSION/`:
 *
 *     deno run --allow-read --allow-write tools/unicode_security.ts confusables.txt IdentifierStatus.txt
 *
 * @module
 */

import { assert } from "../shared/errors.ts";

/** What the generated file holds. */
export interface UnicodeSecurity {
  /** Version of Unicode: "16.0.0". */
  readonly version: string;
  readonly source: string;
  /** Ranges of code points that UTS 39 allows in identifiers, in hex: "61-7a aa". */
  readonly allowed: string;
  /** Characters and what they are confused with, in hex: "430:61 bd:31+2044+32". */
  readonly confusables: string;
}

/** Makes the tables of the texts of two files. */
export function unicodeSecurity(confusables: string, identifierStatus: string): UnicodeSecurity {
  const version = /^# Version: (\d+\.\d+\.\d+)/m.exec(confusables)?.[1];
  assert(version !== undefined, "confusables.txt tells its version");
  assert(identifierStatus.includes(version), "Both files are of one version");
  const hex = (codePoint: string) => parseInt(codePoint, 16).toString(16);
  const pairs = [...confusables.matchAll(/^\ufeff?([0-9A-F]+)\s*;\s*([0-9A-F ]+?)\s*;\s*MA/gm)];
  const ranges = [...identifierStatus.matchAll(/^\ufeff?([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*;\s*Allowed/gm)];
  return {
    version,
    source: `https://www.unicode.org/Public/security/${version}/, © Unicode, Inc.; license: unicode_license.txt`,
    allowed: ranges.map(([, from, to]) => to === undefined || to === from ? hex(from) : `${hex(from)}-${hex(to)}`)
      .join(" "),
    confusables: pairs.map(([, from, to]) => `${hex(from)}:${to.split(" ").map(hex).join("+")}`).join(" "),
  };
}

if (import.meta.main) {
  const [confusables, identifierStatus] = Deno.args.map((path) => Deno.readTextFileSync(path));
  const tables = unicodeSecurity(confusables, identifierStatus);
  const path = new URL("../server/names/unicode_security.json", import.meta.url);
  Deno.writeTextFileSync(path, `${JSON.stringify(tables, null, 2)}\n`);
}
