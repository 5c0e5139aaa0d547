import type { ConfigError } from '../../connector.ts';
import { columnSql } from '../data-map/column-path.ts';
import { ghostKeys } from '../../data-map/reference-changes.ts';
import { constantSql } from '../rows/constants.ts';
import { ident, relation } from '../sql.ts';
import { qualifiedName } from '../../data-map/names.ts';
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
        return value === null ? 'true' : `ghost.${column} = ${constantSql(value)}`;
      });
      // A column without a value is part of every key, such as a tenant: each of its values needs a ghost.
      const others = model.key.columns.filter((_, index) => ghost[index] === null).map(ident);
      const exists = `EXISTS (SELECT FROM ${relation(table)} AS ghost WHERE ${[...parts, ...others.map((column) => `ghost.${column} = own.${column}`)].join(' AND ')})`;
      const [row] = await session.rows<{ exists: boolean }>(
        others.length === 0
          ? `SELECT ${exists} AS exists`
          : `SELECT count(*) > 0 AND bool_and(${exists}) AS exists FROM (SELECT DISTINCT ${others.join(', ')} FROM ${relation(table)}) AS own`,
      );
      if (row?.exists === true) continue;
      const key = ghost.map((value) => value ?? '*').join(', ');
      const each = others.length === 0 ? '' : `, for each ${others.join(', ')}`;
      errors.push({
        path: `kinds.${model.kind}`,
        message: `${qualifiedName(table)} has no ghost row with the key ${key}${each}, to which the data map reassigns rows; insert it`,
      });
    }
  }
  return errors;
}
