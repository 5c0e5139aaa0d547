import type { Work } from '../../connector.ts';
import { wait } from './throttle.ts';
import type { Session } from '../session.ts';

const ASK_AGAIN_MS = 200;

/**
 * One hard deletion at a time per database, so that many requests at 02:00 do not multiply the pace. The lock is the
 * session's: it ends with the connection, whatever becomes of this process.
 */
export async function takeLane(session: Session, work: Work): Promise<void> {
  for (;;) {
    const [row] = await session.rows<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock(hashtextextended('lethe_processor.hard_delete', 0)) AS taken`,
    );
    if (row?.taken === true) return;
    await wait(ASK_AGAIN_MS, work);
  }
}
