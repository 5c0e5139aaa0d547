import type { Comparison } from '../../../../domain/identity.ts';
import { columnSide } from '../../data-map/cast.ts';
import { type Catalog, findType } from '../../data-map/catalog.ts';
import { columnPath, qualifiedName } from '../../../data-map/names.ts';
import { columnSql } from '../../data-map/column-path.ts';
import type { Conditions } from '../../../data-map/data-map.ts';
import { type KindModel, type Link, type Target, columnsOf } from '../../../data-map/model.ts';
import type { Inspection } from '../inspection.ts';

/** One part of a look-up, in the form in which statements compare it. */
export interface ComparedColumn {
  /** As in the data map, for messages. */
  readonly name: string;
  /** `"user_id"`, `lower("email")` or `("payload" ->> 'user_id')` */
  readonly sql: string;
  /** The type of the values that it is compared with, for a cast. */
  readonly type: string;
}

/** A condition by which statements find rows of a table. */
export interface LookUp {
  readonly path: string;
  readonly table: string;
  readonly columns: readonly ComparedColumn[];
  /** Finds a subject, so its columns are unique together. */
  readonly isKey: boolean;
  /** Finds arrays that contain a value. */
  readonly isArray: boolean;
  /** The constant condition of the entry, which is part of each statement. */
  readonly conditions: Conditions;
}

/** Every look-up of the data map whose columns exist. */
export function readLookUps({ context, catalog, relations }: Inspection): readonly LookUp[] {
  const { segments } = context.settings;
  const all = [
    ...context.models.flatMap((model) => kindLookUps(model, catalog)),
    ...(segments === undefined ? [] : lookUps('segments.segment', segments.table, [segments.segment], catalog)),
  ];
  return all.filter(({ table }) => relations.has(table));
}

interface Options {
  readonly comparison?: Comparison;
  readonly isKey?: boolean;
  readonly isArray?: boolean;
  readonly conditions?: Conditions;
}

/** No look-up when a column is missing, which another check reports. */
function lookUps(
  path: string,
  table: string,
  names: readonly string[],
  catalog: Catalog,
  { comparison = 'exact', isKey = false, isArray = false, conditions = {} }: Options = {},
): LookUp[] {
  const columns = names.flatMap((name): ComparedColumn[] => {
    const type = findType(catalog, table, name);
    if (type === undefined) return [];
    const plain = columnSql(name);
    const sql = columnSide(plain, type, comparison);
    return [{ name, sql, type: sql === plain ? type.full : 'text' }];
  });
  const isComplete = columns.length === names.length && columns.length > 0;
  return isComplete ? [{ path, table: qualifiedName(table), columns, isKey, isArray, conditions }] : [];
}

function kindLookUps(model: KindModel, catalog: Catalog): LookUp[] {
  const { map, key, kind, targets } = model;
  const { comparison } = key;
  return [
    ...lookUps(`kinds.${kind}.key`, map.table, key.columns, catalog, { comparison, isKey: true }),
    ...Object.entries(map.identities ?? {}).flatMap(([type, identity]) =>
      lookUps(`kinds.${kind}.identities.${type}`, map.table, columnsOf(identity), catalog, {
        comparison: identity.match ?? 'exact',
      }),
    ),
    ...targets.flatMap((target) => (target.role === 'subject' ? [] : targetLookUps(target, catalog))),
  ];
}

function targetLookUps(target: Target, catalog: Catalog): LookUp[] {
  const { path, table, via, referencedBy, sharedWith, conditions } = target;
  const here = (key: string, { on }: Link): LookUp[] =>
    lookUps(
      `${path}.${key}`,
      table,
      on.map(([column]) => column),
      catalog,
      { conditions },
    );
  // Rows that point here are searched before a row is deleted.
  const there = (key: string, link: Link): LookUp[] =>
    lookUps(
      `${path}.${key}`,
      link.table,
      link.on.map(([, column]) => column),
      catalog,
    );
  if (via !== undefined) return here('via', via);
  if (referencedBy !== undefined)
    return [
      ...here('referencedBy', referencedBy),
      ...there('referencedBy', referencedBy),
      ...sharedWith.flatMap((link, index) => there(`sharedWith.${index}`, link)),
    ];
  const names = target.role === 'aliases' ? ['subject', 'alias'] : ['subject'];
  return target.matches.flatMap(({ columns, comparison, isArray = false }, index) =>
    lookUps(`${path}.${names[index] ?? 'subject'}`, table, columns, catalog, { comparison, isArray, conditions }),
  );
}

/** The columns that every row of the look-up has one value of, or one of several, or NULL. */
export const constantColumns = ({ conditions }: LookUp): readonly string[] =>
  Object.entries(conditions).flatMap(([name, condition]) =>
    Array.isArray(condition) && condition.includes(null) ? [] : [columnSql(name)],
  );

/** `user_id`, `lower(email)` or `payload->>'user_id'` */
export const describeColumns = ({ columns }: LookUp): string =>
  columns
    .map(({ name, sql }) => (columnPath(name).keys.length === 0 && sql.startsWith('lower(') ? `lower(${name})` : name))
    .join(', ');
