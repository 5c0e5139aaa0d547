import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type {
  Batch,
  Connector,
  ConnectorContext,
  ExportedTable,
  ExportOptions,
  HardDeletion,
  OwnedRows,
  Resolved,
  Selection,
} from '../../connectors/connector.ts';
import type { FinishedRange } from '../../domain/batch.ts';
import type { Identity } from '../../domain/identity.ts';
import type { SubjectKind } from '../../domain/vocabulary.ts';

// Calls of a connector, as a worker makes them, and what they returned.

export const testContext = (signal = new AbortController().signal): ConnectorContext => ({
  signal,
  heartbeat: () => {},
  waitForSlot: async () => {},
  postponeLane: async () => {},
  keepForeignIds: async () => {},
});

export const requestId = (): string => `req_${randomBytes(16).toString('hex')}`;

export function batchOf(
  subjects: readonly (readonly Identity[])[],
  options: { requestId?: string; batch?: string; kind?: SubjectKind } = {},
): Batch {
  const identities = subjects.flatMap((subject, index) => subject.map((identity) => ({ seq: index + 1, identity })));
  return {
    requestId: options.requestId ?? requestId(),
    kind: options.kind ?? 'user',
    batch: options.batch ?? 'b1',
    firstSeq: 1,
    lastSeq: Math.max(1, subjects.length),
    size: subjects.length,
    identities: async function* () {
      yield identities;
    },
    foreignIds: async function* () {},
  };
}

export function deletion(options: Partial<HardDeletion> = {}): HardDeletion & { ranges: FinishedRange[] } {
  const ranges: FinishedRange[] = [];
  return {
    scope: 'data',
    pass: 1,
    suppress: false,
    at: new Date('2026-02-01T02:00:00Z'),
    isFinished: () => false,
    tickets: [],
    keepTicket: async () => {},
    idempotencyKey: (range, call) => `${range.firstSeq}-${range.lastSeq}-${range.part} ${call}`,
    onRangeFinished: async (range) => {
      ranges.push(range);
    },
    ...options,
    ranges,
  };
}

/** Adds up ranges as a receipt does. A range that is reported several times counts once. */
export function addUpRanges(ranges: readonly FinishedRange[]): Record<string, { removed: number; retained: number }> {
  const once = new Map(ranges.map((range) => [`${range.firstSeq} ${range.lastSeq} ${range.part}`, range]));
  const sum: Record<string, { removed: number; retained: number }> = {};
  for (const { tables } of once.values())
    for (const { table, removed, retained } of tables) {
      const old = sum[table] ?? { removed: 0, retained: 0 };
      const kept = retained.reduce((total, { rows }) => total + rows, 0);
      sum[table] = { removed: old.removed + (removed ?? 0), retained: old.retained + kept };
    }
  return sum;
}

export interface ExportedText {
  readonly table: ExportedTable;
  readonly text: string;
  readonly blocks: readonly OwnedRows[];
  readonly figures: { readonly rows: number; readonly bytes: number };
}

/** Runs an export and reads every table to its end. */
export async function exportAll(
  connector: Connector,
  batch: Batch,
  options: Partial<ExportOptions> = {},
  context = testContext(),
): Promise<Map<string, ExportedText>> {
  const got = new Map<string, ExportedText>();
  const whole: ExportOptions = { scope: 'data', since: null, format: 'ndjson', ...options };
  for await (const table of exportVerbOf(connector)(batch, whole, context)) {
    const blocks: OwnedRows[] = [];
    for await (const block of table.rows) blocks.push(block);
    expect(got.has(table.table), `${table.table} comes once`).toBe(false);
    const text = Buffer.concat(blocks.map(({ bytes }) => bytes)).toString();
    got.set(table.table, { table, text, blocks, figures: table.figures() });
  }
  return got;
}

export function exportVerbOf(connector: Connector): NonNullable<Connector['export']> {
  if (connector.export === undefined) throw new Error('this connector has no export verb');
  return connector.export.bind(connector);
}

export const allText = (got: ReadonlyMap<string, ExportedText>): string =>
  [...got.values()].map(({ text }) => text).join('\n');

/** The rows of one table. */
export const rowsOf = (got: ReadonlyMap<string, ExportedText>, table: string): Record<string, unknown>[] =>
  (got.get(table)?.text ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

export const valuesOf = (got: ReadonlyMap<string, ExportedText>, table: string, column: string): string[] =>
  rowsOf(got, table)
    .map((row) => String(row[column]))
    .toSorted();

export async function resolveAll(connector: Connector, selection: Selection): Promise<readonly Resolved[]> {
  const facts: Resolved[] = [];
  if (connector.resolve === undefined) throw new Error('this connector has no resolve verb');
  for await (const page of connector.resolve(selection, testContext())) facts.push(...page);
  return facts;
}

export const byIdentities = (...identities: Identity[]): Selection => ({
  requestId: requestId(),
  kind: 'user',
  by: 'identities',
  identities: async function* () {
    yield identities.map((identity, position) => ({ position, identity }));
  },
});

export const matchesOf = (facts: readonly Resolved[]): string[] =>
  facts.flatMap((fact) => (fact.fact === 'match' ? [`${fact.position} ${fact.key.value.join('|')}`] : [])).toSorted();
