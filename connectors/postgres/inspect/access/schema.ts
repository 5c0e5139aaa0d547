import type { ConfigError } from '../../../connector.ts';
import type { Inspection } from '../inspection.ts';
import { SCHEMA_VERSION } from '../../setup/system-tables.ts';

/** The command whose output an administrator runs, and that output. */
export interface Setup {
  readonly command: string;
  readonly sql: string;
}

/** Checks that the schema lethe_system is accessible to the role, and fits this version and data map. */
export async function checkSchema(
  { session, context }: Inspection,
  { command, sql }: Setup,
): Promise<readonly ConfigError[]> {
  const error = (message: string): ConfigError[] => [
    { path: 'url', message: `${message}; run as an administrator what ${command} prints`, sql },
  ];
  const [rights] = await session.rows<{ missing: string[] }>(
    `SELECT ARRAY(SELECT c.relname || ' ' || p.privilege FROM (VALUES ${RIGHTS}) AS p(name, privilege)
       JOIN pg_class c ON c.relname = p.name AND c.relnamespace = 'lethe_system'::regnamespace
       WHERE NOT has_table_privilege(c.oid, p.privilege) ORDER BY 1) AS missing`,
  );
  const missing = rights?.missing ?? [];
  if (missing.length > 0) return error(`rights on lethe_system are missing (${missing.join(', ')})`);
  const [schema] = await session.rows<{ version: number | null }>(
    'SELECT max(version) AS version FROM lethe_system.schema_version',
  );
  if (schema?.version !== SCHEMA_VERSION)
    return error(`the schema lethe_system has version ${schema?.version ?? 'none'} instead of ${SCHEMA_VERSION}`);
  const types = await session.rows<{ type: string }>(
    `SELECT concat_ws(' ', kind, type, comparison, is_key::text) AS type FROM lethe_system.identity_types
     WHERE system = $1`,
    [context.system],
  );
  const declared = context.models.flatMap((model) =>
    Object.entries(model.types).map(
      ([type, { comparison }]) => `${model.kind} ${type} ${comparison} ${type === model.keyType}`,
    ),
  );
  const isSame =
    types
      .map(({ type }) => type)
      .toSorted()
      .join() === declared.toSorted().join();
  return isSame ? [] : error('the schema lethe_system has other identity types than the data map');
}

const RIGHTS = [
  ...['batch', 'batches', 'suppressions'].flatMap((table) =>
    ['SELECT', 'INSERT', 'DELETE'].map((right) => [table, right]),
  ),
  ...['tombstones', 'ranges'].flatMap((table) =>
    ['SELECT', 'INSERT', 'UPDATE', 'DELETE'].map((right) => [table, right]),
  ),
  ...['schema_version', 'identity_types'].map((table) => [table, 'SELECT']),
]
  .map(([table, right]) => `('${table}', '${right}')`)
  .join(', ');
