import { expect, test } from 'vitest';
import { deletionOf, START, testApi, textOf, user } from '../support/api.ts';
import { concludeAll, resolve, matchOf } from '../support/ledger.ts';
import { CANARY, upload } from './upload.ts';

const api = await testApi();

/** Every third line is not an integer. */
const FILE = [
  'number',
  ...Array.from({ length: 900 }, (_, index) => (index % 3 === 0 ? `${CANARY}-${index}` : `${index}`)),
].join('\n');
const FAILURES = Array.from({ length: 300 }, (_, index) => ({
  position: index * 3 + 1,
  line: index * 3 + 2,
  type: 'number',
  reason: 'not_an_integer',
}));

async function failuresOf(id: string, limit: number) {
  const pages: unknown[][] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const answer = await api.call('GET', `/v1/requests/${id}/failures?limit=${limit}${query}`);
    expect([answer.status, answer.text.includes(CANARY)]).toEqual([200, false]);
    const page = answer.json as { readonly items: unknown[]; readonly nextCursor: string | null };
    pages.push(page.items);
    cursor = page.nextCursor;
  }
  return pages;
}

test('lists all failed lines in pages, without their values', async () => {
  const answer = await upload(api, FILE, { type: 'number' });
  const id = textOf(answer, 'id');
  expect(answer.json).toMatchObject({
    lines: { accepted: 600, failed: 300 },
    failures: FAILURES.slice(0, 100).map(({ line, reason }) => ({ line, reason })),
    links: { failures: `/v1/requests/${id}/failures` },
  });
  const pages = await failuresOf(id, 130);
  expect(pages.map(({ length }) => length)).toEqual([130, 130, 40]);
  expect(pages.flat()).toEqual(FAILURES);
});

test('lists the failed lines after the request has ended, and repeats its answer for the same key', async () => {
  const key = { 'Idempotency-Key': 'failures' };
  const { status: _, ...first } = (await upload(api, FILE, { type: 'number' }, key)).json as Record<string, unknown>;
  const id = String(first['id']);
  await api.call('POST', `/v1/requests/${id}/cancel`, {});
  await concludeAll(api.database, id, START);
  const [kept] = await api.sql`SELECT count(*) AS rows, count(value) AS values FROM lethe.submitted_identities
    WHERE request_id = ${id}`;
  expect(kept).toEqual({ rows: 900, values: 0 });
  expect((await failuresOf(id, 200)).flat()).toEqual(FAILURES);
  const again = await upload(api, FILE, { type: 'number' }, key);
  expect(again.headers.get('Idempotency-Replayed')).toBe('true');
  expect(again.json).toEqual({ ...first, status: 'cancelled' });
});

test('lists identities of a JSON request without a line, and those that turn out to be ambiguous', async () => {
  const identities = [user('u-1'), { type: 'number', value: CANARY }, user('u-2'), user('u-3')];
  const id = textOf(await api.call('POST', '/v1/requests', deletionOf(identities)), 'id');
  const invalid = { position: 2, line: null, type: 'number', reason: 'not_an_integer' };
  expect(await failuresOf(id, 100)).toEqual([[invalid]]);
  await resolve(api.database, id, [matchOf(1, 'u-1'), matchOf(3, 'u-2'), matchOf(3, 'u-9'), matchOf(4, 'u-3')], START);
  expect(await failuresOf(id, 100)).toEqual([
    [invalid, { position: 3, line: null, type: 'user_id', reason: 'ambiguous' }],
  ]);
});

test('lists nothing for a request without a list of identities, and reads none of its subjects', async () => {
  const subjects = { kind: 'user', everyone: true };
  const id = textOf(await api.call('POST', '/v1/requests', { ...deletionOf([]), subjects, confirm: true }), 'id');
  await resolve(api.database, id, [matchOf(1, 'u-1'), matchOf(2, 'u-2')], START);
  api.statements();
  expect(await failuresOf(id, 100)).toEqual([[]]);
  expect(api.statements().filter((statement) => statement.includes('submitted_identities'))).toEqual([]);
});

test('rejects the failures of another project and an invalid cursor', async () => {
  const id = textOf(await upload(api, 'user_id\nu-1\n'), 'id');
  const headers = { Authorization: `Bearer ${api.otherOwner.token}` };
  expect((await api.call('GET', `/v1/requests/${id}/failures`, undefined, headers)).json).toMatchObject({
    code: 'request_not_found',
  });
  expect((await api.call('GET', `/v1/requests/${id}/failures?cursor=p`)).json).toMatchObject({
    errors: [{ pointer: '/cursor' }],
  });
});
