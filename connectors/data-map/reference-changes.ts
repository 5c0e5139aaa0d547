import { type Catalog, isNotNull } from './catalog.ts';
import { columnPath } from './names.ts';
import type { Value } from './data-map.ts';
import { type KindModel, type Target, linkColumns } from './model.ts';

/** What a reference column of a kept row becomes. `ghost` is the key of a row of the subject's table. */
export interface ReferenceChange {
  readonly column: string;
  readonly to: { readonly value: Value | null } | { readonly ghost: Value } | 'pseudonym';
}

/** The reference columns that a deletion changes in rows that it keeps. */
export function referenceChanges(target: Target): readonly ReferenceChange[] {
  const { retain, detach } = target;
  if (detach !== undefined)
    return Object.entries(detach).map(([column, to]) => ({
      column,
      to: typeof to === 'object' && to !== null ? to : { value: to },
    }));
  if (retain?.reassign !== undefined) {
    const { reassign } = retain;
    const ghosts =
      typeof reassign === 'object'
        ? reassign
        : Object.fromEntries(linkColumns(target).map((column) => [column, reassign]));
    return Object.entries(ghosts).map(([column, ghost]) => ({ column, to: { ghost } }));
  }
  const { unlink } = retain ?? {};
  if (unlink === undefined) return [];
  const to = unlink === 'pseudonym' ? unlink : { value: null };
  return linkColumns(target).map((column) => ({ column, to }));
}

/** `unlink: 'null'` of a composite reference changes the columns that allow NULL, which is enough for a foreign key. */
export function staysFilled({ column, to }: ReferenceChange, target: Target, catalog: Catalog): boolean {
  const isNull = typeof to === 'object' && 'value' in to && to.value === null;
  const isComposite = target.retain?.unlink === 'null' && linkColumns(target).length > 1;
  return isNull && isComposite && isNotNull(catalog, target.table, column);
}

/** The columns of kept rows whose values change, without the keys inside documents. */
export const changedColumns = (target: Target): readonly string[] => [
  ...Object.keys(target.anonymise ?? {}),
  ...referenceChanges(target).map(({ column }) => columnPath(column).column),
  ...(target.retain?.blank ?? []),
];

/** Keys of ghost rows: per column of the subject's key a value, or null for any. They are never subjects. */
export function ghostKeys(model: KindModel): readonly (readonly (Value | null)[])[] {
  return model.targets.flatMap((target) =>
    target.matches.flatMap((match) => {
      if (!match.types.includes(model.keyType)) return [];
      const changes = referenceChanges(target);
      const key = match.columns.map((name) => {
        const to = changes.find(({ column }) => column === name)?.to;
        return typeof to === 'object' && 'ghost' in to ? to.ghost : null;
      });
      return key.some((value) => value !== null) ? [key] : [];
    }),
  );
}
