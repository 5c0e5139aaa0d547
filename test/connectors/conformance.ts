import { afterEach, beforeEach, describe } from 'vitest';
import type { Description } from '../../connectors/connector.ts';
import type { Candidate, Conformance } from './conformance/candidate.ts';
import { testDeletion } from './conformance/deletion.ts';
import { testExport } from './conformance/export.ts';
import { testFaults } from './conformance/faults.ts';
import { testPartDeletion } from './conformance/part-deletion.ts';
import { testSuppression } from './conformance/suppression.ts';
import { testVisibility } from './conformance/visibility.ts';

export type { Candidate, Fault } from './conformance/candidate.ts';

/** Tests the contract that every connector implements. conformance/candidate.ts says what a connector's test provides. */
export function testConformance(
  name: string,
  about: { readonly description: Description } & Partial<Pick<Conformance, 'kind' | 'ordersVisibility' | 'faults'>>,
  createCandidate: () => Promise<Candidate>,
): void {
  describe(`contract of ${name}`, () => {
    const opened: Candidate[] = [];
    const another = async (): Promise<Candidate> => {
      const candidate = await createCandidate();
      opened.push(candidate);
      return candidate;
    };
    beforeEach(async () => void (await another()));
    afterEach(async () => {
      for (const candidate of opened.splice(0)) await candidate.close();
    });
    const conformance: Conformance = {
      kind: 'user',
      ordersVisibility: true,
      faults: [],
      ...about,
      another,
      candidate() {
        const [first] = opened;
        if (first === undefined) throw new Error('no system is open');
        return first;
      },
    };
    const { hide, suppress, export: exports } = about.description.actions;
    testDeletion(conformance);
    testPartDeletion(conformance);
    if (exports) testExport(conformance);
    if (hide) testVisibility(conformance);
    if (suppress) testSuppression(conformance);
    testFaults(conformance);
  });
}
