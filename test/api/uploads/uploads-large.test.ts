import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { deletionOf, testApi, textOf, user } from '../support/api.ts';
import { streamOf, queryOf, send, upload, uploadForm } from './upload.ts';

const api = await testApi();
const EXPEDITED = { expedite: 'next_run', reason: 'ticket 4711' };

/** Every tenth line repeats the one before, every thousandth is too long to be an identity. */
const lineOf = (index: number): string => {
  if (index % 1_000 === 999) return 'x'.repeat(1_025);
  return index % 10 === 5 ? `u-${index - 1}` : `u-${index}`;
};
const fileOf = (lines: number): string =>
  ['user_id', ...Array.from({ length: lines }, (_, index) => lineOf(index))].join('\n');

const statementsOf = async (call: () => Promise<{ readonly status: number }>) => {
  api.statements();
  expect((await call()).status).toBe(202);
  return api.statements().length;
};

test('stores 10 000 lines with as many statements as ten lines', async () => {
  const small = await statementsOf(() => upload(api, fileOf(10), EXPEDITED));
  expect(small).toBe(2);
  expect(await statementsOf(() => upload(api, fileOf(10_000), EXPEDITED))).toBe(small);
  expect(await statementsOf(() => uploadForm(api, fileOf(10_000), EXPEDITED))).toBe(small);
  const many = Array.from({ length: 2_000 }, (_, index) => user(`json-${index}`));
  expect(await statementsOf(() => api.call('POST', '/v1/requests', deletionOf(many)))).toBe(small);
});

test('stores a row for each of 10 000 lines and counts them in the response', async () => {
  const answer = await upload(api, fileOf(10_000), EXPEDITED);
  const counts = { total: 10_000, accepted: 8_990, merged: 1_000, failed: 10, blank: 0 };
  expect(answer.json).toMatchObject({ submitted: 10_000, lines: counts });
  expect(answer.json).toMatchObject({
    failures: Array.from({ length: 10 }, (_, index) => ({ line: 1_001 + index * 1_000, reason: 'too_long' })),
    mergedInto: Array.from({ length: 100 }, (_, index) => ({ line: 7 + index * 10, into: 6 + index * 10 })),
  });
  const rows = await api.sql<{ position: number; line: number; value: string[] | null }[]>`
    SELECT position, line, value FROM lethe.submitted_identities WHERE request_id = ${textOf(answer, 'id')} ORDER BY position`;
  expect([...rows]).toEqual(
    Array.from({ length: 10_000 }, (_, index) => ({
      position: index + 1,
      line: index + 2,
      value: index % 1_000 === 999 ? null : [lineOf(index)],
    })),
  );
  const outcomes = await api.sql`SELECT outcome, count(*) FROM lethe.submitted_identities
    WHERE request_id = ${textOf(answer, 'id')} GROUP BY outcome ORDER BY outcome NULLS FIRST`;
  expect([...outcomes]).toEqual([
    { outcome: null, count: counts.accepted },
    { outcome: 'duplicate', count: counts.merged },
    { outcome: 'invalid', count: counts.failed },
  ]);
  expect((await upload(api, fileOf(10_001), EXPEDITED)).json).toMatchObject({
    code: 'too_many_subjects',
    limit: 10_000,
  });
});

test('stores a segment and everyone with one statement after authentication', async () => {
  const subjects = { segment: { kind: 'user', segment: 'fifty-thousand' }, everyone: { kind: 'user', everyone: true } };
  const segment = { ...deletionOf([]), subjects: subjects.segment };
  const everyone = { ...deletionOf([]), subjects: subjects.everyone, confirm: true };
  expect(await statementsOf(() => api.call('POST', '/v1/requests', segment))).toBe(2);
  expect(await statementsOf(() => api.call('POST', '/v1/requests', everyone))).toBe(2);
});

/** Measures the largest growth of memory while a body is read. */
function memoryGrowth() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const now = () => {
    // The first collection is finished in the background; the second waits for it.
    collect();
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = now();
  let highest = 0;
  return {
    measure: () => void (highest = Math.max(highest, now() - before)),
    highest: () => highest,
  };
}

test('does not hold a file of the maximum size in memory', async () => {
  // 9.9 MB: 990 lines of ten kilobytes in chunks of ten lines. Only the identities are kept.
  const row = (index: number): string => `u-${String(index).padStart(6, '0')},"${'some note, '.repeat(908)}"\n`;
  for (const first of [upload, uploadForm]) expect((await first(api, fileOf(10), EXPEDITED)).status).toBe(202);
  const { measure, highest } = memoryGrowth();
  const pieces = (before: string, after: string) => {
    const rows = Array.from({ length: 99 }, (_, ten) => () => {
      if (ten % 10 === 9) measure();
      return Array.from({ length: 10 }, (__, index) => row(ten * 10 + index)).join('');
    });
    return streamOf([before, 'user_id,note\n', ...rows, after]);
  };
  const parts = new URLSearchParams(queryOf(EXPEDITED));
  const head = [...parts].map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const form = `${head.join('')}--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n`;
  const type = { 'Content-Type': 'multipart/form-data; boundary=b' };
  for (const [name, call] of [
    ['as the body', () => upload(api, pieces('', '\n'), EXPEDITED)],
    ['in a form', () => send(api, '/v1/uploads', pieces(form, '\r\n--b--'), type)],
  ] as const) {
    const answer = await call();
    expect(answer.json).toMatchObject({ lines: { accepted: 990 } });
    expect(highest(), `largest growth ${name}`).toBeLessThan(4_000_000);
  }
});
