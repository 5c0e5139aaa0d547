import { expect, test } from 'vitest';
import { requestId, testContext } from '../calls.ts';
import type { Candidate, Conformance } from './candidate.ts';
import { batchFor } from './verbs.ts';

/** Hiding and restoring, for connectors that can. */
export function testVisibility(conformance: Conformance): void {
  const { candidate, ordersVisibility } = conformance;
  const at = new Date('2026-02-01T00:00:00Z');
  const setHidden = ({ connector, subjects }: Candidate, id: string, generation: number, hidden: boolean) =>
    connector.setVisibility?.(
      batchFor(conformance, subjects, { requestId: id, batch: `g${generation}` }),
      { hidden, generation, at },
      testContext(),
    );

  test('restores the previous state when a hidden subject is restored', async () => {
    const system = candidate();
    const [id, before] = [requestId(), await system.allRows()];
    await setHidden(system, id, 1, true);
    await setHidden(system, id, 1, true);
    expect(await system.isHidden?.(0)).toBe(true);
    await setHidden(system, id, 2, false);
    expect(await system.isHidden?.(0)).toBe(false);
    expect(await system.allRows()).toEqual(before);
  });

  test.runIf(ordersVisibility)('does not change anything when a call has an older generation', async () => {
    const system = candidate();
    const id = requestId();
    await setHidden(system, id, 7, true);
    await setHidden(system, id, 8, false);
    const shown = await system.allRows();
    await setHidden(system, id, 7, true);
    expect(await system.isHidden?.(0)).toBe(false);
    expect(await system.allRows()).toEqual(shown);
  });
}
