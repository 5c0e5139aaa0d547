import { and, eq, sql } from 'drizzle-orm';
import { DomainError } from '../../domain/errors.ts';
import { type Project, systemsFor } from '../../domain/catalog.ts';
import { hardDeleteAt } from '../../domain/policy.ts';
import type { Expedite } from '../../domain/vocabulary.ts';
import { raiseWake, recordAudit } from '../audit/audit.ts';
import type { Database } from '../client.ts';
import { estimatedCompletion, forecastOf } from './forecast.ts';
import { withProjectLock } from '../project-lock.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';
import { readDeletionRow } from './row.ts';

/** A caller's order to claim a request's subjects earlier. */
export interface ExpediteOrder {
  readonly requestId: string;
  readonly expedite: Expedite;
  readonly reason: string;
  readonly actor: string;
  readonly at: Date;
}

/** Moves the unclaimed subjects to an earlier run, where they are claimed first. Never moves them to a later run. */
export async function expediteRequest(
  database: Database,
  project: Project,
  order: ExpediteOrder,
): Promise<{ readonly hardDeleteAt: Date; readonly wake: readonly string[] }> {
  const { requestId, expedite, reason, actor, at } = order;
  const due = new Date(hardDeleteAt(project.policy, at.getTime(), expedite));
  return withProjectLock(database, project.name, async (tx) => {
    const request = await readDeletionRow(tx, requestId);
    if (request.concludedAt !== null) throw new DomainError('too_late', 'The request has ended. Nothing was changed.');
    const { count: moved } = await tx
      .update(subjects)
      .set({ hardDeleteAt: sql`least(${subjects.hardDeleteAt}, ${due})`, expedited: true })
      .where(
        and(
          eq(subjects.requestId, requestId),
          sql`${subjects.state} IN ('proposed', 'resolved', 'soft_deleted', 'scheduled')`,
        ),
      );
    if (moved === 0 && request.resolvedAt !== null)
      throw new DomainError('too_late', 'No subject of the request waits for a run. Nothing was changed.');
    const forecast = forecastOf(project.policy, systemsFor(project, request.subjectKind), due, at);
    const completion = estimatedCompletion(
      { ...request, hardDeleteAt: due, expedited: true, forecast },
      request.resolvedAt === null ? request.submitted : moved,
    );
    await tx
      .update(requests)
      .set({
        expedite,
        expediteReason: reason,
        hardDeleteAt: sql`least(${requests.hardDeleteAt}, ${due})`,
        estimatedCompletionAt: sql`least(${requests.estimatedCompletionAt}, ${completion})`,
      })
      .where(eq(requests.id, requestId));
    await recordAudit(tx, {
      at,
      project: project.name,
      requestId,
      actor,
      action: 'request.expedited',
      detail: { expedite, reason, subjects: moved },
    });
    await raiseWake(tx, [requestId]);
    return { hardDeleteAt: due < request.hardDeleteAt ? due : request.hardDeleteAt, wake: [requestId] };
  });
}
