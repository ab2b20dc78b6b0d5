/** What went wrong, and in which line. @module */

import { stripVTControlCharacters } from "node:util";

const PLACE = /file:\/\/[^\s)]+:\d+:\d+/;

/**
 * The text of an error with the place that it was thrown at, unless it names one itself.
 *
 * @param folder A URL: of several places the first in it is told, if any is.
 */
export function withPlace(error: unknown, folder = ""): string {
  if (!(error instanceof Error)) return String(error);
  // The runtime colours the places of modules that it cannot find.
  const text = stripVTControlCharacters(String(error));
  if (PLACE.test(text)) return text;
  const places = (error.stack ?? "").match(new RegExp(PLACE, "g")) ?? [];
  const place = places.find((each) => each.startsWith(folder)) ?? places[0];
  return place === undefined ? text : `${text} at ${place}`;
}
