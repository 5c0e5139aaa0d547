import { expect, test } from 'vitest';
import type { Conformance } from './candidate.ts';
import { batchFor, countOrNull, deleteAll, expectDeleted, expectFound, figuresOf, sum } from './verbs.ts';

/** Deletions of scope `categories` and `sources`, for connectors that declare them. */
export function testPartDeletion(conformance: Conformance): void {
  const { description, candidate } = conformance;
  const scopes = description.actions.scopes.filter((scope) => scope !== 'data');

  test.each(scopes)(
    'clears columns of %s idempotently, keeps every row and does not change rows of other subjects',
    async (scope) => {
      const system = candidate();
      const { connector, subjects } = system;
      const [others, batch] = [await system.rowsOfOtherSubjects(), batchFor(conformance, subjects)];
      const before = await countOrNull(connector, batch);
      const toClear = await countOrNull(connector, batch, scope);
      await expectFound(conformance, system, batch, scope, toClear);
      const first = await deleteAll(system, batch, { scope });
      const state = await system.allRows();
      const second = await deleteAll(system, batch, { scope });
      expect(await system.allRows()).toEqual(state);
      expect(second.ranges).toEqual(first.ranges);
      const blanked = sum(first.ranges.flatMap(({ tables }) => tables.map((table) => table.blanked ?? 0)));
      expect(blanked).toBeGreaterThan(0);
      expect(blanked).toBe(toClear === null ? blanked : sum(Object.values(toClear.tables)));
      expect(figuresOf(first.ranges).removed).toBe(0);
      await expectDeleted(conformance, system, first, scope);
      expect(await countOrNull(connector, batch)).toEqual(before);
      expect(await system.isPresent(0)).toBe(true);
      expect(await system.rowsOfOtherSubjects()).toEqual(others);
      expect((await system.isHidden?.(0)) ?? false).toBe(false);
    },
  );

  test.each(scopes)('does not change anything when %s of an unknown subject are cleared', async (scope) => {
    const system = candidate();
    const before = await system.allRows();
    const { ranges } = await deleteAll(system, batchFor(conformance, [system.unknownSubject]), { scope });
    for (const { blanked, retained } of ranges.flatMap(({ tables }) => tables))
      expect([blanked ?? 0, retained]).toEqual([0, []]);
    expect(await system.allRows()).toEqual(before);
  });
}
