import { readdirSync } from 'node:fs';
import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterAll, expect, test } from 'vitest';
import { ledger } from '../support/ledger.ts';

const FOLDER = new URL('../../db/schema/', import.meta.url);
const modules = await Promise.all(
  readdirSync(FOLDER).map(async (name) => {
    const module: Record<string, unknown> = await import(new URL(name, FOLDER).href);
    return Object.values(module);
  }),
);
const tables = modules.flat().flatMap((value) => (is(value, PgTable) ? [getTableConfig(value)] : []));

const world = await ledger();
afterAll(() => world.closeLedger());

test('has the columns that db/schema/ declares, with the same type and nullability, when migrated', async () => {
  const declared = tables.flatMap(({ name, columns, primaryKeys }) => {
    const keys = primaryKeys.flatMap((key) => key.columns.map((column) => column.name));
    return columns.map((column) => ({
      column: `${name}.${column.name}`,
      type: `${column.getSQLType()}${'[]'.repeat(column.dimensions ?? 0)}`,
      notNull: column.notNull || column.primary || keys.includes(column.name),
    }));
  });
  const stored = await world.sql<{ column: string; type: string; notNull: boolean }[]>`
    SELECT relname || '.' || attname AS column, format_type(atttypid, atttypmod) AS type, attnotnull AS not_null
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'lethe'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND relname <> 'migrations'`;
  const byName = (a: { column: string }, b: { column: string }) => (a.column < b.column ? -1 : 1);
  expect(stored.toSorted(byName)).toEqual(declared.toSorted(byName));
});
