import type { Identity } from '../../domain/identity.ts';
import type { Database } from '../client.ts';

const PAGE = 5_000;

type Pages = AsyncIterable<readonly { readonly position: number; readonly identity: Identity }[]>;

/** The submitted identities that still count, page by page: valid and not withdrawn. */
export async function* submittedIdentities(database: Database, requestId: string): Pages {
  for (let after = 0; ;) {
    const page = await database<{ position: number; type: string; value: string[] }[]>`
      SELECT position, type, value FROM lethe.submitted_identities
      WHERE request_id = ${requestId} AND position > ${after} AND value IS NOT NULL AND withdrawn_at IS NULL
        AND (outcome IS NULL OR outcome IN ('matched', 'attached', 'duplicate'))
      ORDER BY position LIMIT ${PAGE}`;
    if (page.length > 0) yield page.map(({ position, type, value }) => ({ position, identity: { type, value } }));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.position;
  }
}

/** Those that are to be spared; no more than a request takes, so one page. */
export async function* exceptedIdentities(database: Database, requestId: string): Pages {
  const rows = await database<{ number: number; type: string; value: string[] }[]>`
    SELECT number, type, value FROM lethe.excepted_identities WHERE request_id = ${requestId} AND value IS NOT NULL ORDER BY number`;
  if (rows.length > 0) yield rows.map(({ number, type, value }) => ({ position: number, identity: { type, value } }));
}
