import { ALIAS } from '../../../domain/identity.ts';
import { buildModels } from '../../data-map/build-models.ts';
import { identityColumns, segmentTables } from '../../data-map/catalog.ts';
import { type KindModel, isDeleted, linksOf } from '../../data-map/model.ts';
import { qualifiedName, tableName } from '../../data-map/names.ts';
import { type MariadbSettings, withDatabases } from '../settings.ts';
import { ident, literal, relation } from '../sql.ts';
import { FUNCTIONS, FUNCTION_NAMES } from './functions.ts';
import { SCHEMA_VERSION, SYSTEM_TABLES, TABLES } from './system-tables.ts';

/** Idempotent. An administrator runs it once, and again after a change of the data map. Grants the least rights. */
export function systemSql(settings: MariadbSettings, setup: { system: string; role?: string }): string {
  const map = withDatabases(settings);
  const types = buildModels(map).flatMap((model) =>
    Object.entries(model.types).map(([type, { comparison }]) => {
      const texts = [setup.system, model.kind, type, comparison].map(literal).join(', ');
      return {
        row: `(${texts}, ${String(type === model.keyType)}, ${isPaddedSql(model, type)})`,
        name: `(${[model.kind, type].map(literal).join(', ')})`,
      };
    }),
  );
  return [
    `USE ${ident(settings.database)};`,
    TABLES.trim(),
    '',
    FUNCTIONS.trim(),
    '',
    '-- The identity types of the data map.',
    'INSERT INTO lethe_identity_types (`system`, kind, type, comparison, is_key, is_padded) VALUES',
    types.map(({ row }) => `  ${row}`).join(',\n'),
    'ON DUPLICATE KEY UPDATE comparison = VALUES(comparison), is_key = VALUES(is_key), is_padded = VALUES(is_padded);',
    `DELETE FROM lethe_identity_types WHERE \`system\` = ${literal(setup.system)}`,
    `  AND (kind, type) NOT IN (${types.map(({ name }) => name).join(', ')});`,
    '-- The version of these tables.',
    `INSERT IGNORE INTO lethe_schema_version (version) VALUES (${SCHEMA_VERSION});`,
    ...(setup.role === undefined ? [] : ['-- The least rights that Lethe needs.', ...grantStatements(map, setup.role)]),
    '',
  ].join('\n');
}

/** Whether blanks at the end of a value do not count, by the collations of its columns. */
function isPaddedSql(model: KindModel, type: string): string {
  const { aliases } = model.map;
  const isAlias = type === ALIAS && aliases !== undefined;
  const columns = isAlias
    ? [aliases.alias]
    : (identityColumns(model).find((identity) => identity.type === type)?.columns ?? []);
  const { schema, name } = tableName(isAlias ? aliases.table : model.map.table);
  return `(SELECT COALESCE(MAX(c.collation_name NOT LIKE '%nopad%' AND c.collation_name NOT LIKE '%0900%'), false)
    FROM information_schema.columns AS c WHERE c.table_schema = ${literal(schema)} AND c.table_name = ${literal(name)}
      AND c.column_name IN (${columns.map(literal).join(', ')}))`;
}

/** The rights of Lethe's role on one table. */
export interface RequiredGrants {
  readonly table: string;
  readonly rights: readonly ('SELECT' | 'UPDATE' | 'DELETE')[];
}

/** UPDATE also locks rows, and removes references between rows that are deleted together. */
export function requiredGrants(settings: MariadbSettings): readonly RequiredGrants[] {
  const rights = new Map<string, Set<'SELECT' | 'UPDATE' | 'DELETE'>>();
  const add = (table: string, ...added: readonly ('SELECT' | 'UPDATE' | 'DELETE')[]): void => {
    const name = qualifiedName(table);
    rights.set(name, new Set([...(rights.get(name) ?? []), 'SELECT', ...added]));
  };
  for (const { targets } of buildModels(settings))
    for (const target of targets) {
      add(target.table, 'UPDATE', ...(isDeleted(target) ? (['DELETE'] as const) : []));
      for (const link of linksOf(target)) add(link.table);
    }
  for (const { table } of segmentTables(settings.segments)) add(table);
  return [...rights].map(([table, set]) => ({ table, rights: [...set] }));
}

/** `lethe@10.0.0.%` names a user and its hosts. Without hosts, the user connects from anywhere. */
export function accountSql(role: string): string {
  const at = role.lastIndexOf('@');
  const [user, host] = at < 0 ? [role, '%'] : [role.slice(0, at), role.slice(at + 1)];
  return `${literal(user)}@${literal(host)}`;
}

export function grantStatements(settings: MariadbSettings, role: string): readonly string[] {
  const to = `TO ${accountSql(role)};`;
  const own = (name: string): string => `${ident(settings.database)}.${ident(name)}`;
  const tables = requiredGrants(settings);
  const databases = new Set([settings.database, ...tables.map(({ table }) => tableName(table).schema)]);
  return [
    `GRANT CREATE TEMPORARY TABLES ON ${ident(settings.database)}.* ${to}`,
    '-- Shows the names of all tables and columns, so that Lethe finds those that the data map lacks. Reads no row.',
    ...[...databases].map((database) => `GRANT REFERENCES ON ${ident(database)}.* ${to}`),
    ...SYSTEM_TABLES.filter((table) => table !== 'lethe_secret').map((table) =>
      ['lethe_schema_version', 'lethe_identity_types'].includes(table)
        ? `GRANT SELECT ON ${own(table)} ${to}`
        : `GRANT SELECT, INSERT, UPDATE, DELETE ON ${own(table)} ${to}`,
    ),
    ...FUNCTION_NAMES.map((name) => `GRANT EXECUTE ON FUNCTION ${own(name)} ${to}`),
    ...tables.map(({ table, rights }) => `GRANT ${rights.join(', ')} ON ${relation(table)} ${to}`),
  ];
}
