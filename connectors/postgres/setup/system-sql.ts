import type { PostgresSettings } from '../data-map/data-map.ts';
import { grantStatements } from '../inspect/access/grants.ts';
import { buildModels } from '../data-map/build-models.ts';
import { FUNCTIONS } from './system-functions.ts';
import { SCHEMA_VERSION, TABLES } from './system-tables.ts';
import { literal } from '../sql.ts';

/** Idempotent. An administrator runs it once, and again after a change of the data map. Grants the least rights. */
export function systemSql(settings: PostgresSettings, setup: { system: string; role?: string }): string {
  const types = buildModels(settings).flatMap((model) =>
    Object.entries(model.types).map(([type, { comparison }]) => {
      const texts = [setup.system, model.kind, type, comparison].map(literal).join(', ');
      return {
        row: `(${texts}, ${String(type === model.keyType)})`,
        name: `(${[model.kind, type].map(literal).join(', ')})`,
      };
    }),
  );
  // No BEGIN: a driver sends it as one transaction, and statement by statement each one leaves a consistent state.
  return [
    TABLES.trim(),
    FUNCTIONS.trim(),
    '-- The identity types of the data map.',
    `INSERT INTO lethe_system.identity_types AS old (system, kind, type, comparison, is_key) VALUES`,
    types.map(({ row }) => `  ${row}`).join(',\n'),
    'ON CONFLICT (system, kind, type) DO UPDATE SET comparison = excluded.comparison, is_key = excluded.is_key;',
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
