import { describe, expect, test } from 'vitest';
import { testApi, textOf } from '../support/api.ts';
import { CANARY, requestError, streamOf, expectRejected, requestCount, upload, uploadForm } from './upload.ts';

const api = await testApi();

const stored = async (id: string) => [
  ...(await api.sql`SELECT line, value, outcome, reason, duplicate_of FROM lethe.submitted_identities
    WHERE request_id = ${id} ORDER BY position`),
];
const row = (line: number, ...value: string[]) => ({ line, value, outcome: null, reason: null, duplicateOf: null });
const invalid = (line: number, reason: string) => ({
  line,
  value: null,
  outcome: 'invalid',
  reason,
  duplicateOf: null,
});

/** Uploads a file and returns the stored rows. */
async function rowsOf(file: Parameters<typeof upload>[1], parameters?: Parameters<typeof upload>[2]) {
  const answer = await upload(api, file, parameters);
  if (answer.status !== 202) throw new Error(answer.text);
  return stored(textOf(answer, 'id'));
}

test('counts every line as accepted, merged, failed or blank', async () => {
  const file =
    'xng_id\n0190a5e4-3c00-7000-8000-000000000001\n\nnot-a-uuid\n0190A5E43C0070008000000000000001\n""\n  \n0190a5e4-3c00-7000-8000-000000000002';
  const answer = await upload(api, file, { type: 'xng_id' });
  expect(answer.status).toBe(202);
  expect(answer.json).toMatchObject({
    status: 'received',
    submitted: 4,
    dueAt: '2026-12-23T10:00:00.000Z',
    lines: { total: 7, accepted: 2, merged: 1, failed: 1, blank: 3 },
    failures: [{ line: 4, reason: 'not_a_uuid' }],
    mergedInto: [{ line: 5, into: 2 }],
  });
  const id = textOf(answer, 'id');
  expect(answer.headers.get('Location')).toBe(`/v1/requests/${id}`);
  expect(api.orchestrator.started.at(-1)).toBe(id);
  expect(await stored(id)).toEqual([
    row(2, '0190a5e4-3c00-7000-8000-000000000001'),
    invalid(4, 'not_a_uuid'),
    { ...row(5, '0190a5e4-3c00-7000-8000-000000000001'), outcome: 'duplicate', duplicateOf: 1 },
    row(8, '0190a5e4-3c00-7000-8000-000000000002'),
  ]);
  const page = await api.call('GET', `/v1/requests/${id}/subjects`);
  expect(page.json).toMatchObject({
    items: [
      { position: 1, line: 2 },
      { position: 2, line: 4, outcome: 'invalid', reason: 'not_a_uuid', value: null },
      { position: 3, line: 5, outcome: 'duplicate', duplicateOf: 1 },
      { position: 4, line: 8 },
    ],
  });
});

describe('files', () => {
  test('reads a byte order mark and all line endings in chunks of any size', async () => {
    const bytes = new TextEncoder().encode('\uFEFFuser_id\r\nKöln\r\nu-2\ru-3\nu-4');
    const expected = [row(2, 'Köln'), row(3, 'u-2'), row(4, 'u-3'), row(5, 'u-4')];
    expect(await rowsOf(bytes)).toEqual(expected);
    expect(await rowsOf(streamOf([...bytes].map((byte) => Uint8Array.of(byte))))).toEqual(expected);
    expect(await rowsOf(streamOf([bytes.subarray(0, 1), bytes.subarray(1)]))).toEqual(expected);
  });

  test('reports the line on which a record with quoted line breaks begins', async () => {
    const file = 'note,user_id\r\n"two\r\nlines",u-1\r\n"a ""quoted"" one",u-2\n"three\n\nlines","u-""3"""\n,u-4\n';
    expect(await rowsOf(file)).toEqual([row(2, 'u-1'), row(4, 'u-2'), row(5, 'u-"3"'), row(8, 'u-4')]);
  });

  test('reports an identity that contains a line break as failed', async () => {
    const answer = await upload(api, 'user_id\nu-1\n"u-\n2"\nu-3');
    expect(answer.json).toMatchObject({
      lines: { total: 3, accepted: 2, failed: 1 },
      failures: [{ line: 3, reason: 'control_characters' }],
    });
    expect(await stored(textOf(answer, 'id'))).toEqual([
      row(2, 'u-1'),
      invalid(3, 'control_characters'),
      row(5, 'u-3'),
    ]);
  });

  test('reads columns separated by semicolons and tabs', async () => {
    expect(await rowsOf('a;user_id\nx,y;u-1', { delimiter: ';' })).toEqual([row(2, 'u-1')]);
    expect(await rowsOf('a\tuser_id\nx;y\tu-1', { delimiter: 'tab' })).toEqual([row(2, 'u-1')]);
  });

  test('reads lines that are shorter or longer than the header', async () => {
    expect(await rowsOf('a,user_id\n1,u-1\n2\n3,u-3,x,y')).toEqual([
      row(2, 'u-1'),
      invalid(3, 'wrong_number_of_values'),
      row(4, 'u-3'),
    ]);
  });
});

describe('columns', () => {
  test('selects columns by name, by number, by the name of the type, or the only one', async () => {
    const file = 'name,user_id, second id \nann,u-1,u-2';
    expect(await rowsOf(file)).toEqual([row(2, 'u-1')]);
    expect(await rowsOf(file, { columns: 'second id' })).toEqual([row(2, 'u-2')]);
    expect(await rowsOf(file, { columns: '3' })).toEqual([row(2, 'u-2')]);
    expect(await rowsOf('any name\nu-1', { header: 'present' })).toEqual([row(2, 'u-1')]);
  });

  test('selects the first columns or columns by number when there is no header', async () => {
    expect(await rowsOf('u-1,ann\nu-2,bob', { header: 'absent' })).toEqual([row(1, 'u-1'), row(2, 'u-2')]);
    expect(await rowsOf('u-1,ann\nu-2,bob', { header: 'absent', columns: '2' })).toEqual([
      row(1, 'ann'),
      row(2, 'bob'),
    ]);
  });

  test('selects one column for each part of a composite identity', async () => {
    const file =
      'unit,id,mail\nBerlin,u-1,Ann@x.test\nKöln,u-2,ann@x.test\nBerlin,u-3,Ann@x.test\nberlin,u-4,ANN@x.test';
    const answer = await upload(api, file, { type: 'email', columns: 'mail,1' });
    expect(answer.json).toMatchObject({ lines: { accepted: 3, merged: 1 }, mergedInto: [{ line: 4, into: 2 }] });
    expect((await stored(textOf(answer, 'id'))).slice(0, 2)).toEqual([
      row(2, 'Ann@x.test', 'Berlin'),
      row(3, 'ann@x.test', 'Köln'),
    ]);
    expect(await rowsOf('a,b\nann@x.test,berlin', { type: 'email', header: 'present' })).toEqual([
      row(2, 'ann@x.test', 'berlin'),
    ]);
  });

  test.each([
    ['an unknown column', 'a,b\nu-1,u-2', { columns: CANARY }, 'unknown_column'],
    ['a number beyond the header', 'a,b\nu-1,u-2', { columns: '3', header: 'present' }, 'unknown_column'],
    ['a column by name without a header', 'a,b\nu-1,u-2', { columns: 'a', header: 'absent' }, 'unknown_column'],
    ['a column that the header has twice', 'a,a\nu-1,u-2', { columns: 'a' }, 'ambiguous_column'],
    ['two columns for a type of one part', 'a,b\nu-1,u-2', { columns: 'a,b' }, 'wrong_number_of_columns'],
    ['one column for a type of two parts', 'a,b\nu-1,u-2', { columns: 'a', type: 'email' }, 'wrong_number_of_columns'],
    ['no column of a file with several', `${CANARY},b\nu-1,u-2`, { header: 'present' }, 'columns_needed'],
    ['column 0', 'a,b\nu-1,u-2', { columns: '0' }, 'custom'],
    ['an empty name', 'a,b\nu-1,u-2', { columns: 'a,' }, 'custom'],
  ])('rejects columns that name %s', async (_, file, parameters, code) => {
    expect(await expectRejected(api, () => upload(api, file, parameters))).toMatchObject(
      requestError('/columns', code),
    );
    expect(await expectRejected(api, () => uploadForm(api, file, parameters))).toMatchObject(
      requestError('/columns', code, 'body'),
    );
  });
});

test('stores the same request from a form as from a file with a query', async () => {
  const file = 'mail,unit,note\nAnn@x.test,Berlin,"a\nb"\nAnn@x.test,Berlin,\n,,\nbob@x.test,,x\ncat@x.test,c,';
  const parameters = {
    type: 'email',
    columns: '1,2',
    header: 'present',
    suppress: 'true',
    confirm: 'true',
    expedite: 'next_run',
    reason: 'ticket 1',
  };
  const [plain, form] = [await upload(api, file, parameters), await uploadForm(api, file, parameters)];
  const { id, links, ...response } = plain.json as { id: string; links: object };
  const { id: formId, links: formLinks, ...formResponse } = form.json as { id: string; links: object };
  expect(formResponse).toEqual(response);
  expect(response).toMatchObject({ lines: { total: 5, accepted: 2, merged: 1, failed: 1, blank: 1 } });
  expect(await stored(formId)).toEqual(await stored(id));
  expect([links, formLinks]).toEqual([expect.anything(), expect.anything()]);
  const rows =
    await api.sql`SELECT subject_kind, suppress, confirm, expedite, expedite_reason, on_conflict, hard_delete_at
    FROM lethe.requests WHERE id IN (${id}, ${formId})`;
  expect(rows[0]).toEqual(rows[1]);
  expect(rows[0]).toMatchObject({ suppress: true, confirm: true, expedite: 'next_run', expediteReason: 'ticket 1' });
});

test('stores one request per Idempotency-Key and rejects the key for another file or parameters', async () => {
  const key = { 'Idempotency-Key': 'upload' };
  const file = 'user_id\nk-1\n\nk-1\nk-2\n';
  const first = await upload(api, file, {}, key);
  const before = await requestCount(api);
  for (const again of [
    await upload(api, file, {}, key),
    await uploadForm(api, file, {}, key),
    await uploadForm(api, file, { suppress: 'false' }, key),
  ]) {
    expect([again.status, again.headers.get('Idempotency-Replayed')]).toEqual([202, 'true']);
    expect(again.json).toEqual(first.json);
  }
  for (const other of [
    await upload(api, `${file}\n`, {}, key),
    await upload(api, file.replaceAll('\n', '\r\n'), {}, key),
    await upload(api, file, { suppress: 'true' }, key),
    await api.call(
      'POST',
      '/v1/requests',
      {
        project: 'demo',
        kind: 'deletion',
        regulation: 'gdpr',
        subjects: { kind: 'user', identities: [{ type: 'user_id', value: 'k-1' }] },
      },
      key,
    ),
  ])
    expect(other.json).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  expect(await requestCount(api)).toBe(before);
});
