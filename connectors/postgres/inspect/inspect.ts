import type { ConfigError, InspectOptions } from '../../connector.ts';
import { mappedTables } from '../../data-map/catalog.ts';
import { readCatalog } from '../data-map/catalog.ts';
import type { Context } from '../context.ts';
import { validateSettings } from '../validate.ts';
import { checkColumns } from './columns.ts';
import { checkCredentials } from '../../data-map/checks/credentials.ts';
import { checkCoverage } from './coverage/coverage.ts';
import { checkForeignKeys } from '../../data-map/checks/foreign-keys.ts';
import { checkGhosts } from './ghosts.ts';
import { checkIndexes } from './indexes/indexes.ts';
import { checkAccess } from './access/access.ts';
import { explainFailure } from './failed-inspection.ts';
import { checkMaterializedViews } from './materialized-views.ts';
import { checkRelations } from './relations.ts';
import { checkTriggers } from './triggers.ts';
import { checkValues } from './written-values.ts';
import { deletionPlan } from '../../data-map/deletion-plan.ts';
import { type Inspection, readRelations, sharingTables } from './inspection.ts';
import { codeOf } from '../failure.ts';
import { withSession } from '../session.ts';

/** Returns every config error at once. Throws when the server is unreachable or refuses. */
export async function inspect(context: Context, options: InspectOptions = {}): Promise<readonly ConfigError[]> {
  const errors = validateSettings(context.settings);
  if (errors.length > 0) return errors;
  const noActivity = { signal: new AbortController().signal, heartbeat: () => {} };
  try {
    return await withSession(context.server, noActivity, async (session) => {
      const mapped = mappedTables(context.models, context.settings.segments);
      const tables = [...new Set([...mapped, ...sharingTables(context).map(({ table }) => table)])];
      const catalog = await readCatalog(session, tables);
      const relations = await readRelations(session, tables);
      const inspection: Inspection = { context, options, session, catalog, relations };
      const found: ConfigError[] = [];
      for (const check of CHECKS) found.push(...(await runCheck(check, inspection, found)));
      return unique([...found, ...checkOrder(inspection)]);
    });
  } catch (error) {
    throw explainFailure(error, context);
  }
}

type Check = (inspection: Inspection) => Promise<readonly ConfigError[]> | readonly ConfigError[];

const MISSING_RIGHT = '42501';

/** A check that reads rows fails without the right to do so, which an earlier check has reported. */
async function runCheck(
  check: Check,
  inspection: Inspection,
  found: readonly ConfigError[],
): Promise<readonly ConfigError[]> {
  try {
    return await check(inspection);
  } catch (error) {
    if (found.length === 0 || codeOf(error) !== MISSING_RIGHT) throw error;
    return [];
  }
}

const CHECKS: readonly Check[] = [
  checkServer,
  checkAccess,
  checkRelations,
  checkColumns,
  ({ context, catalog }) => checkCredentials(context.models, catalog),
  checkIndexes,
  checkCoverage,
  checkMaterializedViews,
  ({ context, catalog }) => checkForeignKeys(context.models, catalog),
  checkGhosts,
  checkValues,
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
