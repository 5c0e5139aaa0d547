import { type ConnectorContext, ConnectorError, type ExportedTable, type ExportOptions } from '../../connector.ts';
import type { Loaded } from '../context.ts';
import { csv, ndjson } from './copy-sql.ts';
import type { Exported } from './tables.ts';
import { told } from '../failure.ts';
import { RowEnds, wholeRows } from './whole-rows.ts';

export interface Reading {
  readonly table: ExportedTable;
  /** Somebody began and did not come to the end. */
  abandoned(): boolean;
  /** The next table was asked for: what was not begun no longer can be. */
  close(): void;
}

/** Rows that are fetched while they are read, and ended with the connection when they are not read to their end. */
export function exportedRows(
  { session, catalog }: Loaded,
  { rowsOf, ...rest }: Exported,
  format: ExportOptions['format'],
  work: ConnectorContext,
): Reading {
  const sql = (format === 'csv' ? csv : ndjson)({ ...rest, rowsOf }, catalog);
  let state: 'new' | 'reading' | 'read' | 'closed' = 'new';
  let bytes = 0;
  const ends = new RowEnds(format);
  const rowCount = (): number => (format === 'csv' ? ends.rows - 1 : ends.rows);

  async function* rows(): AsyncGenerator<Buffer> {
    if (state !== 'new') throw new Error(`the rows of ${rest.table} can be read once, before the next table`);
    state = 'reading';
    try {
      const copy = session.copy(sql);
      for await (const piece of wholeRows(copy, ends)) {
        bytes += piece.length;
        yield piece;
      }
      // Answered once the server is done with the COPY: it then has said how many rows there were.
      await session.run('SELECT');
      if (copy.rowCount !== rowCount())
        throw new ConnectorError('unavailable', 'the server sent other rows than it counted', { retryable: true });
      state = 'read';
    } catch (error) {
      throw told(error, work.signal);
    } finally {
      if (state !== 'read') session.drop();
    }
  }

  return {
    table: {
      ...rest,
      rows: rows(),
      figures: () => {
        if (state !== 'read') throw new Error(`the rows of ${rest.table} were not read to their end`);
        return { rows: rowCount(), bytes };
      },
    },
    abandoned: () => state === 'reading',
    close: () => {
      if (state === 'new') state = 'closed';
    },
  };
}
