import { and, eq, inArray, isNotNull, sql } from 'drizzle-orm';
import type { Catalog } from '../../domain/catalog.ts';
import type { AttentionCode } from '../../domain/vocabulary.ts';
import type { Database, Transaction } from '../client.ts';
import type { RequestRow } from '../requests/row.ts';
import { DISPATCHED_SOON } from '../schema/lethe.ts';
import { requests } from '../schema/requests.ts';
import { waits } from '../schema/systems.ts';
import { attention, systemVisibility } from '../schema/work.ts';
import { textArray } from '../sql.ts';
import { clearAttentionIn, raiseAttention } from './raise.ts';

/** Codes whose cause cannot be known any more when the system is missing. */
const REPLACED: readonly AttentionCode[] = ['system_unavailable', 'system_refused', 'coverage_broken'];

/**
 * Raises `system_missing` for every system of the request that is not configured and not skipped, in place of earlier
 * codes of that system (rule 5). Clears it, and retries the steps at once, for a system that is configured again.
 * Returns the missing systems.
 */
export async function settleMissingSystems(
  tx: Transaction,
  request: RequestRow,
  configured: readonly string[],
  at: Date,
): Promise<readonly string[]> {
  const { id: requestId, project, systems, concludedAt, status } = request;
  // A directory that the project had before; no step retries it.
  await tx
    .delete(attention)
    .where(
      and(
        eq(attention.requestId, requestId),
        eq(attention.step, 'resolve'),
        sql`${attention.system} <> ALL (${textArray([...configured, ...Object.keys(systems ?? {})])})`,
      ),
    );
  if (systems === null || concludedAt !== null || status === 'ready' || status === 'expired') return [];
  const skipped = await tx
    .select({ system: systemVisibility.system })
    .from(systemVisibility)
    .where(and(eq(systemVisibility.requestId, requestId), isNotNull(systemVisibility.skippedAt)));
  const missing = Object.keys(systems)
    .filter((name) => !configured.includes(name) && !skipped.some(({ system }) => system === name))
    .toSorted();
  const marked = await tx
    .select({ system: attention.system, step: attention.step, batch: attention.batch })
    .from(attention)
    .where(and(eq(attention.requestId, requestId), eq(attention.code, 'system_missing')));
  for (const { system, step, batch } of marked) {
    if (missing.includes(system)) continue;
    const key = { project, requestId, system, step, batch };
    if (step === 'inspect') await clearAttentionIn(tx, key, at, ['system_missing']);
    else await raiseAttention(tx, key, { code: 'system_unavailable', at, retryAt: at });
  }
  // Steps of a system that comes back are due at once.
  if (missing.length > 0)
    await tx.delete(waits).where(and(eq(waits.requestId, requestId), inArray(waits.system, missing)));
  for (const system of missing) {
    await tx
      .update(attention)
      .set({ code: 'system_missing', retryAt: null })
      .where(
        and(eq(attention.requestId, requestId), eq(attention.system, system), inArray(attention.code, [...REPLACED])),
      );
    const key = { project, requestId, system, step: 'inspect', batch: 0 } as const;
    await raiseAttention(tx, key, { code: 'system_missing', at, retryAt: null });
  }
  return missing;
}

/**
 * Raises the wake version of open requests whose attention does not match the configuration, or whose workflow uses
 * another directory: a system was removed or is back. Returns them. Otherwise their activities would wait on a queue that
 * no worker polls.
 */
export async function wakeMisconfigured(
  database: Database,
  catalog: Catalog,
  limit: number,
): Promise<readonly string[]> {
  const projects = [...catalog.values()];
  const entries = projects.flatMap(({ name: project, systems }) =>
    systems.flatMap(({ name, kinds }) => kinds.map((kind) => ({ project, kind, name }))),
  );
  const rows = await database.execute<{ id: string }>(sql`
    WITH directories AS (
      SELECT * FROM unnest(${textArray(projects.map(({ name }) => name))}, ${textArray(projects.map(({ directory }) => directory))})
        AS given (project, directory)),
    configured AS (
      SELECT * FROM unnest(${textArray(entries.map(({ project }) => project))}, ${textArray(entries.map(({ kind }) => kind))},
                           ${textArray(entries.map(({ name }) => name))}) AS given (project, kind, system)),
    open AS (
      SELECT id, project, subject_kind, systems, requests.directory <> directories.directory AS is_moved
      FROM ${requests} JOIN directories USING (project)
      WHERE concluded_at IS NULL AND status NOT IN ('ready', 'expired')),
    stale AS (
      SELECT id FROM open WHERE is_moved
      UNION
      SELECT id FROM open CROSS JOIN LATERAL jsonb_object_keys(systems) AS pinned (system)
      WHERE NOT EXISTS (SELECT FROM ${systemVisibility} skipped
                        WHERE skipped.request_id = id AND skipped.system = pinned.system AND skipped_at IS NOT NULL)
        AND EXISTS (SELECT FROM configured WHERE configured.project = open.project AND kind = subject_kind AND configured.system = pinned.system)
          = EXISTS (SELECT FROM ${attention} WHERE attention.request_id = id AND attention.system = pinned.system
                    AND step = 'inspect' AND code = 'system_missing')
      LIMIT ${limit})
    UPDATE ${requests} SET wake_version = wake_version + 1, dispatch_at = ${DISPATCHED_SOON}
    WHERE id IN (SELECT id FROM stale) RETURNING id`);
  return rows.map(({ id }) => id);
}
