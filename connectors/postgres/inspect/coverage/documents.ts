import { codeOf } from '../../failure.ts';
import { ident, literal, relation } from '../../sql.ts';
import type { Session } from '../../session.ts';
import type { Reason } from '../../../data-map/coverage/coverage-reason.ts';
import type { KeyNames } from '../../../data-map/coverage/key-names.ts';
import { normalName } from '../../../data-map/coverage/personal-columns.ts';
import type { TableColumn } from '../../../data-map/coverage/tables.ts';

const SAMPLED_ROWS = 300;
/** Larger tables are sampled by pages. */
const LARGE_PAGES = 1_000;
const SAMPLED_PAGES = 40;
/** A document above this size is not read. */
const MAX_BYTES = 64_000;
const EMAIL_KEYS = ['email', 'email_address', 'user_email', 'customer_email', 'contact_email'].map(normalName);

/**
 * Tables whose json or jsonb columns have a key that names a subject, in a bounded sample of rows. The database compares
 * the keys with known names and returns only those, so no value and no other key leaves it.
 */
export async function documentReasons(
  session: Session,
  columns: readonly TableColumn[],
  names: readonly KeyNames[],
): Promise<Reason[]> {
  const documents = columns.filter(({ type, isArray }) => type === 'json' && !isArray);
  const readable = await session.rows<Readable>(READABLE, [
    documents.map(({ table }) => relation(table)),
    documents.map(({ name }) => name),
  ]);
  const known = [...names.flatMap((each) => [...each.names]), ...EMAIL_KEYS];
  const reasons: Reason[] = [];
  for (const [index, { table, name }] of documents.entries()) {
    const found = readable.find(({ position }) => position === index + 1);
    if (found === undefined) continue;
    const sampled = await sampleKey(session, sampleSql(table, name, found), known);
    if (sampled === null) continue;
    const place = sampled.isNested ? `${sampled.key} inside ${name}` : `${name}->>${literal(sampled.key)}`;
    reasons.push({ table, one: `has documents with ${place}`, many: `have documents with ${place}` });
  }
  return reasons;
}

interface SampledKey {
  readonly key: string;
  readonly isNested: boolean;
}

/** Null when no known key is found, and for documents that cannot be read, such as text that jsonb does not allow. */
async function sampleKey(session: Session, sql: string, known: readonly string[]): Promise<SampledKey | null> {
  try {
    const [found] = await session.rows<SampledKey>(sql, [known]);
    return found ?? null;
  } catch (error) {
    if (/^(22|42501|55P03|57014)/.test(codeOf(error))) return null;
    throw error;
  }
}

interface Readable {
  readonly position: number;
  readonly pages: number;
  readonly type: string;
}

/** The columns that this role may read without a policy. A foreign table cannot be sampled. */
const READABLE = `
  SELECT document.position::int AS position, greatest(c.relpages, 0) AS pages, t.typname::text AS type
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS document("table", "column", position)
  JOIN pg_class c ON c.oid = to_regclass(document."table") JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = document."column"
  JOIN pg_type own ON own.oid = a.atttypid
  JOIN pg_type t ON t.oid = CASE own.typtype WHEN 'd' THEN own.typbasetype ELSE own.oid END
  WHERE c.relkind IN ('r', 'p', 'm') AND t.typname IN ('json', 'jsonb') AND NOT row_security_active(c.oid)
    AND (c.relkind <> 'm' OR c.relispopulated)
    AND has_schema_privilege(c.relnamespace, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')`;

function sampleSql(table: string, name: string, { pages }: Readable): string {
  const column = `d.${ident(name)}`;
  const percent = ((100 * SAMPLED_PAGES) / Math.max(pages, 1)).toFixed(6);
  const sample = pages > LARGE_PAGES ? ` TABLESAMPLE SYSTEM (${percent})` : '';
  return `
    WITH sampled AS MATERIALIZED (
      SELECT ${column}::jsonb AS document FROM ${relation(table)} AS d${sample}
      WHERE ${column} IS NOT NULL AND pg_column_size(${column}) <= ${MAX_BYTES} LIMIT ${SAMPLED_ROWS}),
    top AS (
      SELECT e.key, e.value FROM sampled, jsonb_each(CASE jsonb_typeof(document) WHEN 'object' THEN document ELSE '{}' END) AS e),
    keys AS (
      SELECT key, value, false AS nested FROM top
      UNION ALL
      SELECT e.key, e.value, true FROM top, jsonb_each(CASE jsonb_typeof(value) WHEN 'object' THEN value ELSE '{}' END) AS e)
    SELECT key, nested AS "isNested" FROM keys
    WHERE translate(lower(key), '_- ', '') = ANY ($1::text[]) AND jsonb_typeof(value) IN ('string', 'number')
    GROUP BY key, nested ORDER BY nested, count(*) DESC, key LIMIT 1`;
}
