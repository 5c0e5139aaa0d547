import { firstRunAtOrAfter, type RunWindow } from '../../domain/calendar.ts';
import { raiseWake } from '../audit/audit.ts';
import type { Transaction } from '../client.ts';

/**
 * Every subject that its request has let go of passes to the earliest request that waits for it, to be hidden (or to stay
 * hidden) for its sake; those that wait behind it now wait for that one (rule 7), and may export it first by now. The caller
 * holds the project's lock and has made its own rows `cancelled`. Returns the requests to wake.
 */
export async function handOver(
  tx: Transaction,
  letGo: { readonly requestId: string; readonly at: Date; readonly window: RunWindow },
): Promise<readonly string[]> {
  const { requestId, at, window } = letGo;
  const firstRun = new Date(firstRunAtOrAfter(at.getTime(), window));
  const heirs = await tx<{ requestId: string }[]>`
    WITH heir AS MATERIALIZED (
      SELECT DISTINCT ON (waiting.owner_seq) waiting.request_id, waiting.seq, waiting.owner_seq, mine.present
      FROM lethe.subjects waiting
      JOIN lethe.subjects mine ON mine.request_id = waiting.owner_request AND mine.seq = waiting.owner_seq
      WHERE waiting.owner_request = ${requestId} AND waiting.state = 'attached' AND mine.state = 'cancelled'
      ORDER BY waiting.owner_seq, waiting.request_id, waiting.seq),
    behind AS (
      UPDATE lethe.subjects SET owner_request = heir.request_id, owner_seq = heir.seq
      FROM heir
      WHERE subjects.owner_request = ${requestId} AND subjects.owner_seq = heir.owner_seq AND state = 'attached'
        AND (subjects.request_id, subjects.seq) <> (heir.request_id, heir.seq)
      RETURNING subjects.request_id),
    handed AS (
      UPDATE lethe.subjects subject
      SET state = 'resolved', owner_request = NULL, owner_seq = NULL, hidden = true, present = subject.present OR heir.present,
          generation = (SELECT nextval('lethe.visibility_generation')), hard_delete_at = greatest(subject.hard_delete_at, ${firstRun})
      FROM heir WHERE subject.request_id = heir.request_id AND subject.seq = heir.seq
      RETURNING subject.request_id)
    SELECT request_id FROM handed
    UNION SELECT request_id FROM behind JOIN lethe.requests ON requests.id = request_id WHERE export_first`;
  const wake = heirs.map((heir) => heir.requestId);
  if (wake.length > 0) await raiseWake(tx, wake);
  return wake;
}
