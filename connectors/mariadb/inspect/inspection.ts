import type { InspectOptions } from '../../connector.ts';
import type { Catalog } from '../catalog/types.ts';
import type { Context } from '../context.ts';
import type { Session } from '../session.ts';
import { literalList } from '../sql.ts';

export interface Relation {
  /** `BASE TABLE`, `VIEW`, … */
  readonly kind: string;
  /** Null for a view. */
  readonly engine: string | null;
}

/** Shared by all checks. */
export interface Inspection {
  readonly context: Context;
  readonly options: InspectOptions;
  readonly session: Session;
  readonly catalog: Catalog;
  /** Every table that this account sees in the databases of the data map, except those of Lethe. */
  readonly relations: ReadonlyMap<string, Relation>;
}

export const isOwn = (name: string): boolean => name.startsWith('lethe_');

export async function readRelations(
  session: Session,
  databases: readonly string[],
): Promise<ReadonlyMap<string, Relation>> {
  const rows = await session.rows<{ schema: string; name: string; kind: string; engine: string | null }>(
    `SELECT t.table_schema AS \`schema\`, t.table_name AS name, t.table_type AS kind, t.engine AS engine
     FROM information_schema.tables AS t
     WHERE t.table_schema IN (${literalList(databases)})`,
  );
  return new Map(
    rows.flatMap(({ schema, name, kind, engine }) =>
      isOwn(name) ? [] : [[`${schema}.${name}`, { kind, engine }] as const],
    ),
  );
}
