import type { KindMap, TableMap } from '../../../connectors/data-map/data-map.ts';
import { type Row, type State, type UserKey, GHOST } from './data.ts';
import { type Choices, settingsOf } from './map.ts';
import { type Json, tablesOf, emailOf } from './tables.ts';

/**
 * A second implementation of the data map for rows in memory, written from docs/data-map.md. It shares the types of the
 * map with the connector, and no code.
 */
export interface Entry {
  readonly map: TableMap | KindMap;
  readonly table: string;
  readonly effect: 'delete' | 'retain' | 'detach' | 'anonymise';
  readonly isOwn: boolean;
}

/** A row during a deletion. Lethe finds rows by their values before it. */
export interface Item {
  readonly table: string;
  readonly before: Row;
  now: Record<string, Json>;
  isGone: boolean;
}

export const entriesOf = (choices: Choices): readonly Entry[] => {
  const { user } = settingsOf(choices).kinds;
  if (user === undefined) throw new Error('the settings map users');
  const entries = (user.tables ?? []).map((map): Entry => ({
    map,
    table: nameOf(map.table),
    effect: map.retain === undefined ? (map.detach === undefined ? 'delete' : 'detach') : 'retain',
    isOwn: false,
  }));
  const effect = user.anonymise === undefined ? 'delete' : 'anonymise';
  return [...entries, { map: user, table: nameOf(user.table), effect, isOwn: true }];
};

export const nameOf = (table: string): string => table.replace(/^app\./, '');

export const itemsOf = (state: State): readonly Item[] =>
  Object.entries(state).flatMap(([table, rows]) =>
    rows.map((row) => ({ table, before: row, now: { ...row }, isGone: false })),
  );

/** The text of a column or of a key inside a document, as SQL casts it. NULL and JSON null have none. */
export function textOf(row: Readonly<Record<string, Json>>, column: string): string | null {
  const [name = '', ...path] = column.split(/->>?/).map((step) => step.replaceAll("'", ''));
  let value: Json | undefined = row[name];
  for (const step of path)
    value =
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? (value as Readonly<Record<string, Json>>)[step]
        : undefined;
  return value === null || value === undefined ? null : asText(value);
}

/** The text of a value that is not NULL. */
export const asText = (value: Json): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

const hasSame = (row: Row, columns: readonly string[], values: readonly string[]): boolean =>
  columns.every((column, index) => textOf(row, column) === values[index]);

/** Whether `child` has in each column here the value of the column there of `parent`. NULL equals nothing. */
export const pointsTo = (
  child: Readonly<Record<string, Json>>,
  parent: Readonly<Record<string, Json>>,
  pairs: readonly (readonly [string, string])[],
): boolean =>
  pairs.every(([here, there]) => textOf(child, here) !== null && textOf(child, here) === textOf(parent, there));

function meetsConditions(row: Row, map: TableMap | KindMap): boolean {
  if (!('where' in map)) return true;
  return Object.entries(map.where ?? {}).every(([column, condition]) =>
    [condition].flat().some((value) => textOf(row, column) === (value === null ? null : String(value))),
  );
}

export class Selector {
  readonly #entries: readonly Entry[];
  readonly #items: readonly Item[];
  readonly #isComposite: boolean;
  /** Rows of `referencedBy` that other rows point to. They stay, and what belongs to them stays. */
  readonly shared = new Set<Item>();

  constructor(choices: Choices, items: readonly Item[]) {
    this.#entries = entriesOf(choices);
    this.#items = items;
    this.#isComposite = choices.isComposite;
  }

  /** The rows that an entry selects for the subjects. An export follows only entries that it exports. */
  select(entry: Entry, subjects: readonly UserKey[], purpose: 'deletion' | 'export' = 'deletion'): Set<Item> {
    const { map } = entry;
    const candidates = this.#items.filter((item) => item.table === entry.table && meetsConditions(item.before, map));
    const people = subjects.filter((key) => key.at(-1) !== GHOST);
    if (entry.isOwn) {
      const columns = this.#isComposite ? ['tenant_id', 'user_id'] : ['user_id'];
      return new Set(
        candidates.filter(({ before }) => people.some((key) => hasSame(before, columns, key.map(String)))),
      );
    }
    if (!('subject' in map) && !('via' in map) && !('referencedBy' in map)) return new Set();
    if (map.subject !== undefined) {
      const { subject } = map;
      return new Set(candidates.filter(({ before }) => people.some((key) => this.#belongsTo(before, subject, key))));
    }
    const parents = this.#parentsOf(entry)
      .filter((parent) => purpose === 'deletion' || isExported(parent))
      .flatMap((parent) => [...this.select(parent, subjects, purpose)])
      .filter((item) => purpose === 'export' || map.via === undefined || !this.shared.has(item));
    if (map.referencedBy !== undefined) {
      const pairs = Object.entries(map.referencedBy.on).map(([here, there]) => [there, here] as const);
      return new Set(
        candidates.filter(({ before }) => parents.some((parent) => pointsTo(parent.before, before, pairs))),
      );
    }
    const pairs = Object.entries(map.via?.on ?? {});
    const found = new Set<Item>();
    const open = [...parents];
    for (let parent = open.pop(); parent !== undefined; parent = open.pop())
      for (const child of candidates)
        if (!found.has(child) && pointsTo(child.before, parent.before, pairs)) {
          found.add(child);
          if (this.#isRecursive(entry)) open.push(child);
        }
    return found;
  }

  #belongsTo(row: Row, subject: NonNullable<TableMap['subject']>, key: UserKey): boolean {
    const values = key.map(String);
    if (typeof subject === 'string') return hasSame(row, [subject], values);
    if ('identity' in subject) {
      const [tenant = 1, id = 0] = this.#isComposite ? key : [1, ...key];
      const email = emailOf(tenant, id);
      return subject.columns.some((column) => textOf(row, column)?.toLowerCase() === email?.toLowerCase());
    }
    if ('contains' in subject) {
      const list = row[subject.contains];
      return Array.isArray(list) && list.some((item: Json) => asText(item) === values[0]);
    }
    return hasSame(row, 'columns' in subject ? subject.columns : [subject.column], values);
  }

  #isRecursive({ map, effect }: Entry): boolean {
    return effect === 'delete' && 'via' in map && map.via?.table === map.table;
  }

  /** Nothing belongs to detached rows. Detached rows, and rows of a tree, depend on rows that go. */
  #parentsOf(entry: Entry): readonly Entry[] {
    const { map, effect } = entry;
    const link = 'via' in map ? (map.via ?? map.referencedBy) : 'referencedBy' in map ? map.referencedBy : undefined;
    const isStrict = effect === 'detach' || link?.table === map.table;
    return this.#entries.filter(
      (parent) =>
        parent !== entry &&
        parent.map.table === link?.table &&
        parent.effect !== 'detach' &&
        (!isStrict || parent.effect === 'delete' || parent.isOwn),
    );
  }
}

const isExported = ({ map, effect }: Entry): boolean =>
  effect !== 'detach' && !('export' in map && map.export === false);

/** The rows of an export of one subject, without omitted columns, per table. */
export function exportOf(choices: Choices, state: State, key: UserKey): State {
  const selector = new Selector(choices, itemsOf(state));
  const entries = entriesOf(choices);
  const exported = entries.filter(isExported);
  return Object.fromEntries(
    Object.keys(tablesOf(choices.isComposite)).flatMap((table) => {
      const own = exported.filter((entry) => entry.table === table);
      if (own.length === 0) return [];
      const omitted = new Set(entries.filter((entry) => entry.table === table).flatMap(({ map }) => map.omit ?? []));
      const found = new Set(own.flatMap((entry) => [...selector.select(entry, [key], 'export')]));
      const rows = [...found].map(({ before }) =>
        Object.fromEntries(Object.entries(before).filter(([column]) => !omitted.has(column))),
      );
      return [[table, rows]];
    }),
  );
}
