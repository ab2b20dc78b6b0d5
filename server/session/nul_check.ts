/** Texts of packets that no database keeps. @module */

import type { DescMessage, Message } from "@bufbuild/protobuf";

/** Finds out about a message of one type whether a text in it has a NUL character, which PostgreSQL does not take. */
export type NulCheck = (message: Message) => boolean;

/** Messages that contain each other have one check. */
const CHECKS = new WeakMap<DescMessage, NulCheck>();

/** The check of a type; undefined where there is no text in it. Fields are looked up once, not for each message. */
export function nulCheckOf(schema: DescMessage): NulCheck | undefined {
  return hasText(schema, new Set()) ? checkOf(schema) : undefined;
}

/** Whether it is what a message names something by that has the character: then the name is at fault. */
export function isNameWithNul(message: Message): boolean {
  const fields = message as unknown as Record<string, unknown>;
  return ["name", "username", "tag"].some((field) => hasNulIn(fields[field]));
}

function hasText(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  return schema.fields.some((field) => {
    const { message, scalar } = partsOf(field);
    return message === undefined ? scalar === STRING : hasText(message, seen);
  });
}

function checkOf(schema: DescMessage): NulCheck {
  const known = CHECKS.get(schema);
  if (known !== undefined) return known;
  const parts: ((message: Record<string, unknown>) => boolean)[] = [];
  const check: NulCheck = (message) => parts.some((part) => part(message as unknown as Record<string, unknown>));
  CHECKS.set(schema, check);
  for (const field of schema.fields) {
    const { message, scalar } = partsOf(field);
    if (message === undefined ? scalar !== STRING : !hasText(message, new Set())) continue;
    const inner = message && checkOf(message);
    const hasNul = (value: unknown): boolean => inner === undefined ? hasNulIn(value) : inner(value as Message);
    const { localName, fieldKind, oneof } = field;
    if (oneof !== undefined) {
      parts.push((owner) => {
        const { case: name, value } = owner[oneof.localName] as { readonly case?: string; readonly value?: unknown };
        return name === localName && hasNul(value);
      });
    } else if (fieldKind === "list") {
      parts.push((owner) => (owner[localName] as readonly unknown[]).some(hasNul));
    } else if (fieldKind === "map") {
      parts.push((owner) =>
        Object.entries(owner[localName] as object).some(([key, value]) => hasNulIn(key) || hasNul(value))
      );
    } else {
      parts.push((owner) => owner[localName] !== undefined && hasNul(owner[localName]));
    }
  }
  return check;
}

const STRING = 9;

function hasNulIn(value: unknown): boolean {
  return typeof value === "string" && value.includes("\0");
}

/** What a field holds, or its list or map does. */
function partsOf(field: DescMessage["fields"][number]): { readonly message?: DescMessage; readonly scalar?: number } {
  // The keys of a map are texts, as good as always.
  const scalar = field.fieldKind === "map" ? STRING : field.scalar;
  return { message: field.message, scalar };
}
