import { DomainError } from '../domain/errors.ts';
import { estimatedCompletionAt, hardDeleteAt, type Policy } from '../domain/policy.ts';
import type { Expedite } from '../domain/vocabulary.ts';
import { raiseWake, recordAudit } from './audit.ts';
import type { Database } from './client.ts';
import { underProjectLock } from './project-lock.ts';
import { readRequestRow } from './request-row.ts';

export interface Expedition {
  readonly requestId: string;
  readonly expedite: Expedite;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/** Brings the request's unclaimed subjects forward, before all that is not expedited. Never moves one backward. */
export async function expediteRequest(
  database: Database,
  policy: Policy,
  expedition: Expedition,
): Promise<{ readonly hardDeleteAt: Date; readonly wake: readonly string[] }> {
  const { requestId, expedite, reason, actor, at } = expedition;
  const { project } = await readRequestRow(database, requestId);
  const due = new Date(hardDeleteAt(policy, at.getTime(), expedite));
  return underProjectLock(database, project, async (tx) => {
    const request = await readRequestRow(tx, requestId);
    if (request.concludedAt !== null) throw new DomainError('too_late', 'the request has ended');
    const moved = await tx`UPDATE lethe.subjects SET hard_delete_at = least(hard_delete_at, ${due}), expedited = true
      WHERE request_id = ${requestId} AND state IN ('resolved', 'soft_deleted')`;
    if (moved.count === 0 && request.resolvedAt !== null)
      throw new DomainError('too_late', 'nothing of the request waits any more');
    const estimate = new Date(estimatedCompletionAt(policy, due.getTime(), 0));
    await tx`UPDATE lethe.requests
      SET expedite = ${expedite}, expedite_reason = ${reason}, hard_delete_at = least(hard_delete_at, ${due}),
          estimated_completion_at = least(estimated_completion_at, ${estimate})
      WHERE id = ${requestId}`;
    await recordAudit(tx, {
      at,
      project,
      requestId,
      actor,
      action: 'request.expedited',
      detail: { expedite, subjects: moved.count },
    });
    await raiseWake(tx, [requestId]);
    return { hardDeleteAt: due < request.hardDeleteAt ? due : request.hardDeleteAt, wake: [requestId] };
  });
}
