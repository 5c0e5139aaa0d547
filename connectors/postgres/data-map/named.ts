import type { Comparison } from '../../../domain/identity.ts';
import type { PostgresSettings } from './data-map.ts';
import { type KindModel, columnsOf, kindModels } from './model.ts';
import { canonical } from '../sql.ts';

/** Columns that the data map names, where it does, and what is done with them. */
export interface Named {
  readonly path: string;
  readonly table: string;
  readonly columns: readonly string[];
  /** `key`: finds one subject; `find`: finds its rows; `join`: finds rows from rows; `blank`: set to NULL; `source`: emptied; `time`; `flag`; `read`. */
  readonly use: 'key' | 'find' | 'join' | 'blank' | 'source' | 'time' | 'flag' | 'read';
  readonly comparison: Comparison;
  /** The values belong to an identity type, whose comparison must suit the column's type. */
  readonly declares: boolean;
}

export function namedColumns(settings: PostgresSettings): readonly Named[] {
  const named = kindModels(settings).flatMap(kindColumns);
  const { segments } = settings;
  if (segments === undefined) return named;
  return [
    ...named,
    ...plain('segments.segment', segments.table, [segments.segment], 'join'),
    ...plain('segments.subject', segments.table, [segments.subject], 'read'),
  ];
}

const plain = (path: string, table: string, columns: readonly string[], use: Named['use']): Named[] =>
  columns.length === 0 ? [] : [{ path, table: canonical(table), columns, use, comparison: 'exact', declares: false }];

function kindColumns(model: KindModel): Named[] {
  const { map } = model;
  const path = `kinds.${model.kind}`;
  const own = canonical(map.table);
  const comparison = model.key.comparison;
  const identities = Object.entries(map.identities ?? {}).map(([type, identity]): Named => ({
    path: `${path}.identities.${type}`,
    table: own,
    columns: columnsOf(identity),
    use: 'find',
    comparison: identity.match ?? 'exact',
    declares: true,
  }));
  return [
    { path: `${path}.key`, table: own, columns: model.key.columns, use: 'key', comparison, declares: true },
    ...identities,
    ...plain(
      `${path}.softDelete.column`,
      map.table,
      map.softDelete === undefined ? [] : [map.softDelete.column],
      'flag',
    ),
    ...model.targets.flatMap((target) => targetColumns(target)),
    ...(map.tables ?? []).flatMap((table, index) => [
      ...plain(`${path}.tables.${index}.time`, table.table, table.time === undefined ? [] : [table.time], 'time'),
      ...plain(`${path}.tables.${index}.retain.blank`, table.table, table.retain?.blank ?? [], 'blank'),
    ]),
  ];
}

function targetColumns(target: KindModel['targets'][number]): Named[] {
  return [
    ...linkColumns(target),
    ...plain(`${target.path}.sources`, target.table, target.sources, 'source'),
    ...plain(`${target.path}.columns`, target.table, Object.keys(target.wording.columns ?? {}), 'read'),
  ];
}

function linkColumns(target: KindModel['targets'][number]): Named[] {
  if (target.role === 'subject') return [];
  if (target.via !== undefined) {
    const { table, on } = target.via;
    const mine = on.map(([column]) => column);
    return [
      ...plain(`${target.path}.via`, target.table, mine, 'join'),
      ...plain(
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
    table: canonical(target.table),
    columns: match.columns,
    use: 'find',
    comparison: match.comparison,
    declares: false,
  }));
}
