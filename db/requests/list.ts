import { and, desc, eq, getColumns, gte, lt, not, type SQL, sql } from 'drizzle-orm';
import type { RequestKind, Status } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { requests } from '../schema/requests.ts';
import { attention } from '../schema/work.ts';
import { textArray } from '../sql.ts';
import { atRisk } from './forecast.ts';
import type { RequestRow } from './row.ts';

/** The filters of a list of requests. Absent filters exclude nothing. */
export interface RequestFilter {
  readonly kind?: RequestKind | undefined;
  readonly status?: readonly Status[] | undefined;
  readonly regulation?: string | undefined;
  readonly receivedFrom?: Date | undefined;
  readonly receivedBefore?: Date | undefined;
  readonly submittedBy?: string | undefined;
  readonly needsAttention?: boolean | undefined;
  readonly atRisk?: boolean | undefined;
}

/** The last request of the previous page. New requests do not change the pages after it. */
export type After = Pick<RequestRow, 'receivedAt' | 'id'>;

/** A page of a project's requests. */
export interface RequestPage {
  readonly project: string;
  /** The request kinds of the caller's token. Null for all kinds. */
  readonly kinds: readonly RequestKind[] | null;
  readonly filter: RequestFilter;
  readonly now: Date;
  readonly after: After | null;
  readonly limit: number;
}

/** Lists requests, newest first, with keyset pagination. */
export function listRequests(queries: Queries, page: RequestPage) {
  const { filter, limit } = page;
  const newest = [desc(requests.receivedAt), desc(requests.id)];
  const pageOf = (status?: SQL) =>
    queries
      .select(summary(page.now))
      .from(requests)
      .where(and(...conditions(page), status))
      .orderBy(...newest)
      .limit(limit);
  if (filter.status === undefined) return pageOf();
  // One index scan per status. A single scan for all statuses would read many rows to find a rare status.
  const found = pageOf(sql`${requests.status} = filter.status`).as('found');
  return queries
    .select(getColumns(found))
    .from(sql`unnest(${textArray([...new Set(filter.status)])}) AS filter (status)`)
    .crossJoinLateral(found)
    .orderBy(desc(found.receivedAt), desc(found.id))
    .limit(limit);
}

const summary = (now: Date) => ({
  id: requests.id,
  status: requests.status,
  kind: requests.kind,
  subjectKind: requests.subjectKind,
  regulation: requests.regulation,
  selection: requests.selection,
  submitted: requests.submitted,
  submittedBy: requests.submittedBy,
  receivedAt: requests.receivedAt,
  dueAt: requests.dueAt,
  hardDeleteAt: requests.hardDeleteAt,
  estimatedCompletionAt: requests.estimatedCompletionAt,
  concludedAt: requests.concludedAt,
  atRisk: atRisk(now).as('at_risk'),
  needsAttention: needsAttention.as('needs_attention'),
});

const needsAttention = sql<boolean>`EXISTS (SELECT FROM ${attention} WHERE attention.request_id = requests.id)`;

/** Omits absent filters, so that one plan fits all calls with the same filters. */
function conditions({ project, kinds, filter, now, after }: RequestPage) {
  const { kind, regulation, receivedFrom, receivedBefore, submittedBy } = filter;
  const isEqual = (condition: SQL, expected: boolean | undefined) =>
    expected === undefined ? undefined : expected ? condition : not(condition);
  return [
    eq(requests.project, project),
    kinds === null ? undefined : sql`${requests.kind} = ANY(${textArray(kinds)})`,
    kind === undefined ? undefined : eq(requests.kind, kind),
    regulation === undefined ? undefined : eq(requests.regulation, regulation),
    receivedFrom === undefined ? undefined : gte(requests.receivedAt, receivedFrom),
    receivedBefore === undefined ? undefined : lt(requests.receivedAt, receivedBefore),
    submittedBy === undefined ? undefined : eq(requests.submittedBy, submittedBy),
    isEqual(needsAttention, filter.needsAttention),
    isEqual(atRisk(now), filter.atRisk),
    after === null ? undefined : sql`(${requests.receivedAt}, ${requests.id}) < (${after.receivedAt}, ${after.id})`,
  ];
}
