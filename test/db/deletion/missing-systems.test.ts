import { afterEach, beforeEach, expect, test } from 'vitest';
import { wakeMisconfigured } from '../../../db/attention/missing-systems.ts';
import { raiseAttention } from '../../../db/attention/raise.ts';
import { transaction } from '../../../db/transaction.ts';
import type { Catalog } from '../../../domain/catalog.ts';
import {
  accept,
  allKnown,
  APP,
  applyVisibility,
  type Ledger,
  ledger,
  POLICY,
  PROJECT,
  reconcileAt,
  resolve,
  RUN,
  START,
  statusAt,
  user,
} from '../../support/ledger.ts';

let world: Ledger;
let requestId: string;
beforeEach(async () => {
  world = await ledger();
  requestId = await accept(world, [user('u-1')]);
  const systems = [APP, { ...APP, name: 'crm' }];
  await resolve(world, requestId, allKnown([user('u-1')]), { systems });
  await applyVisibility(world, requestId);
});
afterEach(() => world.closeLedger());

const catalogOf = (names: readonly string[], directory = 'app'): Catalog =>
  new Map([[PROJECT, { name: PROJECT, policy: POLICY, directory, systems: names.map((name) => ({ ...APP, name })) }]]);
const wake = (names: readonly string[], directory?: string) =>
  wakeMisconfigured(world.database, catalogOf(names, directory), 10);
const attentionOf = async () =>
  (await statusAt(world.database, requestId, START)).attention.map(
    ({ system, step, code }) => `${system} ${step} ${code}`,
  );

test('wakes a request once when a system leaves the configuration, and once when it is back', async () => {
  expect(await wake(['app', 'crm'])).toEqual([]);
  expect(await wake(['app'])).toEqual([requestId]);
  await reconcileAt(world, requestId, START, ['app']);
  expect(await wake(['app'])).toEqual([]);
  expect(await attentionOf()).toEqual(['crm inspect system_missing']);
  expect(await wake(['app', 'crm'])).toEqual([requestId]);
  await reconcileAt(world, requestId, START, ['app', 'crm']);
  expect(await attentionOf()).toEqual([]);
});

test('wakes a request whose workflow uses a directory that the project no longer has', async () => {
  expect(await wake(['app', 'crm'], 'crm')).toEqual([requestId]);
});

test('does not wake a request of a project that this process does not have', async () => {
  expect(await wakeMisconfigured(world.database, new Map(), 10)).toEqual([]);
});

test('starts no step in a missing system, and neither claims nor concludes', async () => {
  const state = await reconcileAt(world, requestId, RUN, ['app']);
  expect(state).toMatchObject({ missingSystems: ['crm'], systemsToSync: [], claimable: 0, canConclude: false });
});

test('replaces the code of a failing step, and retries the step at once when the system is back', async () => {
  const key = { project: PROJECT, requestId, system: 'crm', step: 'visibility', batch: 0 } as const;
  const refused = { code: 'system_refused', at: START, retryAt: null } as const;
  await transaction(world.database, (tx) => raiseAttention(tx, key, refused));
  await reconcileAt(world, requestId, START, ['app']);
  expect(await attentionOf()).toEqual(['crm inspect system_missing', 'crm visibility system_missing']);
  const state = await reconcileAt(world, requestId, START, ['app', 'crm']);
  expect(state.systemsToSync).toEqual(['crm']);
  expect(await attentionOf()).toEqual(['crm visibility system_unavailable']);
});
