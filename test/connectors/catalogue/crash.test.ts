import { afterEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../support/servers/stand-ins/server/faults.ts';
import { BYSTANDERS, idsOf, LONG_AFTER, NAMES, openSystem, type OpenSystem, SYSTEMS } from './systems.ts';

/** More calls than any deletion of three people makes. */
const MOST = 60;

describe.each(NAMES)('%s', (name) => {
  const { lagMs } = SYSTEMS[name];
  let system: OpenSystem | undefined;
  afterEach(() => system?.close());

  /** Deletes while the nth call has the fault. Returns whether there was an nth call. */
  async function deleteWithFaultAt(nth: number, fault: Fault): Promise<boolean> {
    system = await openSystem(SYSTEMS[name]);
    const { connector, ledger, clock, standIn, subjects } = system;
    standIn.faults.at(nth, fault);
    const batch = ledger.batch(subjects);
    expect(await ledger.delete(connector, batch)).toMatchObject({ done: true });
    clock.advance(lagMs);
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
    expect(ledger.ranges.map(({ firstSeq }) => firstSeq)).toEqual([1, 3]);
    const deleted = standIn.calls.flatMap(({ ids }) => ids);
    for (const id of idsOf(BYSTANDERS)) expect(deleted).not.toContain(id);
    const hadFault = standIn.calls.some((call) => call.fault !== null);
    await system.close();
    return hadFault;
  }

  test.each([
    ['did the work and lost the answer of', { kind: 'lost' }],
    ['answered 500 to', { kind: 'status', status: 500 }],
  ] as const)('deletes exactly the batch when the system %s any one call', async (_, fault) => {
    let nth = 1;
    while (nth < MOST && (await deleteWithFaultAt(nth, fault))) nth += 1;
    expect(nth).toBeGreaterThan(2);
    expect(nth).toBeLessThan(MOST);
  });

  test('deletes exactly the batch when the worker is killed at any write to the ledger', async () => {
    system = await openSystem(SYSTEMS[name]);
    const whole = await callsOfDeletion(system, Number.POSITIVE_INFINITY);
    const writes = system.ledger.writes;
    await system.close();
    expect(writes).toBeGreaterThanOrEqual(2);
    for (let nth = 1; nth <= writes; nth += 1) {
      system = await openSystem(SYSTEMS[name]);
      const calls = await callsOfDeletion(system, nth);
      // A kill repeats at most the calls of one range, and each range has about half of them.
      expect(calls).toBeLessThanOrEqual(whole + Math.ceil(whole * 0.75));
      await system.close();
    }
  });

  async function callsOfDeletion({ connector, ledger, clock, standIn, subjects }: OpenSystem, killAfter: number) {
    ledger.killAfter = killAfter;
    expect(await ledger.delete(connector, ledger.batch(subjects))).toMatchObject({ done: true });
    clock.advance(lagMs + LONG_AFTER);
    expect(standIn.present()).toEqual(idsOf(BYSTANDERS));
    return standIn.calls.length;
  }
});
