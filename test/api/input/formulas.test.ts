import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeFormula, FORMULA } from '../../../domain/text/formulas.ts';
import { bearerOf, deletionOf, testApi, textOf, user } from '../support/api.ts';

const api = await testApi();

const SIGNS = ['=', '+', '-', '@', '|', '\uff1d', '\uff0b', '\uff0d', '\uff20', '\uff5c', '\u2212'];
const BLANKS = ['', ' ', '\u00a0', '\t', '\n', '\ufeff', '\u200b', '\u3000 ', '\u2028', '\u0001', "'", "''  "];
const FORMULAS = BLANKS.flatMap((blank) => SIGNS.map((sign) => `${blank}${sign}cmd`));
const PLAIN = [
  '',
  'plain',
  '1-1',
  'a=b',
  "'quoted'",
  "O'Neill",
  ' indented',
  '4711',
  '\u00e9t\u00e9',
  '\u{1f600}=',
  '(=1)',
];

test('escapes a sign of a formula behind blanks, invisible characters and apostrophes', () => {
  for (const text of FORMULAS) expect(escapeFormula(text)).toBe(`'${text}`);
  for (const text of ['\tx', '\rx', '\nx']) expect(escapeFormula(text)).toBe(`'${text}`);
  for (const text of PLAIN) expect(escapeFormula(text)).toBe(text);
});

/** What docs/exports.md tells the reader of a CSV file. */
const restore = (cell: string): string =>
  cell.startsWith("'") && new RegExp(FORMULA).test(cell.slice(1)) ? cell.slice(1) : cell;

test('restores every text from its escaped form', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom("'", '=', ' ', 'a', '\t', '|'), { maxLength: 8 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (original) => {
      expect(restore(escapeFormula(original))).toBe(original);
    }),
    { seed: 20_261_129, numRuns: 5_000 },
  );
});

test('escapes a formula behind a blank in the CSV file of the audit log', async () => {
  const reason = '\uff1dcmd|calc';
  const member = await api.member('-1+1');
  const answer = await api.call(
    'POST',
    '/v1/requests',
    deletionOf([user('csv')], { expedite: { when: 'next_run', reason } }),
    bearerOf(member),
  );
  const path = `/v1/requests/${textOf(answer, 'id')}/log`;
  const csv = await api.call('GET', path, undefined, { Accept: 'text/csv' });
  const [row] = parse<Record<string, string>>(csv.text, { columns: true });
  expect(row).toMatchObject({ actorName: "'-1+1" });
  expect(JSON.parse(row?.['detail'] ?? '')).toMatchObject({ reason });
});
