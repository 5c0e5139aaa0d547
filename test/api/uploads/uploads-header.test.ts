import { describe, expect, test } from 'vitest';
import { testApi, textOf } from '../support/api.ts';
import { CANARY, expectRejected, requestError, upload, uploadForm, type Parameters } from './upload.ts';

const api = await testApi();

/** The values that a file leads to, and what its answer says about the header. */
async function accepted(file: string, parameters: Parameters = {}) {
  const answer = await upload(api, file, parameters);
  if (answer.status !== 202) throw new Error(answer.text);
  const { lines } = answer.json as { readonly lines: { readonly header: unknown; readonly total: number } };
  const rows = await api.sql<{ value: string[] | null; line: number }[]>`
    SELECT value, line FROM lethe.submitted_identities WHERE request_id = ${textOf(answer, 'id')} ORDER BY position`;
  return { header: lines.header, total: lines.total, values: rows.map(({ value }) => value), text: answer.text };
}

describe('a first line without a column named like the type', () => {
  test.each([
    ['a file of one column', `${CANARY}-1\n${CANARY}-2\n`, {}],
    ['a file of several columns', `${CANARY}-1,Ann\n${CANARY}-2,Bo\n`, {}],
    ['a column chosen by number', `Ann,${CANARY}-1\nBo,${CANARY}-2\n`, { columns: '2' }],
    ['a composite type', `${CANARY}@x.test,berlin\nb@x.test,berlin\n`, { type: 'email' }],
    ['a type with its own form', '17\n18\n', { type: 'number' }],
    ['a byte order mark and blank lines before it', `\uFEFF\n \n${CANARY}-1\n${CANARY}-2\n`, {}],
  ] as const satisfies readonly (readonly [string, string, Parameters])[])(
    'is never taken as a header in silence in %s',
    async (_, file, parameters: Parameters) => {
      for (const [send, place] of [
        [upload, 'query'],
        [uploadForm, 'body'],
      ] as const) {
        const answer = await expectRejected(api, () => send(api, file, parameters));
        expect(answer).toMatchObject(requestError('/header', 'header_unclear', place));
        expect(JSON.stringify(answer)).toMatch(/present.*absent|absent.*present/);
      }
      expect((await accepted(file, { ...parameters, header: 'absent' })).values).toHaveLength(2);
      expect(
        (
          await accepted(file, {
            columns: parameters['type'] === 'email' ? '1,2' : '1',
            ...parameters,
            header: 'present',
          })
        ).values,
      ).toHaveLength(1);
    },
  );

  test('asks for columns when the line cannot be a subject', async () => {
    const file = `${CANARY} id\n17\n`;
    expect(await expectRejected(api, () => upload(api, file, { type: 'number' }))).toMatchObject(
      requestError('/columns', 'columns_needed'),
    );
    expect(await accepted(file, { type: 'number', columns: `${CANARY} id` })).toMatchObject({ values: [['17']] });
    expect(await accepted(file, { type: 'number', header: 'present' })).toMatchObject({ values: [['17']] });
  });

  test('is a subject when the caller says so, in the first line of the file too', async () => {
    expect(await accepted('h1@x.test\nh2@x.test\nh3@x.test\n', { header: 'absent' })).toMatchObject({
      header: 'absent',
      total: 3,
      values: [['h1@x.test'], ['h2@x.test'], ['h3@x.test']],
    });
  });

  test('is not repeated in the answer when the caller calls it a header', async () => {
    const { header, text, values } = await accepted(`${CANARY}\nu-2\n`, { header: 'present' });
    expect({ header, values }).toEqual({ header: [], values: [['u-2']] });
    expect(text).not.toContain(CANARY);
  });
});

describe('a header', () => {
  test.each([
    ['the name of the type', 'user_id\nu-1', {}, ['user_id']],
    ['the name of the type among others', 'name,user_id\nAnn,u-1', {}, ['user_id']],
    ['another case and blanks around', '\uFEFF Name , User_ID \r\nAnn,u-1', {}, ['user_id']],
    ['quotes', '"user_id","name"\r\nu-1,Ann', {}, ['user_id']],
    ['blank lines before it', '\n  \n,,\nname,user_id\nAnn,u-1', {}, ['user_id']],
    ['the names in `columns`', 'customer nr,name\nu-1,Ann', { columns: 'Customer nr' }, ['Customer nr']],
    ['the name of the type beside a column by number', 'user_id,old_id\nu-0,u-1', { columns: '2' }, []],
  ])('is recognized by %s', async (_, file, parameters, header) => {
    for (const stated of [{}, { header: 'present' }])
      expect(await accepted(file, { ...parameters, ...stated })).toMatchObject({ header, total: 1, values: [['u-1']] });
  });

  test('is recognized for a composite type by the columns named, or by the type as the first of its columns', async () => {
    const email = { type: 'email' };
    const value = ['Ann@x.test', 'Berlin'];
    expect(await accepted('email,unit\nAnn@x.test,Berlin', email)).toMatchObject({
      header: ['email'],
      values: [value],
    });
    expect(await accepted('unit,x,mail\nBerlin,,Ann@x.test', { ...email, columns: 'mail,unit' })).toMatchObject({
      header: ['mail', 'unit'],
      values: [value],
    });
    expect(await expectRejected(api, () => upload(api, 'unit,email\nBerlin,Ann@x.test', email))).toMatchObject(
      requestError('/columns', 'columns_needed'),
    );
  });

  test('needs a column for each part of a composite type', async () => {
    const file = `email\n${CANARY}@x.test`;
    for (const stated of [{}, { header: 'present' }])
      expect(await expectRejected(api, () => upload(api, file, { type: 'email', ...stated }))).toMatchObject(
        requestError('/file', 'wrong_number_of_columns', 'body'),
      );
    expect(
      await expectRejected(api, () => upload(api, `${CANARY}@x.test\nb@x.test`, { type: 'email', header: 'absent' })),
    ).toMatchObject({ ...requestError('/file', 'no_identities', 'body'), failures: [{ line: 1 }, { line: 2 }] });
  });

  test('is rejected when it has the column more than once', async () => {
    for (const file of ['user_id,user_id\nu-1,u-2', 'User_id,USER_ID\nu-1,u-2', 'user_id,a,user_id\nu-1,,u-2'])
      expect(await expectRejected(api, () => upload(api, file))).toMatchObject(
        requestError('/columns', 'ambiguous_column'),
      );
    expect(await accepted('user_id,USER_ID\nu-1,u-2', { columns: 'user_id' })).toMatchObject({ values: [['u-1']] });
    expect(await accepted('user_id,user_id\nu-1,u-2', { columns: '2' })).toMatchObject({ values: [['u-2']] });
  });

  test('is rejected without identities below it', async () => {
    for (const file of ['', '\n\n', 'user_id', 'user_id\r\n', '\uFEFFuser_id\n\n', 'sep=;\nuser_id;name\n'])
      expect(await expectRejected(api, () => upload(api, file))).toMatchObject(
        requestError('/file', 'no_identities', 'body'),
      );
  });
});
