import type { DataMap } from './data-map.ts';
import type { Comparison } from '../../domain/identity.ts';
import { buildModels } from './build-models.ts';
import { columnPath, qualifiedName } from './names.ts';
import { type KindModel, type Target, columnsOf, linksOf } from './model.ts';
import { referenceChanges } from './reference-changes.ts';

/** Columns that one key of the data map names, and their use. */
export interface NamedColumns {
  readonly path: string;
  readonly table: string;
  readonly columns: readonly string[];
  /**
   * `key` finds a subject, `find` its rows, `contain` rows whose array has its key, `join` rows through other rows.
   * `blank` and `source` columns are cleared, `change` columns get another value.
   */
  readonly use: 'key' | 'find' | 'contain' | 'join' | 'blank' | 'source' | 'change' | 'time' | 'flag' | 'read';
  readonly comparison: Comparison;
  /** Whether the key declares an identity type, whose comparison has to fit the column's type. */
  readonly declaresType: boolean;
}

export function namedColumns(settings: DataMap): readonly NamedColumns[] {
  const named = buildModels(settings).flatMap(kindColumns);
  const { segments } = settings;
  if (segments === undefined) return named;
  return [
    ...named,
    ...exactColumns('segments.segment', segments.table, [segments.segment], 'join'),
    ...exactColumns('segments.subject', segments.table, [segments.subject].flat(), 'read'),
    ...(segments.list === undefined
      ? []
      : exactColumns('segments.list.segment', segments.list.table, [segments.list.segment], 'read')),
  ];
}

const exactColumns = (
  path: string,
  table: string,
  columns: readonly string[],
  use: NamedColumns['use'],
): NamedColumns[] =>
  columns.length === 0
    ? []
    : [{ path, table: qualifiedName(table), columns, use, comparison: 'exact', declaresType: false }];

function kindColumns(model: KindModel): NamedColumns[] {
  const { map } = model;
  const path = `kinds.${model.kind}`;
  const own = qualifiedName(map.table);
  const comparison = model.key.comparison;
  const identities = Object.entries(map.identities ?? {}).map(([type, identity]): NamedColumns => ({
    path: `${path}.identities.${type}`,
    table: own,
    columns: columnsOf(identity),
    use: 'find',
    comparison: identity.match ?? 'exact',
    declaresType: true,
  }));
  return [
    { path: `${path}.key`, table: own, columns: model.key.columns, use: 'key', comparison, declaresType: true },
    ...identities,
    ...exactColumns(
      `${path}.softDelete.column`,
      map.table,
      map.softDelete === undefined ? [] : [map.softDelete.column],
      'flag',
    ),
    ...model.targets.flatMap((target) => targetColumns(target)),
    ...exactColumns(`${path}.anonymise`, map.table, Object.keys(map.anonymise ?? {}), 'change'),
  ];
}

function targetColumns(target: Target): NamedColumns[] {
  const { path, table, time, retain, conditions } = target;
  const changed = referenceChanges(target).map(({ column }) => columnPath(column).column);
  return [
    ...linkColumns(target),
    ...linkedColumns(target),
    ...exactColumns(`${path}.where`, table, Object.keys(conditions), 'read'),
    ...exactColumns(`${path}.time`, table, time === undefined ? [] : [time], 'time'),
    ...exactColumns(`${path}.retain.blank`, table, retain?.blank ?? [], 'blank'),
    ...exactColumns(`${path}.${retain === undefined ? 'detach' : 'retain'}`, table, changed, 'change'),
    ...exactColumns(`${path}.sources`, table, target.sources, 'source'),
    ...exactColumns(`${path}.omit`, table, target.omit, 'read'),
    ...exactColumns(`${path}.approve`, table, target.approve, 'read'),
    ...exactColumns(`${path}.columns`, table, Object.keys(target.wording.columns ?? {}), 'read'),
  ];
}

/** The columns of other tables to which `via`, `referencedBy` and `sharedWith` refer, and those that are searched. */
function linkedColumns(target: Target): NamedColumns[] {
  const { path, via, referencedBy, sharedWith } = target;
  const there = linksOf(target).flatMap(({ table, on }) => {
    const key = via === undefined ? 'referencedBy' : 'via';
    return exactColumns(
      `${path}.${key}`,
      table,
      on.map(([, column]) => column),
      'read',
    );
  });
  const searched = [referencedBy, ...sharedWith].filter((link) => link !== undefined);
  return [
    ...there,
    ...searched.flatMap(({ table, on }) =>
      exactColumns(
        `${path}.sharedWith`,
        table,
        on.map(([, column]) => column),
        'join',
      ),
    ),
  ];
}

function linkColumns(target: Target): NamedColumns[] {
  if (target.role === 'subject') return [];
  const { path, via, referencedBy } = target;
  const link = via ?? referencedBy;
  const key = via === undefined ? 'referencedBy' : 'via';
  if (link !== undefined)
    return exactColumns(
      `${path}.${key}`,
      target.table,
      link.on.map(([column]) => column),
      'join',
    );
  const names = target.role === 'aliases' ? ['subject', 'alias'] : ['subject'];
  return target.matches.map((match, index) => ({
    path: `${path}.${names[index] ?? 'subject'}`,
    table: qualifiedName(target.table),
    columns: match.columns,
    use: match.isArray === true ? 'contain' : 'find',
    comparison: match.comparison,
    declaresType: false,
  }));
}
