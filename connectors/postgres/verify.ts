import type { Scope } from '../../domain/vocabulary.ts';
import { type Batch, type Verification, type Work, ConnectorError } from '../connector.ts';
import { within } from './batch-table.ts';
import { type Context, type Loaded, StandbyError, assertWhole, withBatch } from './context.ts';
import { STATEMENT_TIMEOUT, codeOf, obey, translate } from './failure.ts';
import type { Target } from './model.ts';
import { remaining } from './remaining.ts';
import { canonical, relation } from './sql.ts';

/** Looks again. What cannot be read is unknown, never zero; a server that is away is asked again by the activity. */
export async function verify(context: Context, batch: Batch, scope: Scope, work: Work): Promise<Verification> {
  assertWhole(scope);
  try {
    return await withBatch(context, batch, work, async (loaded) => {
      const tables: Record<string, number> = {};
      for (const target of loaded.model.targets) {
        const table = canonical(target.table);
        const found = await survivors(loaded, target, batch.firstSeq, batch.lastSeq, work);
        tables[table] = (tables[table] ?? 0) + found;
      }
      return { survivors: Object.values(tables).reduce((sum, found) => sum + found, 0), tables };
    });
  } catch (error) {
    if (error instanceof StandbyError) return { unknown: 'standby' };
    if (error instanceof ConnectorError && error.code !== 'unavailable') return { unknown: error.code };
    throw translate(error);
  }
}

/** Counts in halves what is too much for one statement; one subject that is too much stays unknown. */
async function survivors(loaded: Loaded, target: Target, first: number, last: number, work: Work): Promise<number> {
  obey(work.signal);
  work.heartbeat();
  const { session, model, catalog, members } = loaded;
  try {
    const [row] = await session.rows<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM ${relation(target.table)} WHERE ${remaining(target, model, catalog)}`,
      countless(target) ? [] : within(members, first, last),
    );
    return row?.count ?? 0;
  } catch (error) {
    if (codeOf(error) !== STATEMENT_TIMEOUT || first === last) throw error;
    const middle = Math.floor((first + last) / 2);
    return (
      (await survivors(loaded, target, first, middle, work)) + (await survivors(loaded, target, middle + 1, last, work))
    );
  }
}

/** A table whose rows are kept as they are has nothing to look for, and its statement no parameters. */
const countless = ({ retain }: Target): boolean =>
  retain !== undefined && retain.unlink === undefined && (retain.blank ?? []).length === 0;
