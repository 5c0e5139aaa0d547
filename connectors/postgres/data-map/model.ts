import { type Comparison, type Identity, type IdentityType, ALIAS, normalise } from '../../../domain/identity.ts';
import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { Column, IdentityColumns, KindMap, PostgresSettings, Retention, TableMap, Wording } from './data-map.ts';
import { canonical } from '../sql.ts';

/** Columns that name a subject together, the identity types whose values they hold, and how these compare. */
export interface Match {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly comparison: Comparison;
}

/** One table of a data map: by what its rows are found. A row that fits any of `matches` belongs to the subject. */
export interface Target {
  readonly table: string;
  /** Below the system, e.g. `kinds.user.tables.2`. */
  readonly path: string;
  readonly role: 'subject' | 'aliases' | 'table';
  readonly matches: readonly Match[];
  readonly via?: { readonly table: string; readonly on: readonly (readonly [string, string])[] };
  readonly retain?: Retention;
  /** When a row came to be. */
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
  /** The subject's own table is the last: what references it comes before. */
  readonly targets: readonly Target[];
  /** Every column (`app.users.email`) by which rows are found, those of other kinds too: emptied, they never would be again. */
  readonly finding: ReadonlySet<string>;
}

export const columnOf = (column: Column): { column: string; match: Comparison } =>
  typeof column === 'string' ? { column, match: 'exact' } : column;

export const columnsOf = (identity: IdentityColumns): readonly string[] =>
  'columns' in identity ? identity.columns : [identity.column];

/** Aliases stand where keys stand, so they are compared like a key of text, and exactly beside a key of another type. */
const aliasComparison = (key: Comparison): Comparison => (key === 'caseInsensitive' ? key : 'exact');

function kindModel(kind: SubjectKind, map: KindMap): Omit<KindModel, 'finding'> {
  const { column, match } = columnOf(map.key);
  const key: Match = { columns: [column], types: [column], comparison: match };
  const path = `kinds.${kind}`;
  const named = { columns: [], types: [column, ALIAS], comparison: aliasComparison(match) };
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
              { ...named, columns: [map.aliases.subject] },
              { ...named, columns: [map.aliases.alias] },
            ],
          },
        ];
  const tables = (map.tables ?? []).map((table, index) => target(table, `${path}.tables.${index}`, map));
  const own: Target = {
    table: map.table,
    path,
    role: 'subject',
    matches: [key],
    sources: map.sources ?? [],
    wording: map,
  };
  return { kind, map, keyType: column, types: identityTypes(map), key, targets: [...tables, ...aliases, own] };
}

export function identityTypes(map: KindMap): Record<string, IdentityType> {
  const { column, match } = columnOf(map.key);
  const types: Record<string, IdentityType> = { [column]: { comparison: match, parts: 1 } };
  for (const [type, identity] of Object.entries(map.identities ?? {}))
    types[type] = { comparison: identity.match ?? 'exact', parts: columnsOf(identity).length };
  if (map.aliases !== undefined) types[ALIAS] = { comparison: aliasComparison(match), parts: 1 };
  return types;
}

function target(table: TableMap, path: string, map: KindMap): Target {
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

export function kindModels(settings: PostgresSettings): readonly KindModel[] {
  const models = (['user', 'company'] as const).flatMap((kind) => {
    const map = settings.kinds[kind];
    return map === undefined ? [] : [kindModel(kind, map)];
  });
  const finding = new Set(models.flatMap(findingColumns));
  return models.map((model) => ({ ...model, finding }));
}

function findingColumns({ map, targets }: Pick<KindModel, 'map' | 'targets'>): string[] {
  const own = Object.values(map.identities ?? {}).flatMap(columnsOf);
  return [
    ...own.map((column) => placeOf(map.table, column)),
    ...targets.flatMap((target) => linkColumns(target).map((column) => placeOf(target.table, column))),
    ...targets.flatMap(({ via }) => (via === undefined ? [] : via.on.map(([, theirs]) => placeOf(via.table, theirs)))),
  ];
}

export const placeOf = (table: string, column: string): string => `${canonical(table)}.${column}`;

/** The columns by which a row is the subject's, directly or through another table. */
export const linkColumns = (target: Target): readonly string[] => [
  ...new Set([...target.matches.flatMap(({ columns }) => columns), ...(target.via?.on ?? []).map(([mine]) => mine)]),
];

/** The tables of the kind that a `via` means: every entry of that name, because each holds other rows. */
export const parentsOf = (target: Target, model: KindModel): readonly Target[] =>
  model.targets.filter(
    (other) => target.via !== undefined && other !== target && canonical(other.table) === canonical(target.via.table),
  );

/** A key from the database as everything compares and digests it. */
export function keyIdentity(model: KindModel, value: readonly string[]): Identity {
  const normal = normalise(model.types[model.keyType], value);
  return { type: model.keyType, value: 'invalid' in normal ? value : normal.value };
}
