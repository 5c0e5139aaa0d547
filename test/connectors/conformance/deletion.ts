import { expect, test } from 'vitest';
import { deletion, requestId, testContext } from '../calls.ts';
import type { Conformance } from './candidate.ts';
import { batchFor, count, deleteAll, expectDeleted, expectHonestFigures, figuresOf, sum, verify } from './verbs.ts';

/** Count, deletion and verification, which every connector has to some degree. */
export function testDeletion(conformance: Conformance): void {
  const { description, candidate } = conformance;
  const { actions, verification } = description;

  test('has exactly the verbs that its description declares', () => {
    const { connector } = candidate();
    expect({
      resolve: connector.resolve !== undefined,
      hide: connector.setVisibility !== undefined,
      export: connector.export !== undefined,
      count: connector.count !== undefined,
      suppress: connector.setSuppression !== undefined,
    }).toEqual({
      resolve: actions.resolve,
      hide: actions.hide,
      export: actions.export,
      count: actions.count,
      suppress: actions.suppress,
    });
    expect(actions.scopes).toContain('data');
    // A cancellation has to be able to show what was hidden.
    expect(actions.hide && !actions.restore).toBe(false);
    expect(verification === 'reads' && connector.verify === undefined).toBe(false);
  });

  test.runIf(actions.count)('counts without changes and lists the subjects that have rows', async () => {
    const { connector, subjects, unknownSubject, allRows } = candidate();
    const before = await allRows();
    const counted = await count(connector, batchFor(conformance, [...subjects, unknownSubject]));
    expect(counted.presentSeqs).toEqual([1, 2]);
    expect(sum(Object.values(counted.tables))).toBeGreaterThan(0);
    expect(await allRows()).toEqual(before);
  });

  test('deletes idempotently, with the same ranges, and does not change rows of other subjects', async () => {
    const system = candidate();
    const { subjects } = system;
    const others = await system.rowsOfOtherSubjects();
    const batch = batchFor(conformance, subjects);
    const first = await deleteAll(system, batch);
    expect([await system.isPresent(0), await system.isPresent(1)]).toEqual([false, false]);
    expectHonestFigures(first.ranges);
    const { removed, requested } = figuresOf(first.ranges);
    expect(removed + requested).toBeGreaterThan(0);
    await expectDeleted(conformance, system, first);
    const state = await system.allRows();
    const second = await deleteAll(system, batch);
    expect(await system.allRows()).toEqual(state);
    expect(second.ranges.map(({ firstSeq, lastSeq, part }) => [firstSeq, lastSeq, part])).toEqual(
      first.ranges.map(({ firstSeq, lastSeq, part }) => [firstSeq, lastSeq, part]),
    );
    expect(await system.rowsOfOtherSubjects()).toEqual(others);
    await expectDeleted(conformance, system, second);
  });

  test('makes ranges of no more subjects than its description declares, which cover the batch once', async () => {
    const system = candidate();
    const { subjects } = system;
    const { ranges } = await deleteAll(system, batchFor(conformance, subjects));
    const wholes = ranges.filter(({ part }) => part === 0).toSorted((one, other) => one.firstSeq - other.firstSeq);
    const seqs = wholes.flatMap(({ firstSeq, lastSeq }) =>
      Array.from({ length: lastSeq - firstSeq + 1 }, (_, index) => firstSeq + index),
    );
    expect(seqs).toEqual([1, 2]);
    for (const { firstSeq, lastSeq } of wholes) expect(lastSeq - firstSeq).toBeLessThan(description.limits.batchSize);
  });

  test('does not delete a subject that the call leaves out, until a later call does not', async () => {
    const system = candidate();
    const { subjects } = system;
    const batch = batchFor(conformance, subjects);
    const presence = async () => [await system.isPresent(0), await system.isPresent(1)];
    // The subjects of a batch are known before a call leaves one out.
    await verify(system, batch);
    const others = await deleteAll(system, { ...batch, except: [1], identities: seconds });
    expect(await presence()).toEqual([true, false]);
    await expectDeleted(conformance, system, others);
    const all = await deleteAll(system, { ...batch, except: [] });
    expect(await presence()).toEqual([false, false]);
    await expectDeleted(conformance, system, all);

    async function* seconds() {
      for await (const page of batch.identities()) yield page.filter(({ seq }) => seq !== 1);
    }
  });

  test('does not change anything when an unknown subject is deleted', async () => {
    const system = candidate();
    const before = await system.allRows();
    const pass = await deleteAll(system, batchFor(conformance, [system.unknownSubject]));
    const { removed, kept } = figuresOf(pass.ranges);
    expect([removed, kept]).toEqual([0, 0]);
    await expectDeleted(conformance, system, pass);
    expect(await system.allRows()).toEqual(before);
  });

  test.runIf(verification === 'reads')(
    'finds a row that arrives after the deletion and deletes it in a second pass',
    async ({ skip }) => {
      const system = candidate();
      if (system.insertLateRow === undefined) return skip('rows of a deleted subject cannot arrive here');
      const batch = batchFor(conformance, system.subjects);
      await deleteAll(system, batch);
      await system.insertLateRow();
      expect(await verify(system, batch)).toMatchObject({ survivors: 1 });
      const second = await deleteAll(system, batch, { pass: 2 });
      const { removed, requested } = figuresOf(second.ranges);
      expect(requested > 0 || removed === 1).toBe(true);
      await system.settle?.();
      expect(await verify(system, batch)).toMatchObject({ survivors: 0 });
    },
  );

  test('removes everything stored for the request when it is concluded, idempotently', async ({ skip }) => {
    const system = candidate();
    const { connector, subjects, storedForRequests } = system;
    if (storedForRequests === undefined) return skip('the connector stores nothing in the system');
    const id = requestId();
    const batch = batchFor(conformance, subjects, { requestId: id });
    const change = { hidden: true, generation: 1, at: new Date('2026-02-01T00:00:00Z') };
    await connector.setVisibility?.({ ...batch, batch: 'g1' }, change, testContext());
    await deleteAll(system, batch);
    await verify(system, batch);
    expect((await storedForRequests()).length).toBeGreaterThan(0);
    await connector.conclude?.({ requestId: id, kind: conformance.kind }, testContext());
    await connector.conclude?.({ requestId: id, kind: conformance.kind }, testContext());
    expect(await storedForRequests()).toEqual([]);
  });

  test('throws the reason without changes when a verb is cancelled before it begins', async () => {
    const { connector, subjects, allRows } = candidate();
    const before = await allRows();
    const reason = new Error('the activity was cancelled');
    const cancelled = testContext(AbortSignal.abort(reason));
    const batch = batchFor(conformance, subjects);
    const { count: countRows, verify: search } = connector;
    const calls = [
      () => connector.hardDelete(batch, deletion(), cancelled),
      ...(search !== undefined && verification === 'reads' ? [() => search(batch, 'data', cancelled)] : []),
      ...(countRows === undefined ? [] : [() => countRows(batch, 'data', cancelled)]),
    ];
    for (const call of calls) await expect(call()).rejects.toBe(reason);
    expect(await allRows()).toEqual(before);
  });
}
