import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterAll, expect, test } from 'vitest';
import type { ConfigError } from '../../connectors/connector.ts';
import { type PostgresSettings, openPostgres, systemSql } from '../../connectors/postgres/index.ts';
import type { TableMap } from '../../connectors/postgres/data-map/data-map.ts';
import { type Proposal, proposeDataMap } from '../../connectors/postgres/propose/propose.ts';
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

test.each(TRUTHS)('proposes a data map for $name that check accepts after its statements have run', async (truth) => {
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
  } finally {
    await sql.end();
  }
});

test('finds at least 90 % of the tables of people, with at most 10 % of others', () => {
  expect(scores).toHaveLength(TRUTHS.length);
  const sum = (key: Exclude<keyof Score, 'name'>): number => scores.reduce((total, score) => total + score[key], 0);
  const total = { name: 'all', found: sum('found') / sum('subjects'), false: sum('false') / sum('mapped') };
  console.log(
    tableOf([
      ...scores,
      {
        ...total,
        ...Object.fromEntries(
          ['subjects', 'found', 'effects', 'others', 'mapped', 'false'].map((key) => [key, sum(key as 'found')]),
        ),
      } as Score,
    ]),
  );
  expect(total.found).toBeGreaterThanOrEqual(0.9);
  expect(sum('effects') / sum('subjects')).toBeGreaterThanOrEqual(0.9);
  expect(total.false).toBeLessThanOrEqual(0.1);
});

/** Every table counts as large, so that each missing index is reported. */
const check = (settings: PostgresSettings, url: string): Promise<readonly ConfigError[]> =>
  openPostgres(settings, { system: 'app', secret: () => url }, { smallTableRows: 0 }).inspect({ thorough: true });

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
