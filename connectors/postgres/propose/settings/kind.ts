import type { KindMap, TableMap } from '../../../data-map/data-map.ts';
import type { SubjectKind } from '../../../../domain/vocabulary.ts';
import { qualifiedName } from '../../../data-map/names.ts';
import { keysFrom, keysTo } from '../catalog/snapshot.ts';
import { type Draft, type Survey, isToKey } from '../entries/draft.ts';
import { isSource, softDeleteColumn } from '../names/column-kinds.ts';
import { isAliasesName } from '../names/table-kinds.ts';
import { type Build, buildEntry, omittedColumns, personalNote } from './entry.ts';
import { evidenceOf } from './notes.ts';
import type { ProposedIdentity } from './identities.ts';

/** The table of aliases, recognized by its name, a reference to the subject and another column of a text or uuid type. */
export interface Aliases {
  readonly table: string;
  readonly alias: string;
  readonly subject: string;
  readonly why: string;
}

export function findAliases({ references, snapshot, subject }: Survey): Aliases | null {
  if (subject.key.length > 1) return null;
  for (const reference of references) {
    const table = snapshot.tables.get(reference.child);
    const [column = ''] = reference.childColumns;
    if (table === undefined || !isToKey(reference, subject) || !isAliasesName(table.name)) continue;
    const others = table.columns.filter(
      ({ name, family, isArray }) => name !== column && !isArray && (family === 'text' || family === 'uuid'),
    );
    const alias = others.find(({ name }) => /alias|device|anonymous|distinct|previous|old/i.test(name)) ?? others[0];
    if (alias !== undefined && table.columns.length <= 6)
      return {
        table: table.name,
        alias: alias.name,
        subject: column,
        why: `${evidenceOf(reference)}; the name of the table`,
      };
  }
  return null;
}

export function buildKind(
  kind: SubjectKind,
  drafts: readonly Draft[],
  identities: readonly ProposedIdentity[],
  aliases: Aliases | null,
  build: Build,
): KindMap {
  const { survey, notes } = build;
  const { subject, snapshot } = survey;
  const { table, key, keyType, comparison } = subject;
  const path = `kinds.${kind}`;
  notes.add(path, ...personalNote(table, survey));
  notes.add(`${path}.key`, subject.reason);
  for (const { type, why, question } of identities) {
    notes.add(`${path}.identities.${type}`, why);
    if (question !== undefined) notes.ask(`${path}.identities.${type}`, question);
  }
  if (aliases !== null) notes.add(`${path}.aliases`, aliases.why);
  const flag = softDeleteColumn(table);
  if (flag === undefined)
    notes.ask(
      path,
      `${table.name} has no column such as deleted_at, so Lethe cannot hide a subject before it deletes it; add one, and softDelete`,
    );
  else notes.add(`${path}.softDelete`, 'by name and type');
  const entries = drafts.map((draft, index) => buildEntry(draft, `${path}.tables.${index}`, build));
  const fixed = new Set([
    ...key,
    ...table.primaryKey,
    ...identities.flatMap(({ columns }) => ('column' in columns ? [columns.column] : columns.columns)),
    ...keysFrom(snapshot, table.name).flatMap(({ childColumns }) => childColumns),
    ...keysTo(snapshot, table.name).flatMap(({ parentColumns }) => parentColumns),
  ]);
  const sources = table.columns.filter((column) => isSource(column) && !fixed.has(column.name)).map(({ name }) => name);
  const omit = omittedColumns(table);
  if (sources.length > 0) notes.add(`${path}.sources`, 'by name');
  if (omit.length > 0) notes.add(`${path}.omit`, 'names of credentials or of judgments of your staff');
  return {
    table: table.name,
    key: keyOf(keyType, key, comparison),
    ...(identities.length === 0
      ? {}
      : { identities: Object.fromEntries(identities.map(({ type, columns }) => [type, columns])) }),
    ...(aliases === null ? {} : { aliases: { table: aliases.table, alias: aliases.alias, subject: aliases.subject } }),
    ...(flag === undefined ? {} : { softDelete: { column: flag.name } }),
    ...(sources.length === 0 ? {} : { sources }),
    ...(omit.length === 0 ? {} : { omit }),
    ...acknowledged(table.name, path, build),
    ...(entries.length === 0 ? {} : { tables: acknowledgeOnce(entries, table.name, path, build) }),
  };
}

function keyOf(
  type: string,
  columns: readonly string[],
  match: Build['survey']['subject']['comparison'],
): KindMap['key'] {
  const [column = ''] = columns;
  if (columns.length > 1) return match === 'exact' ? { name: type, columns } : { name: type, columns, match };
  return match === 'exact' ? column : { column, match };
}

/** Triggers, rules and inheritors belong to the first entry of a table. */
function acknowledgeOnce(entries: readonly TableMap[], own: string, path: string, build: Build): readonly TableMap[] {
  const seen = new Set([own]);
  return entries.map((entry, index) => {
    if (seen.has(entry.table)) return entry;
    seen.add(entry.table);
    return { ...entry, ...acknowledged(entry.table, `${path}.tables.${index}`, build) };
  });
}

function acknowledged(
  name: string,
  path: string,
  { survey, notes }: Build,
): Pick<KindMap, 'triggers' | 'rules' | 'inheritors'> {
  const table = survey.snapshot.tables.get(qualifiedName(name));
  if (table === undefined) return {};
  const { triggers, rules, inheritors } = table;
  if (triggers.length > 0) notes.ask(`${path}.triggers`, 'check that these triggers copy no rows and stop no deletion');
  if (rules.length > 0) notes.ask(`${path}.rules`, 'check that rows are still deleted under these rules');
  if (inheritors.length > 0)
    notes.ask(`${path}.inheritors`, 'rows of these tables are deleted with the rows of this one');
  return {
    ...(triggers.length === 0 ? {} : { triggers }),
    ...(rules.length === 0 ? {} : { rules }),
    ...(inheritors.length === 0 ? {} : { inheritors }),
  };
}
