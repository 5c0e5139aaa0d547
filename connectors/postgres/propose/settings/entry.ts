import { columnPath } from '../../../data-map/names.ts';
import type { Detachment, Retention, SubjectColumns, TableMap, Value } from '../../../data-map/data-map.ts';
import { ident, relation } from '../../sql.ts';
import { type Column, type Table, columnOf, keysFrom, keysTo } from '../catalog/snapshot.ts';
import { type Draft, type Survey, inKeyOrder, isToKey } from '../entries/draft.ts';
import { canLoseAddress } from '../entries/pointed.ts';
import { credentialColumns, internalColumns, isSource, timeColumn } from '../names/column-kinds.ts';
import { type Reference, nullableColumns } from '../references/reference.ts';
import { personalColumns } from './personal.ts';
import { type Notes, evidenceOf, percent } from './notes.ts';

/** What the entries of one kind share while they are written. */
export interface Build {
  readonly survey: Survey;
  readonly notes: Notes;
  readonly hasAliases: boolean;
  /** Tables with an entry whose rows stay. */
  readonly retained: ReadonlySet<string>;
  /** Tables with details of a person to which rows point. */
  readonly pointedTo: ReadonlySet<string>;
  readonly ghost: Value;
  /** References for which a ghost row is needed. */
  readonly ghostUses: string[];
  /** Statements that the proposal needs, with their reasons. */
  readonly statements: Statement[];
}

/** A statement without which `check` reports an error at this path. */
export interface Statement {
  readonly reason: string;
  readonly sql: string;
  readonly settles: { readonly path: string; readonly message: string };
}

export function buildEntry(draft: Draft, path: string, build: Build): TableMap {
  const { survey, notes } = build;
  const table = survey.snapshot.tables.get(draft.table);
  if (table === undefined) throw new Error(`${draft.table} is not in the snapshot`);
  notes.add(path, reasonOf(draft), ...(draft.effect === 'detach' ? [] : personalNote(table, survey)));
  const used = usedColumns(draft);
  const common = {
    ...(draft.where === undefined ? {} : { where: draft.where }),
    ...(draft.isOthers === true ? { export: false as const } : {}),
    ...effectOf(draft, table, path, build),
    ...columnsOf(draft, table, used, path, build),
  };
  for (const question of draft.questions) notes.ask(path, question);
  return { table: draft.table, ...linkOf(draft, build), ...common };
}

/** Names the personal columns, so that a reader sees what the rows hold. */
export function personalNote(table: Table, { samples }: Survey): string[] {
  const names = personalColumns(table, samples).map(({ name }) => name);
  return names.length === 0 ? [] : [`personal columns: ${names.join(', ')}`];
}

function reasonOf({ link, why }: Draft): string {
  if (link.by === 'reference')
    return why === undefined ? evidenceOf(link.reference) : `${evidenceOf(link.reference)}: ${why}`;
  if (link.by === 'pointed')
    return `rows of ${link.reference.child} point here (${evidenceOf(link.reference)}); deleted when nothing else points to them`;
  const { sampled = 0, matched = 0 } = link.matched ?? {};
  return sampled === 0
    ? `guess: the name ${link.columns.join(', ')}, without rows for a sample`
    : `guess: the name, and ${percent(matched / sampled)} of ${sampled} sampled addresses are those of a subject`;
}

type Link = Pick<TableMap, 'subject' | 'via' | 'referencedBy'>;

function linkOf({ link }: Draft, build: Build): Extract<TableMap, Link> | { subject: SubjectColumns } {
  const { subject } = build.survey;
  if (link.by === 'address') return { subject: { identity: build.survey.email?.type ?? '', columns: link.columns } };
  if (link.by === 'pointed')
    return {
      referencedBy: flip(link.reference),
      ...(link.sharedWith.length === 0 ? {} : { sharedWith: link.sharedWith.map(flip) }),
    } as Extract<TableMap, Link>;
  const { reference } = link;
  if (isToKey(reference, subject)) return { subject: subjectOf(reference, build) };
  const on = Object.fromEntries(
    reference.childColumns.map((column, index) => [column, reference.parentColumns[index] ?? '']),
  );
  return { via: { table: reference.parent, on } } as Extract<TableMap, Link>;
}

/** From the rows that are pointed to: their columns first. */
const flip = ({ child, childColumns, parentColumns }: Reference): { table: string; on: Record<string, string> } => ({
  table: child,
  on: Object.fromEntries(parentColumns.map((column, index) => [column, childColumns[index] ?? ''])),
});

function subjectOf(reference: Reference, { survey, hasAliases }: Build): SubjectColumns {
  const columns = inKeyOrder(reference, survey.subject);
  const [column = ''] = columns;
  if (columns.length > 1) return { columns };
  if (reference.kind === 'array') return { contains: column, match: 'key' };
  return hasAliases && reference.kind === 'key' ? { column, match: 'key' } : column;
}

/** The columns by which an entry finds its rows, without keys inside documents. */
function usedColumns({ link, where }: Draft): ReadonlySet<string> {
  const names =
    link.by === 'address'
      ? link.columns
      : link.by === 'pointed'
        ? link.reference.parentColumns
        : link.reference.childColumns.map((name) => columnPath(name).column);
  return new Set([...names, ...Object.keys(where ?? {})]);
}

type EffectKeys = Pick<TableMap, 'retain' | 'detach'>;

function effectOf(draft: Draft, table: Table, path: string, build: Build): EffectKeys {
  const { link, effect } = draft;
  if (link.by !== 'reference' || effect === 'delete') return {};
  return effect === 'detach'
    ? { detach: detachment(link.reference, path, build) }
    : { retain: retention(link.reference, table, path, build) };
}

function detachment(reference: Reference, path: string, build: Build): Detachment {
  const { survey } = build;
  const nullable = nullableColumns(survey.snapshot, reference);
  const column = nullable.at(-1) ?? reference.childColumns.at(-1) ?? '';
  if (nullable.length > 0 || reference.kind === 'array') return { [column]: null };
  if (isToKey(reference, survey.subject)) return { [column]: { ghost: useGhost(column, path, reference, build) } };
  allowNull(reference.child, column, `${path}.detach`, build);
  build.notes.ask(path, `${column} is NOT NULL; allow NULL, or remove detach if the rows are deleted`);
  return { [column]: null };
}

function useGhost(column: string, path: string, { child }: Reference, build: Build): Value {
  build.ghostUses.push(`${child}.${column}`);
  build.notes.ask(
    path,
    `${column} is NOT NULL, so a ghost row takes the place of the person; otherwise allow NULL, or keep the person's row with anonymise`,
  );
  return build.ghost;
}

function allowNull(table: string, column: string, path: string, { statements }: Build): void {
  statements.push({
    reason: `${table}.${column} has to become NULL when the row that it refers to is deleted`,
    sql: `ALTER TABLE ${relation(table)} ALTER COLUMN ${ident(column)} DROP NOT NULL;`,
    settles: { path, message: 'is NOT NULL' },
  });
}

const PSEUDONYM_LENGTH = 40;

function retention(reference: Reference, table: Table, path: string, build: Build): Retention {
  const { survey, notes, retained } = build;
  const linked = new Set([
    ...reference.childColumns,
    ...keysFrom(survey.snapshot, table.name).flatMap(({ childColumns }) => childColumns),
    ...table.primaryKey,
  ]);
  const personal = personalColumns(table, survey.samples).filter(
    ({ name, isGenerated }) => !linked.has(name) && !isGenerated,
  );
  const blank = [
    ...personal.filter(({ isNotNull, isPartitionKey }) => !isNotNull && !isPartitionKey).map(({ name }) => name),
    ...keysFrom(survey.snapshot, table.name)
      .filter((key) => build.pointedTo.has(key.parent) && canLoseAddress(key, survey))
      .flatMap(({ childColumns }) => childColumns),
  ];
  const fixed = personal.filter(({ isNotNull }) => isNotNull).map(({ name }) => name);
  notes.ask(path, 'state the law and the period, or remove retain to delete the rows');
  if (fixed.length > 0)
    notes.ask(
      path,
      `${fixed.join(', ')} cannot be NULL and ${fixed.length === 1 ? 'stays' : 'stay'} in the rows; allow NULL and add to blank`,
    );
  const isFree = retained.has(reference.parent) && !isToKey(reference, survey.subject);
  return {
    basis: 'legal obligation to keep records',
    ...(blank.length === 0 ? {} : { blank }),
    ...(isFree ? {} : unlink(reference, table, path, build)),
  };
}

function unlink(
  reference: Reference,
  table: Table,
  path: string,
  build: Build,
): Pick<Retention, 'unlink' | 'reassign'> {
  const { survey } = build;
  if (nullableColumns(survey.snapshot, reference).length > 0) return { unlink: 'null' };
  const column = reference.childColumns.at(-1) ?? '';
  if (!isToKey(reference, survey.subject)) {
    allowNull(reference.child, column, `${path}.retain.unlink`, build);
    return { unlink: 'null' };
  }
  if (reference.kind !== 'key' && reference.childColumns.length === 1 && holdsPseudonym(columnOf(table, column)))
    return { unlink: 'pseudonym' };
  const ghost = useGhost(column, path, reference, build);
  return { reassign: reference.childColumns.length === 1 ? ghost : { [column]: ghost } };
}

function holdsPseudonym(column: Column | undefined): boolean {
  if (column === undefined) return false;
  const length = Number(/\((\d+)\)/.exec(column.full)?.[1] ?? PSEUDONYM_LENGTH);
  return ['uuid', 'int8'].includes(column.base) || (column.family === 'text' && length >= PSEUDONYM_LENGTH);
}

type ColumnKeys = Pick<TableMap, 'time' | 'sources' | 'omit'>;

function columnsOf(draft: Draft, table: Table, used: ReadonlySet<string>, path: string, build: Build): ColumnKeys {
  const { snapshot } = build.survey;
  if (draft.effect === 'detach') return {};
  const isExported = draft.isOthers !== true;
  const time = timeColumn(table)?.name;
  const fixed = new Set([
    ...used,
    ...table.primaryKey,
    ...keysFrom(snapshot, table.name).flatMap(({ childColumns }) => childColumns),
    ...keysTo(snapshot, table.name).flatMap(({ parentColumns }) => parentColumns),
  ]);
  const sources = isExported
    ? table.columns.filter((each) => isSource(each) && !fixed.has(each.name)).map(({ name }) => name)
    : [];
  const omit = isExported ? omittedColumns(table) : [];
  if (time !== undefined && isExported) build.notes.add(`${path}.time`, 'by name and type');
  if (sources.length > 0) build.notes.add(`${path}.sources`, 'by name');
  if (omit.length > 0) build.notes.add(`${path}.omit`, 'names of credentials or of judgments of your staff');
  return {
    ...(time === undefined || !isExported ? {} : { time }),
    ...(sources.length === 0 ? {} : { sources }),
    ...(omit.length === 0 ? {} : { omit }),
  };
}

export const omittedColumns = (table: Table): readonly string[] => [
  ...new Set([...credentialColumns(table), ...internalColumns(table)]),
];
