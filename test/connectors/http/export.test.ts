import { afterAll, beforeEach, expect, test } from 'vitest';
import { path } from '../../../connectors/http/index.ts';
import type { AnyHttpSettings } from '../../../connectors/http/settings.ts';
import { startFaultyServer } from '../../support/servers/faulty.ts';
import { exportAll, rowsOf } from '../calls.ts';
import { batchOf, openAt, settingsAt, testContext } from './fixture.ts';

const server = await startFaultyServer();
beforeEach(() => server.clear());
afterAll(() => server.close());

const rows: AnyHttpSettings['rows'] = {
  profiles: {
    about: 'Your profile',
    columns: { email: 'Email address', note: 'Remark' },
    async *read(_api, people) {
      for (const { seq } of people)
        yield { seq, row: { email: `u${seq}@x.test`, note: seq === 1 ? '=1+1' : null, plan: { seq } } };
    },
  },
  visits: {
    async *read(_api, people) {
      for (const { seq } of people) yield { seq, row: { page: `/${seq}`, title: 'a "b", c' } };
    },
  },
};
const connector = openAt(settingsAt(server.url, { rows, scopes: ['data', 'categories'] }));

test('exports the rows of each table with their owners and loses no field', async () => {
  const got = await exportAll(connector, batchOf(3), {}, testContext());
  expect(rowsOf(got, 'profiles')).toEqual([
    { email: 'u1@x.test', note: '=1+1', other: { plan: { seq: 1 } } },
    { email: 'u2@x.test', note: null, other: { plan: { seq: 2 } } },
    { email: 'u3@x.test', note: null, other: { plan: { seq: 3 } } },
  ]);
  expect(got.get('profiles')?.blocks.map(({ owners, rows: count }) => [owners, count])).toEqual([
    [[1], 1],
    [[2], 1],
    [[3], 1],
  ]);
  expect(got.get('profiles')?.table).toMatchObject({
    meaning: 'Your profile',
    columns: [
      { name: 'email', meaning: 'Email address' },
      { name: 'note', meaning: 'Remark' },
      { name: 'other', type: 'json', meaning: null },
    ],
  });
  expect(rowsOf(got, 'visits')).toHaveLength(3);
  for (const { text, figures } of got.values()) expect(figures).toEqual({ rows: 3, bytes: Buffer.byteLength(text) });
});

test('writes CSV that no spreadsheet executes', async () => {
  const got = await exportAll(connector, batchOf(1), { format: 'csv' }, testContext());
  expect(got.get('profiles')?.text).toBe(`email,note,other\nu1@x.test,'=1+1,"{""plan"":{""seq"":1}}"\n`);
  expect(got.get('profiles')?.figures.rows).toBe(1);
});

test('exports categories as the fields that have values, without the values', async () => {
  const got = await exportAll(connector, batchOf(3), { scope: 'categories' }, testContext());
  const { table, text, figures } = got.get('profiles') ?? {};
  expect(table?.columns.map(({ name, filled }) => [name, filled])).toEqual([
    ['email', 3],
    ['note', 1],
    ['other', 3],
  ]);
  expect([text, figures]).toEqual(['', { rows: 3, bytes: 0 }]);
});

test('ends with a closed code when a row is lost, and does not export rows of other people', async () => {
  const failing = (row: NonNullable<AnyHttpSettings['rows']>) =>
    exportAll(openAt(settingsAt(server.url, { rows: row })), batchOf(1), {}, testContext());
  server.faults.set(1, 'half');
  const lost = failing(async function* (api) {
    yield { seq: 1, row: { body: (await api.get(path`/x`)).json } };
  });
  await expect(lost).rejects.toMatchObject({ retryable: true });
  const foreign = failing(async function* () {
    yield { seq: 2, row: {} };
  });
  await expect(foreign).rejects.toMatchObject({ reason: 'invalid_result', retryable: false });
});
