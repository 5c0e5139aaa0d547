import type { RequestKind, SelectedBy, Status, SubjectKind } from '../../domain/vocabulary.ts';
import { atRisk } from './at-risk.ts';
import type { Queries } from '../client.ts';

export interface RequestSummary {
  readonly id: string;
  readonly status: Status;
  readonly kind: RequestKind;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly selection: SelectedBy;
  readonly submitted: number;
  readonly submittedBy: string;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  readonly hardDeleteAt: Date | null;
  readonly estimatedCompletionAt: Date;
  readonly concludedAt: Date | null;
  readonly atRisk: boolean;
  readonly needsAttention: boolean;
}

/** What is absent leaves nothing out. */
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

/** The last one seen: the page goes on behind it, whatever arrives meanwhile. */
export interface After {
  readonly receivedAt: Date;
  readonly id: string;
}

export interface RequestPage {
  readonly project: string;
  /** Of the caller's token; null: all. */
  readonly kinds: readonly RequestKind[] | null;
  readonly filter: RequestFilter;
  readonly now: Date;
  readonly after: After | null;
  readonly limit: number;
}

/** Newest first, by keyset. */
export function listRequests(queries: Queries, page: RequestPage): Promise<readonly RequestSummary[]> {
  const { filter, limit } = page;
  const newest = queries`ORDER BY received_at DESC, id DESC LIMIT ${limit}`;
  const matching = [
    queries`SELECT ${columns(queries, page.now)} FROM lethe.requests WHERE`,
    ...conditions(queries, page),
  ];
  if (filter.status === undefined) return queries<RequestSummary[]>`${matching} ${newest}`;
  // Each status from its own index entries: a plan that is kept for all would look for a rare one among the others.
  return queries<RequestSummary[]>`
    SELECT found.* FROM unnest(${[...new Set(filter.status)]}::text[]) AS asked (status)
    CROSS JOIN LATERAL (${matching} AND requests.status = asked.status ${newest}) found ${newest}`;
}

const columns = (queries: Queries, now: Date) => queries`
  id, requests.status, kind, subject_kind, regulation, selection, submitted, submitted_by, received_at, due_at, hard_delete_at,
  estimated_completion_at, concluded_at, ${atRisk(now)} AS at_risk, ${needsAttention(queries)} AS needs_attention`;

const needsAttention = (queries: Queries) =>
  queries`EXISTS (SELECT FROM lethe.attention WHERE attention.request_id = requests.id)`;

/** Only what is asked for is in the statement, so that a plan fits all that ask the same. */
function conditions(queries: Queries, { project, kinds, filter, now, after }: RequestPage) {
  const { kind, regulation, receivedFrom, receivedBefore, submittedBy } = filter;
  const not = (wanted: boolean) => (wanted ? queries`` : queries`NOT`);
  return [
    queries`project = ${project}`,
    kinds === null ? [] : queries`AND kind = ANY(${kinds as string[]}::text[])`,
    kind === undefined ? [] : queries`AND kind = ${kind}`,
    regulation === undefined ? [] : queries`AND regulation = ${regulation}`,
    receivedFrom === undefined ? [] : queries`AND received_at >= ${receivedFrom}`,
    receivedBefore === undefined ? [] : queries`AND received_at < ${receivedBefore}`,
    submittedBy === undefined ? [] : queries`AND submitted_by = ${submittedBy}`,
    filter.needsAttention === undefined ? [] : queries`AND ${not(filter.needsAttention)} ${needsAttention(queries)}`,
    filter.atRisk === undefined ? [] : queries`AND ${not(filter.atRisk)} ${atRisk(now)}`,
    after === null ? [] : queries`AND (received_at, id) < (${after.receivedAt}, ${after.id})`,
  ].flat();
}
