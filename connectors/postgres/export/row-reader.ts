import {
  type ConnectorContext,
  ConnectorError,
  type ExportedTable,
  type ExportOptions,
  type OwnedRows,
} from '../../connector.ts';
import type { LoadedBatch } from '../context.ts';
import { copyCsv, copyNdjson } from './copy-sql.ts';
import { rowsByOwners, rowsOfOne } from './owned-rows.ts';
import type { SelectedTable } from './tables.ts';
import { toStreamError } from '../failure.ts';
import { RowEnds, wholeRows } from './whole-rows.ts';

export interface RowReader {
  readonly table: ExportedTable;
  /** The rows were read, but not to their end. */
  isUnfinished(): boolean;
  /** Rows that were not read yet can no longer be read. */
  close(): void;
}

/** Fetches rows as they are read. Closes the connection when they are not read to their end. */
export function openRowReader(
  { session, catalog }: LoadedBatch,
  { rowsOf, ownedRowsOf, ...rest }: SelectedTable,
  {
    format,
    onlySeq,
  }: Pick<ExportOptions, 'format'> & {
    /** The only subject of the batch, to which all rows belong. Null if there are several. */
    readonly onlySeq: number | null;
  },
  activity: ConnectorContext,
): RowReader {
  const copySql = format === 'csv' ? copyCsv : copyNdjson;
  const sql = copySql({ ...rest, rowsOf, ownedRowsOf }, catalog, onlySeq === null);
  let state: 'new' | 'reading' | 'read' | 'closed' = 'new';
  let bytes = 0;
  const ends = new RowEnds(format);
  const rowCount = (): number => (format === 'csv' ? ends.rows - 1 : ends.rows);

  async function* rows(): AsyncGenerator<OwnedRows> {
    if (state !== 'new') throw new Error(`the rows of ${rest.table} can be read once, before the next table`);
    state = 'reading';
    try {
      const copy = session.copy(sql);
      const pieces = wholeRows(copy, ends);
      const owned = onlySeq === null ? rowsByOwners(pieces, format) : rowsOfOne(pieces, ends, format, onlySeq);
      for await (const block of owned) {
        bytes += block.bytes.length;
        yield block;
      }
      // Returns after the COPY has ended. Only then is its row count known.
      await session.run('SELECT');
      if (copy.rowCount !== rowCount())
        throw new ConnectorError('unavailable', 'the number of rows differs from that of the server', {
          retryable: true,
        });
      state = 'read';
    } catch (error) {
      throw toStreamError(error, activity.signal);
    } finally {
      if (state !== 'read') session.disconnect();
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
    isUnfinished: () => state === 'reading',
    close: () => {
      if (state === 'new') state = 'closed';
    },
  };
}
