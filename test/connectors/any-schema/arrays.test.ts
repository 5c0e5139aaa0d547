import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KindMap } from '../../../connectors/data-map/data-map.ts';
import { rowsOf } from '../fixture.ts';
import { type Pattern, pattern } from '../patterns/pattern.ts';

const [ANN, BO, CY, GHOST] = [1, 2, 3, 0].map((n) => `0000000${n}-0000-4000-8000-000000000000`);
const ids = (...keys: readonly (string | undefined)[]): string => `{${keys.join(',')}}`;

let db: Pattern;
beforeEach(async () => {
  db = await pattern(`
    CREATE TABLE usr (id uuid PRIMARY KEY);
    CREATE TABLE note (id int PRIMARY KEY, readers uuid[] NOT NULL, writers varchar(40)[]);
    INSERT INTO usr SELECT unnest('${ids(ANN, BO, CY, GHOST)}'::uuid[]);
    INSERT INTO note VALUES (1, '${ids(ANN, BO, ANN)}', NULL), (2, '${ids(BO)}', '${ids(ANN, CY)}'), (3, '{}', '${ids(CY, 'NULL', ANN)}')`);
});
afterEach(() => db.close());

const mapOf = (...tables: NonNullable<KindMap['tables']>): KindMap => ({
  table: 'usr',
  key: { column: 'id', match: 'uuid' },
  tables,
});

test('removes each occurrence of a key from an array of uuid, and counts a row of two subjects once', async () => {
  const map = mapOf({ table: 'note', subject: { contains: 'readers', match: 'key' }, detach: { readers: null } });
  expect(await db.check(map)).toEqual([]);
  expect((await db.export(map, [BO ?? ''])).has('public.note')).toBe(false);
  const { figures, survivors } = await db.remove(map, [ANN ?? '', BO ?? '']);
  expect(figures).toEqual({ 'public.usr': { removed: 2 }, 'public.note': { detached: 2 } });
  expect(survivors).toBe(0);
  expect(await db.rows('SELECT readers FROM note ORDER BY id')).toEqual([[[]], [[]], [[]]]);
});

test('replaces a key in an array of varchar by that of the ghost, in its place', async () => {
  const map = mapOf({
    table: 'note',
    subject: { contains: 'writers', match: 'key' },
    detach: { writers: { ghost: GHOST ?? '' } },
  });
  expect(await db.check(map)).toEqual([]);
  const { figures, survivors } = await db.remove(map, [ANN ?? '']);
  expect(figures).toEqual({ 'public.usr': { removed: 1 }, 'public.note': { detached: 2 } });
  expect(survivors).toBe(0);
  expect(await db.rows('SELECT to_jsonb(writers) FROM note ORDER BY id')).toEqual([
    [null],
    [[GHOST, CY]],
    [[CY, null, GHOST]],
  ]);
});

test('deletes and exports a row whose array has its owner', async () => {
  const map = mapOf({ table: 'note', subject: { contains: 'readers', match: 'key' } });
  const exported = await db.export(map, [ANN ?? '']);
  expect(rowsOf(exported, 'public.note').map(({ id }) => id)).toEqual([1]);
  expect((await db.count(map, [ANN ?? ''])).tables).toEqual({ 'public.usr': 1, 'public.note': 1 });
  expect((await db.remove(map, [ANN ?? ''])).figures['public.note']).toEqual({ removed: 1 });
  expect(await db.rows('SELECT id FROM note ORDER BY id')).toEqual([[2], [3]]);
});
