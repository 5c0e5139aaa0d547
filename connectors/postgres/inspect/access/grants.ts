import type { PostgresSettings } from '../../settings.ts';
import { buildModels } from '../../../data-map/build-models.ts';
import { segmentTables } from '../../../data-map/catalog.ts';
import { type KindModel, isDeleted, linksOf } from '../../../data-map/model.ts';
import { changedColumns } from '../../../data-map/reference-changes.ts';
import { qualifiedName, tableName } from '../../../data-map/names.ts';
import { ident, relation } from '../../sql.ts';

/** The rights of Lethe's role on one table. `update` lists columns. */
export interface RequiredGrants {
  readonly table: string;
  select: boolean;
  delete: boolean;
  readonly update: Set<string>;
  /** A part deletion clears columns that the data map does not name, including columns that are added later. */
  updateAll: boolean;
}

/** The least rights that the verbs need. */
export function requiredGrants(settings: PostgresSettings): readonly RequiredGrants[] {
  const all = new Map<string, RequiredGrants>();
  const grantsOf = (table: string): RequiredGrants => {
    const name = qualifiedName(table);
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
  for (const model of buildModels(settings)) addKindGrants(model, grantsOf);
  for (const { table } of segmentTables(settings.segments)) grantsOf(table);
  return [...all.values()];
}

function addKindGrants(model: KindModel, grantsOf: (table: string) => RequiredGrants): void {
  for (const target of model.targets) {
    const table = grantsOf(target.table);
    for (const link of linksOf(target)) grantsOf(link.table);
    for (const action of target.onDelete) grantsOf(action.table);
    for (const column of [...target.sources, ...changedColumns(target)]) table.update.add(column);
    if (target.role === 'subject') table.updateAll = true;
    if (isDeleted(target)) table.delete = true;
  }
  // SELECT … FOR UPDATE needs UPDATE on one column: the soft-delete column, otherwise the key.
  grantsOf(model.map.table).update.add(model.map.softDelete?.column ?? model.key.columns[0] ?? '');
}

export function grantStatements(settings: PostgresSettings, role: string): readonly string[] {
  const to = `TO ${ident(role)};`;
  const tables = requiredGrants(settings);
  const schemas = [...new Set(tables.map(({ table }) => tableName(table).schema))];
  return [
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${ident(schema)} ${to}`),
    ...tables.flatMap((table) => [
      `GRANT ${table.delete ? 'SELECT, DELETE' : 'SELECT'} ON ${relation(table.table)} ${to}`,
      ...(table.update.size === 0 ? [] : [`GRANT UPDATE${columnsOf(table)} ON ${relation(table.table)} ${to}`]),
    ]),
    ...SCHEMA_GRANTS.map(([rights, table]) => `GRANT ${rights} ON lethe_system.${table} ${to}`),
    `GRANT EXECUTE ON FUNCTION lethe_system.digest(text, text, text, text[]) ${to}`,
    `GRANT EXECUTE ON FUNCTION lethe_system.members(text, text, text, integer, integer, text, text) ${to}`,
    `GRANT EXECUTE ON FUNCTION lethe_system.run_redacted(text, text[]) ${to}`,
  ];
}

const columnsOf = ({ update, updateAll }: RequiredGrants): string =>
  updateAll ? '' : ` (${[...update].map(ident).join(', ')})`;

const SCHEMA_GRANTS: readonly (readonly [rights: string, table: string])[] = [
  ['SELECT', 'schema_version'],
  ['SELECT', 'identity_types'],
  ['SELECT, INSERT, DELETE', 'batch'],
  ['SELECT, INSERT, DELETE', 'batches'],
  ['SELECT, INSERT, UPDATE, DELETE', 'tombstones'],
  ['SELECT, INSERT, DELETE', 'suppressions'],
  ['SELECT, INSERT, UPDATE, DELETE', 'ranges'],
];
