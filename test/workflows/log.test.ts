import { pino } from 'pino';
import { expect, test } from 'vitest';
import { transaction } from '../../db/transaction.ts';
import { clearAttention, raiseAttention } from '../../db/attention/raise.ts';
import { logEvent } from '../../domain/wording/events.ts';
import { user } from '../support/ledger.ts';
import { addUser } from '../support/world/users.ts';
import { ended, eventually, expedite, nowOf, submit } from '../support/world/actions.ts';
import { withWorld } from '../support/world/world.ts';

const lines: string[] = [];
const logger = pino({ base: { process: 'worker' } }, { write: (line: string) => void lines.push(line) });
const world = await withWorld({ demo: {} }, { log: logger });

type Line = Readonly<Record<string, unknown>>;

/** The lines about a request, as the worker writes them. Throws if a key appears twice in a line. */
function linesOf(requestId: string): Line[] {
  for (const event of world.events.splice(0)) logEvent(logger, event);
  for (const line of lines) {
    const keys = [...line.matchAll(/[{,]"(\w+)":/g)].map(([, key]) => key);
    expect({ line, keys }).toEqual({ line, keys: [...new Set(keys)] });
  }
  return lines.map((line) => JSON.parse(line) as Line).filter(({ request }) => request === requestId);
}
const textsOf = (found: readonly Line[]): unknown[] => found.map(({ msg }) => msg);

test('logs every event of a deletion once and in order, with counts and without personal data', async () => {
  await addUser(world.app, 'canary-1', { email: 'canary-1@example.test' });
  const requestId = await submit(world, 'demo', [user('canary-1')]);
  await eventually('hidden', async () => world.events.some(({ action }) => action === 'subjects.soft_deleted'));
  await expedite(world, requestId, 'now');
  expect(await ended(world, requestId)).toBe('completed');
  const found = linesOf(requestId);
  expect(textsOf(found)).toEqual([
    'request accepted',
    'subjects resolved',
    'subjects hidden',
    'request expedited',
    'subjects claimed',
    'batch deleted',
    'batch verified',
    'batch verified',
    'subjects deleted',
    'request concluded',
  ]);
  for (const line of found) expect(line).toMatchObject({ level: 30, project: 'demo', kind: 'deletion' });
  expect(found[0]).toMatchObject({ event: 'request.received', submitted: 1 });
  expect(found[2]).toMatchObject({ event: 'subjects.soft_deleted', count: 1 });
  expect(found[4]).toMatchObject({ batch: 1, count: 1 });
  expect(found[5]).toMatchObject({ system: 'app', batch: 1, subjects: 1, blocked: 0 });
  expect(found.slice(6, 8)).toMatchObject([
    { system: 'app', state: 'verifying', survivors: 0 },
    { system: 'app', state: 'verified', survivors: 0 },
  ]);
  expect(found[9]).toMatchObject({ event: 'request.completed' });
  // Neither the identity nor the reason of the expedition, which a member writes.
  expect(lines.join('')).not.toMatch(/canary|the data subject asked/);
});

test('logs a failed attempt once with its closed code and whether it is retried, and when attention is raised and cleared', async () => {
  await addUser(world.app, 'canary-2');
  world.faultsOf('demo').refused.add('setVisibility');
  const requestId = await submit(world, 'demo', [user('canary-2')]);
  const isLogged = (text: string) => async () => textsOf(linesOf(requestId)).includes(text);
  await eventually('raised', isLogged('attention raised'));
  await eventually('failed', isLogged('activity failed'));
  world.faultsOf('demo').refused.clear();
  expect(await ended(world, requestId)).toBe('completed');
  const found = linesOf(requestId);
  const failed = found.filter(({ msg }) => msg === 'activity failed');
  const about = { project: 'demo', request: requestId, system: 'app', activity: 'applyVisibility' };
  expect(failed).toMatchObject([{ ...about, level: 40, code: 'refused', attempt: 1, isRetried: false }]);
  const attention = found.filter(({ event }) => String(event).startsWith('attention.'));
  expect(attention).toMatchObject([
    { msg: 'attention raised', system: 'app', step: 'visibility', code: 'system_refused' },
    { msg: 'attention cleared', system: 'app', step: 'visibility' },
  ]);
  expect(lines.join('')).not.toContain('canary');
});

test('logs no event of a transaction that is rolled back, and no event of a repeated call', async () => {
  const requestId = await submit(world, 'demo', [user('canary-3')]);
  await ended(world, requestId);
  linesOf(requestId);
  const at = await nowOf(world);
  const key = { project: 'demo', requestId, system: 'app', step: 'inspect', batch: 0 } as const;
  const raise = (fails: boolean) =>
    transaction(world.database, async (tx) => {
      await raiseAttention(tx, key, { code: 'system_unavailable', at, retryAt: null });
      if (fails) throw new Error('rolled back');
    });
  await expect(raise(true)).rejects.toThrow('rolled back');
  expect(world.events).toEqual([]);
  await raise(false);
  await raise(false);
  await clearAttention(world.database, key, at);
  await clearAttention(world.database, key, at);
  expect(world.events.map(({ action }) => action)).toEqual(['attention.raised', 'attention.cleared']);
});
