import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { connect, WORKER_TIMEOUTS } from '../../../db/client.ts';
import { errorCode } from '../../../db/errors.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import { accept, allKnown, ledger, PROJECT, resolve, states, user } from '../../support/ledger.ts';

const world = await ledger();
const database = connect(world.url, { connections: 2, timeouts: { statementMs: 300, lockMs: 100 } });
afterAll(() => database.$client.end());

const codeOf = (work: Promise<unknown>) => work.then(() => null, errorCode);

test('ends a statement and a wait for the project lock at the timeouts of the connection', async () => {
  expect(await codeOf(database.$client`SELECT pg_sleep(5)`)).toBe('57014');
  const ran: string[] = [];
  await withProjectLock(world.database, PROJECT, async () => {
    expect(await codeOf(withProjectLock(database, PROJECT, async () => void ran.push('meanwhile')))).toBe('55P03');
  });
  expect(ran).toEqual([]);
  await withProjectLock(database, PROJECT, async () => void ran.push('afterwards'));
  expect(ran).toEqual(['afterwards']);
});

test('waits for a directory that answers more slowly than the timeout, and limits the statements after it', async () => {
  const identities = [user('slow-1'), user('slow-2')];
  const requestId = await accept(world, identities);
  const facts = (async function* () {
    yield allKnown(identities).slice(0, 1);
    await sleep(600);
    yield allKnown(identities).slice(1);
  })();
  await resolve({ ...world, database }, requestId, [], { facts });
  expect(await states(world, requestId)).toEqual({ resolved: 2 });
  const held = withProjectLock(world.database, PROJECT, () => sleep(400));
  expect(await codeOf(resolve({ ...world, database }, requestId, allKnown(identities)))).toBe('55P03');
  await held;
});

test('ends the statements of a worker before Temporal repeats their activity', () => {
  const attemptMs = 5 * 60_000;
  expect(WORKER_TIMEOUTS.statementMs).toBeLessThan(attemptMs);
  expect(WORKER_TIMEOUTS.lockMs).toBeLessThan(WORKER_TIMEOUTS.statementMs);
});
