import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addMemberOrToken } from '../../../db/members/members.ts';
import { recordFailedCall } from '../../../db/outages/outages.ts';
import { postponeLane, readLane } from '../../../db/systems/lanes.ts';
import { readSystems } from '../../../db/systems/list.ts';
import { pauseSystem, resumeSystem } from '../../../db/systems/pauses.ts';
import { HOUR_MS } from '../../../domain/calendar.ts';
import { DomainError } from '../../../domain/errors.ts';
import { reconcileAt, START } from '../../support/ledger.ts';
import { sized } from '../../support/size.ts';
import { perform } from '../environment.ts';
import { resolvedRequest, rowsOf, startSystemWorld, stepInput, type SystemWorld } from './world.ts';

let world: SystemWorld;
let owner: { readonly project: string; readonly memberId: string; readonly tokenId: string };
beforeAll(async () => {
  world = await startSystemWorld();
  const added = await addMemberOrToken(world.database, {
    project: 'demo',
    name: 'ann',
    role: 'owner',
    actor: 'operator',
    at: START,
  });
  owner = { project: 'demo', memberId: added.memberId, tokenId: added.tokenId };
});
afterAll(() => world.closeLedger());
beforeEach(async () => {
  await world.sql`TRUNCATE lethe.system_outages, lethe.system_pauses, lethe.waits, lethe.lanes`;
  Object.assign(world.system, { call: async () => {}, calls: 0, probes: 0 });
});
afterEach(() => void vi.useRealTimers());

const decision = { system: 'app', reason: 'ticket 7', at: START };
const pause = () => pauseSystem(world.database, owner, decision);
const resume = () => resumeSystem(world.database, owner, decision);
const hide = (requestId: string) => perform(world.activities.applyVisibility, stepInput(requestId, START));
const probe = () => perform(world.activities.probeSystem, { project: 'demo', system: 'app', asOf: START.getTime() });
const STOPPED = { type: 'system_stopped', nonRetryable: true };

test('makes no call, no probe and no attention while a system is paused, and tells what each request waits for', async () => {
  const requestId = await resolvedRequest(world, 'paused');
  await recordFailedCall(
    world.database,
    { project: 'demo', system: 'app' },
    { code: 'system_unavailable', requestId: null, at: START },
  );
  await pause();
  await expect(hide(requestId)).rejects.toMatchObject(STOPPED);
  await perform(world.activities.deferStep, { ...stepInput(requestId, START), step: 'visibility' });
  expect(await probe()).toEqual({ nextProbeAt: START.getTime() + HOUR_MS });
  expect(world.system).toMatchObject({ calls: 0, probes: 0 });
  expect(await rowsOf(world, requestId)).toMatchObject({
    waits: [{ step: 'visibility', code: 'system_stopped', until: null }],
    attention: [],
  });
  expect(await reconcileAt(world, requestId, START)).toMatchObject({
    systemsToSync: [],
    waits: [{ system: 'app', reason: 'paused', until: null }],
  });
  const state = (await readSystems(world.database, 'demo'))('app');
  expect(state).toMatchObject({ pause: { reason: 'ticket 7', pausedBy: owner.memberId }, waitingRequests: 1 });

  expect(await resume()).toEqual([requestId]);
  expect(await rowsOf(world, requestId)).toEqual({ waits: [], attention: [] });
  await hide(requestId);
  expect(world.system.calls).toBe(1);
  const audit = await world.sql`
    SELECT action, actor, request_id, detail FROM lethe.audit_events WHERE action IN ('system.paused', 'system.resumed') ORDER BY id`;
  const detail = { system: 'app', reason: 'ticket 7' };
  expect([...audit]).toEqual(
    ['system.paused', 'system.resumed'].map((action) => ({ action, actor: owner.memberId, requestId: null, detail })),
  );
});

test('stops a running call within seconds when its system is paused', async () => {
  const requestId = await resolvedRequest(world, 'running');
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let begun = () => {};
  const beginning = new Promise<void>((done) => (begun = done));
  world.system.call = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      begun();
    });
  const outcome = hide(requestId).catch((error: unknown) => error);
  await beginning;
  await vi.advanceTimersByTimeAsync(60_000);
  await pause();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await outcome).toMatchObject(STOPPED);
  expect((await rowsOf(world, requestId)).waits).toMatchObject([{ code: 'system_stopped' }]);
  expect(await world.sql`SELECT FROM lethe.system_outages`).toHaveLength(0);
});

test('wakes thousands of waiting requests by a fixed number of statements, and no request that waits for something else', async () => {
  const count = sized(2_000, 20_000);
  await world.sql`
    INSERT INTO lethe.requests SELECT (jsonb_populate_record(model, jsonb_build_object('id', 'req_' || n, 'wake_version', 0))).*
    FROM lethe.requests model, generate_series(1, ${count}) n WHERE model.id = ${await resolvedRequest(world, 'model')}`;
  await world.sql`
    INSERT INTO lethe.waits (request_id, project, system, step, batch, code, stopped, since)
    SELECT 'req_' || n, 'demo', 'app', 'visibility', 0, 'system_stopped', CASE WHEN n = 1 THEN 'lethe' ELSE 'app' END, ${START}
    FROM generate_series(1, ${count}) n`;
  await pause();
  const before = world.statements.length;
  const wake = await resume();
  expect(world.statements.length - before).toBeLessThan(20);
  expect(wake).toHaveLength(count - 1);
  expect(wake).not.toContain('req_1');
  const woken = await world.sql`SELECT FROM lethe.requests WHERE id = ANY(${[...wake]}) AND wake_version = 1`;
  expect(woken).toHaveLength(count - 1);
  expect(await world.sql`SELECT request_id FROM lethe.waits`).toMatchObject([{ requestId: 'req_1' }]);
});

test('ends an outage and the postponement of lanes when an operator resumes, and refuses if nothing is stopped', async () => {
  const key = { project: 'demo', system: 'app', lane: 'erase' };
  const refused = { code: 'system_refused', requestId: null, at: new Date() } as const;
  await expect(resume()).rejects.toThrow(DomainError);
  expect(
    await world.sql`SELECT FROM lethe.audit_events WHERE action = 'system.resumed' AND at > ${START}`,
  ).toHaveLength(0);
  await recordFailedCall(world.database, key, refused);
  await postponeLane(world.database, key, HOUR_MS);
  await postponeLane(world.database, { ...key, system: 'other' }, HOUR_MS);
  const requestId = await resolvedRequest(world, 'outage');
  await expect(hide(requestId)).rejects.toMatchObject(STOPPED);
  expect(await resume()).toEqual([requestId]);
  expect(await readLane(world.database, key)).toMatchObject({ postponedMs: 0 });
  expect((await readLane(world.database, { ...key, system: 'other' })).postponedMs).toBeGreaterThan(0);
  await hide(requestId);
  expect(world.system.calls).toBe(1);
});

test('keeps the first time and the newest reason of a system that is paused twice', async () => {
  await pause();
  await pauseSystem(world.database, owner, {
    ...decision,
    reason: 'ticket 8',
    at: new Date(START.getTime() + HOUR_MS),
  });
  const { pause: paused } = (await readSystems(world.database, 'demo'))('app');
  expect(paused).toMatchObject({ since: START, reason: 'ticket 8' });
});
