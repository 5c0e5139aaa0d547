import { and, eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Queries } from '../../../db/client.ts';
import { errorCode } from '../../../db/errors.ts';
import { attention } from '../../../db/schema/work.ts';
import { holds } from '../../../db/schema/holds.ts';
import { intArray, textArray } from '../../../db/sql.ts';
import { transaction } from '../../../db/transaction.ts';
import { type Ledger, ledger, PROJECT, START } from '../../support/ledger.ts';

let world: Ledger;
beforeAll(async () => {
  // Prepared statements are listed per connection.
  world = await ledger([PROJECT], 1);
});
afterAll(() => world.closeLedger());
const placed = { identities: 1, placedAt: START, placedBy: 'mem_1' };
beforeEach(async () => {
  await world.database.delete(holds);
  await world.database
    .insert(holds)
    .values({ id: 'hold_1', project: PROJECT, kind: 'user', caseRef: 'C-1', heldBy: 'counsel', ...placed });
});

const countPrepared = async (queries: Queries, mark: string): Promise<number> => {
  const [row] = await queries.execute<{ count: number }>(sql`
    SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE ${`%${mark}%`} AND statement NOT LIKE '%pg_prepared%'`);
  return row?.count ?? -1;
};

const builder = (queries: Queries, id: string) =>
  queries
    .select({ heldBy: holds.heldBy })
    .from(holds)
    .where(and(eq(holds.id, id), sql`'from the builder' <> ''`));
const execute = (queries: Queries, id: string) =>
  queries.execute(sql`SELECT held_by FROM ${holds} WHERE id = ${id} AND 'from execute' <> ''`);

test.each([
  ['builder', builder, 'from the builder'],
  ['execute', execute, 'from execute'],
] as const)(
  'prepares a statement of %s once and reuses it, outside and inside a transaction',
  async (_, send, mark) => {
    const { database } = world;
    expect(await countPrepared(database, mark)).toBe(0);
    for (const id of ['hold_1', 'hold_2', 'hold_3']) await send(database, id);
    expect(await countPrepared(database, mark)).toBe(1);
    await transaction(database, async (tx) => {
      for (const id of ['hold_1', 'hold_2']) await send(tx, id);
      expect(await countPrepared(tx, mark)).toBe(1);
    });
    await send(database, 'hold_1');
    expect(await countPrepared(database, mark)).toBe(1);
  },
);

test('prepares a statement that is first sent in a transaction', async () => {
  await transaction(world.database, async (tx) => {
    await tx.execute(sql`SELECT FROM ${holds} WHERE id = ${'hold_1'} AND 'first in a transaction' <> ''`);
    expect(await countPrepared(tx, 'first in a transaction')).toBe(1);
  });
});

test('sends an array of 2 000 elements as one parameter', async () => {
  const { database, statements } = world;
  const numbers = Array.from({ length: 2_000 }, (_, n) => n);
  const texts = numbers.map((n) => `value, "${n}" {}\\`);
  const before = statements.length;
  const found = await database.execute<{ value: string; number: number }>(
    sql`SELECT value, number FROM unnest(${textArray(texts)}, ${intArray(numbers)}) AS pairs (value, number)`,
  );
  expect(found.map(({ value }) => value)).toEqual(texts);
  expect(found.map(({ number }) => number)).toEqual(numbers);
  expect(
    await database
      .select({ id: holds.id })
      .from(holds)
      .where(sql`${holds.id} = ANY(${textArray(['hold_1', ...texts])})`),
  ).toEqual([{ id: 'hold_1' }]);
  expect(statements.slice(before).map((statement) => statement.match(/\$\d+/g))).toEqual([['$1', '$2'], ['$1']]);
});

test('sends null, an empty array and null elements as such', async () => {
  const [row] = await world.database.execute(
    sql`SELECT ${textArray(null)} AS none, ${intArray([])} AS empty, array_positions(${textArray(['NULL', null])}, NULL) AS nulls`,
  );
  expect(row).toEqual({ none: null, empty: [], nulls: [2] });
});

test.each([
  ['a value', sql`UPDATE ${holds} SET held_by = ${undefined} WHERE id = 'hold_1'`],
  ['one of several values', sql`UPDATE ${holds} SET held_by = ${undefined}, case_ref = ${'C-2'} WHERE id = 'hold_1'`],
  ['a condition', sql`DELETE FROM ${holds} WHERE id = ${undefined}`],
  ['a condition before another', sql`DELETE FROM ${holds} WHERE id = ${undefined} AND project = ${PROJECT}`],
  ['a row', sql`INSERT INTO ${attention} (request_id, system) VALUES (${'req_1'}, ${undefined})`],
  ['a limit', sql`DELETE FROM ${holds} WHERE id IN (SELECT id FROM ${holds} LIMIT ${undefined})`],
] as const)('refuses undefined as %s in a template, and writes nothing', async (_, statement) => {
  const { database } = world;
  const refused: unknown = await database.execute(statement).then(
    () => 'it succeeded',
    (error: unknown) => errorCode(error),
  );
  expect(refused).toBe('42601');
  expect(await database.select({ heldBy: holds.heldBy, caseRef: holds.caseRef }).from(holds)).toEqual([
    { heldBy: 'counsel', caseRef: 'C-1' },
  ]);
});
