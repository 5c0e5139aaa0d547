import { type ConfigError, ConnectorError } from '../../connector.ts';
import { mappedTables, readCatalog } from '../data-map/catalog.ts';
import type { Context } from '../context.ts';
import { validateSettings } from '../definition.ts';
import { checkColumns } from './columns.ts';
import { checkCoverage } from './coverage.ts';
import { checkForeignKeys } from './foreign-keys.ts';
import { checkIndexes } from './indexes.ts';
import { checkPrivileges } from './privileges.ts';
import { checkSchema } from './schema.ts';
import { checkTriggers } from './triggers.ts';
import { deletionOrder } from '../data-map/order.ts';
import { type Inspection, type Relation, readRelations, tablePaths } from './inspection.ts';
import { withSession } from '../session.ts';

/** Rights, data map and coverage: returns all errors at once. Throws when the server cannot be reached. */
export async function inspect(context: Context): Promise<readonly ConfigError[]> {
  const errors = validateSettings(context.settings);
  if (errors.length > 0) return errors;
  const nobody = { signal: new AbortController().signal, heartbeat: () => {} };
  try {
    return await withSession(context.server, nobody, async (session) => {
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
    return [{ path: 'url', message: `cannot be inspected: ${error.message}` }];
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
  checkTriggers,
];

const OLDEST = 150_000;

/** The server itself: new enough, and one that can be written to. */
async function checkServer({ session }: Inspection): Promise<readonly ConfigError[]> {
  const [server] = await session.rows<{ version: number; standby: boolean; readOnly: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
            current_setting('transaction_read_only')::boolean AS "readOnly"`,
  );
  const errors: ConfigError[] = [];
  if (server === undefined || server.version < OLDEST)
    errors.push({ path: 'url', message: 'PostgreSQL 15 or newer is needed' });
  if (server?.standby === true)
    errors.push({ path: 'url', message: 'leads to a standby, which cannot delete and lags behind what it shows' });
  else if (server?.readOnly === true)
    errors.push({ path: 'url', message: 'leads to a server or role that is read-only' });
  return errors;
}

const KINDS: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialised view', f: 'a foreign table' };

/** What is mapped is a table whose rows a DELETE really removes, all of them, and nothing else's. */
function checkRelations(inspection: Inspection): readonly ConfigError[] {
  return tablePaths(inspection).flatMap(({ path, table }) => {
    const relation = inspection.relations.get(table);
    if (relation === undefined) return [{ path, message: `${table} does not exist` }];
    return problems(relation).map((problem) => ({ path, message: `${table} ${problem}` }));
  });
}

function problems({ relkind, guarded, inherited, rules }: Relation): string[] {
  if (relkind !== 'r' && relkind !== 'p')
    return [`is ${KINDS[relkind] ?? 'no table'}: only ordinary and partitioned tables can be emptied for certain`];
  const found: string[] = [];
  if (guarded) found.push('has row-level security that applies to Lethe’s role: rows could be out of its sight');
  if (inherited) found.push('has tables that inherit from it: their rows would be deleted without their own checks');
  for (const rule of rules) found.push(`has the rule ${rule}, which can turn a DELETE or UPDATE into something else`);
  return found;
}

function checkOrder({ context, catalog }: Inspection): ConfigError[] {
  return context.models.flatMap((model) => {
    const { cycle } = deletionOrder(model, catalog);
    const message = `no order of deletion serves these tables, which wait for each other: ${cycle.join(', ')}`;
    return cycle.length === 0 ? [] : [{ path: `kinds.${model.kind}`, message }];
  });
}

/** A table that two entries name is reported once for each path. */
const unique = (errors: readonly ConfigError[]): ConfigError[] => [
  ...new Map(errors.map((error) => [`${error.path}\n${error.message}`, error])).values(),
];
