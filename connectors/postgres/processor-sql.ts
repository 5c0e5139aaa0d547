import type { PostgresSettings } from './data-map.ts';
import { grants } from './grants.ts';
import { kindModels } from './model.ts';
import { FUNCTIONS } from './processor-functions.ts';
import { SCHEMA_VERSION, TABLES } from './processor-tables.ts';
import { literal } from './sql.ts';

/** What an administrator runs once, and again after a change of the data map: idempotent, and the least grants. */
export function processorSql(settings: PostgresSettings, setup: { processor: string; role?: string }): string {
  const types = kindModels(settings).flatMap((model) =>
    Object.entries(model.types).map(([type, { comparison }]) => {
      const texts = [setup.processor, model.kind, type, comparison].map(literal).join(', ');
      return `  (${texts}, ${String(type === model.keyType)})`;
    }),
  );
  return [
    'BEGIN;',
    TABLES.trim(),
    FUNCTIONS.trim(),
    `DELETE FROM lethe_processor.identity_types WHERE processor = ${literal(setup.processor)};`,
    `INSERT INTO lethe_processor.identity_types (processor, kind, type, comparison, is_key) VALUES\n${types.join(',\n')};`,
    `DELETE FROM lethe_processor.schema_version;`,
    `INSERT INTO lethe_processor.schema_version VALUES (${SCHEMA_VERSION});`,
    ...(setup.role === undefined ? [] : grants(settings, setup.role)),
    'COMMIT;',
    '',
  ].join('\n');
}
