import type { PostgresSettings } from '../data-map/data-map.ts';
import { type KindModel, kindModels, linkColumns } from '../data-map/model.ts';
import { canonical, ident, relation, tableName } from '../sql.ts';

/** What Lethe's role needs on one table; columns are those that it may UPDATE. */
export interface Needs {
  readonly table: string;
  select: boolean;
  delete: boolean;
  readonly update: Set<string>;
  /** All columns: a part-deletion empties those that the data map does not name, also those that are added one day. */
  updateAll: boolean;
}

/** The least rights: what a verb does to a table, and nothing beside it. */
export function needs(settings: PostgresSettings): readonly Needs[] {
  const all = new Map<string, Needs>();
  const of = (table: string): Needs => {
    const name = canonical(table);
    const found = all.get(name) ?? {
      table: name,
      select: true,
      delete: false,
      update: new Set<string>(),
      updateAll: false,
    };
    all.set(name, found);
    return found;
  };
  for (const model of kindModels(settings)) kindNeeds(model, of);
  if (settings.segments !== undefined) of(settings.segments.table);
  return [...all.values()];
}

function kindNeeds(model: KindModel, of: (table: string) => Needs): void {
  for (const target of model.targets) {
    const table = of(target.table);
    for (const column of target.sources) table.update.add(column);
    if (target.role === 'subject') table.updateAll = true;
    if (target.retain === undefined) {
      table.delete = true;
      continue;
    }
    for (const column of target.retain.blank ?? []) table.update.add(column);
    if (target.retain.unlink !== undefined) for (const column of linkColumns(target)) table.update.add(column);
  }
  // FOR UPDATE asks for UPDATE on one column: the flag that Lethe writes anyway, otherwise the key.
  of(model.map.table).update.add(model.map.softDelete?.column ?? model.key.columns[0] ?? '');
}

export function grants(settings: PostgresSettings, role: string): readonly string[] {
  const to = `TO ${ident(role)};`;
  const tables = needs(settings);
  const schemas = [...new Set(tables.map(({ table }) => tableName(table).schema))];
  return [
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${ident(schema)} ${to}`),
    ...tables.flatMap((table) => [
      `GRANT ${table.delete ? 'SELECT, DELETE' : 'SELECT'} ON ${relation(table.table)} ${to}`,
      ...(table.update.size === 0 ? [] : [`GRANT UPDATE${columnsOf(table)} ON ${relation(table.table)} ${to}`]),
    ]),
    ...OWN.map(([rights, table]) => `GRANT ${rights} ON lethe_system.${table} ${to}`),
    `GRANT EXECUTE ON FUNCTION lethe_system.digest(text, text, text, text[]) ${to}`,
    `GRANT EXECUTE ON FUNCTION lethe_system.members(text, text, text, integer, integer, text, text) ${to}`,
    `GRANT EXECUTE ON FUNCTION lethe_system.quietly(text, text[]) ${to}`,
  ];
}

const columnsOf = ({ update, updateAll }: Needs): string =>
  updateAll ? '' : ` (${[...update].map(ident).join(', ')})`;

const OWN: readonly (readonly [rights: string, table: string])[] = [
  ['SELECT', 'schema_version'],
  ['SELECT', 'identity_types'],
  ['SELECT, INSERT, DELETE', 'batch'],
  ['SELECT, INSERT, DELETE', 'batches'],
  ['SELECT, INSERT, UPDATE, DELETE', 'tombstones'],
  ['SELECT, INSERT, DELETE', 'suppressions'],
  ['SELECT, INSERT, UPDATE, DELETE', 'ranges'],
];
