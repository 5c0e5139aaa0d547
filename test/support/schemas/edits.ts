import type { KindMap, TableMap } from '../../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../../connectors/postgres/settings.ts';
import { qualifiedName } from '../../../connectors/data-map/names.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';

/** One change that a person makes in a data map. */
export type Edit = (settings: PostgresSettings) => PostgresSettings;

/** Names an entry by its table and the columns that relate its rows: here, or of the table that points to them. */
export interface EntryName {
  readonly table: string;
  readonly by: string;
  /** Default: user. */
  readonly kind?: SubjectKind;
}

/** Applies the edits one after the other. An edit does not count if the map has the change already. */
export function edit(settings: PostgresSettings, edits: readonly Edit[]): { map: PostgresSettings; count: number } {
  let [map, count] = [settings, 0];
  for (const apply of edits) {
    const edited = apply(map);
    if (JSON.stringify(edited) !== JSON.stringify(map)) count += 1;
    map = edited;
  }
  return { map, count };
}

/** Sets keys of one entry, and removes those that are undefined. */
export const changeEntry = (name: EntryName, changes: object): Edit =>
  withTables(name, (entries) => {
    const [found, ...others] = entries.filter((entry) => isNamed(entry, name));
    if (found === undefined || others.length > 0)
      throw new Error(`${name.table} has ${others.length + 1} such entries`);
    return entries.map((entry) => (entry === found ? withChanges(entry, changes) : entry));
  });

/** Removes every entry of a table, or those of one relation. */
export const removeEntries = (name: Omit<EntryName, 'by'> & { readonly by?: string }): Edit =>
  withTables(name, (entries) =>
    entries.filter((entry) => !isTable(entry, name.table) || (name.by !== undefined && relationOf(entry) !== name.by)),
  );

/** Adds an entry if the map has none for these rows. */
export const addEntry = (entry: TableMap, kind: SubjectKind = 'user'): Edit =>
  withTables({ kind }, (entries) =>
    entries.some((each) => isNamed(each, { table: entry.table, by: relationOf(entry) }))
      ? entries
      : [...entries, entry],
  );

/** Sets keys of the kind, such as `omit`, and removes those that are undefined. */
export const changeKind =
  (changes: Partial<Record<keyof KindMap, unknown>>, kind: SubjectKind = 'user'): Edit =>
  ({ kinds, ...settings }) => ({ ...settings, kinds: { ...kinds, [kind]: withChanges(kindOf(kinds, kind), changes) } });

export const ignoreTables =
  (...tables: readonly string[]): Edit =>
  (settings) => ({
    ...settings,
    ignore: [...(settings.ignore ?? []), ...tables.map((table) => ({ table, reason: 'no data of these subjects' }))],
  });

const withTables =
  (
    { kind = 'user' }: { readonly kind?: SubjectKind },
    change: (entries: readonly TableMap[]) => readonly TableMap[],
  ): Edit =>
  (settings) =>
    changeKind({ tables: change(kindOf(settings.kinds, kind).tables ?? []) }, kind)(settings);

function kindOf(kinds: PostgresSettings['kinds'], kind: SubjectKind): KindMap {
  const map = kinds[kind];
  if (map === undefined) throw new Error(`the map has no ${kind}`);
  return map;
}

const withChanges = <Map extends object>(map: Map, changes: object): Map =>
  Object.fromEntries(Object.entries({ ...map, ...changes }).filter(([, value]) => value !== undefined)) as Map;

const isTable = (entry: TableMap, table: string): boolean => qualifiedName(entry.table) === qualifiedName(table);

const isNamed = (entry: TableMap, { table, by }: EntryName): boolean =>
  isTable(entry, table) && relationOf(entry) === by;

/** The columns of the entry that relate its rows, or of the other table if its rows point to these rows. */
function relationOf({ subject, via, referencedBy }: TableMap): string {
  if (via !== undefined) return Object.keys(via.on).join();
  if (referencedBy !== undefined)
    return `${qualifiedName(referencedBy.table)}.${Object.values(referencedBy.on).join()}`;
  if (typeof subject === 'string') return subject;
  if ('column' in subject) return subject.column;
  return 'contains' in subject ? subject.contains : subject.columns.join();
}
