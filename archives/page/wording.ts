import type { Manifest, ManifestFile } from '../../domain/archive.ts';
import type { ExportFormat, Scope, SubjectKind } from '../../domain/vocabulary.ts';

export const formatNumber = (value: number): string => value.toLocaleString('en-US');

export const formatCount = (value: number, one: string, many: string): string =>
  `${formatNumber(value)} ${value === 1 ? one : many}`;

export const formatEntries = (value: number): string => formatCount(value, 'entry', 'entries');

/** The number of rows or files of a table. */
export const formatContents = ({ rows, hasFiles }: ManifestFile): string =>
  hasFiles === true ? formatCount(rows, 'file', 'files') : formatEntries(rows);

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

/** 22 November 2026, 22:44 UTC */
export const formatTimestamp = (iso: string): string => `${DAY.format(new Date(iso))}, ${iso.slice(11, 16)} UTC`;

/** The law that gives the data subject the right to this archive. */
export const regulationTitle = (regulation: string): string => REGULATIONS[regulation] ?? regulation.toUpperCase();
const REGULATIONS: Readonly<Record<string, string>> = {
  gdpr: 'General Data Protection Regulation, Regulation (EU) 2016/679, Articles 15 and 20',
  ccpa: 'California Consumer Privacy Act, Civil Code §§ 1798.110 and 1798.130',
};

const NOUN: Readonly<Record<SubjectKind, readonly [one: string, many: string]>> = {
  user: ['person', 'people'],
  company: ['company', 'companies'],
};
const ADDRESSED: Readonly<Record<SubjectKind, string>> = { user: 'you', company: 'your company' };

/** Names the data subjects, as the object of "data about". */
export const describeSubjects = ({ subjects, subjectKind }: Manifest): string =>
  subjects === 1 ? ADDRESSED[subjectKind] : formatCount(subjects, ...NOUN[subjectKind]);

const TITLES: Readonly<Record<Scope, string>> = {
  data: 'Data stored about',
  categories: 'Categories of data stored about',
  sources: 'Sources of the data stored about',
};
export const titleOf = (manifest: Manifest): string => `${TITLES[manifest.scope]} ${describeSubjects(manifest)}`;

const LEADS: Readonly<Record<Scope, string>> = {
  data: 'This archive contains a copy of the data, table by table, as it is stored.',
  categories:
    'This page describes the data in each table and counts the entries. The archive does not contain the entries themselves.',
  sources: 'For each table, this archive contains only the columns that show how the data was collected.',
};
export const leadOf = ({ scope }: Manifest): string => LEADS[scope];

const FORMATS: Readonly<Record<ExportFormat, string>> = {
  ndjson:
    'Each table is a text file with one entry per line, in JSON format. You can open it with any text editor, and programs can import it.',
  csv: 'Each table is a file in CSV format, which you can open with any spreadsheet program. If a text begins with = + - @ or |, also behind blanks or apostrophes, or with a tab or a line break, an apostrophe is added before it, so that the spreadsheet does not run it as a formula. That one apostrophe is not part of the data.',
};
const FILES = ' Folders contain unchanged copies of files, each in a numbered folder of its own.';
export const howToOpen = ({ format, files }: Manifest): string =>
  `${FORMATS[format]}${files.some(({ hasFiles, rows }) => hasFiles === true && rows > 0) ? FILES : ''}`;

/** Returns "Order items" for `app.order_items`, or the name itself if it contains no words. */
export function titleOfTable(table: string): string {
  const words = (table.split('.').at(-1) ?? '').replaceAll(/[_\s]+/g, ' ').trim();
  return words === '' ? table : words.charAt(0).toUpperCase() + words.slice(1);
}

const TYPES: readonly (readonly [RegExp, string])[] = [
  [/^timestamp/, 'Date and time'],
  [/^date/, 'Date'],
  [/^time/, 'Time of day'],
  [/^interval/, 'Duration'],
  [/^(text|character|varchar|bpchar|citext|name)/, 'Text'],
  [/^(smallint|integer|bigint|numeric|real|double|decimal|int\d)/, 'Number'],
  [/^money/, 'Amount of money'],
  [/^bool/, 'Yes or no'],
  [/^uuid/, 'Identifier'],
  [/^jsonb?/, 'Structured data'],
  [/^bytea/, 'Binary data'],
  [/^(inet|cidr)/, 'Network address'],
  [/^file/, 'File'],
];

/** Describes a database type in words, or returns its name if it is unknown. */
export function describeType(type: string): string {
  if (type.endsWith('[]')) return `List (${describeType(type.slice(0, -2)).toLowerCase()})`;
  return TYPES.find(([pattern]) => pattern.test(type))?.[1] ?? type;
}
