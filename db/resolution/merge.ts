import { type SQL, sql } from 'drizzle-orm';
import type { Transaction } from '../client.ts';
import { openOwner, sameKey } from '../subjects/current-owner.ts';
import { matches, subjects } from '../schema/subjects.ts';
import { isUnconfirmed, type RequestRow } from '../requests/row.ts';
import type { Staging } from './stage.ts';

/**
 * One row per subject of the stage: its number in this request, if it has one, and the open request that owns it, if
 * another does.
 */
export async function stageSubjects(
  staging: Staging,
): Promise<{ readonly resolved: number; readonly joining: number }> {
  const { tx, requestId, project, kind } = staging;
  await tx`CREATE TEMPORARY TABLE stage_subjects ON COMMIT DROP AS
    SELECT named.*, mine.seq, owner.request_id AS owner_request, owner.seq AS owner_seq
    FROM (SELECT DISTINCT ON (key_type, key_value) key_type, key_value, digests, known, position
          FROM stage WHERE match ORDER BY key_type, key_value, position) named
    LEFT JOIN LATERAL (
      SELECT seq FROM (${sameKey(project, kind)}) same WHERE request_id = ${requestId} LIMIT 1) mine ON true
    LEFT JOIN LATERAL (${openOwner(staging)}) owner ON mine.seq IS NULL`;
  const [counts = { resolved: 0, joining: 0 }] = await tx<{ resolved: number; joining: number }[]>`
    SELECT count(seq) AS resolved, count(*) FILTER (WHERE seq IS NULL) AS joining FROM stage_subjects`;
  return counts;
}

/**
 * Numbers and stores the subjects that are new to this request, in the order in which they were submitted. What may never
 * be confirmed owns nobody and waits for nobody: it is proposed. Nor does what removes no row (rule 16), a part-deletion or
 * an export. Whom a deletion has claimed by then is left out of an export (rule 17).
 */
export async function addSubjects({ tx, requestId, project, kind }: Staging, request: RequestRow): Promise<void> {
  const { hardDeleteAt, expedite } = request;
  const initial = isUnconfirmed(request) ? 'proposed' : request.kind === 'export' ? 'wanted' : 'resolved';
  const owns = initial === 'resolved' && request.scope === 'data';
  await tx`UPDATE stage_subjects SET seq = numbered.seq
    FROM (SELECT key_type, key_value,
                 (SELECT coalesce(max(seq), 0) FROM lethe.subjects WHERE request_id = ${requestId})
                   + row_number() OVER (ORDER BY position, key_type, key_value) AS seq
          FROM stage_subjects WHERE seq IS NULL) numbered
    WHERE stage_subjects.key_type = numbered.key_type AND stage_subjects.key_value = numbered.key_value`;
  await tx`
    WITH generation AS MATERIALIZED (SELECT nextval('lethe.visibility_generation') AS value)
    INSERT INTO lethe.subjects (request_id, seq, project, kind, scope, digest, known, present, state, owner_request, owner_seq,
                                hidden, generation, hard_delete_at, expedited)
    SELECT ${requestId}, seq, ${project}, ${kind}, ${request.scope}, digests[1], known, CASE WHEN known THEN true END,
           CASE WHEN ${owns} AND owner_request IS NOT NULL THEN 'attached'
                WHEN ${initial === 'wanted'} AND (owner_request, owner_seq) IN (
                  SELECT request_id, seq FROM lethe.subjects WHERE project = ${project} AND scope = 'data' AND state = 'claimed') THEN 'left_out'
                ELSE ${initial} END,
           CASE WHEN ${owns} THEN owner_request END, CASE WHEN ${owns} THEN owner_seq END, ${owns},
           generation.value, ${hardDeleteAt}, ${expedite !== null}
    FROM stage_subjects, generation
    WHERE NOT EXISTS (SELECT FROM lethe.subjects WHERE request_id = ${requestId} AND subjects.seq = stage_subjects.seq)`;
  await tx`INSERT INTO lethe.matches (request_id, position, seq)
    SELECT ${requestId}, stage.position, subject.seq FROM stage JOIN stage_subjects subject USING (key_type, key_value)
    WHERE stage.match ON CONFLICT DO NOTHING`;
}

/**
 * What the subjects of the stage are called, replaced as a whole: a name that has gone to somebody else must not be
 * deleted. `shared`: somebody outside this request is called the same, and it was not itself submitted (rule 8). That is
 * when more are called so than are this request's, or when the directory's numbers of one name contradict each other.
 * Here and below in the order of the primary key, and each row once: an index that grows at its end, and where nothing has
 * to be looked for that conflicts, takes a third less time.
 */
export async function addIdentities({ tx, requestId }: Staging): Promise<void> {
  await tx`DELETE FROM lethe.subject_identities USING lethe.subjects, stage_subjects
    WHERE subject_identities.request_id = ${requestId} AND subjects.request_id = ${requestId}
      AND subjects.seq = subject_identities.seq AND stage_subjects.seq = subjects.seq
      AND subjects.state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'wanted', 'attached')`;
  await tx`
    WITH named AS (
      SELECT stage.digests[1] AS digest, bool_or(spared) OR min(sharers) < max(sharers) OR max(sharers) >= count(DISTINCT subject.seq) FILTER (
               WHERE state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'wanted', 'claimed')) AS shared
      FROM stage JOIN stage_subjects subject USING (key_type, key_value)
      JOIN lethe.subjects stored ON stored.request_id = ${requestId} AND stored.seq = subject.seq
      WHERE NOT match GROUP BY stage.digests[1]),
    called AS (
      SELECT subject.seq, fact.type, fact.value, fact.digests[1] AS digest, fact.origin, named.shared
      FROM stage fact JOIN stage_subjects subject USING (key_type, key_value) JOIN named ON named.digest = fact.digests[1]
      WHERE NOT fact.match
      UNION ALL
      SELECT seq, key_type, key_value, digests[1], 'key', false FROM stage_subjects)
    INSERT INTO lethe.subject_identities (request_id, seq, type, value, digest, origin, shared)
    SELECT DISTINCT ON (called.seq, called.digest) ${requestId}, called.seq, called.type, called.value, called.digest,
           CASE WHEN called.origin = 'key' OR submitted.type IS NULL THEN called.origin ELSE 'submitted' END,
           submitted.type IS NULL AND called.shared
    FROM called JOIN lethe.subjects stored ON stored.request_id = ${requestId} AND stored.seq = called.seq
    LEFT JOIN (SELECT DISTINCT type, value FROM lethe.submitted_identities
               WHERE request_id = ${requestId} AND outcome IS DISTINCT FROM 'invalid' AND withdrawn_at IS NULL) submitted
           ON submitted.type = called.type AND submitted.value = called.value
    WHERE stored.state IN ('proposed', 'resolved', 'soft_deleted', 'scheduled', 'wanted', 'attached')
    ORDER BY called.seq, called.digest, called.origin = 'key' DESC, called.origin DESC`;
}

/** What they are called now stands beside what they were called before: the digests outlive the identities. */
export async function addDigests({ tx, keys, requestId, project, kind }: Staging): Promise<void> {
  const keyIds = keys.map((key) => key.id);
  await tx`INSERT INTO lethe.identity_digests (project, kind, digest, key_id, request_id, seq, is_key)
    SELECT ${project}, ${kind}, digest, (${keyIds}::text[])[number], ${requestId}, subject.seq, bool_or(stage.match)
    FROM stage JOIN stage_subjects subject USING (key_type, key_value), unnest(stage.digests) WITH ORDINALITY AS under(digest, number)
    WHERE NOT EXISTS (SELECT FROM lethe.identity_digests known
      WHERE known.request_id = ${requestId} AND known.seq = subject.seq AND known.digest = under.digest)
    GROUP BY subject.seq, digest, number ORDER BY subject.seq, digest`;
}

/** `duplicate`: everything that it stands for was named by an earlier position; `attached`: another request owns all of it. */
export async function tellOutcomes(tx: Transaction, requestId: string): Promise<void> {
  await tx`
    WITH named AS (
      SELECT position, seq, min(position) OVER (PARTITION BY seq) AS first, state
      FROM lethe.matches JOIN lethe.subjects USING (request_id, seq) WHERE request_id = ${requestId}),
    told AS (
      SELECT position, bool_and(first < position) AS duplicate, min(first) AS first, bool_and(state = 'attached') AS attached
      FROM named GROUP BY position)
    UPDATE lethe.submitted_identities
    SET outcome = CASE WHEN duplicate THEN 'duplicate' WHEN attached THEN 'attached' ELSE 'matched' END,
        duplicate_of = CASE WHEN duplicate THEN first END
    FROM told WHERE request_id = ${requestId} AND submitted_identities.position = told.position AND outcome IS NULL`;
}

/**
 * Subjects that the request no longer means: each of their positions now stands for somebody else. A position that
 * stands for nobody is no departure: what is left of a vanished subject elsewhere is still owed.
 */
export const departedSubjects = (requestId: string): SQL => sql`
    SELECT seq FROM ${subjects}
    WHERE request_id = ${requestId} AND state IN ('resolved', 'soft_deleted', 'scheduled') AND known
      AND NOT EXISTS (SELECT FROM stage_subjects WHERE stage_subjects.seq = subjects.seq)
      AND NOT EXISTS (
        SELECT FROM ${matches} WHERE request_id = ${requestId} AND matches.seq = subjects.seq AND NOT EXISTS (
          SELECT FROM stage WHERE stage.match AND stage.position = matches.position))`;
