import type { Scope } from '../../../domain/vocabulary.ts';
import { type Batch, type ConnectorContext, ConnectorError, type Verification } from '../../connector.ts';
import { within } from '../visibility/batch-table.ts';
import { type Context, type Loaded, StandbyError, withBatch } from '../context.ts';
import { STATEMENT_TIMEOUT, codeOf, throwIfCancelled, toConnectorError } from '../failure.ts';
import type { Target } from '../data-map/model.ts';
import type { Range } from './ranges.ts';
import { NOTHING, remaining } from './remaining.ts';
import { canonical, relation } from '../sql.ts';

/** Looks again. What cannot be read is unknown, never zero; a server that is away is asked again by the activity. */
export async function verify(
  context: Context,
  batch: Batch,
  scope: Scope,
  work: ConnectorContext,
): Promise<Verification> {
  try {
    return await withBatch(context, batch, work, async (loaded) => {
      const tables: Record<string, number> = {};
      for (const target of loaded.model.targets) {
        const table = canonical(target.table);
        const left = remaining(target, scope, loaded.model, loaded.catalog);
        const found = await survivors(loaded, target, left, { first: batch.firstSeq, last: batch.lastSeq }, work);
        tables[table] = (tables[table] ?? 0) + found;
      }
      return { survivors: Object.values(tables).reduce((sum, found) => sum + found, 0), tables };
    });
  } catch (error) {
    if (error instanceof StandbyError) return { unknown: 'standby' };
    if (error instanceof ConnectorError && error.code !== 'unavailable') return { unknown: error.code };
    throw toConnectorError(error);
  }
}

/** Counts in halves what is too much for one statement; one subject that is too much stays unknown. */
async function survivors(
  loaded: Loaded,
  target: Target,
  left: string,
  range: Range,
  work: ConnectorContext,
): Promise<number> {
  throwIfCancelled(work.signal);
  work.heartbeat();
  const { session, members } = loaded;
  const { first, last } = range;
  try {
    const [row] = await session.rows<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM ${relation(target.table)} WHERE ${left}`,
      left === NOTHING ? [] : within(members, first, last),
    );
    return row?.count ?? 0;
  } catch (error) {
    if (codeOf(error) !== STATEMENT_TIMEOUT || first === last) throw error;
    const middle = Math.floor((first + last) / 2);
    const halves = [
      { first, last: middle },
      { first: middle + 1, last },
    ];
    let found = 0;
    for (const half of halves) found += await survivors(loaded, target, left, half, work);
    return found;
  }
}
