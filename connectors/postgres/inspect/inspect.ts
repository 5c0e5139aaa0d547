import { type ConfigError, ConnectorError } from '../../connector.ts';
import { mappedTables, readCatalog } from '../data-map/catalog.ts';
import type { Context } from '../context.ts';
import { validateSettings } from '../validate-settings.ts';
import { checkColumns } from './columns.ts';
import { checkCoverage } from './coverage.ts';
import { checkForeignKeys } from './foreign-keys.ts';
import { checkGhosts } from './ghosts.ts';
import { checkIndexes } from './indexes.ts';
import { checkPrivileges } from './privileges.ts';
import { checkSchema } from './schema.ts';
import { checkTriggers } from './triggers.ts';
import { deletionPlan } from '../rows/deletion-plan.ts';
import { type Inspection, type Relation, readRelations, tablePaths } from './inspection.ts';
import { withSession } from '../session.ts';

/** Returns every config error at once. Throws when the server is unreachable. */
export async function inspect(context: Context): Promise<readonly ConfigError[]> {
  const errors = validateSettings(context.settings);
  if (errors.length > 0) return errors;
  const noActivity = { signal: new AbortController().signal, heartbeat: () => {} };
  try {
    return await withSession(context.server, noActivity, async (session) => {
      const tables = mappedTables(context.models, context.settings.segments?.table);
      const catalog = await readCatalog(session, tables);
      const relations = await readRelations(session, tables);
      const inspection: Inspection = { context, session, catalog, relations };
      const found: ConfigError[] = [];
      for (const check of CHECKS) found.push(...(await check(inspection)));
      return unique([...found, ...checkOrder(inspection)]);
    });
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.retryable) throw error;
    return [{ path: 'url', message: `the system cannot be inspected: ${error.message}` }];
  }
}

const CHECKS: readonly ((inspection: Inspection) => Promise<readonly ConfigError[]> | readonly ConfigError[])[] = [
  checkServer,
  checkSchema,
  checkRelations,
  checkColumns,
  checkPrivileges,
  checkIndexes,
  checkCoverage,
  checkForeignKeys,
  checkGhosts,
  checkTriggers,
];

const MIN_SERVER_VERSION = 150_000;

/** Checks that the server is recent enough and accepts writes. */
async function checkServer({ session }: Inspection): Promise<readonly ConfigError[]> {
  const [server] = await session.rows<{ version: number; standby: boolean; readOnly: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
            current_setting('transaction_read_only')::boolean AS "readOnly"`,
  );
  const errors: ConfigError[] = [];
  if (server === undefined || server.version < MIN_SERVER_VERSION)
    errors.push({ path: 'url', message: 'the server must be PostgreSQL 15 or newer' });
  if (server?.standby === true)
    errors.push({ path: 'url', message: 'the server is a standby, which cannot delete; use the primary' });
  else if (server?.readOnly === true)
    errors.push({ path: 'url', message: 'the server or the role is read-only; allow writes' });
  return errors;
}

const KINDS: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialized view', f: 'a foreign table' };

/** Checks that a DELETE on a mapped table removes all matching rows of that table and no other rows. */
function checkRelations(inspection: Inspection): readonly ConfigError[] {
  return tablePaths(inspection).flatMap(({ path, table }) => {
    const relation = inspection.relations.get(table);
    if (relation === undefined) return [{ path, message: `${table} does not exist` }];
    return relationErrors(relation).map((error) => ({ path, message: `${table} ${error}` }));
  });
}

function relationErrors({ relkind, rowSecurityActive, hasInheritors, rules }: Relation): string[] {
  if (relkind !== 'r' && relkind !== 'p')
    return [`is ${KINDS[relkind] ?? 'not a table'}; map an ordinary or partitioned table`];
  const found: string[] = [];
  if (rowSecurityActive)
    found.push('has row-level security that applies to Lethe’s role, which could hide rows; exempt the role');
  if (hasInheritors) found.push('has tables that inherit from it, whose rows would be deleted without being checked');
  for (const rule of rules) found.push(`has the rule ${rule}, which can replace a DELETE or UPDATE; drop the rule`);
  return found;
}

function checkOrder({ context, catalog }: Inspection): ConfigError[] {
  return context.models.flatMap((model) => {
    const { cycle } = deletionPlan(model, catalog);
    const message = `the entries of ${cycle.join(', ')} depend on each other, so there is no order of deletion; a row that is kept cannot be found through a row that refers to it`;
    return cycle.length === 0 ? [] : [{ path: `kinds.${model.kind}`, message }];
  });
}

/** Removes duplicates: two entries for one table can report the same error. */
const unique = (errors: readonly ConfigError[]): ConfigError[] => [
  ...new Map(errors.map((error) => [`${error.path}\n${error.message}`, error])).values(),
];
