import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../client.ts';
import { isUnconfirmed, type RequestRow } from '../requests/row.ts';
import { identityDigests, matches, subjectIdentities, subjects, submittedIdentities } from '../schema/subjects.ts';
import { textArray } from '../sql.ts';
import { currentOwner, subjectsWithSameKey } from '../subjects/ownership.ts';
import type { Staging } from './stage.ts';

/**
 * Creates the table `stage_subjects` with one row per subject of the stage: its `seq` if the request already has it,
 * and otherwise the open request that owns it. Returns the numbers of known and of new subjects.
 */
export async function stageSubjects(staging: Staging): Promise<{ readonly known: number; readonly added: number }> {
  const { tx, requestId, project, kind } = staging;
  await tx.execute(sql`CREATE TEMPORARY TABLE stage_subjects ON COMMIT DROP AS
    SELECT subject_key.*, existing.seq, owner.request_id AS owner_request, owner.seq AS owner_seq
    FROM (SELECT DISTINCT ON (key_type, key_value) key_type, key_value, canonical, digests, known, position
          FROM stage WHERE match ORDER BY key_type, key_value, position) subject_key
    LEFT JOIN LATERAL (
      SELECT seq FROM (${subjectsWithSameKey(project, kind)}) same WHERE request_id = ${requestId} LIMIT 1) existing ON true
    LEFT JOIN LATERAL (${currentOwner(staging)}) owner ON existing.seq IS NULL`);
  const [counts = { known: 0, added: 0 }] = await tx.execute<{ known: number; added: number }>(
    sql`SELECT count(seq) AS known, count(*) FILTER (WHERE seq IS NULL) AS added FROM stage_subjects`,
  );
  return counts;
}

/**
 * Numbers and stores the subjects that are new to this request, in the order of their positions. Only a confirmed
 * deletion of scope `data` owns its subjects, or attaches them to their owner (rules 7, 16). An export leaves out the
 * subjects that a deletion has claimed (rule 17).
 */
export async function addSubjects({ tx, requestId, project, kind }: Staging, request: RequestRow): Promise<void> {
  const { hardDeleteAt, expedite } = request;
  const initial = isUnconfirmed(request) ? 'proposed' : request.kind === 'export' ? 'selected' : 'resolved';
  const owns = initial === 'resolved' && request.scope === 'data';
  await tx.execute(sql`UPDATE stage_subjects SET seq = numbered.seq
    FROM (SELECT key_type, key_value,
                 (SELECT coalesce(max(seq), 0) FROM ${subjects} WHERE request_id = ${requestId})
                   + row_number() OVER (ORDER BY position, key_type, key_value) AS seq
          FROM stage_subjects WHERE seq IS NULL) numbered
    WHERE stage_subjects.key_type = numbered.key_type AND stage_subjects.key_value = numbered.key_value`);
  await tx.execute(sql`
    WITH generation AS MATERIALIZED (SELECT nextval('lethe.visibility_generation') AS value)
    INSERT INTO ${subjects} (request_id, seq, project, kind, scope, digest, known, present, state, owner_request, owner_seq,
                                hidden, generation, hard_delete_at, expedited)
    SELECT ${requestId}, seq, ${project}, ${kind}, ${request.scope}, digests[1], known, CASE WHEN known THEN true END,
           CASE WHEN ${owns} AND owner_request IS NOT NULL THEN 'attached'
                WHEN ${initial === 'selected'} AND EXISTS (
                  SELECT FROM ${subjects} owner
                  WHERE owner.request_id = stage_subjects.owner_request AND owner.seq = stage_subjects.owner_seq AND owner.state = 'claimed' OFFSET 0) THEN 'left_out'
                ELSE ${initial} END,
           CASE WHEN ${owns} THEN owner_request END, CASE WHEN ${owns} THEN owner_seq END, ${owns},
           generation.value, ${hardDeleteAt}, ${expedite !== null}
    FROM stage_subjects, generation
    WHERE NOT EXISTS (SELECT FROM ${subjects} WHERE request_id = ${requestId} AND subjects.seq = stage_subjects.seq)`);
  await tx.execute(sql`INSERT INTO ${matches} (request_id, position, seq)
    SELECT ${requestId}, stage.position, subject.seq FROM stage JOIN stage_subjects subject USING (key_type, key_value)
    WHERE stage.match ON CONFLICT DO NOTHING`);
}

/**
 * Replaces the identities of the stage's subjects. An identity is `shared` if it was not submitted and more subjects
 * have it than this request contains, or the directory's counts contradict each other (rule 8).
 */
export async function addIdentities({ tx, requestId }: Staging): Promise<void> {
  // An identity that now belongs to another subject must not be deleted.
  await tx.execute(sql`DELETE FROM ${subjectIdentities} USING ${subjects}, stage_subjects
    WHERE subject_identities.request_id = ${requestId} AND subjects.request_id = ${requestId}
      AND subjects.seq = subject_identities.seq AND stage_subjects.seq = subjects.seq
      AND subjects.state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'selected', 'attached')`);
  // Another Unicode form of a submitted identity can belong to another subject, so it does not count as submitted.
  // Inserted without duplicates, in the order of the primary key, which takes a third less time. addDigests does the
  // same.
  await tx.execute(sql`
    WITH sharing AS (
      SELECT stage.digests[1] AS digest, bool_or(excluded) OR min(sharers) < max(sharers) OR max(sharers) >= count(DISTINCT subject.seq) FILTER (
               WHERE state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'selected', 'claimed')) AS shared
      FROM stage JOIN stage_subjects subject USING (key_type, key_value)
      JOIN ${subjects} stored ON stored.request_id = ${requestId} AND stored.seq = subject.seq
      WHERE NOT match GROUP BY stage.digests[1]),
    identity AS (
      SELECT subject.seq, fact.type, fact.value, fact.canonical, fact.digests[1] AS digest, fact.origin, sharing.shared
      FROM stage fact JOIN stage_subjects subject USING (key_type, key_value) JOIN sharing ON sharing.digest = fact.digests[1]
      WHERE NOT fact.match
      UNION ALL
      SELECT seq, key_type, key_value, canonical, digests[1], 'key', false FROM stage_subjects),
    submitted AS (
      SELECT DISTINCT type, coalesce(canonical, value) AS canonical, lower(value::text) AS spelled FROM ${submittedIdentities}
      WHERE request_id = ${requestId} AND outcome IS DISTINCT FROM 'invalid' AND withdrawn_at IS NULL)
    INSERT INTO ${subjectIdentities} (request_id, seq, type, value, canonical, digest, origin, shared)
    SELECT DISTINCT ON (identity.seq, identity.digest) ${requestId}, identity.seq, identity.type, identity.value, identity.canonical,
           identity.digest,
           CASE WHEN identity.origin = 'key' OR submitted.type IS NULL THEN identity.origin ELSE 'submitted' END,
           submitted.type IS NULL AND identity.shared
    FROM identity JOIN ${subjects} stored ON stored.request_id = ${requestId} AND stored.seq = identity.seq
    LEFT JOIN submitted ON submitted.type = identity.type AND submitted.spelled = lower(identity.value::text)
      AND submitted.canonical = coalesce(identity.canonical, identity.value)
    WHERE stored.state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'selected', 'attached')
    ORDER BY identity.seq, identity.digest, identity.origin = 'key' DESC, identity.origin DESC`);
}

/**
 * Stores the digests of all current identities and of their canonical forms. Digests of earlier identities stay. Only the
 * digest of the key itself identifies the subject.
 */
export async function addDigests({ tx, keys, requestId, project, kind }: Staging): Promise<void> {
  const keyIds = keys.map((key) => key.id);
  await tx.execute(sql`INSERT INTO ${identityDigests} (project, kind, digest, key_id, request_id, seq, is_key)
    SELECT ${project}, ${kind}, digest, min((${textArray(keyIds)})[1 + (number - 1) % ${keyIds.length}::integer]), ${requestId}, subject.seq,
           bool_or(stage.match AND number <= ${keyIds.length}::integer)
    FROM stage JOIN stage_subjects subject USING (key_type, key_value),
         unnest(stage.digests || stage.canonical_digests) WITH ORDINALITY AS staged(digest, number)
    WHERE NOT EXISTS (SELECT FROM ${identityDigests} stored
      WHERE stored.request_id = ${requestId} AND stored.seq = subject.seq AND stored.digest = staged.digest)
    GROUP BY subject.seq, digest ORDER BY subject.seq, digest`);
}

/**
 * Stores `duplicate` if all subjects of a position have earlier positions, and `attached` if other requests own all of
 * them.
 */
export async function writeOutcomes(tx: Transaction, requestId: string): Promise<void> {
  await tx.execute(sql`
    WITH matched AS (
      SELECT position, seq, min(position) OVER (PARTITION BY seq) AS first, state
      FROM ${matches} JOIN ${subjects} USING (request_id, seq) WHERE request_id = ${requestId}),
    outcomes AS (
      SELECT position, bool_and(first < position) AS duplicate, min(first) AS first, bool_and(state = 'attached') AS attached
      FROM matched GROUP BY position)
    UPDATE ${submittedIdentities}
    SET outcome = CASE WHEN duplicate THEN 'duplicate' WHEN attached THEN 'attached' ELSE 'matched' END,
        duplicate_of = CASE WHEN duplicate THEN first END
    FROM outcomes WHERE request_id = ${requestId} AND submitted_identities.position = outcomes.position AND outcome IS NULL`);
}

/**
 * Selects the subjects whose positions all match other subjects now. A position that matches no subject does not count,
 * because other systems may still hold data on a subject that is missing from the directory.
 */
export const noLongerMatched = (requestId: string): SQL => sql`
    SELECT seq FROM ${subjects}
    WHERE request_id = ${requestId} AND state IN ('resolved', 'soft_deleted', 'scheduled') AND known
      AND NOT EXISTS (SELECT FROM stage_subjects WHERE stage_subjects.seq = subjects.seq)
      AND NOT EXISTS (
        SELECT FROM ${matches} WHERE request_id = ${requestId} AND matches.seq = subjects.seq AND NOT EXISTS (
          SELECT FROM stage WHERE stage.match AND stage.position = matches.position))`;
