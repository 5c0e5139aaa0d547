import type { Batch, ConnectorContext, ExportedTable, ExportOptions } from '../../connector.ts';
import { literalMembers } from '../visibility/batch-table.ts';
import { type Context, prepareBatch, modelOf } from '../context.ts';
import { countCategories } from './categories.ts';
import { openRowReader } from './row-reader.ts';
import { selectTables } from './tables.ts';
import { CallbackError, throwIfCancelled, runCallback } from '../../callbacks.ts';
import { toStreamError } from '../failure.ts';
import { HEARTBEAT_MS, type Session, openSession } from '../session.ts';

const MANY_SUBJECTS = 1_000;

/**
 * Reads all tables from one snapshot, taken after the identities are loaded. When the reader stops, the connection is
 * closed, which ends the server's COPY.
 */
export async function* exportBatch(
  context: Context,
  batch: Batch,
  options: ExportOptions,
  activity: ConnectorContext,
): AsyncGenerator<ExportedTable> {
  const model = modelOf(context, batch.kind);
  const session = await openSession(context.server, activity);
  const disconnect = (): void => session.disconnect();
  const heartbeats = setInterval(() => activity.heartbeat(), HEARTBEAT_MS);
  activity.signal.addEventListener('abort', disconnect);
  try {
    // Not every platform supports it. Elsewhere a backend notices a closed socket at its next write.
    await session.run('SET client_connection_check_interval = 2000').catch(() => 0);
    const loaded = await prepareBatch(context, session, model, batch);
    await beginSnapshot(session);
    // The batch table has no statistics that tell its size, and a nested loop over many subjects takes hours.
    if (batch.size >= MANY_SUBJECTS) await session.run('SET LOCAL enable_nestloop = off');
    for (const table of selectTables(model, loaded.catalog, options, literalMembers(loaded.members))) {
      throwIfCancelled(activity.signal);
      await runCallback(() => activity.waitForSlot());
      if (options.scope === 'categories') {
        const counted = await countCategories(session, table);
        if (counted !== undefined) yield counted;
        continue;
      }
      const onlySeq = batch.size === 1 ? batch.lastSeq : null;
      const reader = openRowReader(loaded, table, { format: options.format, onlySeq }, activity);
      yield reader.table;
      if (reader.isUnfinished())
        throw new CallbackError(new Error(`the rows of ${table.table} were not read to their end`));
      reader.close();
    }
    await session.run('COMMIT');
    await session.client.end();
  } catch (error) {
    throw toStreamError(error, activity.signal);
  } finally {
    clearInterval(heartbeats);
    activity.signal.removeEventListener('abort', disconnect);
    session.disconnect();
  }
}

/**
 * The settings produce text that loads again to the same values, independently of server, database and role. The idle
 * timeout limits a slow reader, because its snapshot blocks VACUUM.
 */
async function beginSnapshot(session: Session): Promise<void> {
  await session.run(`
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min';
    SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1; SET LOCAL xmlbinary = 'base64'`);
}
