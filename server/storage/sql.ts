/**
 * SQL as stores write it: once, for every database. A handler is a generator that yields one statement after the other,
 * with its values, and gets back the result; the code that runs it decides whether to wait in between.
 *
 * ```ts
 * const SELECT_NAME = statement<{ name: string }>("SELECT name FROM accounts WHERE id = ?");
 *
 * function* nameOf(id: number): Sql<string | undefined> {
 *   return (yield* SELECT_NAME.get(id))?.name;
 * }
 * ```
 *
 * Statements keep to what databases have in common: `?` and `?1` for values, `RETURNING`, `ON CONFLICT`. Names in
 * camelCase are those of columns in the answer. `ids(?1)` and `texts(?1)` are tables with one column, `value`, of what
 * {@linkcode listOf} made of a list; of `rows(?1)`, which {@linkcode rowsOf} made, the columns are `value ->> 0` and so on. `now_ms()` is the database's clock, in Unix milliseconds.
 *
 * @module
 */

/** What a column can hold. Integers are exact. */
export type SqlValue = number | string | null | Uint8Array;

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, SqlValue>>;

/** Work that asks for statements and ends with a result. */
export type Sql<Result> = Generator<SqlCall, Result, unknown>;

/** What a statement is run for: its first row, all its rows, how many rows it changed, or that for each list of values. */
export type SqlCall =
  | { readonly kind: "get" | "all" | "run"; readonly statement: SqlText; readonly values: readonly SqlValue[] }
  | { readonly kind: "each"; readonly statement: SqlText; readonly lists: readonly (readonly SqlValue[])[] };

/** The words of a statement. */
export interface SqlText {
  readonly text: string;
  /** Nearly always the same. */
  readonly postgres: string;
}

/** One statement. Databases keep it prepared. */
export class Statement<Found = Row> implements SqlText {
  /** Its words. */
  readonly text: string;
  readonly postgres: string;

  /** {@linkcode statement} makes it. */
  constructor(text: string, postgres: string) {
    this.text = text;
    this.postgres = postgres;
  }

  /** The first row; undefined: there is none. */
  *get(...values: readonly SqlValue[]): Sql<Found | undefined> {
    checkTexts(values);
    return (yield { kind: "get", statement: this, values }) as Found | undefined;
  }

  /** All rows, as objects of the caller's own. */
  *all(...values: readonly SqlValue[]): Sql<Found[]> {
    checkTexts(values);
    return (yield { kind: "all", statement: this, values }) as Found[];
  }

  /** How many rows it changed. */
  *run(...values: readonly SqlValue[]): Sql<number> {
    checkTexts(values);
    return (yield { kind: "run", statement: this, values }) as number;
  }

  /** How many rows it changed for each list of values, in order. Nothing waits between one and the next. */
  *each(lists: readonly (readonly SqlValue[])[]): Sql<number[]> {
    for (const values of lists) checkTexts(values);
    return (yield { kind: "each", statement: this, lists }) as number[];
  }
}

/**
 * Makes a statement.
 *
 * @param postgres Where PostgreSQL needs other words.
 */
export function statement<Found = Row>(text: string, postgres: string = text): Statement<Found> {
  return new Statement<Found>(text, postgres);
}

/** A query of one `count`. */
export type Count = Statement<{ readonly count: number }>;

/** What a query of one `count` gives. */
export function* countOf(query: Count, ...values: readonly SqlValue[]): Sql<number> {
  return (yield* query.get(...values))!.count;
}

/** @throws {RangeError} when a text has a NUL character: PostgreSQL takes none, so SQLite does not either. */
function checkTexts(values: readonly unknown[]): void {
  for (const value of values) {
    if (typeof value === "string" && value.includes("\0")) {
      throw new RangeError(`Cannot use text ${JSON.stringify(value.slice(0, 64))}: it has a NUL character`);
    }
  }
}

/** A list as one value, for the tables `ids` and `texts`. */
export function listOf(values: readonly (number | string)[]): string {
  checkTexts(values);
  return JSON.stringify(values);
}

/** Rows as one value, for the table `rows`; each has at most one number or text for a column. */
export function rowsOf(rows: readonly (readonly (number | string | null)[])[]): string {
  for (const row of rows) checkTexts(row);
  return JSON.stringify(rows);
}

/** Does work for each item, one after the other. */
export function* mapSql<Item, Result>(items: readonly Item[], work: (item: Item) => Sql<Result>): Sql<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(yield* work(item));
  return results;
}
