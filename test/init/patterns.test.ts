import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import { DEFAULT_POLICY, printFile } from '../../config/init/file.ts';
import type { ConfigError } from '../../connectors/connector.ts';
import {
  type PostgresSettings,
  type Proposal,
  openPostgres,
  proposeDataMap,
  systemSql,
} from '../../connectors/postgres/index.ts';
import type { TableMap } from '../../connectors/data-map/data-map.ts';
import { keyOf } from '../../connectors/data-map/model.ts';
import { batchOf, deletion, exportAll, testContext } from '../connectors/fixture.ts';
import { filePath, isFormatted, runCommand } from './command.ts';
import { createDatabase } from '../support/servers/postgres.ts';
import { DJANGO, LARAVEL, PRISMA, RAILS, SUPABASE } from './truths/frameworks.ts';
import { ERP, EVENTS, FORUM, SAAS, WORDPRESS } from './truths/applications.ts';
import type { Effect, Truth } from './truths/truth.ts';

const TRUTHS: readonly Truth[] = [RAILS, DJANGO, PRISMA, SUPABASE, WORDPRESS, LARAVEL, EVENTS, SAAS, ERP, FORUM];

interface Score {
  readonly name: string;
  readonly subjects: number;
  readonly found: number;
  readonly effects: number;
  readonly others: number;
  readonly mapped: number;
  readonly false: number;
}
const scores: Score[] = [];

test.each(TRUTHS)(
  'proposes a data map for $name that check accepts and by which a person can be deleted',
  async (truth) => {
    const { url } = await createDatabase();
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    try {
      await sql.unsafe(readFileSync(join(import.meta.dirname, `schemas/${truth.name}.sql`), 'utf8'));
      expect([...Object.keys(truth.subjects), ...truth.others, truth.people].toSorted()).toEqual(await tablesOf(sql));
      const proposal = await proposeDataMap({ url, variable: { env: 'SHOP_URL' }, table: truth.people, kind: 'user' });
      scores.push(scoreOf(truth, proposal));
      await sql.unsafe(systemSql(proposal.settings, { system: 'app' }));
      for (const statement of proposal.statements) await sql.unsafe(statement.sql);
      const errors = await check(proposal.settings, url);
      expect(errors.filter((error) => error.sql === undefined)).toEqual([]);
      for (const statement of new Set(errors.flatMap((error) => error.sql?.split('\n') ?? [])))
        await sql.unsafe(statement);
      expect(await check(proposal.settings, url)).toEqual([]);
      expect(JSON.stringify([proposal.settings, ...proposal.notes.lines])).not.toMatch(/canary/i);
      const file = filePath(`${truth.name}.config.ts`);
      const place = { project: truth.name, system: 'app' };
      writeFileSync(file, printFile(place, proposal.settings, proposal.notes.lines, DEFAULT_POLICY, []));
      expect(await isFormatted(file)).toBe(true);
      const { stdout } = await runCommand('system-sql', ['--role', 'reader'], { LETHE_CONFIG: file });
      expect(stdout).toContain(systemSql(proposal.settings, { system: `${truth.name}/app`, role: 'reader' }));
      await deletePerson(proposal.settings, url, sql);
    } finally {
      await sql.end();
    }
  },
);

test('finds at least 90 % of the tables of people, with at most 10 % of others', () => {
  expect(scores).toHaveLength(TRUTHS.length);
  const sum = (key: Exclude<keyof Score, 'name'>): number => scores.reduce((total, score) => total + score[key], 0);
  const all: Score = {
    name: 'all',
    subjects: sum('subjects'),
    found: sum('found'),
    effects: sum('effects'),
    others: sum('others'),
    mapped: sum('mapped'),
    false: sum('false'),
  };
  console.log(tableOf([...scores, all]));
  expect(all.found / all.subjects).toBeGreaterThanOrEqual(0.9);
  expect(all.effects / all.subjects).toBeGreaterThanOrEqual(0.9);
  expect(all.false / all.mapped).toBeLessThanOrEqual(0.1);
});

/** Every table counts as large, so that each missing index is reported. */
const check = (settings: PostgresSettings, url: string): Promise<readonly ConfigError[]> =>
  openPostgres(settings, { system: 'app', secret: () => url }, { smallTableRows: 0 }).inspect({ thorough: true });

/** Exports, deletes and verifies one person. All other people stay. */
async function deletePerson(settings: PostgresSettings, url: string, sql: postgres.Sql): Promise<void> {
  const map = settings.kinds.user;
  if (map === undefined) throw new Error('the proposal has no users');
  const { columns, type } = keyOf(map.key);
  const list = columns.map((column) => `"${column}"::text`).join(', ');
  const table = map.table.replace(/^(.*?)\.(.*)$/, '"$1"."$2"');
  const people = await sql.unsafe(`SELECT ARRAY[${list}] AS key FROM ${table} ORDER BY 1`).values();
  const key = people.at(Math.floor(people.length / 2))?.[0] as string[];
  const connector = openPostgres(settings, { system: 'app', secret: () => url }, { backoffMs: 1 });
  const batch = batchOf([[{ type, value: key }]]);
  expect([...(await exportAll(connector, batch)).keys()]).toContain(map.table);
  await connector.hardDelete(batch, deletion(), testContext());
  expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
  const left = await sql.unsafe(`SELECT ARRAY[${list}] AS key FROM ${table} ORDER BY 1`).values();
  expect(left.flat()).toEqual(people.flat().filter((other) => String(other) !== String(key)));
}

async function tablesOf(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    SELECT n.nspname || '.' || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')`;
  return rows.map(({ name }) => name).toSorted();
}

function scoreOf({ name, people, subjects, others }: Truth, { settings }: Proposal): Score {
  const map = settings.kinds.user;
  const effects = new Map<string, Set<Effect>>();
  const add = (table: string, effect: Effect): void =>
    void effects.set(table, new Set([...(effects.get(table) ?? []), effect]));
  for (const entry of map?.tables ?? []) add(entry.table, effectOf(entry));
  if (map?.aliases !== undefined) add(map.aliases.table, 'delete');
  effects.delete(people);
  const expected = Object.entries(subjects);
  return {
    name,
    subjects: expected.length,
    found: expected.filter(([table]) => effects.has(table)).length,
    effects: expected.filter(([table, wanted]) => wanted.every((effect) => effects.get(table)?.has(effect) === true))
      .length,
    others: others.length,
    mapped: effects.size,
    false: others.filter((table) => effects.has(table)).length,
  };
}

function effectOf({ retain, detach, referencedBy, export: isExported }: TableMap): Effect {
  if (retain !== undefined) return 'retain';
  if (detach !== undefined) return 'detach';
  if (referencedBy !== undefined) return 'pointed';
  return isExported === false ? 'others' : 'delete';
}

const tableOf = (rows: readonly Score[]): string =>
  [
    'schema       subjects  found  with effect  others  false  found %  false %',
    ...rows.map((row) => {
      const numbers = [row.subjects, row.found, row.effects, row.others, row.false];
      const widths = [9, 7, 13, 8, 7];
      const shares = [(100 * row.found) / row.subjects, (100 * row.false) / row.mapped].map((share) =>
        share.toFixed(0).padStart(9),
      );
      return `${row.name.padEnd(12)}${numbers.map((number, index) => String(number).padStart(widths[index] ?? 8)).join('')}${shares.join('')}`;
    }),
  ].join('\n');

afterAll(() => scores.splice(0));
