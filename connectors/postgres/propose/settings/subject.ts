import type { Comparison } from '../../../../domain/identity.ts';
import { ConnectorError } from '../../../connector.ts';
import { canHoldKey } from '../catalog/families.ts';
import {
  type Column,
  type Snapshot,
  type Table,
  columnOf,
  hasLowerIndex,
  isMappable,
  isUnique,
  keysTo,
} from '../catalog/snapshot.ts';
import { singularNames } from '../names/roles.ts';

/** The table with one row per subject, and its key. */
export interface Subject {
  readonly table: Table;
  readonly key: readonly string[];
  /** The identity type of the key. */
  readonly keyType: string;
  readonly comparison: Comparison;
  /** Why these columns are the key. */
  readonly reason: string;
}

/** Throws an error that names what the table lacks. */
export function findSubject(snapshot: Snapshot, name: string): Subject {
  const table = snapshot.tables.get(name);
  if (table === undefined || !isMappable(table)) throw keyError(`${name} is not an ordinary or partitioned table`);
  const candidates = [table.primaryKey, ...uniqueColumns(table)].filter((columns) => columns.length > 0);
  const usable = candidates.flatMap((columns) => {
    const comparison = keyComparison(table, columns);
    return comparison === null ? [] : [{ columns, comparison }];
  });
  const referenced = keysTo(snapshot, name).map(({ parentColumns }) => parentColumns.toSorted().join());
  const [first] = usable.toSorted(
    (a, b) =>
      Number(referenced.includes(b.columns.toSorted().join())) -
      Number(referenced.includes(a.columns.toSorted().join())),
  );
  if (first === undefined)
    throw keyError(
      `${name} has no key: Lethe needs a primary key or a unique, NOT NULL column of a text, uuid or integer type, or several columns of one of these types`,
    );
  const isPrimary = first.columns === table.primaryKey;
  return {
    table,
    key: first.columns,
    keyType: keyType(name, first.columns),
    comparison: first.comparison,
    reason: isPrimary ? 'primary key' : 'unique, and foreign keys reference it',
  };
}

const keyError = (message: string): ConnectorError =>
  new ConnectorError('coverage_broken', message, { retryable: false });

const uniqueColumns = (table: Table): readonly (readonly string[])[] =>
  table.indexes
    .filter(
      ({ isUnique: unique, isPartial, keys }) =>
        unique && !isPartial && keys.every((key) => columnOf(table, key)?.isNotNull === true),
    )
    .map(({ keys }) => keys)
    .toSorted((a, b) => a.length - b.length);

/** Null when one comparison does not fit all columns. */
function keyComparison(table: Table, columns: readonly string[]): Comparison | null {
  const found = columns.map((name) => columnOf(table, name));
  const comparisons = found.map((column) =>
    column === undefined || column.isArray || !canHoldKey(column.base) ? null : comparisonOf(column, table),
  );
  return new Set(comparisons).size === 1 ? (comparisons[0] ?? null) : null;
}

/** The comparison of a key column: as its unique index compares. */
function comparisonOf(column: Column, table: Table): Comparison {
  if (column.family === 'text' && column.base !== 'citext' && !isUnique(table, [column.name]))
    return hasLowerIndex(table, column.name) ? 'caseInsensitive' : 'exact';
  return plainComparison(column);
}

export function plainComparison({ base, family }: Column): Comparison {
  if (base === 'citext') return 'caseInsensitive';
  if (family === 'uuid') return 'uuid';
  return family === 'integer' ? 'integer' : 'exact';
}

function keyType(table: string, columns: readonly string[]): string {
  const last = columns.at(-1) ?? '';
  if (columns.length === 1) return last;
  const name = /^(id|uuid|no|nr|key)$/i.test(last) ? `${singularNames(table).at(-1) ?? 'subject'}_${last}` : last;
  return name.replaceAll(/\W/g, '_').replace(/^(?![A-Za-z])/, 'key_');
}
