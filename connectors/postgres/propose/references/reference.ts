import type { DeleteRule } from '../../../data-map/catalog.ts';
import { columnPath } from '../../../data-map/names.ts';
import type { Conditions } from '../../../data-map/data-map.ts';
import { type Snapshot, type SnapshotKey, columnOf } from '../catalog/snapshot.ts';

/** How a reference is known: by a foreign key, or by one of the guesses. */
export type ReferenceKind = 'key' | 'name' | 'suffix' | 'role' | 'polymorphic' | 'array' | 'document';

/** Columns of a table that refer to rows of another table, or of the same one. */
export interface Reference {
  readonly kind: ReferenceKind;
  readonly child: string;
  /** Columns, or a key inside a document. */
  readonly childColumns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  /** For a foreign key: its name and ON DELETE rule. */
  readonly constraint?: string;
  readonly onDelete?: DeleteRule;
  /** The rows that the reference is about, for polymorphic columns. */
  readonly where?: Conditions;
  /** What the sample says. Absent without rows, or without a sample. */
  readonly evidence?: Evidence;
}

/** `matched` of `sampled` values exist as keys of the parent. */
export interface Evidence {
  readonly sampled: number;
  readonly matched: number;
}

export const keyReference = ({
  name,
  child,
  childColumns,
  parent,
  parentColumns,
  onDelete,
}: SnapshotKey): Reference => ({
  kind: 'key',
  child,
  childColumns,
  parent,
  parentColumns,
  constraint: name,
  onDelete,
});

export const referenceId = ({ child, childColumns, parent, parentColumns, where }: Reference): string =>
  `${child}(${childColumns.join()})${JSON.stringify(where ?? {})}->${parent}(${parentColumns.join()})`;

/** The columns of a reference that can become NULL. A foreign key of several columns ends with one of them. */
export const nullableColumns = (snapshot: Snapshot, { child, childColumns }: Reference): readonly string[] => {
  const table = snapshot.tables.get(child);
  return childColumns.filter((name) => {
    const path = columnPath(name);
    return path.keys.length > 0 || columnOf(table, path.column)?.isNotNull === false;
  });
};

export const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, index) => name === b[index]);

export const shareOf = ({ evidence }: Reference): number | null =>
  evidence === undefined || evidence.sampled === 0 ? null : evidence.matched / evidence.sampled;
