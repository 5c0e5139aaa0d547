import { expect } from 'vitest';
import type { Batch, Connector, Count, Verification } from '../../../connectors/connector.ts';
import type { FinishedRange } from '../../../domain/batch.ts';
import type { Identity } from '../../../domain/identity.ts';
import type { Scope } from '../../../domain/vocabulary.ts';
import { batchOf, type ExportedText, testContext } from '../calls.ts';
import type { Candidate, Conformance } from './candidate.ts';
import { type Pass, runToEnd, startPass } from '../pass.ts';

export const sum = (figures: Iterable<number>): number => [...figures].reduce((all, each) => all + each, 0);

/** Counts with a connector that can. */
export function count(connector: Connector, batch: Batch, scope: Scope = 'data'): Promise<Count> {
  if (connector.count === undefined) throw new Error('actions.count is declared, and the verb is missing');
  return connector.count(batch, scope, testContext());
}

/** Counts with a connector that can. Null with another. */
export const countOrNull = async (connector: Connector, batch: Batch, scope: Scope = 'data'): Promise<Count | null> =>
  connector.count === undefined ? null : count(connector, batch, scope);

/** Asserts that a verification finds what was counted, if the connector both counts and reads. */
export async function expectFound(
  { description }: Conformance,
  candidate: Candidate,
  batch: Batch,
  scope: Scope,
  counted: Count | null,
): Promise<void> {
  if (counted === null || description.verification !== 'reads') return;
  expect(await verify(candidate, batch, scope)).toMatchObject({ survivors: sum(Object.values(counted.tables)) });
}

/** Asserts that an export has as many rows per table as were counted, if the connector counts. */
export async function expectCounted(
  connector: Connector,
  batch: Batch,
  scope: Scope,
  got: ReadonlyMap<string, ExportedText>,
): Promise<void> {
  const exported = Object.fromEntries([...got].map(([table, { figures }]) => [table, figures.rows]));
  expect(exported).toEqual((await countOrNull(connector, batch, scope))?.tables ?? exported);
}

/** A batch of these subjects, of the kind that the suite tests. */
export const batchFor = ({ kind }: Conformance, subjects: readonly (readonly Identity[])[], more: object = {}): Batch =>
  batchOf(subjects, { kind, ...more });

/** Deletes a batch to the end and returns the pass. */
export async function deleteAll(
  { connector, settle }: Candidate,
  batch: Batch,
  options: Parameters<typeof startPass>[1] = {},
): Promise<Pass & { readonly attestedAt: Date | undefined }> {
  const pass = startPass(batch, options);
  const { blocked = [], attestedAt } = await runToEnd(connector, pass, settle);
  expect(blocked).toEqual([]);
  return Object.assign(pass, { attestedAt });
}

/** Verifies until the system no longer asks to be verified again. Null if the connector has no such verb. */
export async function verify(
  { connector, settle }: Candidate,
  batch: Batch,
  scope: Scope = 'data',
): Promise<Exclude<Verification, { readonly verifyAgainAt: Date }> | null> {
  if (connector.verify === undefined) return null;
  for (let calls = 0; calls < 20; calls++) {
    const verification = await connector.verify(batch, scope, testContext());
    if (!('verifyAgainAt' in verification)) return verification;
    await settle?.();
  }
  throw new Error('the verification does not end');
}

/** Asserts that the system counts as deleted, in the way that the connector declares. */
export async function expectDeleted(
  { description }: Conformance,
  candidate: Candidate,
  pass: Pass & { readonly attestedAt?: Date | undefined },
  scope: Scope = 'data',
): Promise<void> {
  const verification = await verify(candidate, pass.batch, scope);
  switch (description.verification) {
    case 'reads':
      return expect(verification).toMatchObject({ survivors: 0 });
    case 'none':
      return expect(verification === null || 'unknown' in verification).toBe(true);
    case 'attested':
    case 'person': {
      const stated = verification !== null && 'attestedAt' in verification ? verification.attestedAt : pass.attestedAt;
      return expect(stated).toBeInstanceOf(Date);
    }
  }
}

/** The sum of what ranges report: rows that were removed, and subjects of which the system does not say it. */
export function figuresOf(ranges: readonly FinishedRange[]) {
  const tables = ranges.flatMap((range) => range.tables);
  return {
    removed: sum(tables.map(({ removed }) => removed ?? 0)),
    requested: sum(tables.map(({ requested }) => requested ?? 0)),
    kept: sum(tables.flatMap(({ retained }) => retained.map(({ rows }) => rows))),
  };
}

/** Asserts that a range says how many rows it removed, or of how many subjects it does not know. */
export function expectHonestFigures(ranges: readonly FinishedRange[]): void {
  for (const { removed, requested } of ranges.flatMap(({ tables }) => tables))
    expect(removed === null).toBe(requested !== undefined);
}
