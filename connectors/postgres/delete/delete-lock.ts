import type { ConnectorContext } from '../../connector.ts';
import type { Session } from '../session.ts';
import { sleepWithHeartbeat } from './throttle.ts';

const RETRY_MS = 200;

/**
 * Allows one hard deletion at a time per database, so that the requests of a run do not add up their load. The lock ends
 * with the connection, even if this process is killed.
 */
export async function takeDeleteLock(session: Session, activity: ConnectorContext): Promise<void> {
  for (;;) {
    const [row] = await session.rows<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock(hashtextextended('lethe_system.hard_delete', 0)) AS taken`,
    );
    if (row?.taken === true) return;
    await sleepWithHeartbeat(RETRY_MS, activity);
  }
}
