import { readBackups } from '../backups/read.ts';
import type { Queries } from '../client.ts';
import { positionOutcome } from '../subjects/outcome.ts';
import { readRequestRow } from '../requests/row.ts';

/** The evidence handed back. Its figures are sums of the finished ranges; it holds no identity. */
export interface Receipt {
  readonly requestId: string;
  readonly kind: 'deletion';
  readonly subjectKind: string;
  readonly project: string;
  readonly regulation: string;
  readonly scope: string;
  readonly status: string;
  /** False while subjects are still held, waiting or being deleted. */
  readonly final: boolean;
  readonly receivedAt: string;
  readonly dueAt: string;
  readonly concludedAt: string | null;
  readonly submitted: number;
  readonly subjects: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly processors: readonly ProcessorReceipt[];
  /** What was exported first, and until when it can be had. */
  readonly backups: readonly {
    readonly requestId: string;
    readonly status: string;
    readonly readyAt: string | null;
    readonly expiresAt: string | null;
    readonly subjects: number;
  }[];
  /** Processors whose emptiness is not Lethe's own observation (rule 15). */
  readonly unverified: readonly {
    readonly processor: string;
    readonly level: string;
    readonly saidAt: string | null;
  }[];
  readonly limits: readonly string[];
}
export interface ProcessorReceipt {
  readonly processor: string;
  readonly state: string;
  readonly verifiedAt: string | null;
  /** Zero where the processor was read as empty; null where nobody could read it. */
  readonly survivors: number | null;
  readonly skipReason: string | null;
  readonly tables: readonly {
    readonly table: string;
    readonly removed: number;
    /** Of a part-deletion: rows that stay, and of which columns were emptied (rule 16). */
    readonly blanked: number;
    readonly retained: readonly { readonly basis: string; readonly count: number }[];
  }[];
}

const LIMITS = [
  'Bytes of deleted rows, and of what was emptied, remain in database files until VACUUM and page reuse, and in write-ahead logs and backups until those expire.',
  'What a processor collects again after the last look is not covered; a suppression asks it not to.',
] as const;

export async function buildReceipt(queries: Queries, requestId: string): Promise<Receipt> {
  const request = await readRequestRow(queries, requestId);
  const [ends, outcomes, work, figures, backups] = await Promise.all([
    queries<
      { name: string; count: number }[]
    >`SELECT state AS name, count(*) FROM lethe.subjects WHERE request_id = ${requestId} GROUP BY state ORDER BY state`,
    queries<
      { name: string; count: number }[]
    >`SELECT coalesce(${positionOutcome({ requestId, project: request.project })}, 'received') AS name, count(*)
      FROM lethe.submitted_identities entry WHERE request_id = ${requestId} GROUP BY 1 ORDER BY 1`,
    readWork(queries, requestId),
    readFigures(queries, requestId),
    readBackups(queries, requestId),
  ]);
  return {
    requestId,
    kind: 'deletion',
    subjectKind: request.subjectKind,
    project: request.project,
    regulation: request.regulation,
    scope: request.scope,
    status: request.status,
    final: request.concludedAt !== null,
    receivedAt: request.receivedAt.toISOString(),
    dueAt: request.dueAt.toISOString(),
    concludedAt: request.concludedAt?.toISOString() ?? null,
    submitted: request.submitted,
    subjects: counts(ends),
    outcomes: counts(outcomes),
    processors: work.map(({ processor, state, verifiedAt, survivors, skipReason }) => ({
      processor,
      state,
      verifiedAt: verifiedAt?.toISOString() ?? null,
      survivors: state === 'verified' ? 0 : survivors,
      skipReason,
      tables: tablesOf(figures.filter((figure) => figure.processor === processor)),
    })),
    backups: backups.map((backup) => ({
      ...backup,
      readyAt: backup.readyAt?.toISOString() ?? null,
      expiresAt: backup.expiresAt?.toISOString() ?? null,
    })),
    unverified: work
      .filter(({ state }) => state === 'attested' || state === 'unverified')
      .map(({ processor, state, verifiedAt }) => ({
        processor,
        level: state === 'attested' ? 'attested' : 'none',
        saidAt: verifiedAt?.toISOString() ?? null,
      })),
    limits: LIMITS,
  };
}

const counts = (rows: readonly { readonly name: string; readonly count: number }[]): Record<string, number> =>
  Object.fromEntries(rows.map(({ name, count }) => [name, count]));

interface WorkRow {
  readonly processor: string;
  readonly state: string;
  readonly verifiedAt: Date | null;
  readonly survivors: number | null;
  readonly skipReason: string | null;
}

/** Per processor the least advanced of its batches, and the time of its last word. */
const readWork = (queries: Queries, requestId: string): Promise<readonly WorkRow[]> => queries<WorkRow[]>`
  SELECT processor, skip_reason, (array_agg(state ORDER BY array_position(
           ARRAY['skipped', 'attention', 'pending', 'deleting', 'verifying', 'unverified', 'attested', 'verified'], state)))[1] AS state,
         max(verified_at) AS verified_at, sum(survivors) AS survivors
  FROM lethe.batch_work WHERE request_id = ${requestId} GROUP BY processor, skip_reason ORDER BY processor`;

interface Figure {
  readonly processor: string;
  readonly table: string;
  readonly basis: string | null;
  readonly removed: number;
  readonly blanked: number;
  readonly retained: number;
}

const readFigures = (queries: Queries, requestId: string): Promise<readonly Figure[]> => queries<Figure[]>`
  SELECT processor, figure."table", figure.basis, sum(figure.removed)::bigint AS removed,
         coalesce(sum(figure.blanked), 0)::bigint AS blanked, sum(figure.retained)::bigint AS retained
  FROM lethe.processor_ranges, jsonb_to_recordset(tables) AS figure("table" text, removed bigint, blanked bigint, retained bigint, basis text)
  WHERE request_id = ${requestId} GROUP BY processor, figure."table", figure.basis ORDER BY processor, figure."table"`;

function tablesOf(figures: readonly Figure[]): ProcessorReceipt['tables'] {
  return [...new Set(figures.map((figure) => figure.table))].map((table) => {
    const own = figures.filter((figure) => figure.table === table);
    return {
      table,
      removed: own.reduce((sum, figure) => sum + figure.removed, 0),
      blanked: own.reduce((sum, figure) => sum + figure.blanked, 0),
      retained: own.flatMap(({ basis, retained }) => (basis === null ? [] : [{ basis, count: retained }])),
    };
  });
}
