/** What went wrong, and in which line. @module */

/**
 * The text of an error with the place that it was thrown at.
 *
 * @param folder A URL: of several places the first in it is told, if any is.
 */
export function withPlace(error: unknown, folder = ""): string {
  if (!(error instanceof Error)) return String(error);
  const places = (error.stack ?? "").match(/file:\/\/[^\s)]+:\d+:\d+/g) ?? [];
  const place = places.find((each) => each.startsWith(folder)) ?? places[0];
  return place === undefined || error.message.includes(place) ? String(error) : `${error} at ${place}`;
}
