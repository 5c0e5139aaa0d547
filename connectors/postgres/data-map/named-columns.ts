import type { Comparison } from '../../../domain/identity.ts';
import type { PostgresSettings } from './data-map.ts';
import { type KindModel, columnsOf, buildModels } from './model.ts';
import { qualifiedName } from '../sql.ts';

/** Columns that one key of the data map names, and their use. */
export interface NamedColumns {
  readonly path: string;
  readonly table: string;
  readonly columns: readonly string[];
  /** `key` finds a subject, `find` its rows, `join` rows through other rows. `blank` and `source` columns are cleared. */
  readonly use: 'key' | 'find' | 'join' | 'blank' | 'source' | 'time' | 'flag' | 'read';
  readonly comparison: Comparison;
  /** Whether the key declares an identity type, whose comparison has to fit the column's type. */
  readonly declaresType: boolean;
}

export function namedColumns(settings: PostgresSettings): readonly NamedColumns[] {
  const named = buildModels(settings).flatMap(kindColumns);
  const { segments } = settings;
  if (segments === undefined) return named;
  return [
    ...named,
    ...exactColumns('segments.segment', segments.table, [segments.segment], 'join'),
    ...exactColumns('segments.subject', segments.table, [segments.subject], 'read'),
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
    ...(map.tables ?? []).flatMap((table, index) => [
      ...exactColumns(
        `${path}.tables.${index}.time`,
        table.table,
        table.time === undefined ? [] : [table.time],
        'time',
      ),
      ...exactColumns(`${path}.tables.${index}.retain.blank`, table.table, table.retain?.blank ?? [], 'blank'),
    ]),
  ];
}

function targetColumns(target: KindModel['targets'][number]): NamedColumns[] {
  return [
    ...linkColumns(target),
    ...exactColumns(`${target.path}.sources`, target.table, target.sources, 'source'),
    ...exactColumns(`${target.path}.columns`, target.table, Object.keys(target.wording.columns ?? {}), 'read'),
  ];
}

function linkColumns(target: KindModel['targets'][number]): NamedColumns[] {
  if (target.role === 'subject') return [];
  if (target.via !== undefined) {
    const { table, on } = target.via;
    const mine = on.map(([column]) => column);
    return [
      ...exactColumns(`${target.path}.via`, target.table, mine, 'join'),
      ...exactColumns(
        `${target.path}.via`,
        table,
        on.map(([, column]) => column),
        'read',
      ),
    ];
  }
  const names = target.role === 'aliases' ? ['subject', 'alias'] : ['subject'];
  return target.matches.map((match, index) => ({
    path: `${target.path}.${names[index] ?? 'subject'}`,
    table: qualifiedName(target.table),
    columns: match.columns,
    use: 'find',
    comparison: match.comparison,
    declaresType: false,
  }));
}
