import { LETHE, recordAudit } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';

/**
 * Mail goes to a colleague, never to somebody whom the request concerns: an address that is also one of its identities,
 * or a part of one, is told nothing, and forgotten. Asked at every change while the identities are still there.
 */
export async function withholdFromSubjects(tx: Transaction, requestId: string, at: Date): Promise<void> {
  const [request] = await tx<{ project: string; notify: string }[]>`
    SELECT project, notify FROM lethe.requests WHERE id = ${requestId} AND notify IS NOT NULL`;
  if (request === undefined || !(await isSubject(tx, requestId, request.notify))) return;
  await tx`UPDATE lethe.requests SET notify = NULL WHERE id = ${requestId}`;
  const ended = await tx`UPDATE lethe.deliveries
    SET ended_at = ${at}, outcome = 'withheld', last_code = 'subject', recipient = NULL
    WHERE request_id = ${requestId} AND channel = 'mail' AND ended_at IS NULL`;
  const detail = { code: 'subject', deliveries: ended.count };
  const { project } = request;
  await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'mail.withheld', detail });
}

async function isSubject(tx: Transaction, requestId: string, address: string): Promise<boolean> {
  const found = await tx`
    SELECT FROM lethe.submitted_identities, unnest(value) part
    WHERE request_id = ${requestId} AND lower(btrim(part)) = lower(btrim(${address}))
    UNION ALL
    SELECT FROM lethe.subject_identities, unnest(value) part
    WHERE request_id = ${requestId} AND lower(btrim(part)) = lower(btrim(${address}))
    LIMIT 1`;
  return found.length > 0;
}
