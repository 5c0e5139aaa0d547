import type { Scope } from '../../../domain/vocabulary.ts';
import type { Batch, ConnectorContext, Count } from '../../connector.ts';
import { type Context, withBatch } from '../context.ts';
import { throwIfCancelled } from '../failure.ts';
import { NOTHING, remaining } from './remaining.ts';
import { canonical, relation } from '../sql.ts';
import { presentSeqs, where } from '../data-map/where.ts';

/** What is held on the batch, by the very predicates by which it is deleted or emptied: one statement per table. */
export async function count(context: Context, batch: Batch, scope: Scope, work: ConnectorContext): Promise<Count> {
  return withBatch(context, batch, work, async ({ session, model, catalog, members }) => {
    const tables: Record<string, number> = {};
    const present = new Set<number>();
    for (const target of model.targets) {
      throwIfCancelled(work.signal);
      const held = scope === 'data' ? where(target, model, catalog) : remaining(target, scope, model, catalog);
      const [row] = await session.rows<{ count: number; seqs: number[] }>(
        `SELECT (SELECT count(*)::float8 FROM ${relation(target.table)} WHERE ${held}) AS count,
                ARRAY(${presentSeqs(target, model, catalog)}) AS seqs`,
        members,
      );
      const table = canonical(target.table);
      if (held !== NOTHING) tables[table] = (tables[table] ?? 0) + (row?.count ?? 0);
      for (const seq of row?.seqs ?? []) present.add(seq);
    }
    return { tables, presentSeqs: [...present].toSorted((a, b) => a - b) };
  });
}
