import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { search, needlesOf } from '../../../dev/drill/canaries.ts';
import { CANARY, UUID_CANARY, identityOf } from '../../../dev/drill/people.ts';
import { FAULTS, planOf, SCENARIOS } from '../../../dev/drill/plan.ts';

test('repeats the plan of a seed and makes another one for another seed', () => {
  expect(planOf(5, 30)).toEqual(planOf(5, 30));
  expect(planOf(5, 30)).not.toEqual(planOf(6, 30));
  // A longer drill begins with the cycles of the shorter one.
  expect(planOf(5, 30).slice(0, 10)).toEqual(planOf(5, 10));
});

test('deals every fault and every scenario before any of them comes twice', () => {
  const plan = planOf(3, FAULTS.length);
  expect(plan.map(({ fault }) => fault).toSorted()).toEqual(FAULTS.toSorted());
  const names = plan.flatMap(({ scenarios }) => scenarios.map(({ name }) => name));
  const first = names.slice(0, Object.keys(SCENARIOS).length);
  expect(first.toSorted()).toEqual(Object.keys(SCENARIOS).toSorted());
});

test('puts a canary into every identity of a person', () => {
  const needles = needlesOf([CANARY, UUID_CANARY]);
  for (const choice of [0, 1, 2, 3, 4, 5])
    for (const value of [identityOf(12, choice).value].flat().slice(0, 1))
      expect({ value, found: search('identity', value, needles).length }).toEqual({ value, found: 1 });
});

test('rejects a number of cycles that is no number and starts nothing', async () => {
  const script = join(import.meta.dirname, '../../../dev/drill/drill.ts');
  const run = promisify(execFile)(process.execPath, [script, '--cycles', 'many']);
  await expect(run).rejects.toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--cycles needs') });
});
