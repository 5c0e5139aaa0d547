import { expect, test } from 'vitest';
import { buildModels } from '../../../../connectors/data-map/build-models.ts';
import { finishedRange } from '../../../../connectors/figures/counts.ts';
import { RowCounts } from '../../../../connectors/figures/row-counts.ts';
import { lateRows } from '../../../../connectors/figures/standing-rows.ts';
import { SETTINGS } from '../../fixture.ts';

const UNIT = { first: 1, last: 9, part: 0 };
const BASIS = 'contract';

function targetOf(table: string) {
  const found = buildModels(SETTINGS)[0]?.targets.find((target) => target.table === table);
  if (found === undefined) throw new Error(`the fixture does not map ${table}`);
  return found;
}
const [users, events, ratings] = ['app.users', 'app.events', 'app.ratings'].map(targetOf);
if (users === undefined || events === undefined || ratings === undefined) throw new Error('three targets are named');

test('adds up detached rows per table and attributes none of them to a subject', () => {
  const counts = new RowCounts();
  counts.add(events, { removed: 4 });
  counts.add(events, { detached: 2 });
  counts.addTable('app.events', { detached: 1 });
  counts.addTable('app.unmapped', { detached: 3 });
  expect(finishedRange(UNIT, counts.counts())).toEqual({
    firstSeq: 1,
    lastSeq: 9,
    part: 0,
    tables: [
      { table: 'app.events', removed: 4, retained: [], detached: 3 },
      { table: 'app.unmapped', removed: 0, retained: [], detached: 3 },
    ],
    retained: [],
  });
});

test('adds up anonymised rows per table and per subject, with the union of their columns', () => {
  const counts = new RowCounts();
  const columns = ['name', 'email'];
  counts.add(users, {
    anonymised: { rows: 2, columns },
    perSubject: [
      [5, 1],
      [3, 1],
    ],
  });
  counts.add(users, { anonymised: { rows: 1, columns: ['email', 'phone'] }, perSubject: [[3, 1]] });
  expect(finishedRange(UNIT, counts.counts())).toMatchObject({
    tables: [
      { table: 'app.users', removed: 0, retained: [], anonymised: { rows: 3, columns: ['email', 'name', 'phone'] } },
    ],
    retained: [],
    anonymised: [
      { seq: 3, rows: 2, columns: ['email', 'name', 'phone'] },
      { seq: 5, rows: 1, columns: ['email', 'name'] },
    ],
  });
});

test('reports neither detached nor anonymised rows when no row was changed', () => {
  const counts = new RowCounts();
  counts.add(users, { anonymised: { rows: 0, columns: ['name'] }, perSubject: [] });
  counts.add(events, { detached: 0 });
  counts.add(ratings, { retained: 0 });
  const range = finishedRange(UNIT, counts.counts());
  expect(range.tables).toEqual(
    ['app.events', 'app.ratings', 'app.users'].map((table) => ({ table, removed: 0, retained: [] })),
  );
  expect(range).not.toHaveProperty('anonymised');
});

test('adds the rows of the last statement to those that the same table has lost before', () => {
  const counts = new RowCounts();
  counts.add(users, { detached: 2 });
  const last = [{ table: 'app.users', removed: 1 }];
  expect(finishedRange(UNIT, counts.counts(last)).tables).toEqual([
    { table: 'app.users', removed: 1, retained: [], detached: 2 },
  ]);
});

test('subtracts the standing rows of earlier passes when two entries of a table have one basis', () => {
  const first = new RowCounts();
  const standing = { basis: BASIS, isStanding: true };
  first.add(ratings, { ...standing, retained: 2, perSubject: [[1, 2]] });
  first.add(ratings, { ...standing, retained: 1, perSubject: [[1, 1]] });
  const logged = first.counts().standing;
  expect(logged).toEqual([{ table: 'app.ratings', basis: BASIS, rows: 3, perSubject: [[1, 3]] }]);
  const second = new RowCounts(logged);
  second.add(ratings, { ...standing, retained: 2, perSubject: [[1, 2]] });
  second.add(ratings, {
    ...standing,
    retained: 3,
    perSubject: [
      [1, 1],
      [2, 2],
    ],
  });
  const counts = second.counts();
  expect(counts.tables['app.ratings']).toMatchObject({ retained: [{ basis: BASIS, rows: 2 }] });
  expect(counts.retained).toEqual([{ seq: 2, basis: BASIS, rows: 2 }]);
});

test.each([
  [
    'a new row of two subjects',
    {
      rows: 2,
      perSubject: [
        [1, 2],
        [2, 1],
      ],
    },
    [{ rows: 1, perSubject: [[1, 1]] }],
    1,
  ],
  ['no new row', { rows: 1, perSubject: [[1, 1]] }, [{ rows: 1, perSubject: [[1, 1]] }], 0],
  ['fewer rows than before', { rows: 0, perSubject: [] }, [{ rows: 2, perSubject: [[1, 2]] }], 0],
  ['a row that replaced another subject’s', { rows: 1, perSubject: [[2, 1]] }, [{ rows: 1, perSubject: [[1, 1]] }], 1],
] as const)('counts late rows once when the range has %s', (_case, found, earlier, rows) => {
  const named = { table: 'app.ratings', basis: BASIS };
  const other = { table: 'app.ratings', basis: 'another', rows: 9, perSubject: [[1, 9]] as const };
  const counted = earlier.map((before) => ({ ...named, ...before }));
  expect(lateRows({ ...named, ...found }, [...counted, other]).rows).toBe(rows);
});
