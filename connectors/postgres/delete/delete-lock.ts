import type { ConnectorContext } from '../../connector.ts';
import type { Session } from '../session.ts';
import { sleepWithHeartbeat } from './throttle.ts';

const RETRY_MS = 200;

/**
 * One hard deletion at a time per database, so that many requests at 02:00 do not multiply the load. The lock belongs
 * to the session: it ends with the connection, even if this process is killed.
 */
export async function takeDeleteLock(session: Session, work: ConnectorContext): Promise<void> {
  for (;;) {
    const [row] = await session.rows<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock(hashtextextended('lethe_system.hard_delete', 0)) AS taken`,
    );
    if (row?.taken === true) return;
    await sleepWithHeartbeat(RETRY_MS, work);
  }
}
