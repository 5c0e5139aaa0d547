import type { InspectOptions } from '../../connector.ts';
import type { Catalog } from '../data-map/catalog.ts';
import { sharingTables as sharingTablesOf, tablePaths as tablePathsOf } from '../../data-map/catalog.ts';
import type { Context } from '../context.ts';
import type { Session } from '../session.ts';
import { tableName } from '../../data-map/names.ts';

export interface Relation {
  readonly table: string;
  readonly oid: string;
  /** pg_class.relkind: r ordinary, p partitioned, v view, m materialized view, f foreign table. */
  readonly relkind: string;
  readonly rowSecurityActive: boolean;
  /** The tables that inherit from it, not its partitions. */
  readonly inheritors: readonly string[];
  readonly rules: readonly string[];
}

/** Shared by all checks. Each check reads the rest from pg_catalog itself. */
export interface Inspection {
  readonly context: Context;
  readonly options: InspectOptions;
  readonly session: Session;
  readonly catalog: Catalog;
  readonly relations: ReadonlyMap<string, Relation>;
}

export async function readRelations(
  session: Session,
  tables: readonly string[],
): Promise<ReadonlyMap<string, Relation>> {
  const names = tables.map(tableName);
  const rows = await session.rows<Relation>(RELATIONS, [
    names.map(({ schema }) => schema),
    names.map(({ name }) => name),
  ]);
  return new Map(rows.map((row) => [row.table, row]));
}

const RELATIONS = `
  SELECT n.nspname || '.' || c.relname AS "table", c.oid::text AS oid, c.relkind::text AS relkind,
         row_security_active(c.oid) AS "rowSecurityActive",
         ARRAY(SELECT hn.nspname || '.' || h.relname FROM pg_inherits i JOIN pg_class h ON h.oid = i.inhrelid
               JOIN pg_namespace hn ON hn.oid = h.relnamespace
               WHERE i.inhparent = c.oid AND NOT h.relispartition ORDER BY 1) AS inheritors,
         ARRAY(SELECT r.rulename::text FROM pg_rewrite r
               WHERE r.ev_class = c.oid AND r.ev_type IN ('2', '4') ORDER BY 1) AS rules
  FROM unnest($1::text[], $2::text[]) AS mapped(schema, name)
  JOIN pg_namespace n ON n.nspname = mapped.schema
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = mapped.name`;

export const tablePaths = ({ context }: Inspection): readonly { path: string; table: string }[] =>
  tablePathsOf(context.models, context.settings.segments);

export const sharingTables = ({ models }: Context): readonly { path: string; table: string }[] =>
  sharingTablesOf(models);

/** The oids of the mapped tables that exist, as a parameter of oid[]. */
export function oidsOf(inspection: Inspection): string[] {
  const mapped = new Set(tablePaths(inspection).map(({ table }) => table));
  return [...inspection.relations.values()].filter(({ table }) => mapped.has(table)).map(({ oid }) => oid);
}
