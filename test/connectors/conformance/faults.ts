import { expect, test } from 'vitest';
import { ConnectorError } from '../../../connectors/connector.ts';
import type { Candidate, Conformance } from './candidate.ts';
import { type Pass, runToEnd, startPass } from '../pass.ts';
import { batchFor, deleteAll, expectDeleted, figuresOf } from './verbs.ts';

/** The most calls that the deletion of the two subjects makes. */
const MOST_CALLS = 60;

/** Lost connections, killed workers, and systems that answer wrongly, for candidates that can cause them. */
export function testFaults(conformance: Conformance): void {
  const { candidate, another, faults } = conformance;

  test.for(['before', 'after'] as const)(
    'deletes everything and repeats at most one range when the connection is lost %s any of its calls',
    async (when, { skip }) => {
      const undisturbed = candidate();
      if (undisturbed.failCall === undefined) return skip('the test of this connector has no failing calls');
      const whole = await deleteAll(undisturbed, batchFor(conformance, undisturbed.subjects));
      await undisturbed.settle?.();
      const [expected, others] = [await undisturbed.allRows(), await undisturbed.rowsOfOtherSubjects()];
      let reached = 0;
      for (; reached < MOST_CALLS; reached++) {
        const system = await another();
        const pass = startPass(batchFor(conformance, system.subjects));
        if (!(await failsOnce(system, pass, reached, when))) break;
        const attestation = await runToEnd(system.connector, pass, system.settle);
        await system.settle?.();
        expect([reached, await system.allRows()]).toEqual([reached, expected]);
        expect(await system.rowsOfOtherSubjects()).toEqual(others);
        // Every range is reported once: what was finished before the failure is given back and left out.
        expect(pass.ranges.map(nameOf).toSorted()).toEqual(whole.ranges.map(nameOf).toSorted());
        expect(figuresOf(pass.ranges).requested).toBe(figuresOf(whole.ranges).requested);
        await expectDeleted(conformance, system, Object.assign(pass, { attestedAt: attestation.attestedAt }));
        await system.close();
      }
      expect(reached).toBeGreaterThan(0);
      expect(reached).toBeLessThan(MOST_CALLS);
    },
  );

  test.each(faults)('fails without a confidential text and continues later when the answer is $name', async (fault) => {
    const system = candidate();
    const pass = startPass(batchFor(conformance, system.subjects));
    await fault.inject(system);
    const error = await errorOf(() => runToEnd(system.connector, pass, system.settle));
    expect(error).toBeInstanceOf(ConnectorError);
    expect(error).toMatchObject({ retryable: fault.retryable });
    expectNothingConfidential(system, error);
    await fault.end(system);
    const { attestedAt } = await runToEnd(system.connector, pass, system.settle);
    await system.settle?.();
    expect([await system.isPresent(0), await system.isPresent(1)]).toEqual([false, false]);
    await expectDeleted(conformance, system, Object.assign(pass, { attestedAt }));
  });
}

const nameOf = ({ firstSeq, lastSeq, part }: Pass['ranges'][number]): string => `${firstSeq} ${lastSeq} ${part}`;

/** Runs until the connection is lost at a call. Returns false if the pass makes fewer calls. */
async function failsOnce(system: Candidate, pass: Pass, calls: number, when: 'before' | 'after'): Promise<boolean> {
  const failure = system.failCall?.(calls, when);
  const error = await errorOf(() => runToEnd(system.connector, pass, system.settle));
  if (failure?.wasReached() !== true) return false;
  expect(error).toMatchObject({ retryable: true });
  expectNothingConfidential(system, error);
  return true;
}

async function errorOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run();
    return null;
  } catch (error) {
    return error;
  }
}

function expectNothingConfidential({ subjects, unknownSubject, confidential = [] }: Candidate, error: unknown): void {
  const identities = [...subjects, unknownSubject].flatMap((subject) => subject.flatMap(({ value }) => value));
  const texts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    texts.push(cause.message, cause.stack ?? '', JSON.stringify(cause));
  for (const text of [...identities, ...confidential])
    for (const part of texts) expect(part.includes(text), 'a confidential text is in the error').toBe(false);
}
