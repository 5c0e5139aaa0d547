import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Identity } from '../../domain/identity.ts';
import type { Connector } from '../../connectors/connector.ts';
import { batchOf, deletion, exportAll, exporting, receipt, requestId, texts, testContext } from './fixture.ts';

/** A system with data in it, behind the connector that is judged. */
export interface Candidate {
  readonly connector: Connector;
  /** Two subjects of whom the system holds something. */
  readonly subjects: readonly (readonly Identity[])[];
  /** Somebody of whom it holds nothing. */
  readonly stranger: readonly Identity[];
  /** Texts of which each stands in what is held of that subject, and nowhere else. */
  readonly marks: readonly string[];
  /** Everything that the system holds of everybody else, byte by byte. */
  others(): Promise<unknown>;
  /** Everything that it holds, the subjects included. */
  all(): Promise<unknown>;
  /** What it keeps for the work itself, digests aside: empty once a request is concluded. */
  kept(): Promise<readonly unknown[]>;
  isHidden(subject: number): Promise<boolean>;
  /** A row of the first subject arrives after its deletion. */
  arriveLate(): Promise<void>;
  close(): Promise<void>;
}

/** What every connector owes, whatever it speaks to. */
export function conformance(name: string, make: () => Promise<Candidate>): void {
  describe(`${name} keeps the contract`, () => {
    let candidate: Candidate;
    beforeEach(async () => {
      candidate = await make();
    });
    afterEach(() => candidate.close());

    const at = new Date('2026-02-01T00:00:00Z');
    const hide = (batch: ReturnType<typeof batchOf>, generation: number, hidden: boolean) =>
      candidate.connector.setVisibility?.(batch, { hidden, generation, at }, testContext());

    test('counting changes nothing and names who is there', async () => {
      const before = await candidate.all();
      const count = await candidate.connector.count(
        batchOf([...candidate.subjects, candidate.stranger]),
        'data',
        testContext(),
      );
      expect(count.presentSeqs).toEqual([1, 2]);
      expect(Object.values(count.tables).reduce((sum, rows) => sum + rows, 0)).toBeGreaterThan(0);
      expect(await candidate.all()).toEqual(before);
    });

    test('deleting twice is deleting once: the same state, the same receipt, and nobody else touched', async () => {
      const { connector, subjects } = candidate;
      const others = await candidate.others();
      const batch = batchOf(subjects);
      const [first, second] = [deletion(), deletion()];
      expect(await connector.hardDelete(batch, first, testContext())).toEqual({ done: true });
      const state = await candidate.all();
      expect(await connector.hardDelete(batch, second, testContext())).toEqual({ done: true });
      expect(await candidate.all()).toEqual(state);
      expect(second.ranges).toEqual(first.ranges);
      expect(Object.values(receipt(first.ranges)).reduce((sum, { removed }) => sum + removed, 0)).toBeGreaterThan(0);
      expect(await candidate.others()).toEqual(others);
      expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
    });

    test('somebody unknown is deleted with success, and nothing else changes', async () => {
      const before = await candidate.all();
      const batch = batchOf([candidate.stranger]);
      const done = deletion();
      expect(await candidate.connector.hardDelete(batch, done, testContext())).toEqual({ done: true });
      for (const { removed, retained } of Object.values(receipt(done.ranges))) expect(removed + retained).toBe(0);
      expect(await candidate.connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
      expect(await candidate.all()).toEqual(before);
    });

    test('what survives is found, and a second pass deletes it', async () => {
      const { connector, subjects } = candidate;
      const batch = batchOf(subjects);
      await connector.hardDelete(batch, deletion(), testContext());
      await candidate.arriveLate();
      expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 1 });
      const second = deletion({ pass: 2 });
      await connector.hardDelete(batch, second, testContext());
      expect(Object.values(receipt(second.ranges)).reduce((sum, { removed }) => sum + removed, 0)).toBe(1);
      expect(await connector.verify(batch, 'data', testContext())).toMatchObject({ survivors: 0 });
    });

    /** In no order that anybody promised. */
    const lines = (got: Parameters<typeof texts>[0]): string[] => texts(got).split('\n').toSorted();
    const parts = ['categories', 'sources'] as const;
    const sum = (figures: Iterable<number>): number => [...figures].reduce((all, each) => all + each, 0);

    test.each(parts)(
      'a deletion of %s empties columns and leaves every row, twice as once, and nobody else',
      async (scope) => {
        const { connector, subjects } = candidate;
        const [others, batch] = [await candidate.others(), batchOf(subjects)];
        const held = await connector.count(batch, 'data', testContext());
        const meant = await connector.count(batch, scope, testContext());
        const [first, second] = [deletion({ scope }), deletion({ scope })];
        expect(await connector.verify(batch, scope, testContext())).toMatchObject({
          survivors: sum(Object.values(meant.tables)),
        });
        await connector.hardDelete(batch, first, testContext());
        const state = await candidate.all();
        await connector.hardDelete(batch, second, testContext());
        expect(await candidate.all()).toEqual(state);
        expect(second.ranges).toEqual(first.ranges);
        const tables = first.ranges.flatMap((range) => range.tables);
        expect(sum(tables.map(({ blanked }) => blanked ?? 0))).toBe(sum(Object.values(meant.tables)));
        expect(sum(Object.values(meant.tables))).toBeGreaterThan(0);
        expect(sum(tables.map(({ removed }) => removed))).toBe(0);
        expect(await connector.verify(batch, scope, testContext())).toMatchObject({ survivors: 0 });
        expect(await connector.count(batch, 'data', testContext())).toEqual(held);
        expect(await candidate.others()).toEqual(others);
        expect(await candidate.isHidden(0)).toBe(false);
      },
    );

    test.each(parts)('a deletion of %s of somebody unknown changes nothing', async (scope) => {
      const before = await candidate.all();
      const batch = batchOf([candidate.stranger]);
      const done = deletion({ scope });
      expect(await candidate.connector.hardDelete(batch, done, testContext())).toEqual({ done: true });
      for (const { blanked, retained } of done.ranges.flatMap(({ tables }) => tables))
        expect((blanked ?? 0) + retained).toBe(0);
      expect(await candidate.all()).toEqual(before);
    });

    test.each(['ndjson', 'csv'] as const)(
      'an export as %s holds all of the batch, nothing of anybody else, and changes nothing',
      async (format) => {
        const { connector, subjects, marks } = candidate;
        const before = await candidate.all();
        const batch = batchOf(subjects.slice(0, 1));
        const got = await exportAll(connector, batch, { format });
        const { tables } = await connector.count(batch, 'data', testContext());
        expect(Object.fromEntries([...got].map(([table, { figures }]) => [table, figures.rows]))).toEqual(tables);
        for (const { figures, text } of got.values()) expect(figures.bytes).toBe(Buffer.byteLength(text));
        expect(texts(got)).toContain(marks[0]);
        for (const other of marks.slice(1)) expect(texts(got)).not.toContain(other);
        expect(await candidate.all()).toEqual(before);
        const again = await exportAll(connector, batch, { format });
        expect(lines(again)).toEqual(lines(got));
      },
    );

    test('an export holds who is hidden, and nobody who is unknown', async () => {
      const { connector, subjects, marks, stranger } = candidate;
      const id = requestId();
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      const got = await exportAll(connector, batchOf(subjects, { requestId: id, batch: 'e1' }));
      for (const mark of marks) expect(texts(got)).toContain(mark);
      const nothing = await exportAll(connector, batchOf([stranger]));
      expect(sum([...nothing.values()].map(({ figures }) => figures.rows))).toBe(0);
      expect((await exportAll(connector, batchOf([stranger]), { scope: 'categories' })).size).toBe(0);
    });

    test('an export of categories names columns and counts rows, and holds no value', async () => {
      const { connector, subjects, marks } = candidate;
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
      for (const mark of marks) expect(JSON.stringify(got)).not.toContain(mark);
    });

    test('an export of sources has their columns and no other', async () => {
      const { connector, subjects } = candidate;
      const got = [...(await exportAll(connector, batchOf(subjects), { scope: 'sources' })).values()];
      const { tables } = await connector.count(batchOf(subjects), 'sources', testContext());
      expect(Object.fromEntries(got.map(({ table, figures }) => [table.table, figures.rows]))).toEqual(tables);
      for (const { table } of got) expect(table.columns.filter(({ source }) => !source)).toEqual([]);
    });

    test('an export whose reader leaves, or that is cancelled, ends; the next one is whole', async () => {
      const { connector, subjects } = candidate;
      const options = { scope: 'data', since: null, format: 'ndjson' } as const;
      for await (const { rows } of exporting(connector)(batchOf(subjects), options, testContext())) {
        await rows[Symbol.asyncIterator]().return?.();
        break;
      }
      const reason = new Error('the activity was cancelled');
      const call = exportAll(connector, batchOf(subjects), {}, testContext(AbortSignal.abort(reason)));
      await expect(call).rejects.toBe(reason);
      const got = await exportAll(connector, batchOf(subjects));
      expect(texts(got)).toContain(candidate.marks[0]);
    });

    test('hiding and showing again leaves everything as it was', async () => {
      const { subjects } = candidate;
      const id = requestId();
      const before = await candidate.all();
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      expect(await candidate.isHidden(0)).toBe(true);
      await hide(batchOf(subjects, { requestId: id, batch: 'g2' }), 2, false);
      expect(await candidate.isHidden(0)).toBe(false);
      expect(await candidate.all()).toEqual(before);
    });

    test('a late attempt of an older generation changes nothing', async () => {
      const { subjects } = candidate;
      const id = requestId();
      await hide(batchOf(subjects, { requestId: id, batch: 'g7' }), 7, true);
      await hide(batchOf(subjects, { requestId: id, batch: 'g8' }), 8, false);
      const shown = await candidate.all();
      await hide(batchOf(subjects, { requestId: id, batch: 'g7' }), 7, true);
      expect(await candidate.isHidden(0)).toBe(false);
      expect(await candidate.all()).toEqual(shown);
    });

    test('after conclude nothing is kept for the request, and concluding twice is as once', async () => {
      const { connector, subjects } = candidate;
      const id = requestId();
      await hide(batchOf(subjects, { requestId: id, batch: 'g1' }), 1, true);
      const batch = batchOf(subjects, { requestId: id });
      await connector.hardDelete(batch, deletion(), testContext());
      await connector.verify(batch, 'data', testContext());
      expect((await candidate.kept()).length).toBeGreaterThan(0);
      await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
      await connector.conclude?.({ requestId: id, kind: 'user' }, testContext());
      expect(await candidate.kept()).toEqual([]);
    });

    test('a verb that is cancelled before it begins does nothing and ends with the caller’s reason', async () => {
      const before = await candidate.all();
      const reason = new Error('the activity was cancelled');
      const call = candidate.connector.hardDelete(
        batchOf(candidate.subjects),
        deletion(),
        testContext(AbortSignal.abort(reason)),
      );
      await expect(call).rejects.toBe(reason);
      expect(await candidate.all()).toEqual(before);
    });
  });
}
