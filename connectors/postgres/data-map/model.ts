import { type Comparison, type Identity, type IdentityType, ALIAS, normalize } from '../../../domain/identity.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { Column, IdentityColumns, KindMap, PostgresSettings, Retention, TableMap, Wording } from './data-map.ts';
import { qualifiedName } from '../sql.ts';

/** Columns that together hold an identity, the types of that identity, and its comparison. */
export interface Match {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly comparison: Comparison;
}

/** One table of the data map. A row that fits any of `matches` belongs to the subject. */
export interface Target {
  readonly table: string;
  /** Relative to the system: `kinds.user.tables.2`. */
  readonly path: string;
  readonly role: 'subject' | 'aliases' | 'table';
  readonly matches: readonly Match[];
  readonly via?: { readonly table: string; readonly on: readonly (readonly [string, string])[] };
  readonly retain?: Retention;
  /** The column with the time at which a row was created. */
  readonly time?: string;
  readonly sources: readonly string[];
  readonly wording: Wording;
}

export interface KindModel {
  readonly kind: SubjectKind;
  readonly map: KindMap;
  readonly keyType: string;
  readonly types: Readonly<Record<string, IdentityType>>;
  readonly key: Match;
  /** The subject's own table is the last, because the others can reference it. */
  readonly targets: readonly Target[];
  /** Every column (`app.users.email`) by which rows of any kind are found. A part deletion must not clear them. */
  readonly lookupColumns: ReadonlySet<string>;
}

export const columnOf = (column: Column): { column: string; match: Comparison } =>
  typeof column === 'string' ? { column, match: 'exact' } : column;

export const columnsOf = (identity: IdentityColumns): readonly string[] =>
  'columns' in identity ? identity.columns : [identity.column];

/** Aliases share columns with keys. They compare like the key if it is text, and otherwise exactly. */
const aliasComparison = (key: Comparison): Comparison => (key === 'caseInsensitive' ? key : 'exact');

function buildModel(kind: SubjectKind, map: KindMap): Omit<KindModel, 'lookupColumns'> {
  const { column, match } = columnOf(map.key);
  const key: Match = { columns: [column], types: [column], comparison: match };
  const path = `kinds.${kind}`;
  const keyOrAlias = { columns: [], types: [column, ALIAS], comparison: aliasComparison(match) };
  const aliases: Target[] =
    map.aliases === undefined
      ? []
      : [
          {
            table: map.aliases.table,
            path: `${path}.aliases`,
            role: 'aliases',
            sources: [],
            wording: map.aliases,
            matches: [
              { ...keyOrAlias, columns: [map.aliases.subject] },
              { ...keyOrAlias, columns: [map.aliases.alias] },
            ],
          },
        ];
  const tables = (map.tables ?? []).map((table, index) => buildTarget(table, `${path}.tables.${index}`, map));
  const ownTable: Target = {
    table: map.table,
    path,
    role: 'subject',
    matches: [key],
    sources: map.sources ?? [],
    wording: map,
  };
  return { kind, map, keyType: column, types: identityTypes(map), key, targets: [...tables, ...aliases, ownTable] };
}

export function identityTypes(map: KindMap): Record<string, IdentityType> {
  const { column, match } = columnOf(map.key);
  const types: Record<string, IdentityType> = { [column]: { comparison: match, parts: 1 } };
  for (const [type, identity] of Object.entries(map.identities ?? {}))
    types[type] = { comparison: identity.match ?? 'exact', parts: columnsOf(identity).length };
  if (map.aliases !== undefined) types[ALIAS] = { comparison: aliasComparison(match), parts: 1 };
  return types;
}

function buildTarget(table: TableMap, path: string, map: KindMap): Target {
  const common = {
    table: table.table,
    path,
    role: 'table' as const,
    sources: table.sources ?? [],
    wording: table,
    ...(table.retain && { retain: table.retain }),
    ...(table.time !== undefined && { time: table.time }),
  };
  if (table.via !== undefined)
    return { ...common, matches: [], via: { table: table.via.table, on: Object.entries(table.via.on) } };
  return { ...common, matches: [subjectMatch(table.subject, map)] };
}

function subjectMatch(subject: NonNullable<TableMap['subject']>, map: KindMap): Match {
  const key = columnOf(map.key);
  if (typeof subject === 'object' && 'identity' in subject) {
    const comparison = map.identities?.[subject.identity]?.match ?? 'exact';
    return { columns: subject.columns, types: [subject.identity], comparison };
  }
  const { column, match } =
    typeof subject === 'string' ? { column: subject, match: 'key_and_aliases' as const } : subject;
  const types = match === 'key' ? [key.column] : [key.column, ALIAS];
  return { columns: [column], types, comparison: key.match === 'caseInsensitive' ? 'caseInsensitive' : 'exact' };
}

export function buildModels(settings: PostgresSettings): readonly KindModel[] {
  const models = (['user', 'company'] as const).flatMap((kind) => {
    const map = settings.kinds[kind];
    return map === undefined ? [] : [buildModel(kind, map)];
  });
  const lookupColumns = new Set(models.flatMap(lookupColumnsOf));
  return models.map((model) => ({ ...model, lookupColumns }));
}

function lookupColumnsOf({ map, targets }: Pick<KindModel, 'map' | 'targets'>): string[] {
  const identityColumns = Object.values(map.identities ?? {}).flatMap(columnsOf);
  return [
    ...identityColumns.map((column) => qualifiedColumn(map.table, column)),
    ...targets.flatMap((target) => linkColumns(target).map((column) => qualifiedColumn(target.table, column))),
    ...targets.flatMap(({ via }) =>
      via === undefined ? [] : via.on.map(([, column]) => qualifiedColumn(via.table, column)),
    ),
  ];
}

export const qualifiedColumn = (table: string, column: string): string => `${qualifiedName(table)}.${column}`;

/** The columns that relate a row to its subject, directly or through another table. */
export const linkColumns = (target: Target): readonly string[] => [
  ...new Set([
    ...target.matches.flatMap(({ columns }) => columns),
    ...(target.via?.on ?? []).map(([column]) => column),
  ]),
];

/** Every entry of the table that `via` names, because each entry selects other rows. */
export const parentsOf = (target: Target, model: KindModel): readonly Target[] =>
  model.targets.filter(
    (other) =>
      target.via !== undefined && other !== target && qualifiedName(other.table) === qualifiedName(target.via.table),
  );

/** A key from the database in normalized form. */
export function keyIdentity(model: KindModel, value: readonly string[]): Identity {
  const normal = normalize(model.types[model.keyType], value);
  return { type: model.keyType, value: 'invalid' in normal ? value : normal.value };
}
