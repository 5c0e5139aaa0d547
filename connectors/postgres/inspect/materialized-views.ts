import type { ConfigError } from '../../connector.ts';
import { closest, suggestion } from '../../similar-names.ts';
import { ident, relation } from '../sql.ts';
import { qualifiedName } from '../../data-map/names.ts';
import { type Inspection, oidsOf } from './inspection.ts';

export interface MaterializedView {
  readonly view: string;
  readonly sources: readonly string[];
  readonly mayRefresh: boolean;
  readonly version: number;
  readonly role: string;
}

/** Checks that each copy of mapped rows in a materialized view is refreshed after a deletion, reported, or ignored. */
export async function checkMaterializedViews(inspection: Inspection): Promise<readonly ConfigError[]> {
  const { context, options } = inspection;
  const { refresh = [], report = [] } = context.settings.materializedViews ?? {};
  const ignored = (context.settings.ignore ?? []).map(({ table }) => qualifiedName(table));
  const listed = [...refresh, ...report].map(qualifiedName);
  const found = await readMaterializedViews(inspection);
  const unlisted = found
    .filter(({ view }) => !listed.includes(view) && !ignored.includes(view))
    .map(({ view, sources }) => ({
      path: 'materializedViews',
      message: `${view} is a materialized view over ${sources.join(', ')} and keeps copies of deleted rows until it is refreshed; add it to materializedViews.refresh (Lethe refreshes it after each deletion) or materializedViews.report (your application does), or to ignore with a reason if it holds nothing personal`,
    }));
  return [
    ...unlisted,
    ...listedErrors('refresh', refresh, found),
    ...listedErrors('report', report, found),
    ...(options.schemaOnly === true ? [] : refreshErrors(refresh.map(qualifiedName), found)),
  ];
}

const listedErrors = (key: string, names: readonly string[], found: readonly MaterializedView[]): ConfigError[] =>
  names.map(qualifiedName).flatMap((name, index) =>
    found.some(({ view }) => view === name)
      ? []
      : [
          {
            path: `materializedViews.${key}.${index}`,
            message: `${name} is not a materialized view over a mapped table${
              suggestion(
                closest(
                  name,
                  found.map(({ view }) => view),
                ),
              ) || '; remove it'
            }`,
          },
        ],
  );

/** REFRESH needs the ownership, or from PostgreSQL 17 the right MAINTAIN. */
const refreshErrors = (refresh: readonly string[], found: readonly MaterializedView[]): ConfigError[] =>
  refresh.flatMap((name, index) =>
    found
      .filter(({ view, mayRefresh }) => view === name && !mayRefresh)
      .map(({ view, version, role }) => {
        const sql =
          version >= 170_000
            ? `GRANT MAINTAIN ON ${relation(view)} TO ${ident(role)};`
            : `ALTER MATERIALIZED VIEW ${relation(view)} OWNER TO ${ident(role)};`;
        const message = `the role ${role} may not refresh ${view}; run as an administrator: ${sql}`;
        return { path: `materializedViews.refresh.${index}`, message, sql };
      }),
  );

/** The materialized views over mapped tables, also through other views. */
export async function readMaterializedViews(inspection: Inspection): Promise<readonly MaterializedView[]> {
  const { session } = inspection;
  const [server] = await session.rows<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  return session.rows<MaterializedView>(viewsSql(server?.version ?? 0), [oidsOf(inspection)]);
}

/** Follows views and materialized views from a mapped table or one of its partitions. Older servers reject MAINTAIN. */
function viewsSql(version: number): string {
  const maintain = version >= 170_000 ? `OR has_table_privilege(c.oid, 'MAINTAIN')` : '';
  return `
    WITH RECURSIVE mapped(oid, source) AS (
      SELECT m.oid, m.oid FROM unnest($1::oid[]) AS m(oid)
      UNION SELECT i.inhrelid, m.source FROM mapped m JOIN pg_inherits i ON i.inhparent = m.oid),
    holding(oid, source) AS (
      SELECT oid, source FROM mapped
      UNION
      SELECT r.ev_class, h.source FROM holding h
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = h.oid AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> h.oid)
    SELECT n.nspname || '.' || c.relname AS view,
           array_agg(DISTINCT sn.nspname || '.' || s.relname) AS sources,
           pg_has_role(c.relowner, 'USAGE') ${maintain} AS "mayRefresh",
           current_setting('server_version_num')::int AS version, current_user::text AS role
    FROM holding h JOIN pg_class c ON c.oid = h.oid AND c.relkind = 'm' JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class s ON s.oid = h.source JOIN pg_namespace sn ON sn.oid = s.relnamespace
    GROUP BY c.oid, n.nspname, c.relname, c.relowner ORDER BY 1`;
}
