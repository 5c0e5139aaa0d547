import type { Scope } from '../../../domain/vocabulary.ts';
import type { Batch, ConnectorContext, Count } from '../../connector.ts';
import { type Context, withBatch } from '../context.ts';
import { throwIfCancelled } from '../failure.ts';
import { NO_ROWS, remaining } from './remaining.ts';
import { qualifiedName, relation } from '../sql.ts';
import { presentSeqs, where } from '../data-map/where.ts';

/** Counts with the conditions of the deletion itself, in one statement per table. */
export async function count(context: Context, batch: Batch, scope: Scope, activity: ConnectorContext): Promise<Count> {
  return withBatch(context, batch, activity, async ({ session, model, catalog, members }) => {
    const tables: Record<string, number> = {};
    const present = new Set<number>();
    for (const target of model.targets) {
      throwIfCancelled(activity.signal);
      const condition = scope === 'data' ? where(target, model, catalog) : remaining(target, scope, model, catalog);
      const [row] = await session.rows<{ count: number; seqs: number[] }>(
        `SELECT (SELECT count(*)::float8 FROM ${relation(target.table)} WHERE ${condition}) AS count,
                ARRAY(${presentSeqs(target, model, catalog)}) AS seqs`,
        members,
      );
      const table = qualifiedName(target.table);
      if (condition !== NO_ROWS) tables[table] = (tables[table] ?? 0) + (row?.count ?? 0);
      for (const seq of row?.seqs ?? []) present.add(seq);
    }
    return { tables, presentSeqs: [...present].toSorted((a, b) => a - b) };
  });
}
