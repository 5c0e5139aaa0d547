import { describe, expect, test } from 'vitest';
import { testApi, textOf } from '../support/api.ts';
import {
  CANARY,
  expectRejected,
  requestError,
  streamOf,
  upload,
  uploadForm,
  type Parameters as UploadOptions,
} from './upload.ts';

const api = await testApi();

async function accepted(file: Parameters<typeof upload>[1], parameters: UploadOptions = {}) {
  const answer = await upload(api, file, parameters);
  if (answer.status !== 202) throw new Error(answer.text);
  const rows = await api.sql<{ value: string[] | null; line: number }[]>`
    SELECT value, line FROM lethe.submitted_identities WHERE request_id = ${textOf(answer, 'id')} ORDER BY position`;
  return rows.map(({ value, line }) => [line, ...(value ?? ['invalid'])]);
}

const DELIMITERS = [
  [';', ';'],
  ['tab', '\t'],
  ['|', '|'],
  [',', ','],
] as const;

describe.each(DELIMITERS)('the delimiter %s', (name, character) => {
  const join = (...fields: readonly string[]) => fields.join(character);
  const file = [join('user_id', 'name'), join('a@x.test', 'A'), join('b@x.test', 'B; C, D | E'), ''].join('\n');
  const values = [
    [2, 'a@x.test'],
    [3, 'b@x.test'],
  ];

  test('is recognized by the header', async () => {
    expect(await accepted(file)).toEqual(values);
    expect(await accepted(file.replaceAll('\n', '\r\n').replace(/^/, '\uFEFF'))).toEqual(values);
    expect(await accepted(file.replace('user_id', '"user_id"').replace('name', '"name"'))).toEqual(values);
    const reversed = file.split('\n').map((line) => line.split(character).toReversed().join(character));
    expect(await accepted([join('name', 'mail'), join('A', 'a@x.test')].join('\n'), { columns: 'mail' })).toEqual([
      [2, 'a@x.test'],
    ]);
    expect(await accepted(`${reversed[0]}\n${reversed[1]}`)).toEqual(values.slice(0, 1));
  });

  test('is read from a first line with sep=', async () => {
    for (const first of [`sep=${character}`, `\uFEFFsep=${character}`, `"sep=${character}"`, `SEP=${character}`])
      for (const end of ['\n', '\r\n', '\r']) {
        const lines = `${first}${end}${file.replaceAll('\n', end)}`;
        expect(await accepted(lines)).toEqual(values.map(([line, value]) => [Number(line) + 1, value]));
        const bytes = new TextEncoder().encode(lines);
        expect(await accepted(streamOf([...bytes].map((byte) => Uint8Array.of(byte))))).toHaveLength(2);
      }
    expect(
      await accepted(`sep=${character}\n${join('a@x.test', 'A')}\n${join('b@x.test', 'B')}`, { header: 'absent' }),
    ).toEqual(values);
  });

  test('contradicts another one in the parameters', async () => {
    const other = name === ';' ? ',' : ';';
    expect(
      await expectRejected(api, () => upload(api, `sep=${character}\n${file}`, { delimiter: other })),
    ).toMatchObject(requestError('/delimiter', 'delimiter_contradicted'));
    expect(await accepted(`sep=${character}\n${file}`, { delimiter: name })).toHaveLength(2);
  });
});

describe('a delimiter that the caller does not state', () => {
  test('never becomes part of an identity', async () => {
    for (const [name, character] of DELIMITERS.slice(0, 3))
      for (const [file, parameters] of [
        [`mail${character}name\n${CANARY}${character}A\n`, {}],
        [`mail${character}name\n${CANARY}${character}A\n`, { header: 'present' }],
        [`"mail"${character}"name"\n"${CANARY}"${character}"A"\n`, { header: 'present' }],
        [`mail${character}name\n${CANARY}${character}A\n`, { header: 'present', columns: '1' }],
        [`${CANARY}${character}A\nb${character}B\n`, { header: 'absent' }],
        [`${CANARY}${character}Doe, Ann\nb${character}Roe, Bo\n`, { header: 'absent' }],
        [`user_id\nu-1\n${CANARY}${character}A\n`, {}],
        [`user_id,name\nu-1,A\n${CANARY}${character}A\n`, {}],
        [`nr,name\nu-1,A\n${CANARY}${character}A,x\n`, { header: 'present', columns: '1' }],
      ] as const)
        for (const [send, place] of [
          [upload, 'query'],
          [uploadForm, 'body'],
        ] as const) {
          const answer = (await expectRejected(api, () => send(api, file, parameters))) as {
            readonly errors: readonly { readonly code: string; readonly detail: string }[];
          };
          expect(answer).toMatchObject({ code: 'invalid_request', line: expect.any(Number) });
          const unclear = answer.errors.find(({ code }) => code === 'delimiter_unclear');
          expect(unclear).toMatchObject({ in: place, pointer: '/delimiter' });
          expect(unclear?.detail).toContain(`delimiter=${name}`);
        }
  });

  test('is reported together with a header that is unclear', async () => {
    const answer = await expectRejected(api, () => upload(api, `mail;name\n${CANARY};A\n`));
    expect(answer).toMatchObject({
      line: 1,
      errors: [
        { pointer: '/delimiter', code: 'delimiter_unclear' },
        { pointer: '/header', code: 'header_unclear' },
      ],
    });
  });

  test('is reported with the line on which it first stands', async () => {
    const file = `user_id\nu-1\n"u\n2"\n${CANARY};A\n`;
    expect(await expectRejected(api, () => upload(api, file))).toMatchObject({ line: 5 });
  });

  test('cuts no identity that contains a comma', async () => {
    const file = `user_id\ncn=${CANARY},ou=people\n`;
    expect(await expectRejected(api, () => upload(api, file))).toMatchObject({
      ...requestError('/delimiter', 'delimiter_unclear'),
      line: 2,
    });
    expect(await accepted(file, { delimiter: ';' })).toEqual([[2, `cn=${CANARY},ou=people`]]);
    expect(await accepted('user_id\nu-1,\nu-2, \n')).toEqual([
      [2, 'u-1'],
      [3, 'u-2'],
    ]);
  });

  test('is no question when the header has several columns and the line as many', async () => {
    expect(await accepted('user_id,name\nauth0|17,a;b\n"u;2",')).toEqual([
      [2, 'auth0|17'],
      [3, 'u;2'],
    ]);
  });
});

test('reads an identity with another delimiter when the caller states the delimiter', async () => {
  const ids = [
    [2, 'auth0|1'],
    [3, 'u;2'],
  ];
  expect(await accepted('user_id\nauth0|1\nu;2', { delimiter: ',' })).toEqual(ids);
  expect(await accepted('sep=,\nuser_id\nauth0|1')).toEqual([[3, 'auth0|1']]);
  expect(await accepted('auth0|1\nu;2', { delimiter: 'tab', header: 'absent' })).toEqual(
    ids.map(([line, value]) => [Number(line) - 1, value]),
  );
});

test('rejects a header in which the stated delimiter does not occur and another one does', async () => {
  for (const [delimiter, header] of [
    [',', 'mail;name'],
    [';', 'mail,name'],
    ['tab', 'mail|name'],
  ] as const)
    expect(
      await expectRejected(api, () => upload(api, `${header}\n${CANARY};A\n`, { delimiter, header: 'present' })),
    ).toMatchObject({ ...requestError('/delimiter', 'delimiter_unclear'), line: 1 });
});

test('rejects a header that two delimiters split into the same column', async () => {
  const file = `user_id,a;user_id\n${CANARY},1;2\n`;
  expect(await expectRejected(api, () => upload(api, file))).toMatchObject(
    requestError('/delimiter', 'delimiter_unclear'),
  );
});

test('rejects a first line with sep= and another delimiter', async () => {
  for (const first of ['sep=:', 'sep=', 'sep=#\r'])
    expect(await expectRejected(api, () => upload(api, `${first}\nuser_id\n${CANARY}\n`))).toMatchObject(
      requestError('/file', 'unknown_delimiter', 'body'),
    );
});
