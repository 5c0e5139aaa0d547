import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { Receipt } from '../../dev/demo/client.ts';
import { compare } from '../../dev/demo/compare.ts';
import { picture } from '../../dev/demo/watch.ts';

const receipt = (changes: Partial<Receipt['systems'][number]> = {}, status = 'completed'): Receipt => ({
  status,
  outcomes: { deleted: 1 },
  systems: [
    {
      system: 'app',
      verifiedAt: '2026-01-01T00:00:00.000Z',
      survivors: 0,
      tables: [
        { table: 'app.events', removed: 4, retained: [] },
        { table: 'app.invoices', removed: 0, retained: [{ basis: 'tax law', rows: 2 }] },
      ],
      ...changes,
    },
  ],
});
const SEEDED = { 'app.events': 4, 'app.invoices': 2 };

test('a receipt that removed or retained every seeded row is equal', () => {
  expect(compare(receipt(), SEEDED).equal).toBe(true);
});

test.each([
  ['one row less than seeded', receipt(), { ...SEEDED, 'app.events': 5 }],
  ['a table that the receipt does not name', receipt(), { ...SEEDED, 'app.orders': 1 }],
  ['a table that was not seeded', receipt(), { 'app.events': 4 }],
  ['survivors', receipt({ survivors: 1 }), SEEDED],
  ['survivors that nobody could count', receipt({ survivors: null }), SEEDED],
  ['no look after the deletion', receipt({ verifiedAt: null }), SEEDED],
  ['a request that was only partially completed', receipt({}, 'partially_completed'), SEEDED],
])('a receipt with %s is not equal', (_, given, seeded) => {
  expect(compare(given, seeded).equal).toBe(false);
});

test('no line of the picture is wider than the terminal', () => {
  const steps = [{ status: 'received', afterMs: 0 }];
  for (const line of picture(steps, 'a long wait '.repeat(20), 100, 60))
    expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(60);
});

test('a step that was too short to be seen is drawn without a time', () => {
  const steps = ['received', 'completed'].map((status) => ({ status, afterMs: 100 }));
  expect(picture(steps, '', 200, 100).filter((line) => line.includes('0.1 s'))).toHaveLength(2);
});

test('an end that is not the usual one is drawn last', () => {
  const steps = ['received', 'cancelled'].map((status) => ({ status, afterMs: 100 }));
  expect(picture(steps, '', 200, 100).at(-1)).toContain('cancelled');
});
