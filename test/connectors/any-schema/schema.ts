import { type Table, tablesOf } from './tables.ts';

/** The name of the foreign key of a reference. */
export const constraintOf = (table: string, column: string): string => `${table}_${column}_key`;

/** The statements that create the schema `app`. In the composite variant every key begins with the tenant. */
export function schemaSql(isComposite: boolean): string {
  const tables = Object.entries(tablesOf(isComposite));
  const prefix = isComposite ? 'tenant_id, ' : '';
  const created = tables.map(([name, table]) => createTable(name, table, isComposite));
  const indexed = tables.flatMap(([name, { references, columns }]) => [
    ...Object.keys(references).map((column) => `CREATE INDEX ON app.${name} (${prefix}${column})`),
    ...Object.entries(columns)
      .filter(([, { type }]) => type.endsWith('[]'))
      .map(([column]) => `CREATE INDEX ON app.${name} USING gin (${column})`),
  ]);
  const constrained = tables.flatMap(([name, table]) => foreignKeys(name, table, isComposite));
  return [
    'CREATE SCHEMA app',
    ...created,
    ...indexed,
    ...constrained,
    `CREATE INDEX ON app.comments (${prefix}commentable_id)`,
    `CREATE INDEX ON app.events (${isComposite ? 'tenant_id, ' : ''}(payload->>'user_id'))`,
    `CREATE INDEX ON app.events (${isComposite ? 'tenant_id, ' : ''}(payload->'actor'->>'id'))`,
    isComposite
      ? `CREATE INDEX ON app.audits ((entry->'who'->>'tenant'), (entry->'who'->>'id'))`
      : `CREATE INDEX ON app.audits ((entry->'who'->>'id'))`,
    ...(isComposite ? [] : ['CREATE INDEX ON app.ratings (rater)']),
    'CREATE UNIQUE INDEX ON app.users (lower(email))',
    'CREATE INDEX ON app.subscriptions (lower(email))',
    `CREATE MATERIALIZED VIEW app.post_counts AS SELECT ${prefix}author_id, count(*)::int AS posts FROM app.posts GROUP BY ${prefix}author_id`,
  ].join(';\n');
}

function createTable(name: string, { id, references, columns, isPartitioned }: Table, isComposite: boolean): string {
  const partitionKey = isPartitioned === true ? ', at' : '';
  const lines = [
    ...(isComposite ? ['tenant_id integer NOT NULL'] : []),
    `${id} integer NOT NULL`,
    ...Object.entries(references).map(
      ([column, { isRequired, onDelete }]) =>
        `${column} integer${isRequired === true ? ' NOT NULL' : ''}${onDelete === 'SET DEFAULT' ? ' DEFAULT 0' : ''}`,
    ),
    ...Object.entries(columns).map(([column, { type }]) => `${column} ${type}`),
    `PRIMARY KEY (${isComposite ? 'tenant_id, ' : ''}${id}${partitionKey})`,
  ];
  const partitions =
    isPartitioned === true
      ? [2025, 2026].map(
          (year) =>
            `CREATE TABLE app.${name}_${year} PARTITION OF app.${name} FOR VALUES FROM ('${year}-01-01') TO ('${year + 1}-01-01')`,
        )
      : [];
  const table = `CREATE TABLE app.${name} (${lines.join(', ')})${isPartitioned === true ? ' PARTITION BY RANGE (at)' : ''}`;
  return [table, ...partitions].join(';\n');
}

function foreignKeys(name: string, { references }: Table, isComposite: boolean): string[] {
  const prefix = isComposite ? 'tenant_id, ' : '';
  return Object.entries(references).flatMap(([column, { to, onDelete, constraint }]) => {
    if (constraint === 'none') return [];
    const target = tablesOf(isComposite)[to]?.id ?? '';
    const changed = isComposite && onDelete?.startsWith('SET') === true ? ` (${column})` : '';
    const action = onDelete === undefined ? '' : ` ON DELETE ${onDelete}${changed}`;
    const children = constraint === 'partitions' ? [`${name}_2025`, `${name}_2026`] : [name];
    return children.map(
      (child) =>
        `ALTER TABLE app.${child} ADD CONSTRAINT ${constraintOf(child, column)} FOREIGN KEY (${prefix}${column}) REFERENCES app.${to} (${prefix}${target})${action}`,
    );
  });
}
