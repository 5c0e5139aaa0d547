import type { Context } from '../context.ts';
import type { Session } from '../session.ts';
import { relation } from '../sql.ts';

/**
 * Refreshes the materialized views of the data map after a deletion, so that they lose their copies. Does nothing for a
 * request that deleted nothing. Idempotent.
 */
export async function refreshViews(
  { settings, system }: Context,
  session: Session,
  { requestId }: { readonly requestId: string },
): Promise<void> {
  const refresh = settings.materializedViews?.refresh ?? [];
  if (refresh.length === 0) return;
  const [request] = await session.rows<{ hasDeleted: boolean }>(
    'SELECT EXISTS (SELECT FROM lethe_system.ranges WHERE system = $1 AND request_id = $2) AS "hasDeleted"',
    [system, requestId],
  );
  if (request?.hasDeleted !== true) return;
  // A refresh reads whole tables, by the plan that suits it and for as long as it takes.
  await session.run('SET statement_timeout = 0; SET enable_seqscan = on');
  for (const view of refresh) await refreshView(session, relation(view));
}

/** With a unique index, queries of the view are not blocked. Without one, or before its first refresh, they wait. */
async function refreshView(session: Session, view: string): Promise<void> {
  const [found] = await session.rows<{ isConcurrent: boolean }>(
    `SELECT c.relispopulated AND EXISTS (
       SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
     ) AS "isConcurrent" FROM pg_class c WHERE c.oid = $1::regclass`,
    [view],
  );
  await session.run(`REFRESH MATERIALIZED VIEW ${found?.isConcurrent === true ? 'CONCURRENTLY ' : ''}${view}`);
}
