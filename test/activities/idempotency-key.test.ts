import { expect, test } from 'vitest';
import { idempotencyKey } from '../../activities/deletion/idempotency-key.ts';

const ATTEMPT = {
  project: 'demo',
  requestId: 'req_1',
  system: 'app',
  batch: 1,
  pass: 1,
  except: [] as readonly number[],
};
const RANGE = { firstSeq: 1, lastSeq: 10, part: 0 };

test('gives every attempt of a range the same UUID, and every other call another one', () => {
  const key = idempotencyKey(ATTEMPT, RANGE, 'erase');
  expect(key).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(idempotencyKey({ ...ATTEMPT }, { ...RANGE }, 'erase')).toBe(key);
  // A subject outside the range does not change the call.
  expect(idempotencyKey({ ...ATTEMPT, except: [11] }, RANGE, 'erase')).toBe(key);
  const others = [
    idempotencyKey({ ...ATTEMPT, except: [3] }, RANGE, 'erase'),
    idempotencyKey({ ...ATTEMPT, pass: 2 }, RANGE, 'erase'),
    idempotencyKey({ ...ATTEMPT, batch: 2 }, RANGE, 'erase'),
    idempotencyKey({ ...ATTEMPT, system: 'crm' }, RANGE, 'erase'),
    idempotencyKey({ ...ATTEMPT, project: 'other' }, RANGE, 'erase'),
    idempotencyKey({ ...ATTEMPT, requestId: 'req_2' }, RANGE, 'erase'),
    idempotencyKey(ATTEMPT, { ...RANGE, lastSeq: 9 }, 'erase'),
    idempotencyKey(ATTEMPT, { ...RANGE, part: 1 }, 'erase'),
    idempotencyKey(ATTEMPT, RANGE, 'run'),
  ];
  expect(new Set([key, ...others]).size).toBe(others.length + 1);
});
