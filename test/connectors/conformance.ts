import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Identity } from '../../domain/identity.ts';
import type { Connector } from '../../connectors/connector.ts';
import { batchOf, deletion, exportAll, exportVerbOf, addUpRanges, requestId, allText, testContext } from './fixture.ts';

/** A system with data, and the connector under test. */
export interface Candidate {
  readonly connector: Required<Connector>;
  /** Two subjects with rows in the system. */
  readonly subjects: readonly (readonly Identity[])[];
  /** A subject without rows in the system. */
  readonly unknownSubject: readonly Identity[];
  /** Per subject, a text that only rows of this subject contain. */
  readonly ownTexts: readonly string[];
  /** All rows of other subjects. */
  rowsOfOtherSubjects(): Promise<unknown>;
  /** All rows, including those of the two subjects. */
  allRows(): Promise<unknown>;
  /** What the connector stores for its requests. Empty after `conclude`. */
  storedForRequests(): Promise<readonly unknown[]>;
  isHidden(subject: number): Promise<boolean>;
  /** Inserts a row of the first subject after its deletion. */
  insertLateRow(): Promise<void>;
  close(): Promise<void>;
}

/** Tests the contract that every connector implements. */
export function testConformance(name: string, createCandidate: () => Promise<Candidate>): void {
  describe(`contract of ${name}`, () => {
    let candidate: Candidate;
    beforeEach(async () => {
      candidate = await createCandidate();
    });
    afterEach(() => candidate.close());

    const at = new Date('2026-02-01T00:00:00Z');
    const hide = (batch: ReturnType<typeof batchOf>, generation: number, hidden: boolean) =>
      candidate.connector.setVisibility?.(batch, { hidden, generation, at }, testContext());

    test('counts without changes and lists the subjects that have rows', async () => {
      const before = await candidate.allRows();
      const count = await candidate.connector.count(
        batchOf([...candidate.subjects, candidate.unknownSubject]),
        'data',
        testContext(),
      );
      expect(count.presentSeqs).toEqual([1, 2]);
      expect(Object.values(count.tables).reduce((sum, rows) => sum + rows, 0)).toBeGreaterThan(0);
      expect(await candidate.allRows()).toEqual(before);
    });

    test('deletes idempotently, with the same ranges, and does not change rows of other subjects', async () => {
      const { connector, subjects } = candidate;
      const others = await candidate.rowsOfOtherSubjects();
      const batch = batchOf(subjects);
      const [first, second] = [deletion(), deletion()];
      expect(await connector.hardDelete(batch, first, testContext())).toEqual({ done: true });
      const state = await candidate.allRows();
      expect(await connector.hardDelete(batch, second, testContext())).toEqual({ done: true });
      expect(await candidate.allRows()).toEqual(state);
      expect(second.ranges).toEqual(first.ranges);
      expect(Object.values(addUpRanges(first.ranges)).reduce((sum, { removed }) => sum + removed, 0)).toBeGreaterThan(
        0,
      );
      expect(await candidate.rowsOfOtherSubjects()).toEqual(others);
      expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
    });

    test('does not delete a subject that the call leaves out, until a later call does not', async () => {
      const { connector, subjects } = candidate;
      const batch = batchOf(subjects);
      const present = async () => (await connector.count({ ...batch, except: [] }, 'data', testContext())).presentSeqs;
      await connector.hardDelete({ ...batch, except: [1] }, deletion(), testContext());
      expect(await present()).toEqual([1]);
      expect(await connector.verify({ ...batch, except: [1] }, 'data', testContext())).toMatchObject({ survivors: 0 });
      await connector.hardDelete({ ...batch, except: [] }, deletion(), testContext());
      expect(await present()).toEqual([]);
      expect(await connector.verify({ ...batch, except: [] }, 'data', testContext())).toMatchObject({ survivors: 0 });
    });

    test('does not change anything when an unknown subject is deleted', async () => {
      const before = await candidate.allRows();
      const batch = batchOf([candidate.unknownSubject]);
      const done = deletion();
      expect(await candidate.connector.hardDelete(batch, done, testContext())).toEqual({ done: true });
      for (const { removed, retained } of Object.values(addUpRanges(done.ranges))) expect(removed + retained).toBe(0);
      expect(await candidate.connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
      expect(await candidate.allRows()).toEqual(before);
    });

    test('finds a row that arrives after the deletion and deletes it in a second pass', async () => {
      const { connector, subjects } = candidate;
      const batch = batchOf(subjects);
      await connector.hardDelete(batch, deletion(), testContext());
      await candidate.insertLateRow();
      expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 1 });
      const second = deletion({ pass: 2 });
      await connector.hardDelete(batch, second, testContext());
      expect(Object.values(addUpRanges(second.ranges)).reduce((sum, { removed }) => sum + removed, 0)).toBe(1);
      expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
    });

    /** Sorted, because the order of exported rows is not defined. */
    const sortedLines = (got: Parameters<typeof allText>[0]): string[] => allText(got).split('\n').toSorted();
    const partialScopes = ['categories', 'sources'] as const;
    const sum = (figures: Iterable<number>): number => [...figures].reduce((all, each) => all + each, 0);

    test.each(partialScopes)(
      'clears columns of %s idempotently, keeps every row and does not change rows of other subjects',
      async (scope) => {
        const { connector, subjects } = candidate;
        const [others, batch] = [await candidate.rowsOfOtherSubjects(), batchOf(subjects)];
        const before = await connector.count(batch, 'data', testContext());
        const toClear = await connector.count(batch, scope, testContext());
        const [first, second] = [deletion({ scope }), deletion({ scope })];
        expect(await connector.verify(batch, scope, testContext())).toMatchObject({
          survivors: sum(Object.values(toClear.tables)),
        });
        await connector.hardDelete(batch, first, testContext());
        const state = await candidate.allRows();
        await connector.hardDelete(batch, second, testContext());
        expect(await candidate.allRows()).toEqual(state);
        expect(second.ranges).toEqual(first.ranges);
        const tables = first.ranges.flatMap((range) => range.tables);
        expect(sum(tables.map(({ blanked }) => blanked ?? 0))).toBe(sum(Object.values(toClear.tables)));
        expect(sum(Object.values(toClear.tables))).toBeGreaterThan(0);
        expect(sum(tables.map(({ removed }) => removed ?? 0))).toBe(0);
        expect(await connector.verify(batch, scope, testContext())).toMatchObject({ survivors: 0 });
        expect(await connector.count(batch, 'data', testContext())).toEqual(before);
        expect(await candidate.rowsOfOtherSubjects()).toEqual(others);
        expect(await candidate.isHidden(0)).toBe(false);
      },
    );

    test.each(partialScopes)('does not change anything when %s of an unknown subject are cleared', async (scope) => {
      const before = await candidate.allRows();
      const batch = batchOf([candidate.unknownSubject]);
      const done = deletion({ scope });
      expect(await candidate.connector.hardDelete(batch, done, testContext())).toEqual({ done: true });
      for (const { blanked, retained } of done.ranges.flatMap(({ tables }) => tables))
        expect([blanked ?? 0, retained]).toEqual([0, []]);
      expect(await candidate.allRows()).toEqual(before);
    });

    test.each(['ndjson', 'csv'] as const)(
      'exports exactly the rows of the batch as %s without changes',
      async (format) => {
        const { connector, subjects, ownTexts } = candidate;
        const before = await candidate.allRows();
        const batch = batchOf(subjects.slice(0, 1));
        const got = await exportAll(connector, batch, { format });
        const { tables } = await connector.count(batch, 'data', testContext());
        expect(Object.fromEntries([...got].map(([table, { figures }]) => [table, figures.rows]))).toEqual(tables);
        for (const { figures, text } of got.values()) expect(figures.bytes).toBe(Buffer.byteLength(text));
        expect(allText(got)).toContain(ownTexts[0]);
        for (const other of ownTexts.slice(1)) expect(allText(got)).not.toContain(other);
        expect(await candidate.allRows()).toEqual(before);
        const again = await exportAll(connector, batch, { format });
        expect(sortedLines(again)).toEqual(sortedLines(got));
      },
    );

    test('exports hidden subjects and no rows for an unknown subject', async () => {
      const { connector, subjects, ownTexts, unknownSubject } = candidate;
      const id = requestId();
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      const got = await exportAll(connector, batchOf(subjects, { requestId: id, batch: 'e1' }));
      for (const ownText of ownTexts) expect(allText(got)).toContain(ownText);
      const empty = await exportAll(connector, batchOf([unknownSubject]));
      expect(sum([...empty.values()].map(({ figures }) => figures.rows))).toBe(0);
      expect((await exportAll(connector, batchOf([unknownSubject]), { scope: 'categories' })).size).toBe(0);
    });

    test('exports categories as columns and row counts without values', async () => {
      const { connector, subjects, ownTexts } = candidate;
      const got = [...(await exportAll(connector, batchOf(subjects), { scope: 'categories' })).values()];
      const { tables } = await connector.count(batchOf(subjects), 'data', testContext());
      expect(sum(got.map(({ figures }) => figures.rows))).toBe(sum(Object.values(tables)));
      for (const { text, table, figures } of got) {
        expect(text).toBe('');
        expect(table.columns.length).toBeGreaterThan(0);
        for (const { filled } of table.columns) {
          expect(filled).toBeGreaterThan(0);
          expect(filled).toBeLessThanOrEqual(figures.rows);
        }
      }
      for (const ownText of ownTexts) expect(JSON.stringify(got)).not.toContain(ownText);
    });

    test('exports sources with their columns only', async () => {
      const { connector, subjects } = candidate;
      const got = [...(await exportAll(connector, batchOf(subjects), { scope: 'sources' })).values()];
      const { tables } = await connector.count(batchOf(subjects), 'sources', testContext());
      expect(Object.fromEntries(got.map(({ table, figures }) => [table.table, figures.rows]))).toEqual(tables);
      for (const { table } of got) expect(table.columns.filter(({ source }) => !source)).toEqual([]);
    });

    test('ends an export when its reader stops or it is cancelled, and exports everything the next time', async () => {
      const { connector, subjects } = candidate;
      const options = { scope: 'data', since: null, format: 'ndjson' } as const;
      for await (const { rows } of exportVerbOf(connector)(batchOf(subjects), options, testContext())) {
        await rows[Symbol.asyncIterator]().return?.();
        break;
      }
      const reason = new Error('the activity was cancelled');
      const call = exportAll(connector, batchOf(subjects), {}, testContext(AbortSignal.abort(reason)));
      await expect(call).rejects.toBe(reason);
      const got = await exportAll(connector, batchOf(subjects));
      expect(allText(got)).toContain(candidate.ownTexts[0]);
    });

    test('restores the previous state when a hidden subject is restored', async () => {
      const { subjects } = candidate;
      const id = requestId();
      const before = await candidate.allRows();
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      expect(await candidate.isHidden(0)).toBe(true);
      await hide(batchOf(subjects, { requestId: id, batch: 'g2' }), 2, false);
      expect(await candidate.isHidden(0)).toBe(false);
      expect(await candidate.allRows()).toEqual(before);
    });

    test('does not change anything when a call has an older generation', async () => {
      const { subjects } = candidate;
      const id = requestId();
      await hide(batchOf(subjects, { requestId: id, batch: 'g7' }), 7, true);
      await hide(batchOf(subjects, { requestId: id, batch: 'g8' }), 8, false);
      const shown = await candidate.allRows();
      await hide(batchOf(subjects, { requestId: id, batch: 'g7' }), 7, true);
      expect(await candidate.isHidden(0)).toBe(false);
      expect(await candidate.allRows()).toEqual(shown);
    });

    test('removes everything stored for the request when it is concluded, idempotently', async () => {
      const { connector, subjects } = candidate;
      const id = requestId();
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      const batch = batchOf(subjects, { requestId: id });
      await connector.hardDelete(batch, deletion(), testContext());
      await connector.verify(batch, 'data', testContext());
      expect((await candidate.storedForRequests()).length).toBeGreaterThan(0);
      await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
      await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
      expect(await candidate.storedForRequests()).toEqual([]);
    });

    test('throws the reason without changes when a verb is cancelled before it begins', async () => {
      const before = await candidate.allRows();
      const reason = new Error('the activity was cancelled');
      const call = candidate.connector.hardDelete(
        batchOf(candidate.subjects),
        deletion(),
        testContext(AbortSignal.abort(reason)),
      );
      await expect(call).rejects.toBe(reason);
      expect(await candidate.allRows()).toEqual(before);
    });
  });
}
