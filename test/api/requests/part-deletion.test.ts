import { expect, test } from 'vitest';
import { recordRange } from '../../../db/deletion/ranges.ts';
import { systemsForRequest } from '../../../domain/catalog.ts';
import { applyVisibility, claimAt, hide, matchesOf } from '../support/ledger.ts';
import { submitDeletion, deletionOf, PROJECT, RUN, START, testApi, textOf, user } from '../support/api.ts';
import { upload, uploadForm } from '../uploads/upload.ts';

/** Part deletions have scope `categories` or `sources`. */
const api = await testApi();
const SCOPES = ['categories', 'sources'] as const;
const read = async (id: string, what = '') => (await api.call('GET', `/v1/requests/${id}${what}`)).json;

test.each(SCOPES)('%s hides no subject and reports cleared rows in the receipt', async (scope) => {
  const name = `p-${scope}`;
  const id = await submitDeletion(api, [user(name)], { scope, regulation: 'ccpa' });
  expect(await read(id)).toMatchObject({ scope, status: 'received', notHiddenIn: [] });
  await hide(api.database, id, matchesOf([name]), START);
  expect(await read(id)).toMatchObject({
    status: 'grace',
    hardDeleteAt: RUN.toISOString(),
    notHiddenIn: [],
    subjects: { states: { scheduled: 1, soft_deleted: 0 } },
  });
  expect(await read(id, '/subjects')).toMatchObject({ items: [{ outcome: 'matched' }] });
  await claimAt(api.database, id, RUN);
  const kept = { basis: 'cannot be empty: created_at', rows: 1 };
  const tables = [{ table: 'app.users', removed: 0, retained: [kept], blanked: 4 }];
  const range = {
    firstSeq: 1,
    lastSeq: 1,
    part: 0,
    tables,
    retained: [{ seq: 1, ...kept }],
  };
  await recordRange(api.database, { requestId: id, project: 'demo', system: 'app', batch: 1 }, 1, range);
  expect(await read(id, '/progress')).toMatchObject({
    batches: [
      { system: 'app', finished: 1, removed: 0, blanked: 4 },
      { system: 'mail', finished: 0, removed: 0, blanked: 0 },
    ],
  });
  await applyVisibility(api.database, id, RUN);
  expect(await read(id, '/receipt')).toMatchObject({
    scope,
    outcomes: { matched: 1 },
    systems: [
      {
        system: 'app',
        tables: [{ removed: 0, blanked: 4, retained: [kept] }],
      },
      { system: 'mail' },
    ],
  });
});

test('lists systems that cannot hide for a whole deletion and none for a part deletion', async () => {
  const [whole, part] = [
    await submitDeletion(api, [user('w-1')]),
    await submitDeletion(api, [user('w-1')], { scope: 'sources' }),
  ];
  expect(await read(whole)).toMatchObject({ notHiddenIn: ['mail'] });
  for (const id of [whole, part]) await hide(api.database, id, matchesOf(['w-1']), START);
  expect(await read(whole)).toMatchObject({ notHiddenIn: ['mail'], subjects: { states: { soft_deleted: 1 } } });
  expect(await read(part)).toMatchObject({ notHiddenIn: [], subjects: { states: { scheduled: 1, attached: 0 } } });
});

test('lists the systems that can only delete all data under notCoveredIn, and pins no such system', async () => {
  const systems = PROJECT.systems.map((one) => (one.name === 'mail' ? { ...one, scopes: ['data'] as const } : one));
  const mixed = await testApi({ project: { ...PROJECT, systems } });
  const readFrom = async (id: string, what = '') => (await mixed.call('GET', `/v1/requests/${id}${what}`)).json;
  const part = await submitDeletion(mixed, [user('n-1')], { scope: 'sources' });
  expect(await readFrom(part)).toMatchObject({ notCoveredIn: ['mail'] });
  expect(await readFrom(await submitDeletion(mixed, [user('n-2')]))).toMatchObject({ notCoveredIn: [] });
  const covered = systemsForRequest(
    { ...PROJECT, systems },
    { kind: 'deletion', subjectKind: 'user', scope: 'sources' },
  );
  await hide(mixed.database, part, matchesOf(['n-1']), START, covered);
  await claimAt(mixed.database, part, RUN);
  expect(await readFrom(part, '/receipt')).toMatchObject({ notCoveredIn: ['mail'], systems: [{ system: 'app' }] });
});

test('is rejected when no system can delete only a part, as suppress is when none can suppress', async () => {
  const systems = PROJECT.systems.map((one) => ({ ...one, scopes: ['data'] as const, suppresses: false }));
  const limited = await testApi({ project: { ...PROJECT, systems } });
  const errorsFrom = async (more: object) =>
    (await limited.call('POST', '/v1/requests', deletionOf([user('l-1')], { ...more }))).json;
  expect(await errorsFrom({ scope: 'categories' })).toMatchObject({
    errors: [{ pointer: '/scope', code: 'no_scope' }],
  });
  expect(await errorsFrom({ suppress: true })).toMatchObject({
    errors: [{ pointer: '/suppress', code: 'no_suppression' }],
  });
  expect(await limited.sql`SELECT FROM lethe.requests`).toHaveLength(0);
});

test.each(SCOPES)('%s is rejected with suppress and stores nothing', async (scope) => {
  const before = await api.sql`SELECT count(*) FROM lethe.requests`;
  const body = await api.call('POST', '/v1/requests', deletionOf([user('s-1')], { scope, suppress: true }));
  expect(body).toMatchObject({
    status: 422,
    json: { code: 'invalid_request', errors: [{ in: 'body', pointer: '/suppress', code: 'part_scope' }] },
  });
  const fields = { scope, suppress: 'true' };
  for (const sent of [await upload(api, 'user_id\ns-1\n', fields), await uploadForm(api, 'user_id\ns-1\n', fields)])
    expect(sent).toMatchObject({ status: 422, json: { errors: [{ pointer: '/suppress', code: 'part_scope' }] } });
  expect(await api.sql`SELECT count(*) FROM lethe.requests`).toEqual(before);
});

test('rejects an unknown scope', async () => {
  const answer = await api.call('POST', '/v1/requests', deletionOf([user('s-2')], { scope: 'profile' }));
  expect(answer).toMatchObject({ status: 422, json: { errors: [{ pointer: '/scope' }] } });
  expect(await upload(api, 'user_id\ns-2\n', { scope: 'profile' })).toMatchObject({ status: 422 });
});

test('uses scope data for an upload without a scope', async () => {
  for (const [fields, scope] of [
    [{}, 'data'],
    [{ scope: 'sources' }, 'sources'],
    [{ scope: 'categories' }, 'categories'],
  ] as const) {
    const id = textOf(await upload(api, 'user_id\nu-1\nu-2\n', fields), 'id');
    expect(await read(id)).toMatchObject({ scope, subjects: { submitted: 2 } });
  }
});

test('does not conflict with a deletion of another scope', async () => {
  const reject = (scope: string) =>
    api.call('POST', '/v1/requests', deletionOf([user('c-1')], { scope, onConflict: 'reject' }));
  await submitDeletion(api, [user('c-1')], { scope: 'categories' });
  expect(await reject('data')).toMatchObject({ status: 202 });
  expect(await reject('sources')).toMatchObject({ status: 202 });
  expect(await reject('data')).toMatchObject({ status: 409, json: { code: 'subject_conflict' } });
});
