import { LETHE, recordAudit } from '../audit.ts';
import type { Transaction } from '../client.ts';

/**
 * Mail goes to a colleague, never to somebody whom the request concerns: an address that is also one of its identities,
 * or a part of one, is told nothing, and forgotten. Asked at every change while the identities are still there.
 */
export async function withholdFromSubjects(tx: Transaction, requestId: string, at: Date): Promise<void> {
  const [withheld] = await tx<{ project: string }[]>`
    UPDATE lethe.requests SET notify = NULL
    WHERE id = ${requestId} AND notify IS NOT NULL AND lower(btrim(notify)) IN (
      SELECT lower(btrim(part)) FROM lethe.submitted_identities, unnest(value) part WHERE request_id = ${requestId}
      UNION ALL
      SELECT lower(btrim(part)) FROM lethe.subject_identities, unnest(value) part WHERE request_id = ${requestId})
    RETURNING project`;
  if (withheld === undefined) return;
  const ended = await tx`UPDATE lethe.deliveries
    SET ended_at = ${at}, outcome = 'withheld', last_code = 'subject', recipient = NULL
    WHERE request_id = ${requestId} AND channel = 'mail' AND ended_at IS NULL`;
  const detail = { code: 'subject', deliveries: ended.count };
  const { project } = withheld;
  await recordAudit(tx, { at, project, requestId, actor: LETHE, action: 'mail.withheld', detail });
}
