/** What went wrong, by its kind. @module */

/**
 * Puts problems together that differ in who and what they name only, the most frequent kind first. Each begins with a
 * player's name; it is of the kind that its words name up to the next one with a digit.
 */
export function kindsOf(problems: readonly string[]): [kind: string, problems: string[]][] {
  const kinds = Map.groupBy(problems, (problem) => {
    const words = problem.split(" ").slice(1), end = words.findIndex((word) => /\d/.test(word));
    return words.slice(0, end < 0 ? words.length : end).join(" ");
  });
  return [...kinds].sort(([, a], [, b]) => b.length - a.length);
}
