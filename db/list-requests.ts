import type { DeletionStatus, SubjectKind } from '../domain/vocabulary.ts';
import type { Queries } from './client.ts';

export interface RequestSummary {
  readonly id: string;
  readonly status: DeletionStatus;
  readonly subjectKind: SubjectKind;
  readonly regulation: string;
  readonly submitted: number;
  readonly receivedAt: Date;
  readonly dueAt: Date;
  readonly hardDeleteAt: Date;
  readonly estimatedCompletionAt: Date;
  readonly concludedAt: Date | null;
  readonly needsAttention: boolean;
}

/** The last one seen: the page goes on behind it, whatever arrives meanwhile. */
export interface After {
  readonly receivedAt: Date;
  readonly id: string;
}

/** Newest first, by keyset. */
export const listRequests = (
  queries: Queries,
  page: { readonly project: string; readonly after: After | null; readonly limit: number },
): Promise<readonly RequestSummary[]> => queries<RequestSummary[]>`
  SELECT id, status, subject_kind, regulation, submitted, received_at, due_at, hard_delete_at, estimated_completion_at, concluded_at,
         EXISTS (SELECT FROM lethe.attention WHERE attention.request_id = requests.id) AS needs_attention
  FROM lethe.requests
  WHERE project = ${page.project} AND ${
    page.after === null ? queries`true` : queries`(received_at, id) < (${page.after.receivedAt}, ${page.after.id})`
  }
  ORDER BY received_at DESC, id DESC LIMIT ${page.limit}`;
