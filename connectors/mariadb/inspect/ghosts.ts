import type { ConfigError } from '../../connector.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { ghostKeys } from '../../data-map/reference-changes.ts';
import { constantSql } from '../batch/conditions.ts';
import { ident, relation } from '../sql.ts';
import type { Inspection } from './inspection.ts';

/** Checks that the ghost rows exist that take over rows of deleted subjects. A database without rows has none. */
export async function checkGhosts({
  context,
  session,
  relations,
  options,
}: Inspection): Promise<readonly ConfigError[]> {
  if (options.schemaOnly === true) return [];
  const errors: ConfigError[] = [];
  for (const { kind, map, key, ...model } of context.models) {
    if (!relations.has(qualifiedName(map.table))) continue;
    for (const ghost of ghostKeys({ kind, map, key, ...model })) {
      const parts = key.columns.flatMap((column, index) => {
        const value = ghost[index] ?? null;
        return value === null ? [] : [`${ident(column)} = ${constantSql(value)}`];
      });
      const found = await session.rows(`SELECT 1 FROM ${relation(map.table)} WHERE ${parts.join(' AND ')} LIMIT 1`);
      if (found.length > 0) continue;
      const named = ghost.map((value) => value ?? '*').join(', ');
      errors.push({
        path: `kinds.${kind}`,
        message: `${qualifiedName(map.table)} has no ghost row with the key ${named}, to which the data map reassigns rows; insert it`,
      });
    }
  }
  return errors;
}
