import { type Comparison, type Identity, type IdentityType, ALIAS, normalizeStored } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';
import type {
  Anonymised,
  Conditions,
  DeleteAction,
  Detachment,
  IdentityColumns,
  Key,
  KindMap,
  Relation,
  Retention,
  Wording,
} from './data-map.ts';
import { columnPath, qualifiedName } from './names.ts';

/** Columns that together hold an identity, the types of that identity, and its comparison. */
export interface Match {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly comparison: Comparison;
  /** The column is an array that contains the value. */
  readonly isArray?: boolean;
}

export interface Link {
  readonly table: string;
  /** Pairs of a column here and a column of `table`. */
  readonly on: readonly (readonly [here: string, there: string])[];
}

/** One entry of the data map. A row that fits any of `matches`, or `via`, belongs to the subject or refers to it. */
export interface Target {
  readonly table: string;
  /** Relative to the system: `kinds.user.tables.2`. */
  readonly path: string;
  readonly role: 'subject' | 'aliases' | 'table';
  readonly matches: readonly Match[];
  readonly conditions: Conditions;
  readonly via?: Link;
  /** The rows of another entry that point to these rows. Their keys are collected into the batch table. */
  readonly referencedBy?: Link;
  readonly sharedWith: readonly Link[];
  /** What a deletion does with the rows, if it does not delete them. At most one is present. */
  readonly retain?: Retention;
  readonly detach?: Detachment;
  readonly anonymise?: Readonly<Record<string, Anonymised>>;
  readonly onDelete: readonly DeleteAction[];
  readonly isExported: boolean;
  readonly omit: readonly string[];
  readonly approve: readonly string[];
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
  /** Every column that an entry of any kind omits. No entry exports it. */
  readonly omittedColumns: ReadonlySet<string>;
}

/** The key in one form: `type` is its identity type. */
export function keyOf(key: Key): { type: string; columns: readonly string[]; comparison: Comparison } {
  if (typeof key === 'string') return { type: key, columns: [key], comparison: 'exact' };
  if ('columns' in key) return { type: key.name, columns: key.columns, comparison: key.match ?? 'exact' };
  return { type: key.column, columns: [key.column], comparison: key.match };
}

export const columnsOf = (identity: IdentityColumns): readonly string[] =>
  'columns' in identity ? identity.columns : [identity.column];

/** Aliases share columns with keys. They compare like the key if it is text, and otherwise exactly. */
export const aliasComparison = (key: Comparison): Comparison => (key === 'caseInsensitive' ? key : 'exact');

export function identityTypes(map: KindMap): Record<string, IdentityType> {
  const { type: keyType, columns, comparison } = keyOf(map.key);
  const types: Record<string, IdentityType> = { [keyType]: { comparison, parts: columns.length } };
  for (const [type, identity] of Object.entries(map.identities ?? {}))
    types[type] = { comparison: identity.match ?? 'exact', parts: columnsOf(identity).length };
  if (map.aliases !== undefined) types[ALIAS] = { comparison: aliasComparison(comparison), parts: 1 };
  return types;
}

/** `schema.table.column`, without the keys inside a document. */
export const qualifiedColumn = (table: string, name: string): string =>
  `${qualifiedName(table)}.${columnPath(name).column}`;

/** The columns that relate a row to its subject, directly or through another table. */
export const linkColumns = (target: Target): readonly string[] => [
  ...new Set([
    ...target.matches.flatMap(({ columns }) => columns),
    ...(target.via?.on ?? []).map(([column]) => column),
  ]),
];

/** The relations to other tables: `via`, `referencedBy` and `sharedWith`. */
export const linksOf = ({ via, referencedBy, sharedWith }: Target): readonly Link[] =>
  [via, referencedBy, ...sharedWith].filter((link) => link !== undefined);

export const linkOf = ({ table, on }: Relation): Link => ({ table, on: Object.entries(on) });

export const isDeleted = ({ retain, detach, anonymise }: Target): boolean =>
  retain === undefined && detach === undefined && anonymise === undefined;

export const isSameTable = (a: string, b: string): boolean => qualifiedName(a) === qualifiedName(b);

/**
 * The entries of the table that `via` or `referencedBy` names, because each entry selects other rows. Detached rows
 * belong to another person, so nothing belongs to them. A row that is detached, or that refers to its own table, has
 * parents only among the rows that a deletion removes.
 */
export function parentsOf(target: Target, model: KindModel): readonly Target[] {
  const link = target.via ?? target.referencedBy;
  if (link === undefined) return [];
  const needsDeleted = target.detach !== undefined || isSameTable(link.table, target.table);
  return model.targets.filter(
    (other) =>
      other !== target &&
      isSameTable(other.table, link.table) &&
      other.detach === undefined &&
      (!needsDeleted || isDeleted(other) || other.role === 'subject'),
  );
}

/** Whether the rows belong to rows of the same table, to any depth. */
export const isRecursive = (target: Target): boolean =>
  target.via !== undefined && isSameTable(target.via.table, target.table) && isDeleted(target);

/** A key from the database. */
export function keyIdentity({ keyType, types }: KindModel, value: readonly string[]): Identity {
  const type = types[keyType];
  return { type: keyType, value: (type && normalizeStored(type, value)) ?? value };
}
