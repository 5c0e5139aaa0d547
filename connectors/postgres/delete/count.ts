import type { Scope } from '../../../domain/vocabulary.ts';
import type { Batch, ConnectorContext, Count } from '../../connector.ts';
import { type Context, withBatch } from '../context.ts';
import { throwIfCancelled } from '../../callbacks.ts';
import { type ActionCount, actionCounts } from '../chunks/actions-sql.ts';
import { NO_ROWS, remaining } from './remaining.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { relation } from '../sql.ts';
import { presentSeqs } from '../rows/rows-per-subject.ts';
import { anonymisedCondition } from '../rows/anonymise.ts';
import { MEMBERS, type WhereOptions, where } from '../rows/where.ts';
import type { Catalog } from '../data-map/catalog.ts';
import { type KindModel, type Target, isSameTable } from '../../data-map/model.ts';

/** Counts with the conditions of the deletion itself, in one statement per table. */
export async function count(context: Context, batch: Batch, scope: Scope, activity: ConnectorContext): Promise<Count> {
  return withBatch(context, batch, activity, async ({ session, model, catalog, members }) => {
    const tables: Record<string, number> = {};
    const present = new Set<number>();
    const counted = model.targets.filter(({ detach }) => detach === undefined);
    for (const [index, target] of counted.entries()) {
      throwIfCancelled(activity.signal);
      // A row that two entries of one table select counts once.
      const earlier = counted.slice(0, index).filter((other) => isSameTable(other.table, target.table));
      const condition = [target, ...earlier].map((each, place) => {
        const rows = countedRows(each, scope, model, catalog, { isFilter: place > 0 });
        return place === 0 ? `(${rows})` : `(${rows}) IS NOT TRUE`;
      });
      const isPresent = (prefix: string): string =>
        target.anonymise === undefined ? 'true' : `NOT ${anonymisedCondition(target, model, catalog, prefix)}`;
      const [row] = await session.rows<{ count: number; seqs: number[] }>(
        `SELECT (SELECT count(*)::float8 FROM ${relation(target.table)} WHERE ${condition.join(' AND ')}) AS count,
                ARRAY(${presentSeqs(target, model, catalog, isPresent)}) AS seqs`,
        members,
      );
      const table = qualifiedName(target.table);
      if (condition[0] !== `(${NO_ROWS})`) tables[table] = (tables[table] ?? 0) + (row?.count ?? 0);
      for (const seq of row?.seqs ?? []) present.add(seq);
    }
    if (scope === 'data') {
      const sql = actionCounts(model.targets, { model, catalog, batchMembers: MEMBERS, counted });
      const [actions] =
        sql === undefined ? [] : await session.rows<{ counts: ActionCount[] }>(`SELECT (${sql}) AS counts`, members);
      for (const { table, removed } of actions?.counts ?? [])
        if (removed > 0) tables[table] = (tables[table] ?? 0) + removed;
    }
    return { tables, presentSeqs: [...present].toSorted((a, b) => a - b) };
  });
}

/** The rows that a deletion removes, retains or anonymises, or that a part deletion clears. */
function countedRows(target: Target, scope: Scope, model: KindModel, catalog: Catalog, options: WhereOptions): string {
  const counts = scope !== 'data' || target.anonymise !== undefined || target.referencedBy !== undefined;
  return counts ? remaining(target, scope, model, catalog, options) : where(target, model, catalog, options);
}
