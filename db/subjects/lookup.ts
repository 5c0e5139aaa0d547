import type { Identity } from '../../domain/identity.ts';
import type { Outcome, RequestKind, Status, SubjectKind } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { type DigestKeys, digestsOf } from '../digests.ts';
import { leastAdvanced, subjectOutcome } from './outcome.ts';

/** What the ledger knows of one identity, by its digest: nobody is listed that was not asked for. */
export interface LookedUp {
  readonly requests: readonly LookedUpRequest[];
  readonly holds: readonly {
    readonly id: string;
    readonly caseRef: string;
    readonly heldBy: string;
    readonly placedAt: Date;
  }[];
  readonly suppressions: readonly { readonly id: string; readonly requestId: string | null; readonly since: Date }[];
}
export interface LookedUpRequest {
  readonly id: string;
  readonly kind: RequestKind;
  readonly status: Status;
  /** Null until the request is resolved. */
  readonly outcome: Outcome | null;
  readonly receivedAt: Date;
  readonly concludedAt: Date | null;
}

const SHOWN = 100;

export async function lookUp(
  queries: Queries,
  keys: DigestKeys,
  asked: {
    readonly project: string;
    readonly kind: SubjectKind;
    readonly identity: Identity;
    /** Null: of all kinds. */
    readonly kinds?: readonly RequestKind[] | null;
  },
): Promise<LookedUp> {
  const { project, kind, identity, kinds = null } = asked;
  const digests = queries`(SELECT decode(hex, 'hex') FROM unnest(${digestsOf(keys, project, kind, identity).map(
    ({ digest }) => digest.toString('hex'),
  )}::text[]) hex)`;
  const [requests, holds, suppressions] = await Promise.all([
    // What is not resolved yet has no digests: it is found by the value that was submitted.
    queries<LookedUpRequest[]>`
      SELECT id, kind, status, found.outcome, received_at, concluded_at
      FROM (SELECT subject.request_id, ${leastAdvanced(subjectOutcome(project))} AS outcome
            FROM lethe.identity_digests named JOIN lethe.subjects subject USING (request_id, seq)
            WHERE named.project = ${project} AND named.kind = ${kind} AND named.digest IN ${digests}
            GROUP BY subject.request_id
            UNION ALL
            SELECT DISTINCT waiting.id, NULL
            FROM lethe.requests waiting JOIN lethe.submitted_identities submitted ON submitted.request_id = waiting.id
            WHERE waiting.project = ${project} AND waiting.subject_kind = ${kind} AND waiting.resolved_at IS NULL
              AND waiting.concluded_at IS NULL AND submitted.withdrawn_at IS NULL
              AND submitted.type = ${identity.type} AND submitted.value = ${identity.value as string[]}::text[]) found
      JOIN lethe.requests ON requests.id = found.request_id
      WHERE ${kinds === null ? queries`true` : queries`kind = ANY(${kinds as string[]}::text[])`}
      ORDER BY received_at DESC, id DESC LIMIT ${SHOWN}`,
    queries<LookedUp['holds'][number][]>`
      SELECT id, case_ref, held_by, placed_at FROM lethe.holds
      WHERE id IN (SELECT hold_id FROM lethe.hold_digests WHERE project = ${project} AND kind = ${kind} AND active AND digest IN ${digests})
      ORDER BY placed_at DESC, id LIMIT ${SHOWN}`,
    queries<LookedUp['suppressions'][number][]>`
      SELECT id, request_id, since FROM lethe.suppressions
      WHERE id IN (SELECT suppression_id FROM lethe.suppression_digests
                   WHERE project = ${project} AND kind = ${kind} AND active AND digest IN ${digests})
      ORDER BY since DESC, id LIMIT ${SHOWN}`,
  ]);
  return { requests, holds, suppressions };
}
