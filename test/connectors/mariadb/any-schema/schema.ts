import type { KindMap, TableMap } from '../../../../connectors/data-map/data-map.ts';
import type { MariadbSettings } from '../../../../connectors/mariadb/index.ts';
import { type Choices, settingsOf } from '../../any-schema/map.ts';
import { type Table, tablesOf } from '../../any-schema/tables.ts';

/** MariaDB has no arrays. */
const hasArrays = ({ columns }: Table): boolean => Object.values(columns).some(({ type }) => type.endsWith('[]'));

export const mariadbTables = (isComposite: boolean): readonly (readonly [string, Table])[] =>
  Object.entries(tablesOf(isComposite)).filter(([, table]) => !hasArrays(table));

/** InnoDB has no SET DEFAULT, and no foreign keys of partitioned tables, so these tables have no partitions. */
export function schemaSql(isComposite: boolean): string {
  const tables = mariadbTables(isComposite);
  const prefix = isComposite ? 'tenant_id, ' : '';
  const keys = tables.flatMap(([name, { references }]) =>
    Object.entries(references).flatMap(([column, { to, onDelete, constraint }]) => {
      if (constraint === 'none') return [`ALTER TABLE ${name} ADD INDEX (${prefix}${column})`];
      const target = tablesOf(isComposite)[to]?.id ?? '';
      // A composite SET NULL would change the tenant.
      const isChanging = onDelete?.startsWith('SET') === true;
      const action =
        onDelete === undefined || onDelete === 'SET DEFAULT' || (isChanging && isComposite)
          ? ''
          : ` ON DELETE ${onDelete}`;
      return [
        `ALTER TABLE ${name} ADD CONSTRAINT ${name}_${column}_key FOREIGN KEY (${prefix}${column}) REFERENCES ${to} (${prefix}${target})${action}`,
      ];
    }),
  );
  return [
    ...tables.map(([name, table]) => createTable(name, table, isComposite)),
    ...keys,
    `ALTER TABLE comments ADD INDEX (${prefix}commentable_id)`,
    'ALTER TABLE users ADD UNIQUE INDEX (email)',
    'ALTER TABLE subscriptions ADD INDEX (email)',
  ].join(';\n');
}

function createTable(name: string, { id, references, columns }: Table, isComposite: boolean): string {
  const lines = [
    ...(isComposite ? ['tenant_id INT NOT NULL'] : []),
    `${id} INT NOT NULL`,
    ...Object.entries(references).map(
      ([column, { isRequired }]) => `${column} INT${isRequired === true ? ' NOT NULL' : ''}`,
    ),
    ...Object.entries(columns).map(([column, { type }]) => `${column} ${typeOf(column, type)}`),
    `PRIMARY KEY (${isComposite ? 'tenant_id, ' : ''}${id}${'at' in columns ? ', at' : ''})`,
  ];
  return `CREATE TABLE ${name} (${lines.join(', ')})`;
}

function typeOf(column: string, type: string): string {
  if (type === 'json' || type === 'jsonb') return 'JSON';
  if (type !== 'text') return type;
  return column === 'email' ? 'VARCHAR(80) COLLATE utf8mb4_general_ci' : 'VARCHAR(80) COLLATE utf8mb4_bin';
}

/** The map of the other database without what MariaDB lacks. Rows that ON DELETE CASCADE would delete are mapped. */
export function mariadbSettings(choices: Choices, database: string): MariadbSettings {
  const { url, pace, kinds } = settingsOf(choices);
  const { user } = kinds;
  if (user === undefined) throw new Error('the settings map users');
  const tenant = choices.isComposite ? { tenant_id: 'tenant_id' } : {};
  const cascades: readonly TableMap[] = [
    {
      table: 'app.badges',
      subject: choices.isComposite ? { columns: ['tenant_id', 'holder_id'] } : { column: 'holder_id', match: 'key' },
      export: false,
    },
    { table: 'app.badge_awards', via: { table: 'app.badges', on: { ...tenant, badge_id: 'badge_id' } }, export: false },
  ];
  const { onDelete: _, tables = [], ...own } = user;
  const mapped = tables.filter(({ subject }) => typeof subject !== 'object' || !('contains' in subject));
  // An anonymised subject keeps its row, so the database would delete none of these.
  const isKept = choices.subject === 'anonymise';
  const kind: KindMap = { ...own, tables: [...mapped.map(withoutActions), ...(isKept ? [] : cascades)] };
  const ignore = cascades.map(({ table }) => ({ table, reason: 'the row of the user stays' }));
  return { url, database, ...(pace && { pace }), kinds: { user: kind }, ...(isKept && { ignore }) };
}

function withoutActions({ onDelete: _, ...map }: TableMap): TableMap {
  return map;
}
