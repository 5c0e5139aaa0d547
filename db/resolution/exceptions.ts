import { eq, sql } from 'drizzle-orm';
import type { Resolved } from '../../domain/identity.ts';
import { copyInto } from '../copy.ts';
import { digestsOf } from '../digests.ts';
import { exceptedDigests, exceptedIdentities } from '../schema/subjects.ts';
import type { Staging } from './stage.ts';

/**
 * Copies the identities of the subjects that a request for everyone excludes into a temporary table. An exception that
 * belongs to several subjects excludes all of them.
 */
export async function stageExcepted(
  { tx, keys, project, kind }: Staging,
  facts: AsyncIterable<readonly Resolved[]>,
): Promise<void> {
  await tx.execute(sql`CREATE TEMPORARY TABLE stage_excepted (number integer, digests bytea[]) ON COMMIT DROP`);
  const rows = (async function* () {
    for await (const page of facts) {
      yield page.map((fact) => {
        const identity = fact.fact === 'match' ? fact.key : fact.identity;
        const digests = digestsOf(keys, project, kind, identity).map(({ digest }) => digest);
        return [fact.fact === 'match' ? fact.position : null, digests];
      });
    }
  })();
  await copyInto(tx, 'stage_excepted (number, digests)', rows);
}

/** Stores the digests of the excluded subjects and which exceptions matched, and erases the exceptions' values. */
export async function storeExcepted({ tx, requestId }: Staging): Promise<void> {
  await tx.execute(sql`INSERT INTO ${exceptedDigests} (request_id, digest)
    SELECT DISTINCT ${requestId}, digest FROM stage_excepted, unnest(digests) digest`);
  await tx
    .update(exceptedIdentities)
    .set({
      matched: sql`${exceptedIdentities.number} IN (SELECT number FROM stage_excepted WHERE number IS NOT NULL)`,
      value: null,
    })
    .where(eq(exceptedIdentities.requestId, requestId));
}

/** Removes the excluded subjects from the stage, and marks the identities that they share with the other subjects. */
export async function dropExcepted({ tx, requestId }: Staging): Promise<void> {
  await tx.execute(sql`DELETE FROM stage USING (
      SELECT DISTINCT key_type, key_value FROM stage matched, unnest(matched.digests) digest
      JOIN ${exceptedDigests} excepted USING (digest) WHERE matched.match AND excepted.request_id = ${requestId}) excluded
    WHERE stage.key_type = excluded.key_type AND stage.key_value = excluded.key_value`);
  await tx.execute(sql`UPDATE stage SET excluded = true
    FROM (SELECT DISTINCT type, value FROM stage identity, unnest(identity.digests) digest
          JOIN ${exceptedDigests} excepted USING (digest)
          WHERE NOT identity.match AND excepted.request_id = ${requestId}) excepted_identity
    WHERE NOT match AND stage.type = excepted_identity.type AND stage.value = excepted_identity.value`);
}
