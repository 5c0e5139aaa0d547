import type { ConnectorContext } from '../../connector.ts';
import type { Session } from '../session.ts';
import { sleepWithHeartbeat } from '../../throttle.ts';

const RETRY_MS = 200;

/** Waits for a named lock of the database. It ends with the connection, even if this process is killed. */
export async function takeLock(
  session: Session,
  name: string,
  activity: Pick<ConnectorContext, 'signal' | 'heartbeat'>,
): Promise<void> {
  for (;;) {
    const [row] = await session.rows<{ taken: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
      [name],
    );
    if (row?.taken === true) return;
    await sleepWithHeartbeat(RETRY_MS, activity);
  }
}

/** Allows one hard deletion at a time per database, so that the requests of a run do not add up their load. */
export const takeDeleteLock = (session: Session, activity: ConnectorContext): Promise<void> =>
  takeLock(session, 'lethe_system.hard_delete', activity);
