import { relation } from '../../sql.ts';
import type { Session } from '../../session.ts';
import type { Inspection } from '../inspection.ts';

export interface Index {
  readonly name: string;
  readonly method: string;
  readonly isUnique: boolean;
  readonly isPartial: boolean;
  /** Each key column or expression, as PostgreSQL prints it. */
  readonly keys: readonly string[];
}

/** A table that holds rows: the table itself, a partition, or a table that inherits from it. */
export interface Part {
  readonly table: string;
  readonly name: string;
  readonly relkind: string;
  readonly indexes: readonly Index[];
}

/** The parts of each table with look-ups. The first part of a table is the table itself. */
export async function readParts({ session, relations }: Inspection): Promise<ReadonlyMap<string, readonly Part[]>> {
  const oids = [...relations.values()].map(({ oid }) => oid);
  const parts = await session.rows<Part>(PARTS, [oids]);
  return Map.groupBy(parts, ({ table }) => table);
}

const PARTS = `
  WITH RECURSIVE parts(root, oid, depth) AS (
    SELECT m.oid, m.oid, 0 FROM unnest($1::oid[]) AS m(oid)
    UNION SELECT p.root, i.inhrelid, p.depth + 1 FROM parts p JOIN pg_inherits i ON i.inhparent = p.oid)
  SELECT rn.nspname || '.' || r.relname AS "table", n.nspname || '.' || c.relname AS name, c.relkind::text AS relkind,
    coalesce((SELECT json_agg(json_build_object('name', x.relname, 'method', am.amname,
        'isUnique', i.indisunique AND i.indimmediate, 'isPartial', i.indpred IS NOT NULL,
        'keys', ARRAY(SELECT pg_get_indexdef(i.indexrelid, k, false) FROM generate_series(1, i.indnkeyatts) AS k ORDER BY k))
        ORDER BY x.relname)
      FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam
      WHERE i.indrelid = c.oid AND i.indisready AND (i.indisvalid OR c.relkind = 'p')), '[]') AS indexes
  FROM parts p JOIN pg_class c ON c.oid = p.oid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class r ON r.oid = p.root JOIN pg_namespace rn ON rn.oid = r.relnamespace
  WHERE c.relkind IN ('r', 'p') ORDER BY 1, p.depth, 2`;

interface Plan {
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Output?: readonly string[];
  readonly Plans?: readonly Plan[];
}

/** Expressions of columns in the form in which PostgreSQL prints those of an index. */
export async function printExpressions(
  session: Session,
  table: string,
  expressions: readonly string[],
): Promise<readonly string[]> {
  const plan = await explain(session, `SELECT ${expressions.join(', ')} FROM ONLY ${relation(table)}`);
  return plan.Output ?? [];
}

/** Whether the planner compares the condition with one of these indexes. Sequential scans are off in this session. */
export async function usesIndex(
  session: Session,
  table: string,
  condition: string,
  indexes: readonly string[],
): Promise<boolean> {
  const isUsed = ({ Plans = [], ...plan }: Plan): boolean =>
    (plan['Index Cond'] !== undefined && indexes.includes(plan['Index Name'] ?? '')) || Plans.some(isUsed);
  return isUsed(await explain(session, `SELECT FROM ONLY ${relation(table)} WHERE ${condition}`));
}

async function explain(session: Session, sql: string): Promise<Plan> {
  const [row] = await session.rows<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
    `EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) ${sql}`,
  );
  return row?.['QUERY PLAN'][0]?.Plan ?? {};
}
