import type { ConfigError } from '../../connector.ts';
import { type Inspection, oidsOf } from './inspection.ts';
import { namedColumns } from '../data-map/named-columns.ts';

interface Index {
  readonly table: string;
  readonly isUnique: boolean;
  readonly columns: number;
  /** The first column or expression, as PostgreSQL prints it. */
  readonly leading: string;
}

/** Checks that every lookup column is the first of an index. Otherwise each chunk would read the whole table. */
export async function checkIndexes(inspection: Inspection): Promise<readonly ConfigError[]> {
  const indexes = await inspection.session.rows<Index>(INDEXES, [oidsOf(inspection)]);
  return namedColumns(inspection.context.settings).flatMap((named) => {
    if (named.use !== 'key' && named.use !== 'find' && named.use !== 'join') return [];
    const [column] = named.columns;
    const type = column === undefined ? undefined : inspection.catalog.columns.get(named.table)?.get(column);
    if (column === undefined || type === undefined) return [];
    const isLowerCased = named.comparison === 'caseInsensitive' && type.base !== 'citext';
    const usable = indexes.filter((index) => index.table === named.table && isFirst(index, column, isLowerCased));
    const indexed = isLowerCased ? `lower(${column})` : column;
    if (usable.length === 0)
      return [{ path: named.path, message: `${named.table} needs a valid, non-partial index on ${indexed}` }];
    if (named.use === 'key' && !usable.some(({ isUnique, columns }) => isUnique && columns === named.columns.length))
      return [
        {
          path: named.path,
          message: `${named.columns.join(', ')} of ${named.table} is not unique; a key needs a unique index on exactly these columns`,
        },
      ];
    return [];
  });
}

function isFirst({ leading }: Index, column: string, isLowerCased: boolean): boolean {
  const quoted = /^[a-z_][a-z0-9_]*$/.test(column) ? [column, `"${column}"`] : [`"${column.replaceAll('"', '""')}"`];
  return isLowerCased
    ? quoted.some((name) => leading === `lower(${name})` || leading === `lower((${name})::text)`)
    : quoted.includes(leading);
}

const INDEXES = `
  SELECT n.nspname || '.' || c.relname AS "table", i.indisunique AND i.indimmediate AS "isUnique",
         i.indnkeyatts::int AS columns, pg_get_indexdef(i.indexrelid, 1, false) AS leading
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam AND am.amname IN ('btree', 'hash')
  WHERE i.indrelid = ANY ($1::oid[]) AND i.indisvalid AND i.indisready AND i.indpred IS NULL`;
