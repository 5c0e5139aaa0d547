import type { ConfigError } from '../../connector.ts';
import { columnSql } from '../data-map/column-path.ts';
import { ghostKeys } from '../data-map/reference-changes.ts';
import { constantSql } from '../rows/constants.ts';
import { qualifiedName, relation } from '../sql.ts';
import type { Inspection } from './inspection.ts';

/** Checks that the ghost rows exist that take over rows of deleted subjects. A database without rows has none. */
export async function checkGhosts(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { context, session, relations, options } = inspection;
  if (options.schemaOnly === true) return [];
  const errors: ConfigError[] = [];
  for (const model of context.models) {
    const { table } = model.map;
    if (!relations.has(qualifiedName(table))) continue;
    for (const ghost of ghostKeys(model)) {
      const parts = ghost.map((value, index) => {
        const column = `${columnSql(model.key.columns[index] ?? '')}::text`;
        return value === null ? 'true' : `${column} = ${constantSql(value)}`;
      });
      const [row] = await session.rows<{ exists: boolean }>(
        `SELECT EXISTS (SELECT FROM ${relation(table)} WHERE ${parts.join(' AND ')}) AS exists`,
      );
      if (row?.exists === true) continue;
      const key = ghost.map((value) => value ?? '*').join(', ');
      errors.push({
        path: `kinds.${model.kind}`,
        message: `${qualifiedName(table)} has no ghost row with the key ${key}, to which the data map reassigns rows; insert it`,
      });
    }
  }
  return errors;
}
