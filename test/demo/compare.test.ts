import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { Receipt } from '../../dev/demo/client.ts';
import { compare } from '../../dev/demo/compare.ts';
import { drawStages } from '../../dev/demo/follow.ts';

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
const SEEDED_ROWS = { 'app.events': 4, 'app.invoices': 2 };

test('accepts a receipt when every seeded row was removed or retained', () => {
  expect(compare(receipt(), SEEDED_ROWS).equal).toBe(true);
});

test.each([
  ['one row fewer than seeded', receipt(), { ...SEEDED_ROWS, 'app.events': 5 }],
  ['a seeded table missing', receipt(), { ...SEEDED_ROWS, 'app.orders': 1 }],
  ['a table that was not seeded', receipt(), { 'app.events': 4 }],
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
