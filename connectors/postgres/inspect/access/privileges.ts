import type { ConfigError } from '../../../connector.ts';
import { requiredGrants } from './grants.ts';
import { type Inspection, tablePaths } from '../inspection.ts';
import { planClearing } from '../../chunks/clear-columns.ts';
import { ident, relation } from '../../sql.ts';
import { qualifiedName, tableName } from '../../../data-map/names.ts';
import type { Setup } from './schema.ts';

interface Privilege {
  readonly table: string;
  readonly oid: string;
  readonly right: 'USAGE' | 'SELECT' | 'DELETE' | 'UPDATE';
  readonly column: string;
}

/** Checks every right that the verbs need, so that a run does not fail in the middle. One error per table. */
export async function checkPrivileges(inspection: Inspection, { command }: Setup): Promise<readonly ConfigError[]> {
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
  const missing = await session.rows<MissingRight>(MISSING, [
    privileges.map(({ table }) => table),
    privileges.map(({ oid }) => oid),
    privileges.map(({ right }) => right),
    privileges.map(({ column }) => column),
  ]);
  return [...Map.groupBy(missing, ({ table }) => table)].map(([table, rights]) => ({
    path: tablePaths(inspection).find((place) => place.table === table)?.path ?? 'url',
    message: `${listRights(rights)} ${rights.length === 1 ? 'is' : 'are'} not granted on ${table}; run as an administrator what ${command} prints`,
    sql: rights.map(grantSql).join('\n'),
  }));
}

interface MissingRight {
  readonly table: string;
  readonly right: Privilege['right'];
  readonly columns: readonly string[];
  readonly role: string;
}

const listRights = (rights: readonly MissingRight[]): string =>
  rights.map(({ right, columns }) => (columns.length === 0 ? right : `${right} of ${columns.join(', ')}`)).join(', ');

function grantSql({ table, right, columns, role }: MissingRight): string {
  const object = right === 'USAGE' ? `SCHEMA ${ident(tableName(table).schema)}` : relation(table);
  const list = columns.length === 0 ? '' : ` (${columns.map(ident).join(', ')})`;
  return `GRANT ${right}${list} ON ${object} TO ${ident(role)};`;
}

const MISSING = `
  SELECT w."table", w."right", array_remove(array_agg(w."column" ORDER BY w."column"), '') AS columns, current_user::text AS role
  FROM unnest($1::text[], $2::oid[], $3::text[], $4::text[]) AS w("table", oid, "right", "column")
  JOIN pg_class c ON c.oid = w.oid
  WHERE NOT CASE w."right"
    WHEN 'USAGE' THEN has_schema_privilege(c.relnamespace, 'USAGE')
    WHEN 'UPDATE' THEN has_column_privilege(w.oid, w."column", 'UPDATE')
    ELSE has_table_privilege(w.oid, w."right") END
  GROUP BY w."table", w."right"
  ORDER BY w."table", w."right"`;
