import type { PostgresSettings } from '../settings.ts';
import { grantStatements } from '../inspect/access/grants.ts';
import { ALIAS } from '../../../domain/identity.ts';
import { identityColumns } from '../../data-map/catalog.ts';
import type { KindModel } from '../../data-map/model.ts';
import { buildModels } from '../../data-map/build-models.ts';
import { FUNCTIONS } from './system-functions.ts';
import { SCHEMA_VERSION, TABLES } from './system-tables.ts';
import { literal, relation } from '../sql.ts';

/** Idempotent. An administrator runs it once, and again after a change of the data map. Grants the least rights. */
export function systemSql(settings: PostgresSettings, setup: { system: string; role?: string }): string {
  const types = buildModels(settings).flatMap((model) =>
    Object.entries(model.types).map(([type, { comparison }]) => {
      const texts = [setup.system, model.kind, type, comparison].map(literal).join(', ');
      return {
        row: `(${texts}, ${String(type === model.keyType)}, ${comparison === 'caseInsensitive' ? collationsSql(model, type) : 'NULL'})`,
        name: `(${[model.kind, type].map(literal).join(', ')})`,
      };
    }),
  );
  // No BEGIN: a driver sends it as one transaction, and statement by statement each one leaves a consistent state.
  return [
    TABLES.trim(),
    FUNCTIONS.trim(),
    '-- The identity types of the data map.',
    `INSERT INTO lethe_system.identity_types AS old (system, kind, type, comparison, is_key, collations) VALUES`,
    types.map(({ row }) => `  ${row}`).join(',\n'),
    'ON CONFLICT (system, kind, type) DO UPDATE SET comparison = excluded.comparison, is_key = excluded.is_key,',
    '  collations = excluded.collations;',
    `DELETE FROM lethe_system.identity_types WHERE system = ${literal(setup.system)}`,
    `  AND (kind, type) NOT IN (${types.map(({ name }) => name).join(', ')});`,
    '-- The version of this schema.',
    `INSERT INTO lethe_system.schema_version SELECT ${SCHEMA_VERSION} WHERE NOT EXISTS (`,
    `  SELECT FROM lethe_system.schema_version WHERE version >= ${SCHEMA_VERSION});`,
    ...(setup.role === undefined
      ? []
      : ['-- The least rights that Lethe needs.', ...grantStatements(settings, setup.role)]),
    '',
  ].join('\n');
}

/** The collations of the columns that decide how values of the type compare. NULL if all have that of the database. */
function collationsSql(model: KindModel, type: string): string {
  const { aliases } = model.map;
  const isAlias = type === ALIAS && aliases !== undefined;
  const columns = isAlias
    ? [aliases.alias]
    : (identityColumns(model).find((identity) => identity.type === type)?.columns ?? []);
  const table = relation(isAlias ? aliases.table : model.map.table);
  return `(
    SELECT CASE WHEN bool_or(l.collname <> 'default') THEN array_agg(l.oid::regcollation ORDER BY c.i) END
    FROM unnest(ARRAY[${columns.map(literal).join(', ')}]) WITH ORDINALITY AS c(name, i)
    JOIN pg_attribute a ON a.attrelid = to_regclass(${literal(table)}) AND a.attname = c.name
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_collation l ON l.oid = CASE t.typname WHEN 'citext' THEN 'pg_catalog."default"'::regcollation ELSE a.attcollation END)`;
}
