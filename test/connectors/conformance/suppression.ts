import { expect, test } from 'vitest';
import { requestId, testContext } from '../calls.ts';
import type { Conformance } from './candidate.ts';
import { batchFor } from './verbs.ts';

/** Suppressions, for connectors that can. */
export function testSuppression(conformance: Conformance): void {
  test('suppresses and lifts exactly the identities of the batch, idempotently, and deletes nothing', async ({
    skip,
  }) => {
    const { connector, subjects, isSuppressed, allRows } = conformance.candidate();
    if (isSuppressed === undefined) return skip('the test of this connector cannot see suppressions');
    const before = await allRows();
    const [both, first] = [subjects, subjects.slice(0, 1)].map((some) =>
      batchFor(conformance, some, { requestId: requestId(), batch: 's' }),
    );
    const refused = async () => [await isSuppressed(0), await isSuppressed(1)];
    const suppress = async (batch: typeof both, isOn: boolean): Promise<void> => {
      for (let twice = 0; twice < 2; twice++)
        if (batch !== undefined) await connector.setSuppression?.(batch, isOn, testContext());
    };
    expect(await refused()).toEqual([false, false]);
    await suppress(both, true);
    expect(await refused()).toEqual([true, true]);
    await suppress(first, false);
    expect(await refused()).toEqual([false, true]);
    expect(await allRows()).toEqual(before);
  });
}
