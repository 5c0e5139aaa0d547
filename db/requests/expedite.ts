import { DomainError } from '../../domain/errors.ts';
import { type Project, processorsFor } from '../../domain/catalog.ts';
import { hardDeleteAt } from '../../domain/policy.ts';
import type { Expedite } from '../../domain/vocabulary.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { estimatedCompletion, forecastOf } from './forecast.ts';
import { withProjectLock } from '../project-lock.ts';
import { readDeletionRow } from './row.ts';

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
  project: Project,
  expedition: Expedition,
): Promise<{ readonly hardDeleteAt: Date; readonly wake: readonly string[] }> {
  const { requestId, expedite, reason, actor, at } = expedition;
  const due = new Date(hardDeleteAt(project.policy, at.getTime(), expedite));
  return withProjectLock(database, project.name, async (tx) => {
    const request = await readDeletionRow(tx, requestId);
    if (request.concludedAt !== null) throw new DomainError('too_late', 'the request has ended');
    const moved = await tx`UPDATE lethe.subjects SET hard_delete_at = least(hard_delete_at, ${due}), expedited = true
      WHERE request_id = ${requestId} AND state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled')`;
    if (moved.count === 0 && request.resolvedAt !== null)
      throw new DomainError('too_late', 'nothing of the request waits any more');
    const forecast = forecastOf(project.policy, processorsFor(project, request.subjectKind), due, at);
    const haste = { ...request, hardDeleteAt: due, expedited: true, forecast };
    const subjects = request.resolvedAt === null ? request.submitted : moved.count;
    await tx`UPDATE lethe.requests
      SET expedite = ${expedite}, expedite_reason = ${reason}, hard_delete_at = least(hard_delete_at, ${due}),
          estimated_completion_at = least(estimated_completion_at, ${estimatedCompletion(haste, subjects)})
      WHERE id = ${requestId}`;
    await recordAudit(tx, {
      at,
      project: project.name,
      requestId,
      actor,
      action: 'request.expedited',
      detail: { expedite, reason, subjects: moved.count },
    });
    await raiseWake(tx, [requestId]);
    return { hardDeleteAt: due < request.hardDeleteAt ? due : request.hardDeleteAt, wake: [requestId] };
  });
}
