import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DELIMITER_NAMES, DELIMITERS } from '../../../api/uploads/dialect.ts';
import { readLines } from '../../../api/uploads/lines.ts';
import { UPLOAD_PARAMETERS } from '../../../api/uploads/parameters.ts';
import { DomainError } from '../../../domain/errors.ts';
import { PARAMETERS } from './upload.ts';

/** Mostly plain text, so that many files need no quotes and can be read in several ways. */
const cell = fc.string({
  unit: fc.constantFrom(...'a b c d e f g 1 2 3 4 @ é'.split(' '), ' ', ';', '|', '\t', ',', '"'),
  maxLength: 3,
});
const identity = cell.map((text) => `u${text.replaceAll('\t', '')}.`);

/** A file that a program writes, and what its caller states about it: all of it is true. */
const upload = fc.record({
  delimiter: fc.constantFrom(...DELIMITER_NAMES),
  isDelimiterStated: fc.boolean(),
  hasSeparatorLine: fc.boolean(),
  header: fc.constantFrom('user_id', ' USER_ID ', 'Nr', null),
  isHeaderStated: fc.boolean(),
  column: fc.constantFrom('default', 'name', 'number'),
  place: fc.nat({ max: 2 }),
  rows: fc.array(fc.record({ identity, others: fc.array(cell, { minLength: 2, maxLength: 2 }) }), {
    minLength: 1,
    maxLength: 5,
  }),
  width: fc.integer({ min: 1, max: 3 }),
  end: fc.constantFrom('\n', '\r\n', '\r'),
  start: fc.constantFrom('', '\uFEFF'),
  quotesAll: fc.nat({ max: 3 }).map((number) => number === 0),
});
type Upload = typeof upload extends fc.Arbitrary<infer Value> ? Value : never;

function write({ delimiter, hasSeparatorLine, header, place, rows, width, end, start, quotesAll }: Upload): string {
  const character = DELIMITERS[delimiter];
  const at = place % width;
  // RFC 4180 quotes commas. Spreadsheets quote their own delimiter.
  const quote = (field: string) =>
    quotesAll || /[",]/.test(field) || field.includes(character) ? `"${field.replaceAll('"', '""')}"` : field;
  const line = (value: string, others: readonly string[]) =>
    others
      .slice(0, width - 1)
      .toSpliced(at, 0, value)
      .map(quote)
      .join(character);
  const lines = rows.map((row) => line(row.identity, row.others));
  return `${start}${[...(hasSeparatorLine ? [`sep=${character}`] : []), ...(header === null ? [] : [line(header, ['name', 'city'])]), ...lines].join(end)}`;
}

function stated({ delimiter, isDelimiterStated, header, isHeaderStated, column, place, width }: Upload) {
  const at = String((place % width) + 1);
  return {
    ...PARAMETERS,
    ...(isDelimiterStated ? { delimiter } : {}),
    ...(isHeaderStated || header === null ? { header: header === null ? 'absent' : 'present' } : {}),
    ...(column === 'number' || header === null ? { columns: at } : {}),
    ...(column === 'name' && header !== null ? { columns: header.trim() } : {}),
  };
}

async function read(file: string, sent: object): Promise<readonly (readonly string[] | null)[] | null> {
  const parameters = UPLOAD_PARAMETERS.query.parse(sent);
  const bytes = (async function* () {
    yield new TextEncoder().encode(file);
  })();
  const rules = {
    types: { user_id: { comparison: 'exact', parts: 1 } },
    parts: 1,
    limit: 100,
    place: 'query',
  } as const;
  try {
    const { identities } = await readLines(bytes, parameters, rules);
    return identities.map(({ value }) => value);
  } catch (error) {
    if (error instanceof DomainError) return null;
    throw error;
  }
}

test('reads exactly the identities of a file or rejects it, for every delimiter, header and quotes', async () => {
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(upload, async (file) => {
      const found = await read(write(file), stated(file));
      if (found === null) return;
      accepted += 1;
      expect(found).toEqual(file.rows.map((row) => [row.identity]));
    }),
    { numRuns: 4_000, seed: 20_261_129 },
  );
  expect(accepted).toBeGreaterThan(2_000);
});

test('accepts every file whose delimiter and header are stated or recognized by their names', async () => {
  await fc.assert(
    fc.asyncProperty(upload, async (file) => {
      const known = { ...file, isDelimiterStated: true, isHeaderStated: true };
      expect(await read(write(known), stated({ ...known, column: 'number' }))).not.toBeNull();
      const named = { ...file, width: 3, header: 'user_id' as const, isDelimiterStated: false, isHeaderStated: false };
      expect(await read(write(named), stated({ ...named, column: 'name' as const }))).not.toBeNull();
    }),
    { numRuns: 1_000, seed: 20_261_129 },
  );
});
