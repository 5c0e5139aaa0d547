import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Batch, Connector } from '../../../../connectors/connector.ts';
import { newsletter } from './newsletter.ts';
import { type Newsletter, startNewsletter } from './server.ts';
import { batchOf, type TestContext, testContext, type TestDeletion, testDeletion } from '../fixture.ts';

const TOKEN = 'canary-token';
const PEOPLE = { c1: 'Ann@x.test', c2: 'bob@x.test', c3: 'BOB@x.test', c4: 'cat@x.test' };
const SUBJECTS = { 1: ['ann@x.test'], 2: ['bob@x.test'], 60: ['cat@x.test'], 61: ['dan@x.test'] };

interface World {
  readonly system: Newsletter;
  readonly connector: Connector;
  readonly context: TestContext;
  readonly batch: Batch;
  readonly deletion: TestDeletion;
}
const opened: World[] = [];
afterEach(async () => {
  for (const { connector, system } of opened.splice(0)) {
    await connector.close();
    system.server.close();
  }
});

async function openWorld(): Promise<World> {
  const system = await startNewsletter({ ...PEOPLE, other: 'eve@x.test' }, TOKEN);
  const definition = newsletter({ at: system.server.url, allowPrivate: ['127.0.0.1'] });
  expect(definition.validate()).toEqual([]);
  const connector = definition.open({ system: 'demo/newsletter', secret: () => TOKEN });
  const context = testContext();
  const batch = batchOf(SUBJECTS, context, { type: 'email' });
  const world = { system, connector, context, batch, deletion: testDeletion() };
  opened.push(world);
  return world;
}

/** Calls until the pass is done, as an activity is retried. Returns the errors on the way. */
async function runToEnd({ connector, batch, deletion, context }: World): Promise<unknown[]> {
  const errors: unknown[] = [];
  for (let attempt = 0; attempt < 5; attempt += 1) {
    try {
      expect(await connector.hardDelete(batch, deletion, context)).toEqual({ done: true });
      return errors;
    } catch (error) {
      errors.push(error);
    }
  }
  throw new Error('the deletion has no end');
}

test('shows the example that is tested in the documentation', () => {
  const root = join(import.meta.dirname, '../../../..');
  const page = readFileSync(join(root, 'docs/connectors.md'), 'utf8');
  const [, block] = /```ts\n(import \{ type Api[^]*?)```/.exec(page) ?? [];
  expect(block).toBe(readFileSync(join(import.meta.dirname, 'newsletter.ts'), 'utf8'));
});

test.each(['lose', 'garbage', 'half', { status: 500 }] as const)(
  'deletes each contact once and no other when any of its calls ends with %j',
  async (fault) => {
    const whole = await openWorld();
    await runToEnd(whole);
    const calls = whole.system.server.calls.length;
    expect(calls).toBe(6);
    for (let nth = 1; nth <= calls; nth += 1) {
      const world = await openWorld();
      world.system.server.faults.set(nth, fault);
      const errors = await runToEnd(world);
      // A body that the service does not send is no answer, so garbage after a deletion is repeated with its key.
      expect(errors).toHaveLength(1);
      expect(errors).toMatchObject([{ retryable: true }]);
      expect(world.system.deletions.toSorted()).toEqual(['c1', 'c2', 'c3', 'c4']);
      expect([...world.system.contacts.keys()]).toEqual(['other']);
      expect(world.deletion.ranges.map(({ firstSeq, tables }) => [firstSeq, tables[0]?.removed])).toEqual([
        [1, 3],
        [51, 1],
      ]);
      // At most the calls of one range are repeated.
      expect(world.system.server.calls.length).toBeLessThanOrEqual(calls + 4);
      expect(await world.connector.verify?.(world.batch, 'data', world.context)).toMatchObject({ survivors: 0 });
      expect(JSON.stringify(errors) + String(errors[0])).not.toMatch(/canary|@x\.test|c[1-4]\b/);
    }
  },
);

test('continues after the ranges that are done when a worker is killed at any call', async () => {
  for (let nth = 1; nth <= 6; nth += 1) {
    const world = await openWorld();
    const controller = new AbortController();
    const reason = new Error('the worker was killed');
    world.system.server.onCall = () => {
      if (world.system.server.calls.length === nth) controller.abort(reason);
    };
    const killed = Object.assign(testContext(controller.signal), { keepForeignIds: world.context.keepForeignIds });
    await expect(world.connector.hardDelete(world.batch, world.deletion, killed)).rejects.toBe(reason);
    await runToEnd(world);
    expect(world.system.deletions.toSorted()).toEqual(['c1', 'c2', 'c3', 'c4']);
    expect([...world.system.contacts.keys()]).toEqual(['other']);
  }
});

test('counts, hides, restores, suppresses and exports the people of a batch only', async () => {
  const { system, connector, batch, context } = await openWorld();
  expect(await connector.count?.(batch, 'data', context)).toEqual({ tables: { contacts: 4 }, presentSeqs: [1, 2, 60] });
  const change = { generation: 1, at: new Date() };
  const paused = () => [...system.contacts].flatMap(([id, { isPaused }]) => (isPaused ? [id] : []));
  await connector.setVisibility?.(batch, { ...change, hidden: true }, context);
  expect(paused()).toEqual(['c1', 'c2', 'c3', 'c4']);
  await connector.setVisibility?.(batch, { ...change, hidden: false }, context);
  expect(paused()).toEqual([]);
  await connector.setSuppression?.(batch, true, context);
  expect([...system.suppressed]).toEqual(Object.values(SUBJECTS).flat());
  await connector.setSuppression?.(batch, false, context);
  expect([...system.suppressed]).toEqual([]);
  expect(system.deletions).toEqual([]);
});

test('reports a wrong token at the authentication and an unreachable system as an outage', async () => {
  const { system } = await openWorld();
  const place = { at: system.server.url, allowPrivate: ['127.0.0.1'] };
  const wrong = newsletter(place).open({ system: 'demo/newsletter', secret: () => 'wrong' });
  expect(await wrong.inspect()).toEqual([{ path: 'auth', message: 'the system answered 401' }]);
  await wrong.close();
  const away = newsletter({ ...place, at: 'http://127.0.0.1:9' }).open({
    system: 'demo/newsletter',
    secret: () => TOKEN,
  });
  await expect(away.inspect()).rejects.toMatchObject({ code: 'unavailable', retryable: true });
  await away.close();
});
