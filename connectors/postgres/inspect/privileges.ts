import type { ConfigError } from '../../connector.ts';
import { requiredGrants } from './grants.ts';
import { type Inspection, tablePaths } from './inspection.ts';
import { planClearing } from '../chunks/clear-columns.ts';
import { qualifiedName } from '../sql.ts';

interface Privilege {
  readonly table: string;
  readonly oid: string;
  readonly right: 'USAGE' | 'SELECT' | 'DELETE' | 'UPDATE';
  readonly column: string;
}

/** Checks every right that the verbs need, so that a run does not fail in the middle. */
export async function checkPrivileges(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { session, context, relations, catalog } = inspection;
  const privileges = requiredGrants(context.settings).flatMap((need): Privilege[] => {
    const oid = relations.get(need.table)?.oid;
    if (oid === undefined) return [];
    const of = (right: Privilege['right'], column = ''): Privilege => ({ table: need.table, oid, right, column });
    const cleared = context.models.flatMap((model) =>
      model.targets
        .filter(({ table }) => qualifiedName(table) === need.table)
        .flatMap((target) => planClearing(target, 'categories', model, catalog).clearable.map(({ column }) => column)),
    );
    const existing = catalog.columns.get(need.table);
    const columns = [...new Set([...need.update, ...cleared])].filter((column) => existing?.has(column) === true);
    const rights = need.delete ? [of('SELECT'), of('DELETE')] : [of('SELECT')];
    return [of('USAGE'), ...rights, ...columns.map((column) => of('UPDATE', column))];
  });
  const missing = await session.rows<{ table: string; right: string }>(MISSING, [
    privileges.map(({ table }) => table),
    privileges.map(({ oid }) => oid),
    privileges.map(({ right }) => right),
    privileges.map(({ column }) => column),
  ]);
  return missing.map(({ table, right }) => ({
    path: tablePaths(inspection).find((place) => place.table === table)?.path ?? 'url',
    message: `${right} is not granted on ${table}; run the SQL that npm run system-sql -- --role ROLE prints`,
  }));
}

const MISSING = `
  SELECT w."table", w."right" || CASE w."column" WHEN '' THEN '' ELSE ' of ' || w."column" END AS "right"
  FROM unnest($1::text[], $2::oid[], $3::text[], $4::text[]) AS w("table", oid, "right", "column")
  JOIN pg_class c ON c.oid = w.oid
  WHERE NOT CASE w."right"
    WHEN 'USAGE' THEN has_schema_privilege(c.relnamespace, 'USAGE')
    WHEN 'UPDATE' THEN has_column_privilege(w.oid, w."column", 'UPDATE')
    ELSE has_table_privilege(w.oid, w."right") END
  ORDER BY 1, 2`;
