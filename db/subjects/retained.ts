import { type SQL, sql } from 'drizzle-orm';
import { subjects } from '../schema/subjects.ts';
import { retainedRows } from '../schema/work.ts';

/**
 * Selects the retained rows of the deleted subjects in the column `seqs` of the outer query, summed per basis, as JSON. An
 * attached subject has the retained rows of its owner.
 */
export const retainedOf = (requestId: SQL): SQL => sql`
  (SELECT coalesce(jsonb_agg(jsonb_build_object('basis', basis, 'rows', total) ORDER BY basis), '[]')
   FROM (SELECT kept.basis, sum(kept.rows) AS total
         FROM ${subjects} deleted
         JOIN ${retainedRows} kept ON kept.request_id = coalesce(deleted.owner_request, deleted.request_id)
           AND kept.seq = coalesce(deleted.owner_seq, deleted.seq)
         WHERE deleted.request_id = ${requestId} AND deleted.seq = ANY(seqs)
           AND deleted.state IN ('deleted', 'partially_deleted')
         GROUP BY kept.basis) per_basis)`;
