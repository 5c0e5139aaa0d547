import type { Batch, ConnectorContext, ExportedTable, ExportOptions } from '../../connector.ts';
import { literalMembers } from '../visibility/batch-table.ts';
import { type Context, load, modelOf } from '../context.ts';
import { categories } from './categories.ts';
import { exportedRows } from './rows.ts';
import { exportedTables } from './tables.ts';
import { CallbackError, obey, runCallback, told } from '../failure.ts';
import { HEARTBEAT_MS, type Session, openSession } from '../session.ts';

/**
 * Every table in one pass, all from one snapshot, so that parents and children agree; it begins once the identities are
 * there. The connection is the export's own: a reader that goes away takes it along, and with it the server's COPY.
 */
export async function* exportBatch(
  context: Context,
  batch: Batch,
  options: ExportOptions,
  work: ConnectorContext,
): AsyncGenerator<ExportedTable> {
  const model = modelOf(context, batch.kind);
  const session = await openSession(context.server, work);
  const drop = (): void => session.drop();
  const alive = setInterval(() => work.heartbeat(), HEARTBEAT_MS);
  work.signal.addEventListener('abort', drop);
  try {
    // Not every system can: there a backend learns that its reader is gone from the next row that it writes.
    await session.run('SET client_connection_check_interval = 2000').catch(() => 0);
    const loaded = await load(context, session, model, batch);
    await beginSnapshot(session);
    for (const exported of exportedTables(model, loaded.catalog, options, literalMembers(loaded.members))) {
      obey(work.signal);
      await runCallback(() => work.slot());
      if (options.scope === 'categories') {
        const held = await categories(session, exported);
        if (held !== undefined) yield held;
        continue;
      }
      const reading = exportedRows(loaded, exported, options.format, work);
      yield reading.table;
      if (reading.abandoned()) throw new CallbackError(new Error(`${exported.table} was not read to its end`));
      reading.close();
    }
    await session.run('COMMIT');
    await session.client.end();
  } catch (error) {
    throw told(error, work.signal);
  } finally {
    clearInterval(alive);
    work.signal.removeEventListener('abort', drop);
    session.drop();
  }
}

/**
 * Texts that load again to the same values, whatever this server, database or role prefers. A reader may be slow, but
 * not for ever: its snapshot keeps VACUUM from its work.
 */
async function beginSnapshot(session: Session): Promise<void> {
  await session.run(`
    BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = '10min';
    SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL bytea_output = 'hex';
    SET LOCAL extra_float_digits = 1; SET LOCAL xmlbinary = 'base64'`);
}
