import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { done, failed, later, path, pending } from '../../../connectors/http/index.ts';
import type { AnyHttpSettings } from '../../../connectors/http/settings.ts';
import { startFaultyServer } from '../../support/servers/faulty.ts';
import { batchOf, openAt, settingsAt, type TestContext, testContext, testDeletion } from './fixture.ts';

const server = await startFaultyServer();
let context: TestContext;
let erased: number;
beforeEach(() => {
  server.clear();
  server.reply = () => ({ status: 200, json: {} });
  context = testContext();
  erased = 0;
});
afterAll(() => server.close());

const open = (changes: Partial<AnyHttpSettings>) => openAt(settingsAt(server.url, changes));
const HOUR_MS = 3_600_000;

describe('work that the system does later', () => {
  const at = new Date('2026-02-01T02:00:00Z');
  const plus = (hours: number): Date => new Date(at.getTime() + hours * HOUR_MS);
  /** The dates of a result, in whole hours after `at`. */
  const hoursOf = (result: unknown): number => {
    const date = typeof result === 'object' && result !== null && 'continueAt' in result ? result.continueAt : null;
    return date instanceof Date ? Math.round((date.getTime() - at.getTime()) / HOUR_MS) : Number.NaN;
  };
  const erase = async () => later([`t-${(erased += 1)}`], '1 hour');

  test('is asked for after its time, and finishes the range when all of it is done', async () => {
    const asked: string[] = [];
    let state = pending('2 hours');
    const connector = open({ erase, ask: async (_, ticket) => (asked.push(ticket), state) });
    const deletion = testDeletion({ at });
    expect(hoursOf(await connector.hardDelete(batchOf(3), deletion, context))).toBe(1);
    expect([asked, deletion.ranges, deletion.tickets.length]).toEqual([[], [], 2]);
    expect(hoursOf(await connector.hardDelete(batchOf(3), { ...deletion, at: plus(2) }, context))).toBe(4);
    expect([asked, erased]).toEqual([['t-1', 't-2'], 2]);
    state = done({ at: plus(3), removed: 5 });
    const last = await connector.hardDelete(batchOf(3), { ...deletion, at: plus(4) }, context);
    expect(last).toEqual({ done: true, attestedAt: plus(3) });
    expect(deletion.ranges.flatMap(({ tables }) => tables.map(({ removed }) => removed))).toEqual([5, 5]);
    expect(erased).toBe(2);
  });

  test('is given to the system again by the retry after it failed, and not before', async () => {
    let isFailing = true;
    const connector = open({
      erase,
      ask: async (_, ticket) => (isFailing && ticket === 't-1' ? failed('job_was_revoked') : done()),
    });
    const deletion = testDeletion({ at });
    await connector.hardDelete(batchOf(3), deletion, context);
    const failure = connector.hardDelete(batchOf(3), { ...deletion, at: plus(2) }, context);
    await expect(failure).rejects.toMatchObject({
      code: 'refused',
      retryable: false,
      message: 'refused job_was_revoked',
    });
    expect(deletion.ranges.map(({ firstSeq }) => firstSeq)).toEqual([3]);
    isFailing = false;
    await connector.hardDelete(batchOf(3), { ...deletion, at: plus(3) }, context);
    expect(erased).toBe(3);
    expect(await connector.hardDelete(batchOf(3), { ...deletion, at: plus(5) }, context)).toMatchObject({ done: true });
    expect(deletion.ranges).toHaveLength(2);
  });

  test('keeps its tickets when a call is lost in the middle of the function', async () => {
    const given: (readonly string[])[] = [];
    const connector = open({
      erase: async (api, _, __, about) => {
        given.push(about.tickets);
        if (about.tickets.length === 0) await about.keep('early');
        await api.post(path`/x`);
        return later('late', '1 hour');
      },
      ask: async () => done(),
    });
    server.faults.set(1, 'lose');
    const deletion = testDeletion({ at });
    await expect(connector.hardDelete(batchOf(1), deletion, context)).rejects.toMatchObject({ retryable: true });
    await connector.hardDelete(batchOf(1), deletion, context);
    expect(given).toEqual([[], ['early']]);
    const asked: string[] = [];
    const asking = open({ erase, ask: async (_, ticket) => (asked.push(ticket), done()) });
    await asking.hardDelete(batchOf(1), { ...deletion, at: plus(2) }, context);
    expect(asked).toEqual(['early', 'late']);
  });

  test('is not given again for a person whose ticket is kept', async () => {
    const kinds = { user: { identities: { user_id: {} }, batchSize: 2, at: 'each' } } as const;
    const seen: number[] = [];
    const connector = open({
      kinds,
      erase: async (api, people) => {
        seen.push(...people.map(({ seq }) => seq));
        await api.post(path`/x`);
        return later(`t-${String(people[0]?.seq)}`, '1 hour');
      },
      ask: async () => done(),
    });
    server.faults.set(2, 'lose');
    const deletion = testDeletion({ at });
    await expect(connector.hardDelete(batchOf(2), deletion, context)).rejects.toMatchObject({ retryable: true });
    await connector.hardDelete(batchOf(2), deletion, context);
    expect(seen).toEqual([1, 2, 2]);
    expect(await connector.hardDelete(batchOf(2), { ...deletion, at: plus(2) }, context)).toMatchObject({ done: true });
  });
});
