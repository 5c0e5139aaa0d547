import type { Manifest } from '../../domain/archive.ts';
import type { ExportFormat, Scope, SubjectKind } from '../../domain/vocabulary.ts';

export const number = (value: number): string => value.toLocaleString('en-US');

export const counted = (value: number, one: string, many: string): string =>
  `${number(value)} ${value === 1 ? one : many}`;

export const entries = (value: number): string => counted(value, 'entry', 'entries');

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

/** 22 November 2026, 22:44 UTC */
export const timestamp = (iso: string): string => `${DAY.format(new Date(iso))}, ${iso.slice(11, 16)} UTC`;

/** What those have a right to whom the archive is about. */
export const law = (regulation: string): string => LAWS[regulation] ?? regulation.toUpperCase();
const LAWS: Readonly<Record<string, string>> = {
  gdpr: 'General Data Protection Regulation, Regulation (EU) 2016/679, Articles 15 and 20',
  ccpa: 'California Consumer Privacy Act, Civil Code §§ 1798.110 and 1798.130',
};

const NOUN: Readonly<Record<SubjectKind, readonly [one: string, many: string]>> = {
  user: ['person', 'people'],
  company: ['company', 'companies'],
};
const WHOSE: Readonly<Record<SubjectKind, string>> = { user: 'you', company: 'your company' };

/** Whom the archive is about, after "data about". */
export const whom = ({ subjects, subjectKind }: Manifest): string =>
  subjects === 1 ? WHOSE[subjectKind] : counted(subjects, ...NOUN[subjectKind]);

const TITLES: Readonly<Record<Scope, string>> = {
  data: 'The data held about',
  categories: 'The kinds of data held about',
  sources: 'The sources of the data about',
};
export const title = (manifest: Manifest): string => `${TITLES[manifest.scope]} ${whom(manifest)}`;

const LEADS: Readonly<Record<Scope, string>> = {
  data: 'This is a copy of it, table by table, as it was stored.',
  categories:
    'For each table it says what is stored there and in how many entries. The entries themselves are not part of it.',
  sources: 'Of each table it holds what tells by what means data was collected, and nothing else.',
};
export const lead = ({ scope }: Manifest): string => LEADS[scope];

const FORMATS: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'Each file is text: one entry per line, as JSON. Any text editor opens it, and programs can load it again.',
  csv: 'Each file is a table that any spreadsheet opens. Where a text would be run there as a formula, because it begins with = + - @, a tab or a return, an apostrophe stands before it that is not part of the data.',
};
export const howToOpen = (format: ExportFormat): string => FORMATS[format];

/** `app.order_items` is "order items"; where that says nothing, the name as it is. */
export function heading(table: string): string {
  const words = (table.split('.').at(-1) ?? '').replaceAll(/[_\s]+/g, ' ').trim();
  return words === '' ? table : words.charAt(0).toUpperCase() + words.slice(1);
}

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^timestamp/, 'date and time'],
  [/^date/, 'date'],
  [/^time/, 'time of day'],
  [/^interval/, 'span of time'],
  [/^(text|character|varchar|bpchar|citext|name)/, 'text'],
  [/^(smallint|integer|bigint|numeric|real|double|decimal|int\d)/, 'number'],
  [/^money/, 'amount of money'],
  [/^bool/, 'yes or no'],
  [/^uuid/, 'identifier'],
  [/^jsonb?/, 'structured data'],
  [/^bytea/, 'bytes'],
  [/^(inet|cidr)/, 'network address'],
];

/** A type of the database, in words. */
export function kindOf(type: string): string {
  if (type.endsWith('[]')) return `list: ${kindOf(type.slice(0, -2))}`;
  return KINDS.find(([known]) => known.test(type))?.[1] ?? type;
}
