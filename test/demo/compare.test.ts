import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { Receipt } from '../../dev/demo/client.ts';
import { compare } from '../../dev/demo/compare.ts';
import { drawStages } from '../../dev/demo/follow.ts';

const UNCHANGED = { removed: 0, retained: [], detached: 0, anonymised: { rows: 0, columns: [] } };

const receipt = (changes: Partial<Receipt['systems'][number]> = {}, status = 'completed'): Receipt => ({
  status,
  outcomes: { deleted: 1 },
  systems: [
    {
      system: 'app',
      verifiedAt: '2026-01-01T00:00:00.000Z',
      survivors: 0,
      tables: [
        { ...UNCHANGED, table: 'app.events', removed: 4, detached: 9 },
        { ...UNCHANGED, table: 'app.invoices', retained: [{ basis: 'tax law', rows: 2 }] },
        { ...UNCHANGED, table: 'app.users', anonymised: { rows: 1, columns: ['email', 'name'] } },
      ],
      ...changes,
    },
  ],
});
const SEEDED_ROWS = { 'app.events': 4, 'app.invoices': 2, 'app.users': 1 };

test('accepts a receipt when every seeded row was removed, retained or anonymised', () => {
  expect(compare(receipt(), SEEDED_ROWS).equal).toBe(true);
});

test('names the detached rows and the anonymised columns beside the seeded rows of a table', () => {
  const { lines } = compare(receipt(), SEEDED_ROWS);
  expect(lines.map((line) => line.trim().replaceAll(/ +/g, ' '))).toEqual(
    expect.arrayContaining([
      'app.events 4 4 0 9 detached',
      'app.invoices 2 0 2 tax law',
      'app.users 1 0 0 1 anonymised (email, name)',
    ]),
  );
});

test.each([
  ['one row fewer than seeded', receipt(), { ...SEEDED_ROWS, 'app.events': 5 }],
  ['a seeded table missing', receipt(), { ...SEEDED_ROWS, 'app.orders': 1 }],
  ['a table that was not seeded', receipt(), { 'app.events': 4, 'app.users': 1 }],
  ['an anonymised row that was not seeded', receipt(), { 'app.events': 4, 'app.invoices': 2 }],
  ['survivors', receipt({ survivors: 1 }), SEEDED_ROWS],
  ['an unknown number of survivors', receipt({ survivors: null }), SEEDED_ROWS],
  ['no verification', receipt({ verifiedAt: null }), SEEDED_ROWS],
  ['the status partially_completed', receipt({}, 'partially_completed'), SEEDED_ROWS],
])('rejects a receipt with %s', (_, received, seeded) => {
  expect(compare(received, seeded).equal).toBe(false);
});

test('draws no line wider than the terminal', () => {
  const steps = [{ status: 'received', afterMs: 0 }];
  for (const line of drawStages(steps, 'a long wait '.repeat(20), 100, 60))
    expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(60);
});

test('draws a skipped status without a time', () => {
  const steps = ['received', 'completed'].map((status) => ({ status, afterMs: 100 }));
  expect(drawStages(steps, '', 200, 100).filter((line) => line.includes('0.1 s'))).toHaveLength(2);
});

test('draws the final status last when the request is cancelled', () => {
  const steps = ['received', 'cancelled'].map((status) => ({ status, afterMs: 100 }));
  expect(drawStages(steps, '', 200, 100).at(-1)).toContain('cancelled');
});
