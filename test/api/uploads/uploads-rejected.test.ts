import { beforeEach, describe, expect, test } from 'vitest';
import { bearerOf, PROJECT, testApi, textOf } from '../support/api.ts';
import { CANARY, requestError, streamOf, queryOf, expectRejected, send, upload, uploadForm } from './upload.ts';

const api = await testApi({
  project: { ...PROJECT, policy: { ...PROJECT.policy, subjectsPerRequest: 20, subjectsPerUpload: 50 } },
});

beforeEach(() => void api.log.splice(0));

describe('rejected uploads', () => {
  const line = (number: number) => ({ status: 422, code: 'malformed_csv', line: number });

  test.each([
    ['a quote that is never closed', `user_id\nu-1\n"${CANARY}\nu-2\n`, 3],
    ['text after a closing quote', `user_id\n"x\r\n"\n"${CANARY}" x\nu-2\n`, 4],
    ['a quote in the middle of a field', `user_id\n${CANARY}"x"\nu-2\n`, 2],
    ['a NUL', `user_id\nu-1\n${CANARY}\0\n`, 3],
    ['a record that is too long', `user_id\n${CANARY.repeat(7_000)}`, 2],
    ['nothing but delimiters', streamOf(['user_id\n', ...Array.from({ length: 6 }, () => ','.repeat(65_536))]), 2],
  ])('rejects %s with the number of the line', async (_, file, number) => {
    expect(await expectRejected(api, () => upload(api, file))).toMatchObject(line(number));
    expect(api.log.join('')).not.toContain(CANARY);
  });

  test('rejects bytes and charsets other than UTF-8', async () => {
    const bytes = (text: string, encoding: BufferEncoding) => new Uint8Array(Buffer.from(text, encoding));
    const latin1 = bytes(`user_id\nu-1\n${CANARY}\u00fc\n`, 'latin1');
    for (const [file, number] of [
      [latin1, 3],
      [bytes(`${CANARY}\u00fc\nu-1\n`, 'latin1'), 1],
      [bytes(`user_id,caf\u00e9\n${CANARY},x\n`, 'latin1'), 1],
    ] as const)
      expect(await expectRejected(api, () => upload(api, file))).toMatchObject({
        ...line(number),
        detail: expect.stringMatching(/not valid UTF-8.*save the file in UTF-8/),
      });
    const utf16 = bytes(`\uFEFFuser_id\n${CANARY}`, 'utf16le');
    const other = Uint8Array.from(utf16, (_, index) => utf16[index ^ 1] ?? 0);
    for (const file of [utf16, other, utf16.subarray(2), other.subarray(2)])
      for (const parameters of [{}, { header: 'absent' }])
        expect(await expectRejected(api, () => upload(api, file, parameters))).toMatchObject({
          ...line(1),
          detail: expect.stringMatching(/UTF-16.*save the file in UTF-8/),
        });
    const charset = { 'Content-Type': 'text/csv; charset=iso-8859-1' };
    expect(await expectRejected(api, () => upload(api, latin1, {}, charset))).toMatchObject({ status: 415 });
    expect(
      (await upload(api, 'user_id\nu-1', {}, { 'Content-Type': 'text/csv; charset="UTF-8"; header=present' })).status,
    ).toBe(202);
  });

  test('rejects a file without a valid identity and lists its invalid lines', async () => {
    for (const empty of ['', 'user_id', 'user_id\n', 'user_id\n\n\n'])
      expect(await expectRejected(api, () => upload(api, empty))).toMatchObject(
        requestError('/file', 'no_identities', 'body'),
      );
    expect(
      await expectRejected(api, () => upload(api, `number\n\n${CANARY}\n${CANARY}2`, { type: 'number' })),
    ).toMatchObject({
      ...requestError('/file', 'no_identities', 'body'),
      lines: { total: 3, accepted: 0, merged: 0, failed: 2, blank: 1 },
      failures: [
        { line: 3, reason: 'not_an_integer' },
        { line: 4, reason: 'not_an_integer' },
      ],
    });
  });

  test('stops reading at the limit of an upload, which for an export is the limit of a request', async () => {
    const lines = (count: number) => Array.from({ length: count }, (_, index) => `u-${index}\n\n`).join('');
    for (const [limit, parameters] of [
      [20, { kind: 'export' }],
      [50, {}],
      [50, { expedite: 'now', reason: 'ticket 1' }],
    ] as const) {
      expect((await upload(api, `user_id\n${lines(limit)}`, parameters)).status).toBe(202);
      expect(await expectRejected(api, () => upload(api, `user_id\n${lines(limit + 1)}`, parameters))).toMatchObject({
        status: 422,
        code: 'too_many_subjects',
        limit,
      });
    }
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(`e-${++pulled}\n`)),
    });
    expect(await expectRejected(api, () => upload(api, endless, { header: 'absent' }))).toMatchObject({
      code: 'too_many_subjects',
    });
    expect(pulled).toBeLessThan(100);
  });

  test('names missing, unknown, repeated and invalid parameters', async () => {
    const file = 'user_id\nu-1';
    for (const name of ['project', 'kind', 'regulation', 'subjects', 'type']) {
      const without = { [name]: undefined };
      const code = name === 'kind' || name === 'subjects' ? 'invalid_value' : 'invalid_type';
      expect(await expectRejected(api, () => upload(api, file, without))).toMatchObject(requestError(`/${name}`, code));
      expect(await expectRejected(api, () => uploadForm(api, file, without))).toMatchObject(
        requestError(`/${name}`, code, 'body'),
      );
    }
    for (const [parameters, pointer, code] of [
      [{ regulation: 'hipaa' }, '/regulation', 'unknown_regulation'],
      [{ type: CANARY }, '/type', 'unknown_type'],
      [{ type: 'constructor' }, '/type', 'unknown_type'],
      [{ subjects: 'company' }, '/type', 'unknown_type'],
      [{ expedite: 'now' }, '/reason', 'custom'],
      [{ reason: 'ticket 1' }, '/reason', 'custom'],
      [{ suppress: 'yes' }, '/suppress', 'invalid_value'],
      [{ delimiter: ':' }, '/delimiter', 'invalid_value'],
      [{ header: 'maybe' }, '/header', 'invalid_value'],
      [{ kind: 'access' }, '/kind', 'invalid_value'],
      [{ [CANARY]: '1' }, '', 'unrecognized_keys'],
    ] as const) {
      expect(await expectRejected(api, () => upload(api, file, parameters))).toMatchObject(requestError(pointer, code));
      expect(await expectRejected(api, () => uploadForm(api, file, parameters))).toMatchObject(
        requestError(pointer, code, 'body'),
      );
    }
    expect(await expectRejected(api, () => upload(api, file, { project: CANARY }))).toMatchObject({
      code: 'project_not_found',
    });
    expect(
      await expectRejected(api, () =>
        send(api, `/v1/uploads?${queryOf({})}&type=alias`, file, { 'Content-Type': 'text/csv' }),
      ),
    ).toMatchObject(requestError('/type', 'invalid_type'));
  });

  test('rejects a form with misplaced parameters, without exactly one file, or cut short', async () => {
    const formOf = (...parts: (readonly [string, string])[]) => {
      const form = new FormData();
      for (const [name, value] of parts) form.append(name, value);
      return form;
    };
    const fields = Object.entries({
      project: 'demo',
      kind: 'deletion',
      regulation: 'gdpr',
      subjects: 'user',
      type: 'user_id',
    });
    const file = ['file', `user_id\n${CANARY}`] as const;
    const form = (...parts: (readonly [string, string])[]) =>
      expectRejected(api, () => send(api, '/v1/uploads', formOf(...parts), {}));
    expect(await form(...fields, file, ['suppress', 'true'])).toMatchObject(
      requestError('/file', 'fields_come_first', 'body'),
    );
    expect(await form(...fields, file, file)).toMatchObject(requestError('/file', 'too_many_files', 'body'));
    expect(await form(...fields)).toMatchObject(requestError('/file', 'missing', 'body'));
    expect(await form(...fields, ['type', 'alias'], file)).toMatchObject(requestError('/type', 'invalid_type', 'body'));
    for (const later of [[], fields])
      expect(await form(file, ...later)).toMatchObject(requestError('/file', 'fields_come_first', 'body'));
    expect(
      await expectRejected(api, () => send(api, '/v1/uploads?project=demo', formOf(...fields, file), {})),
    ).toMatchObject(requestError('/project', 'belongs_in_the_form'));
    expect(
      await expectRejected(api, () => send(api, `/v1/uploads?${CANARY}=1`, formOf(...fields, file), {})),
    ).toMatchObject(requestError('', 'unrecognized_keys'));
    const type = 'multipart/form-data; boundary=b';
    const head = fields
      .map(([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join('');
    const whole = `${head}--b\r\nContent-Disposition: form-data; name="file"; filename="${CANARY}"\r\n\r\nuser_id\n${CANARY}`;
    for (const cut of [whole, whole.slice(0, -5), head, head.slice(0, 30)])
      expect(await expectRejected(api, () => send(api, '/v1/uploads', cut, { 'Content-Type': type }))).toMatchObject({
        code: 'malformed_csv',
      });
    expect(
      await expectRejected(api, () => send(api, '/v1/uploads', whole, { 'Content-Type': 'multipart/form-data' })),
    ).toMatchObject({
      status: 415,
    });
    expect((await send(api, '/v1/uploads', `${whole}\r\n--b--`, { 'Content-Type': type })).status).toBe(202);
  });

  test('rejects another or a missing media type', async () => {
    for (const type of ['application/json', 'text/plain', ''])
      expect(await expectRejected(api, () => upload(api, 'user_id\nu-1', {}, { 'Content-Type': type }))).toMatchObject({
        status: 415,
        code: 'unsupported_media_type',
      });
  });

  test('rejects a body that ends early, as a file and as a form', async () => {
    const lines = ['user_id\n', `${CANARY}-1\n`, `${CANARY}-2\n`];
    expect(await expectRejected(api, () => upload(api, streamOf(lines, 'breaks')))).toMatchObject({
      code: 'malformed_csv',
    });
    const type = { 'Content-Type': 'multipart/form-data; boundary=b' };
    const form = ['--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n', ...lines];
    expect(await expectRejected(api, () => send(api, '/v1/uploads', streamOf(form, 'breaks'), type))).toMatchObject({
      status: 422,
    });
    expect(api.log.join('')).not.toMatch(/"level":(50|60)/);
  });

  test('rejects an upload with onConflict reject when another open deletion owns a subject', async () => {
    await upload(api, 'user_id\nowned-1\nowned-2');
    const answer = await expectRejected(api, () => upload(api, 'user_id\nfree\n\nowned-2', { onConflict: 'reject' }));
    expect(answer).toMatchObject({ status: 409, code: 'subject_conflict', positions: [2] });
  });

  test('rejects a read-only token', async () => {
    const created = await api.call('POST', '/v1/tokens', { name: 'reader', access: 'read' });
    const reader = bearerOf(textOf(created, 'token'));
    expect(await expectRejected(api, () => upload(api, 'user_id\nu-1', {}, reader))).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
  });

  test('rejects a body over the limit with and without Content-Length', async () => {
    const small = await testApi({ bodyLimitBytes: 1_000 });
    const file = `user_id,note\nu-1,${'x'.repeat(1_000)}\n`;
    for (const body of [file, streamOf([file]), streamOf(file.split(/(?=u)/))])
      expect((await upload(small, body)).json).toMatchObject({ status: 413, code: 'body_too_large', limit: 1_000 });
    const declared = await upload(small, streamOf([file]), {}, { 'Content-Length': '2000' });
    expect(declared.json).toMatchObject({ status: 413 });
    expect((await upload(small, 'user_id\nu-1')).status).toBe(202);
    expect(await small.sql`SELECT value FROM lethe.submitted_identities`).toEqual([{ value: ['u-1'] }]);
  });
});
