import { columnPath, qualifiedName } from '../../connectors/data-map/names.ts';
import type { KindMap, TableMap } from '../../connectors/data-map/data-map.ts';
import type { PostgresSettings } from '../../connectors/postgres/settings.ts';
import type { Proposal } from '../../connectors/postgres/index.ts';

type Tables = Proposal['tables'];

/** The columns by which an entry finds its rows, as the data map names them. */
export function linkColumnsOf({ subject, via, referencedBy }: TableMap): readonly string[] {
  if (via !== undefined) return Object.keys(via.on);
  if (referencedBy !== undefined) return [...Object.keys(referencedBy.on), ...Object.values(referencedBy.on)];
  if (typeof subject === 'string') return [subject];
  if ('column' in subject) return [subject.column];
  return 'contains' in subject ? [subject.contains] : subject.columns;
}

/** A data map without tables, columns, triggers, rules and inheritors that the database no longer has. */
export function keepExisting(settings: PostgresSettings, tables: Tables): PostgresSettings {
  const { user, company } = settings.kinds;
  const ignore = settings.ignore?.filter(({ table }) => tables.has(qualifiedName(table)));
  return {
    ...settings,
    kinds: {
      ...(user === undefined ? {} : { user: keepKind(user, tables) }),
      ...(company === undefined ? {} : { company: keepKind(company, tables) }),
    },
    ...(ignore === undefined ? {} : { ignore }),
  };
}

function keepKind(map: KindMap, tables: Tables): KindMap {
  const { aliases, softDelete, identities, tables: entries, ...rest } = map;
  const has = (table: string, column: string): boolean => hasColumn(tables, table, column);
  const known = Object.entries(identities ?? {}).filter(([, identity]) =>
    ('columns' in identity ? identity.columns : [identity.column]).every((column) => has(map.table, column)),
  );
  const hasAliases =
    aliases !== undefined && [aliases.alias, aliases.subject].every((column) => has(aliases.table, column));
  const { table, key, ...columns } = keepColumns(rest, tables);
  return {
    table,
    key,
    ...(known.length === 0 ? {} : { identities: Object.fromEntries(known) }),
    ...(hasAliases ? { aliases } : {}),
    ...(softDelete !== undefined && has(map.table, softDelete.column) ? { softDelete } : {}),
    ...columns,
    ...(entries === undefined
      ? {}
      : { tables: entries.filter((entry) => isFound(entry, tables)).map((entry) => keepEntry(entry, tables)) }),
  };
}

const hasColumn = (tables: Tables, table: string, name: string): boolean =>
  tables.get(qualifiedName(table))?.columns.some((column) => column.name === columnPath(name).column) === true;

/** Whether the table and every column exist by which the entry finds its rows. */
function isFound(entry: TableMap, tables: Tables): boolean {
  const link = entry.via ?? entry.referencedBy;
  const here = link === undefined ? linkColumnsOf(entry) : Object.keys(link.on);
  return (
    here.every((column) => hasColumn(tables, entry.table, column)) &&
    (link === undefined || Object.values(link.on).every((column) => hasColumn(tables, link.table, column))) &&
    Object.keys(entry.where ?? {}).every((column) => hasColumn(tables, entry.table, column))
  );
}

function keepEntry(entry: TableMap, tables: Tables): TableMap {
  const kept = keepColumns(entry, tables);
  const { time, retain } = kept;
  const sharedWith = kept.referencedBy === undefined ? undefined : kept.sharedWith;
  const shared = sharedWith?.filter(({ table, on }) =>
    Object.values(on).every((column) => hasColumn(tables, table, column)),
  );
  const blank = retain?.blank?.filter((column) => hasColumn(tables, entry.table, column));
  const result = {
    ...kept,
    ...(retain === undefined || blank === undefined ? {} : { retain: { ...retain, blank } }),
    ...(shared === undefined ? {} : { sharedWith: shared }),
  };
  if (time === undefined || hasColumn(tables, entry.table, time)) return result as TableMap;
  const { time: _time, ...others } = result;
  return others as TableMap;
}

const COLUMN_LISTS = ['sources', 'omit', 'approve'] as const;
const NAME_LISTS = ['triggers', 'rules', 'inheritors'] as const;

/** Removes names of columns, triggers, rules and inheritors that do not exist, and lists that become empty. */
function keepColumns<Entry extends Omit<KindMap, 'tables'> | TableMap>(entry: Entry, tables: Tables): Entry {
  const table = tables.get(qualifiedName(entry.table));
  const columns = new Set(table?.columns.map(({ name }) => name));
  const changed: Record<string, unknown> = {};
  for (const key of COLUMN_LISTS) changed[key] = entry[key]?.filter((name) => columns.has(name));
  for (const key of NAME_LISTS) changed[key] = entry[key]?.filter((name) => table?.[key].includes(name) === true);
  if (entry.columns !== undefined)
    changed['columns'] = Object.fromEntries(Object.entries(entry.columns).filter(([name]) => columns.has(name)));
  const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
  return Object.fromEntries(
    Object.entries({
      ...entry,
      ...Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined)),
    }).filter(([, value]) => !isEmpty(value)),
  ) as Entry;
}
