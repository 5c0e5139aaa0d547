import type { Mistake } from '../../connector.ts';
import type { Inspection } from './inspection.ts';

const OLDEST = 150_000;

/** The server itself: new enough, and one that can be written to. */
export async function serverMistakes({ session }: Inspection): Promise<readonly Mistake[]> {
  const [server] = await session.rows<{ version: number; standby: boolean; readOnly: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
            current_setting('transaction_read_only')::boolean AS "readOnly"`,
  );
  const mistakes: Mistake[] = [];
  if (server === undefined || server.version < OLDEST)
    mistakes.push({ path: 'url', message: 'PostgreSQL 15 or newer is needed' });
  if (server?.standby === true)
    mistakes.push({ path: 'url', message: 'leads to a standby, which cannot delete and lags behind what it shows' });
  else if (server?.readOnly === true)
    mistakes.push({ path: 'url', message: 'leads to a server or role that is read-only' });
  return mistakes;
}
