import { expect, test } from 'vitest';
import { allText, exportAll, exportVerbOf, requestId, testContext } from '../calls.ts';
import type { Conformance } from './candidate.ts';
import { batchFor, countOrNull, expectCounted, sum } from './verbs.ts';

/** Exports, for connectors that can. */
export function testExport(conformance: Conformance): void {
  const { candidate, description } = conformance;
  const { scopes } = description.actions;
  /** Sorted, because the order of exported rows is not defined. */
  const sortedLines = (got: Parameters<typeof allText>[0]): string[] => allText(got).split('\n').toSorted();
  const ownText = (subject: number): string => {
    const text = candidate().ownTexts?.[subject];
    if (text === undefined) throw new Error('an export needs ownTexts');
    return text;
  };
  const rowsOf = (got: Awaited<ReturnType<typeof exportAll>>): number =>
    sum([...got.values()].map(({ figures }) => figures.rows));

  test.each(['ndjson', 'csv'] as const)(
    'exports exactly the rows of the batch as %s without changes',
    async (format) => {
      const { connector, subjects, ownTexts = [], allRows } = candidate();
      const before = await allRows();
      const batch = batchFor(conformance, subjects.slice(0, 1));
      const got = await exportAll(connector, batch, { format });
      await expectCounted(connector, batch, 'data', got);
      expect(rowsOf(got)).toBeGreaterThan(0);
      for (const { figures, text } of got.values()) expect(figures.bytes).toBe(Buffer.byteLength(text));
      expect(allText(got)).toContain(ownText(0));
      for (const other of ownTexts.slice(1)) expect(allText(got)).not.toContain(other);
      expect(await allRows()).toEqual(before);
      const again = await exportAll(connector, batch, { format });
      expect(sortedLines(again)).toEqual(sortedLines(got));
    },
  );

  test('says whose rows it exports, so that a subject can leave the archive', async () => {
    const { connector, subjects } = candidate();
    const got = await exportAll(connector, batchFor(conformance, subjects));
    const blocks = [...got.values()].flatMap((table) => table.blocks).filter(({ rows }) => rows > 0);
    for (const [index, subject] of [1, 2].entries()) {
      const own = blocks.filter(({ owners }) => owners.includes(subject) || owners.includes(0));
      expect(Buffer.concat(own.map(({ bytes }) => bytes)).toString()).toContain(ownText(index));
    }
    expect(blocks.every(({ owners }) => owners.length > 0)).toBe(true);
  });

  test('exports hidden subjects and no rows for an unknown subject', async () => {
    const { connector, subjects, ownTexts = [], unknownSubject } = candidate();
    const id = requestId();
    const change = { hidden: true, generation: 1, at: new Date('2026-02-01T00:00:00Z') };
    await connector.setVisibility?.(
      batchFor(conformance, subjects, { requestId: id, batch: 'g1' }),
      change,
      testContext(),
    );
    const got = await exportAll(connector, batchFor(conformance, subjects, { requestId: id, batch: 'e1' }));
    for (const text of ownTexts) expect(allText(got)).toContain(text);
    expect(rowsOf(await exportAll(connector, batchFor(conformance, [unknownSubject])))).toBe(0);
  });

  test.runIf(scopes.includes('categories'))('exports categories as columns and row counts without values', async () => {
    const { connector, subjects, ownTexts = [], unknownSubject } = candidate();
    const batch = batchFor(conformance, subjects);
    const got = [...(await exportAll(connector, batch, { scope: 'categories' })).values()];
    const counted = await countOrNull(connector, batch);
    const rows = sum(got.map(({ figures }) => figures.rows));
    expect(rows).toBe(counted === null ? rows : sum(Object.values(counted.tables)));
    const unknown = batchFor(conformance, [unknownSubject]);
    expect((await exportAll(connector, unknown, { scope: 'categories' })).size).toBe(0);
    for (const { text, table, figures } of got) {
      expect(text).toBe('');
      expect(table.columns.length).toBeGreaterThan(0);
      for (const { filled } of table.columns) {
        expect(filled).toBeGreaterThan(0);
        expect(filled).toBeLessThanOrEqual(figures.rows);
      }
    }
    for (const text of ownTexts) expect(JSON.stringify(got)).not.toContain(text);
  });

  test.runIf(scopes.includes('sources'))('exports sources with their columns only', async () => {
    const { connector, subjects } = candidate();
    const batch = batchFor(conformance, subjects);
    const got = await exportAll(connector, batch, { scope: 'sources' });
    await expectCounted(connector, batch, 'sources', got);
    for (const { table } of got.values()) expect(table.columns.filter(({ source }) => !source)).toEqual([]);
  });

  test('ends an export when its reader stops or it is cancelled, and exports everything the next time', async () => {
    const { connector, subjects } = candidate();
    const options = { scope: 'data', since: null, format: 'ndjson' } as const;
    const batch = batchFor(conformance, subjects);
    for await (const { rows } of exportVerbOf(connector)(batch, options, testContext())) {
      await rows[Symbol.asyncIterator]().return?.();
      break;
    }
    const reason = new Error('the activity was cancelled');
    const call = exportAll(connector, batch, {}, testContext(AbortSignal.abort(reason)));
    await expect(call).rejects.toBe(reason);
    expect(allText(await exportAll(connector, batch))).toContain(ownText(0));
  });
}
