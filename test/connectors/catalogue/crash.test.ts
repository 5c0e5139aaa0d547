import { afterEach, describe, expect, test } from 'vitest';
import { BYSTANDERS, idsOf, LONG_AFTER, NAMES, openSystem, type OpenSystem, SYSTEMS } from './systems.ts';

describe.each(NAMES)('%s', (name) => {
  const { lagMs } = SYSTEMS[name];
  let system: OpenSystem | undefined;
  afterEach(() => system?.close());

  test('deletes exactly the batch when the worker is killed at any write to the ledger', async () => {
    system = await openSystem(name);
    const whole = await callsOfDeletion(system, Number.POSITIVE_INFINITY);
    const writes = system.ledger.writes;
    await system.close();
    expect(writes).toBeGreaterThanOrEqual(2);
    for (let nth = 1; nth <= writes; nth += 1) {
      system = await openSystem(name);
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
