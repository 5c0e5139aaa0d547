import { afterEach, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { batchOf, deletion, testContext } from '../fixture.ts';
import { type Pattern, pattern } from '../patterns/pattern.ts';
import { sumOf } from './check.ts';
import { startParts } from './database.ts';

let db: Pattern;
afterEach(() => db.close());

const USERS = 'CREATE TABLE usr (id int PRIMARY KEY); INSERT INTO usr VALUES (0), (1), (2), (3);';
const subject = (column: string) => ({ column, match: 'key' as const });
const mapOf = (...tables: NonNullable<KindMap['tables']>): KindMap => ({
  table: 'usr',
  key: { column: 'id', match: 'integer' },
  tables,
});

/** Deletes the users in parts, and returns the figures and the retained rows of each subject. */
async function removeInParts(map: KindMap, ids: readonly number[]) {
  expect(await db.check(map)).toEqual([]);
  const connector = await db.connector(map, {}, { rowsPerPart: 2 });
  const batch = batchOf(ids.map((id) => [{ type: 'id', value: [String(id)] }]));
  await startParts(db.sql, batch);
  const done = deletion();
  await connector.hardDelete(batch, done, testContext());
  const second = deletion({ pass: 2 });
  await connector.hardDelete(batch, second, testContext());
  expect(sumOf(second.ranges)).toEqual({});
  expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
  const perSubject: Record<string, number> = {};
  for (const { seq, rows } of done.ranges.flatMap(({ retained }) => retained))
    perSubject[seq] = (perSubject[seq] ?? 0) + rows;
  return { figures: sumOf(done.ranges), perSubject, parts: Math.max(...done.ranges.map(({ part }) => part)) };
}

test('counts retained rows of two entries once per table and once per subject', async () => {
  db = await pattern(`${USERS}
    CREATE TABLE transfer (id int PRIMARY KEY, payer int REFERENCES usr, payee int REFERENCES usr);
    INSERT INTO transfer VALUES (1, 1, 2), (2, 1, 1), (3, 2, 1), (4, 3, 1), (5, 3, 2)`);
  const retain = { basis: 'tax law', unlink: 'null' as const };
  const map = mapOf(
    { table: 'transfer', subject: subject('payer'), retain },
    { table: 'transfer', subject: subject('payee'), retain },
  );
  const { figures, perSubject, parts } = await removeInParts(map, [1, 2]);
  expect(figures).toEqual({ 'public.usr': { removed: 2 }, 'public.transfer': { 'retained: tax law': 5 } });
  expect(perSubject).toEqual({ 1: 4, 2: 3 });
  expect(parts).toBeGreaterThan(1);
});

test('counts retained rows that belong to rows which an earlier part has unlinked', async () => {
  db = await pattern(`${USERS}
    CREATE TABLE invoice (id int PRIMARY KEY, usr int REFERENCES usr);
    CREATE TABLE line (id int PRIMARY KEY, invoice int NOT NULL REFERENCES invoice, note text);
    INSERT INTO invoice SELECT n, 1 FROM generate_series(1, 5) n;
    INSERT INTO line SELECT n, 1 + n % 5, 'note' FROM generate_series(1, 7) n`);
  const map = mapOf(
    { table: 'invoice', subject: subject('usr'), retain: { basis: 'tax law', unlink: 'null' } },
    {
      table: 'line',
      via: { table: 'invoice', on: { invoice: 'id' } },
      retain: { basis: 'contract', blank: ['note'] },
    },
  );
  const { figures, perSubject } = await removeInParts(map, [1]);
  expect(figures).toEqual({
    'public.usr': { removed: 1 },
    'public.invoice': { 'retained: tax law': 5 },
    'public.line': { 'retained: contract': 7 },
  });
  expect(perSubject).toEqual({ 1: 12 });
  expect(await db.rows('SELECT count(note)::int FROM line')).toEqual([[0]]);
});

test('leaves rows to which a circle of other rows refers to the last part', async () => {
  db = await pattern(`${USERS}
    CREATE TABLE place (id int PRIMARY KEY, usr int NOT NULL REFERENCES usr);
    CREATE TABLE team (id int PRIMARY KEY, usr int NOT NULL REFERENCES usr, place int REFERENCES place, main_room int);
    CREATE TABLE room (id int PRIMARY KEY, usr int NOT NULL REFERENCES usr, team int NOT NULL REFERENCES team, next int REFERENCES room);
    ALTER TABLE team ADD FOREIGN KEY (main_room) REFERENCES room;
    INSERT INTO place SELECT n, 1 FROM generate_series(1, 5) n;
    INSERT INTO team SELECT n, 1, n, NULL FROM generate_series(1, 5) n;
    INSERT INTO room SELECT n, 1, 1 + n % 5, nullif(n % 7 + 1, n) FROM generate_series(1, 7) n;
    INSERT INTO team VALUES (9, 2, NULL, NULL);
    UPDATE team SET main_room = id WHERE usr = 1`);
  const map = mapOf(
    ...['place', 'team', 'room'].map((table) => ({ table, subject: subject('usr') })),
    { table: 'team', via: { table: 'place', on: { place: 'id' } }, detach: { place: null } },
    { table: 'team', via: { table: 'room', on: { main_room: 'id' } }, detach: { main_room: null } },
    { table: 'room', via: { table: 'team', on: { team: 'id' } }, export: false as const },
    { table: 'room', via: { table: 'room', on: { next: 'id' } }, detach: { next: null } },
  );
  const { figures } = await removeInParts(map, [1]);
  expect(figures).toEqual({
    'public.usr': { removed: 1 },
    'public.place': { removed: 5 },
    'public.team': { removed: 5 },
    'public.room': { removed: 7 },
  });
  expect(await db.rows('SELECT id FROM team')).toEqual([[9]]);
});

test('keeps rows until the rows that belong to them are deleted, also without a foreign key', async () => {
  db = await pattern(`${USERS}
    CREATE TABLE post (id int PRIMARY KEY, usr int NOT NULL REFERENCES usr);
    CREATE TABLE comment (id int PRIMARY KEY, subject_type text, subject_id int, parent int, usr int NOT NULL);
    CREATE TABLE invoice (id int PRIMARY KEY, usr int REFERENCES usr);
    CREATE TABLE remark (id int PRIMARY KEY, invoice int, parent int REFERENCES remark);
    INSERT INTO post SELECT n, 1 FROM generate_series(1, 5) n;
    INSERT INTO comment SELECT n, 'Post', 1 + n % 5, NULL, 2 FROM generate_series(1, 5) n;
    INSERT INTO comment SELECT n, 'Comment', NULL, n - 5, 3 FROM generate_series(6, 17) n;
    INSERT INTO comment VALUES (20, 'Photo', 1, NULL, 2), (21, 'Comment', NULL, 20, 3);
    INSERT INTO invoice SELECT n, 1 FROM generate_series(1, 5) n;
    INSERT INTO remark SELECT n, 1 + n % 5, n FROM generate_series(1, 7) n`);
  const map = mapOf(
    { table: 'post', subject: subject('usr') },
    { table: 'comment', where: { subject_type: 'Post' }, via: { table: 'post', on: { subject_id: 'id' } } },
    { table: 'comment', where: { subject_type: 'Comment' }, via: { table: 'comment', on: { parent: 'id' } } },
    { table: 'invoice', subject: subject('usr'), retain: { basis: 'tax law', unlink: 'null' } },
    { table: 'remark', via: { table: 'invoice', on: { invoice: 'id' } } },
    { table: 'remark', via: { table: 'remark', on: { parent: 'id' } } },
  );
  const { figures, parts } = await removeInParts(map, [1]);
  expect(figures).toEqual({
    'public.usr': { removed: 1 },
    'public.post': { removed: 5 },
    'public.comment': { removed: 17 },
    'public.invoice': { 'retained: tax law': 5 },
    'public.remark': { removed: 7 },
  });
  expect(parts).toBeGreaterThan(3);
  expect(await db.rows('SELECT id FROM comment ORDER BY id')).toEqual([[20], [21]]);
});
