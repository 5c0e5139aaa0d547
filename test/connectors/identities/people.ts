import postgres from 'postgres';
import type { Identity, Resolved } from '../../../domain/identity.ts';
import { otherForms } from '../../../domain/identity-forms.ts';
import type { Connector } from '../../../connectors/connector.ts';
import type { PostgresSettings } from '../../../connectors/postgres/settings.ts';
import { openPostgres, systemSql } from '../../../connectors/postgres/index.ts';
import { createDatabase } from '../../support/servers/postgres.ts';
import { SYSTEM, batchOf, byIdentities, deletion, resolveAll, testContext } from '../fixture.ts';

/** Databases that differ in what the lower case of a text is. */
export const LOCALES = {
  'C.UTF-8': '',
  'libc C.utf8': `LOCALE_PROVIDER libc LOCALE 'C.utf8'`,
  PG_UNICODE_FAST: `LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LOCALE 'C'`,
  'ICU und': `LOCALE_PROVIDER icu ICU_LOCALE 'und' LOCALE 'C'`,
  'ICU tr': `LOCALE_PROVIDER icu ICU_LOCALE 'tr' LOCALE 'C'`,
} as const;

/** Names whose case, Unicode form or characters databases compare differently. */
export const NAMES: readonly string[] = [
  '\u0130PEK',
  'IPEK',
  '\u0131dil',
  '\u039F\u0394\u039F\u03A3',
  '\u03C3\u03B1\u03C2',
  '\u212Aelvin',
  'stra\u00DFe',
  'STRA\u1E9EE2',
  'j\u00FCrgen',
  'Ju\u0308rgen2',
  '\u00C9VA',
  '\u212Bngstrom',
  'Ann',
];

export type Column = 'text' | 'citext' | `text COLLATE ${string}`;

const SETTINGS: PostgresSettings = {
  url: { env: 'APP_DATABASE_URL' },
  pace: { share: 1, subjectsPerCommit: 10 },
  kinds: {
    user: {
      table: 'app.people',
      key: 'id',
      identities: { mail: { column: 'mail', match: 'caseInsensitive' }, name: { column: 'name' } },
      tables: [
        { table: 'app.letters', subject: { identity: 'mail', columns: ['mail'] } },
        { table: 'app.notes', subject: { identity: 'name', columns: ['name'] } },
      ],
    },
  },
};

export interface People {
  readonly sql: postgres.Sql;
  readonly connector: Connector;
  readonly isCitext: boolean;
  /** The ids of the people in a table's rows. */
  ids(table?: 'people' | 'letters' | 'notes'): Promise<string[]>;
  close(): Promise<void>;
}

/** Creates people with one letter and one note each, who have the index that the data map needs. */
export async function people(locale: string, column: Column, names: readonly string[] = NAMES): Promise<People> {
  const { url } = await createDatabase('template0', locale);
  const sql = postgres(url, { max: 2, onnotice: () => {} });
  const indexed = column === 'citext' ? 'mail' : 'lower(mail)';
  await sql.unsafe(`
    CREATE EXTENSION citext;
    CREATE SCHEMA app;
    CREATE TABLE app.people (id text PRIMARY KEY, mail ${column}, name text);
    CREATE TABLE app.letters (id text, mail ${column});
    CREATE TABLE app.notes (id text, name text);
    CREATE TABLE app.given (index int, is_other boolean, mail ${column}, name text);
    CREATE INDEX ON app.people (${indexed});
    CREATE INDEX ON app.letters (${indexed});
    CREATE INDEX ON app.people (name);
    CREATE INDEX ON app.notes (name)`);
  const named = sql`unnest(${names as string[]}::text[]) AS name`;
  await sql`INSERT INTO app.people SELECT name, name || '@x.test', name FROM ${named}`;
  await sql`INSERT INTO app.letters SELECT name, name || '@x.test' FROM ${named}`;
  await sql`INSERT INTO app.notes SELECT name, name FROM ${named}`;
  await sql.unsafe(systemSql(SETTINGS, { system: SYSTEM }));
  const connector = openPostgres(SETTINGS, { system: SYSTEM, secret: () => url }, { backoffMs: 1 });
  return {
    sql,
    connector,
    isCitext: column === 'citext',
    ids: async (table = 'people') => {
      const rows = await sql<{ id: string }[]>`SELECT id FROM ${sql(`app.${table}`)}`;
      return rows.map(({ id }) => id).toSorted();
    },
    close: async () => {
      await connector.close();
      await sql.end();
    },
  };
}

export const mail = (value: string): Identity => ({ type: 'mail', value: [value] });
export const name = (value: string): Identity => ({ type: 'name', value: [value] });

/** The ids of the people that each identity matches, in the order of the identities. */
export async function resolvedIds(connector: Connector, identities: readonly Identity[]): Promise<string[][]> {
  const facts = await resolveAll(connector, byIdentities(...identities));
  return identities.map((_, position) =>
    idsOf(facts.filter((fact) => fact.fact === 'match' && fact.position === position)),
  );
}

const idsOf = (facts: readonly Resolved[]): string[] =>
  [...new Set(facts.flatMap((fact) => (fact.fact === 'match' ? fact.key.value : [])))].toSorted();

/** What the database itself finds for each text, in the column's own comparison: as it is, or else in another form. */
export async function idsByDatabase(
  { sql, isCitext }: People,
  column: 'mail' | 'name',
  texts: readonly string[],
): Promise<string[][]> {
  await sql`TRUNCATE app.given`;
  const forms = texts.flatMap((text, index) => [
    { index, isOther: false, form: text },
    ...otherForms([text])
      .flat()
      .map((form) => ({ index, isOther: true, form })),
  ]);
  for (const { index, isOther, form } of forms)
    await sql`INSERT INTO app.given VALUES (${index}, ${isOther}, ${form}, ${form})`;
  const side = (row: string) => (column === 'name' || isCitext ? `${row}.${column}` : `lower(${row}.mail)`);
  const found = await sql.unsafe<{ index: number; isOther: boolean; id: string }[]>(
    `SELECT DISTINCT g.index, g.is_other AS "isOther", p.id FROM app.given g JOIN app.people p ON ${side('g')} = ${side('p')}`,
  );
  return texts.map((_, index) => {
    const [own, other] = [false, true].map((isOther) =>
      found.flatMap((row) => (row.index === index && row.isOther === isOther ? [row.id] : [])),
    );
    return [...new Set(own?.length === 0 ? other : own)].toSorted();
  });
}

/** Deletes the subjects of one identity with every identity that the directory lists and no other subject shares. */
export async function deleteBy(connector: Connector, identity: Identity): Promise<void> {
  const facts = await resolveAll(connector, byIdentities(identity));
  const subjects = idsOf(facts).map((id) => [
    { type: 'id', value: [id] },
    ...facts.flatMap((fact) =>
      fact.fact === 'identity' && fact.key.value[0] === id && fact.sharers === 0 ? [fact.identity] : [],
    ),
  ]);
  await connector.hardDelete(batchOf(subjects), deletion(), testContext());
}
