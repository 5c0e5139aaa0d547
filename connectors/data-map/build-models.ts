import { ALIAS } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import type { DataMap, KindMap, TableMap } from './data-map.ts';
import {
  type KindModel,
  type Match,
  type Target,
  aliasComparison,
  columnsOf,
  identityTypes,
  keyOf,
  linkColumns,
  linkOf,
  linksOf,
  qualifiedColumn,
} from './model.ts';

/** Rows that rows of another entry point to have this prefix before the path of their entry as identity type. */
export const COLLECTED = '@';

/** The data map of each kind in one form, without a connection. */
export function buildModels(settings: DataMap): readonly KindModel[] {
  const models = (['user', 'company'] as const).flatMap((kind) => {
    const map = settings.kinds[kind];
    if (map === undefined) return [];
    const { type: keyType, columns, comparison } = keyOf(map.key);
    const key: Match = { columns, types: [keyType], comparison };
    return [{ kind, map, keyType, types: identityTypes(map), key, targets: buildTargets(kind, map) }];
  });
  const lookupColumns = new Set(models.flatMap(lookupColumnsOf));
  const omittedColumns = new Set(
    models
      .flatMap(({ targets }) => targets)
      .flatMap(({ table, omit }) => omit.map((column) => qualifiedColumn(table, column))),
  );
  return models.map((model) => ({ ...model, lookupColumns, omittedColumns }));
}

function lookupColumnsOf({ map, key, targets }: Pick<KindModel, 'map' | 'key' | 'targets'>): string[] {
  const links = targets.flatMap(linksOf);
  return [
    ...[...key.columns, ...Object.values(map.identities ?? {}).flatMap(columnsOf)].map((column) =>
      qualifiedColumn(map.table, column),
    ),
    ...targets.flatMap((target) =>
      [...linkColumns(target), ...Object.keys(target.conditions)].map((column) =>
        qualifiedColumn(target.table, column),
      ),
    ),
    ...links.flatMap(({ table, on }) => on.map(([, column]) => qualifiedColumn(table, column))),
  ];
}

/** The entries of one kind, in one form. The subject's own table is the last. */
function buildTargets(kind: SubjectKind, map: KindMap): readonly Target[] {
  const path = `kinds.${kind}`;
  const { type, columns, comparison } = keyOf(map.key);
  const aliases = map.aliases === undefined ? [] : [aliasTarget(map, map.aliases, `${path}.aliases`)];
  const tables = (map.tables ?? []).map((table, index) => tableTarget(table, `${path}.tables.${index}`, map));
  const ownTable: Target = {
    ...common(map, path),
    role: 'subject',
    matches: [{ columns, types: [type], comparison }],
    ...(map.anonymise && { anonymise: map.anonymise }),
  };
  return [...tables, ...aliases, ownTable];
}

const common = (map: KindMap | TableMap, path: string): Omit<Target, 'role' | 'matches'> => ({
  table: map.table,
  path,
  conditions: {},
  sharedWith: [],
  onDelete: map.onDelete ?? [],
  isExported: true,
  omit: map.omit ?? [],
  approve: map.approve ?? [],
  sources: map.sources ?? [],
  wording: map,
});

function aliasTarget(map: KindMap, aliases: NonNullable<KindMap['aliases']>, path: string): Target {
  const { type, comparison } = keyOf(map.key);
  const keyOrAlias = { types: [type, ALIAS], comparison: aliasComparison(comparison) };
  return {
    ...common({ table: aliases.table, key: map.key }, path),
    role: 'aliases',
    wording: aliases,
    matches: [
      { ...keyOrAlias, columns: [aliases.subject] },
      { ...keyOrAlias, columns: [aliases.alias] },
    ],
  };
}

function tableTarget(table: TableMap, path: string, map: KindMap): Target {
  const target = {
    ...common(table, path),
    role: 'table' as const,
    conditions: table.where ?? {},
    isExported: table.export !== false && table.detach === undefined,
    ...(table.retain && { retain: table.retain }),
    ...(table.detach && { detach: table.detach }),
    ...(table.time !== undefined && { time: table.time }),
  };
  if (table.via !== undefined) return { ...target, matches: [], via: linkOf(table.via) };
  if (table.referencedBy === undefined) return { ...target, matches: [subjectMatch(table.subject, map)] };
  const columns = Object.keys(table.referencedBy.on);
  return {
    ...target,
    matches: [{ columns, types: [`${COLLECTED}${path}`], comparison: 'exact' }],
    referencedBy: linkOf(table.referencedBy),
    sharedWith: (table.sharedWith ?? []).map(linkOf),
  };
}

function subjectMatch(subject: NonNullable<TableMap['subject']>, map: KindMap): Match {
  const key = keyOf(map.key);
  const comparison = key.comparison === 'caseInsensitive' ? key.comparison : 'exact';
  if (typeof subject === 'string') return { columns: [subject], types: [key.type, ALIAS], comparison };
  if ('identity' in subject) {
    const { match = 'exact' } = map.identities?.[subject.identity] ?? {};
    return { columns: subject.columns, types: [subject.identity], comparison: match };
  }
  if ('columns' in subject) return { columns: subject.columns, types: [key.type], comparison };
  const types = subject.match === 'key' ? [key.type] : [key.type, ALIAS];
  if ('contains' in subject) return { columns: [subject.contains], types, comparison, isArray: true };
  return { columns: [subject.column], types, comparison };
}
