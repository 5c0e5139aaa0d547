import { runCallback } from '../../callbacks.ts';
import { escapeFormula } from '../../../domain/text/formulas.ts';
import type { Batch, ConnectorContext, ExportedTable, ExportOptions, OwnedRows } from '../../connector.ts';
import type { Api } from '../calls/types.ts';
import { HttpError, toFunctionError } from '../failure.ts';
import type { AnyHttpSettings, OwnedRow, RowTable } from '../settings.ts';
import { type Call, type Context, apiFor, callOf } from './context.ts';
import { groupsOf, keepExportTicket, lookUp, rangesOf, requireSeq } from './people.ts';

/** The column of all fields that the configuration does not describe. */
const OTHER = 'other';

export async function* exportBatch(
  context: Context,
  batch: Batch,
  options: ExportOptions,
  activity: ConnectorContext,
): AsyncGenerator<ExportedTable> {
  const call = callOf(context, batch, options.scope, activity);
  const api = apiFor(call, 'read');
  for (const [name, table] of Object.entries(tablesOf(context.settings.rows)))
    if (options.scope === 'data') yield exportTable(call, api, name, table, options);
    else if (options.scope === 'categories') yield* countCategories(call, api, name, table);
}

const tablesOf = (rows: AnyHttpSettings['rows']): Readonly<Record<string, RowTable>> =>
  rows === undefined ? {} : typeof rows === 'function' ? { records: { read: rows } } : rows;

function exportTable(call: Call, api: Api, name: string, table: RowTable, { format }: ExportOptions): ExportedTable {
  const figures = { rows: 0, bytes: 0 };
  const lineOf = format === 'csv' ? csvLine : jsonLine;
  async function* rows(): AsyncGenerator<OwnedRows> {
    if (format === 'csv') yield owned([], 0, csvLine(columnsOf(table).map((column) => escapeFormula(column))));
    for await (const { seq, row } of readRows(call, api, table)) {
      yield owned([seq], 1, lineOf(columnsOf(table), cellsOf(table, row)));
    }
  }
  function owned(owners: readonly number[], count: number, line: string): OwnedRows {
    const bytes = Buffer.from(line);
    figures.rows += count;
    figures.bytes += bytes.length;
    return { owners, rows: count, bytes };
  }
  return {
    ...describeTable(name, table),
    columns: columnsOf(table).map((column) => describeColumn(table, column)),
    rows: rows(),
    figures: () => figures,
  };
}

/** Reads every row, because the system says in no other way which fields have values. */
async function* countCategories(call: Call, api: Api, name: string, table: RowTable): AsyncGenerator<ExportedTable> {
  const filled = new Map<string, number>();
  let rows = 0;
  for await (const { row } of readRows(call, api, table)) {
    rows += 1;
    for (const [index, cell] of cellsOf(table, row).entries()) {
      const column = columnsOf(table)[index] ?? OTHER;
      if (cell !== null && cell !== undefined) filled.set(column, (filled.get(column) ?? 0) + 1);
    }
  }
  if (rows === 0) return;
  const columns = [...filled].map(([column, count]) => ({ ...describeColumn(table, column), filled: count }));
  yield { ...describeTable(name, table), columns, rows: noRows(), figures: () => ({ rows, bytes: 0 }) };
}

async function* noRows(): AsyncGenerator<OwnedRows> {}

async function* readRows(call: Call, api: Api, table: RowTable): AsyncGenerator<OwnedRow> {
  const { signal } = call.activity;
  for await (const { people, kept, exportTickets } of rangesOf(call)) {
    const found = await lookUp(call, api, people, kept);
    for (const group of groupsOf(people, call.kind)) {
      call.activity.heartbeat();
      const own = found.only(group.map(({ seq }) => seq));
      const about = {
        ...call.about,
        tickets: exportTickets,
        keep: (ticket: string) => runCallback(() => keepExportTicket(call, people, found, ticket)),
      };
      try {
        for await (const owned of table.read(api, group, own, about)) {
          signal.throwIfAborted();
          requireSeq(owned.seq, group);
          if (typeof owned.row !== 'object' || owned.row === null) throw new HttpError('invalid_result');
          yield owned;
        }
      } catch (error) {
        throw toFunctionError(signal, error);
      }
    }
  }
}

const describeTable = (table: string, { about }: RowTable) => ({
  table,
  meaning: about ?? null,
  windowed: false,
  retained: null,
  anonymised: [],
});

const describeColumn = ({ columns = {} }: RowTable, name: string) => ({
  name,
  type: name === OTHER ? 'json' : 'text',
  meaning: columns[name] ?? null,
  source: false,
});

const columnsOf = ({ columns = {} }: RowTable): readonly string[] => [...Object.keys(columns), OTHER];

/** Null where a row has no value, also when it has no field but the described ones. */
function cellsOf({ columns = {} }: RowTable, row: OwnedRow['row']): unknown[] {
  const others = Object.entries(row).filter(([key]) => !(key in columns));
  return [
    ...Object.keys(columns).map((key) => row[key] ?? null),
    others.length === 0 ? null : Object.fromEntries(others),
  ];
}

const jsonLine = (columns: readonly string[], cells: readonly unknown[]): string =>
  `${JSON.stringify(Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? null])))}\n`;

const csvLine = (first: readonly unknown[], cells: readonly unknown[] = first): string =>
  `${cells.map(csvCell).join(',')}\n`;

function csvCell(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell);
  const text = escapeFormula(typeof cell === 'string' ? cell : JSON.stringify(cell));
  return /[",\r\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text;
}
