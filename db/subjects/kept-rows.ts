import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { subjects } from '../schema/subjects.ts';
import { anonymisedRows, retainedRows } from '../schema/work.ts';

/**
 * Joins `kept`, one of the tables with rows of subjects, to the deleted subjects in the column `seqs` of the outer query.
 * An attached subject has the rows of its owner.
 */
const keptOf = (table: PgTable, requestId: SQL): SQL => sql`
  ${subjects} deleted
  JOIN ${table} kept ON kept.request_id = coalesce(deleted.owner_request, deleted.request_id)
    AND kept.seq = coalesce(deleted.owner_seq, deleted.seq)
  WHERE deleted.request_id = ${requestId} AND deleted.seq = ANY(seqs)
    AND deleted.state IN ('deleted', 'partially_deleted')`;

/** Selects the retained rows of the deleted subjects in `seqs`, summed per basis, as JSON. */
export const retainedOf = (requestId: SQL): SQL => sql`
  (SELECT coalesce(jsonb_agg(jsonb_build_object('basis', basis, 'rows', total) ORDER BY basis), '[]')
   FROM (SELECT kept.basis, sum(kept.rows) AS total FROM ${keptOf(retainedRows, requestId)} GROUP BY kept.basis) per_basis)`;

/** Selects the anonymised rows of the deleted subjects in `seqs`, with the union of their columns, as JSON. */
export const anonymisedOf = (requestId: SQL): SQL => sql`
  (SELECT jsonb_build_object('rows', coalesce(sum(rows) FILTER (WHERE place = 1), 0),
                             'columns', coalesce(jsonb_agg(DISTINCT name), '[]'))
   FROM (SELECT kept.rows, kept.columns FROM ${keptOf(anonymisedRows, requestId)}) own,
        unnest(columns) WITH ORDINALITY AS replaced (name, place))`;
