import type { Readable } from 'node:stream';
import { CallbackError, runCallback, throwIfCancelled } from '../../callbacks.ts';
import type { Batch, ConnectorContext, ExportedTable, ExportOptions, OwnedRows } from '../../connector.ts';
import { type Context, prepareBatch } from '../context.ts';
import { toStreamError } from '../failure.ts';
import { HEARTBEAT_MS, type Session, openSession } from '../session.ts';
import { ident } from '../sql.ts';
import { type Cell, csvCell, csvHeader, jsonCell } from './format.ts';
import { type SelectedTable, selectTables } from './tables.ts';

/** zlib is ten times slower when it is fed row by row. */
const BLOCK_BYTES = 64 * 1024;

/**
 * Reads all tables from one snapshot, taken after the identities are loaded. When the reader stops, the connection is
 * closed, which ends the server's statement.
 */
export async function* exportBatch(
  context: Context,
  batch: Batch,
  options: ExportOptions,
  activity: ConnectorContext,
): AsyncGenerator<ExportedTable> {
  const session = await openSession(context.server, activity);
  const disconnect = (): void => session.disconnect();
  const heartbeats = setInterval(() => activity.heartbeat(), HEARTBEAT_MS);
  activity.signal.addEventListener('abort', disconnect);
  try {
    const loaded = await prepareBatch(context, session, batch, activity);
    await session.limitStatements(0);
    await session.run('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await session.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    for (const table of selectTables(loaded, options)) {
      throwIfCancelled(activity.signal);
      await runCallback(() => activity.waitForSlot());
      if (options.scope === 'categories') {
        const counted = await countCategories(session, table);
        if (counted !== undefined) yield counted;
        continue;
      }
      const reader = new RowReader(session, table, options.format, activity);
      yield reader.table();
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

/** Fetches rows as they are read. Closes the connection when they are not read to their end. */
class RowReader {
  readonly #session: Session;
  readonly #selected: SelectedTable;
  readonly #format: ExportOptions['format'];
  readonly #activity: ConnectorContext;
  #state: 'new' | 'reading' | 'read' | 'closed' = 'new';
  #rows = 0;
  #bytes = 0;

  constructor(session: Session, table: SelectedTable, format: ExportOptions['format'], activity: ConnectorContext) {
    this.#session = session;
    this.#selected = table;
    this.#format = format;
    this.#activity = activity;
  }

  table(): ExportedTable {
    const { families: _, from: __, ...description } = this.#selected;
    return {
      ...description,
      rows: this.#read(),
      figures: () => {
        if (this.#state !== 'read') throw new Error(`the rows of ${description.table} were not read to their end`);
        return { rows: this.#rows, bytes: this.#bytes };
      },
    };
  }

  isUnfinished(): boolean {
    return this.#state === 'reading';
  }

  /** Rows that were not read yet can no longer be read. */
  close(): void {
    if (this.#state === 'new') this.#state = 'closed';
  }

  async *#read(): AsyncGenerator<OwnedRows> {
    const { table } = this.#selected;
    if (this.#state !== 'new') throw new Error(`the rows of ${table} can be read once, before the next table`);
    this.#state = 'reading';
    try {
      for await (const block of this.#blocks()) {
        this.#rows += block.rows;
        this.#bytes += block.bytes.length;
        yield block;
      }
      this.#state = 'read';
    } catch (error) {
      throw toStreamError(error, this.#activity.signal);
    } finally {
      if (this.#state !== 'read') this.#session.disconnect();
    }
  }

  async *#blocks(): AsyncGenerator<OwnedRows> {
    const { columns, families } = this.#selected;
    const names = columns.map(({ name }) => name);
    if (this.#format === 'csv') yield { owners: [], rows: 0, bytes: Buffer.from(csvHeader(names)) };
    const keys = names.map((name) => JSON.stringify(name));
    let [owners, lines, size] = ['', [] as string[], 0];
    const taken = (): OwnedRows => {
      const block = { owners: owners.split(' ').map(Number), rows: lines.length, bytes: Buffer.from(lines.join('')) };
      [lines, size] = [[], 0];
      return block;
    };
    for await (const [owned, ...cells] of this.#fetch()) {
      if (lines.length > 0 && (String(owned) !== owners || size >= BLOCK_BYTES)) yield taken();
      owners = String(owned);
      const line =
        this.#format === 'csv'
          ? cells.map((cell, index) => csvCell(cell, families[index] ?? 'other')).join(',')
          : `{${cells.map((cell, index) => `${keys[index]}:${jsonCell(cell, families[index] ?? 'other')}`).join(',')}}`;
      lines.push(`${line}\n`);
      size += line.length;
    }
    if (lines.length > 0) yield taken();
  }

  /** The owners of a row, then its cells. */
  async *#fetch(): AsyncGenerator<Cell[]> {
    const { columns, families, from } = this.#selected;
    const cells = columns.map(({ name }, index) => `own.${ident(name)} AS cell${index}`);
    const isBytes = (name: string): boolean => {
      const index = Number(/^cell(\d+)$/.exec(name)?.[1] ?? -1);
      return (
        families[index] === 'bytes' ||
        (families[index] === 'uuid' && columns[index]?.type.startsWith('binary') === true)
      );
    };
    const rows: Readable = this.#session.stream(
      `SELECT owned.owners AS owners, ${cells.join(', ')} ${from} ORDER BY owned.owners`,
      (field) => (isBytes(field.name) ? field.buffer() : field.string()),
    );
    yield* rows;
  }
}

/** Counts the rows, and the values per column, in the server. No value leaves it. */
async function countCategories(session: Session, table: SelectedTable): Promise<ExportedTable | undefined> {
  const { families: _, from, ...description } = table;
  const counts = description.columns.map(({ name }, index) => `COUNT(own.${ident(name)}) AS count${index}`);
  const [counted] = await session.rows<Record<string, string | number>>(
    `SELECT COUNT(*) AS found, ${counts.join(', ')} ${from}`,
  );
  const found = Number(counted?.['found'] ?? 0);
  if (counted === undefined || found === 0) return undefined;
  const filled = description.columns.map((column, index) => ({
    ...column,
    filled: Number(counted[`count${index}`] ?? 0),
  }));
  return {
    ...description,
    columns: filled.filter((column) => column.filled > 0),
    rows: noRows(),
    figures: () => ({ rows: found, bytes: 0 }),
  };
}

async function* noRows(): AsyncGenerator<never> {}
