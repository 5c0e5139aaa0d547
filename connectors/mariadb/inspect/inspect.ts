import { type ConfigError, type InspectOptions, ConnectorError } from '../../connector.ts';
import { checkCredentials } from '../../data-map/checks/credentials.ts';
import { checkForeignKeys } from '../../data-map/checks/foreign-keys.ts';
import { mappedTables, sharingTables } from '../../data-map/catalog.ts';
import { deletionPlan } from '../../data-map/deletion-plan.ts';
import { tableName } from '../../data-map/names.ts';
import { readCatalog } from '../catalog/read-catalog.ts';
import type { Context } from '../context.ts';
import { fixedCycle } from '../delete/references.ts';
import { MariadbError, UNKNOWN_SETTING, isMissingRight } from '../failure.ts';
import { withSession } from '../session.ts';
import { validateSettings } from '../validate.ts';
import { checkAccess } from './access.ts';
import { checkColumns } from './columns.ts';
import { checkCoverage } from './coverage.ts';
import { checkGhosts } from './ghosts.ts';
import { checkIndexes } from './indexes.ts';
import { type Inspection, readRelations } from './inspection.ts';
import { checkRelations, checkTriggers } from './relations.ts';
import { checkServer } from './server.ts';

type Check = (inspection: Inspection) => Promise<readonly ConfigError[]> | readonly ConfigError[];

const CHECKS: readonly Check[] = [
  checkServer,
  checkAccess,
  checkRelations,
  checkColumns,
  ({ context, catalog }) => checkCredentials(context.models, catalog),
  checkIndexes,
  checkCoverage,
  ({ context, catalog }) => checkForeignKeys(context.models, catalog, { countsActions: false }),
  checkGhosts,
  checkTriggers,
  checkOrder,
];

/** Returns every config error at once. Throws when the server is unreachable or refuses. */
export async function inspect(context: Context, options: InspectOptions = {}): Promise<readonly ConfigError[]> {
  const errors = validateSettings(context.settings);
  if (errors.length > 0) return errors;
  const noActivity = { signal: new AbortController().signal, heartbeat: () => {} };
  try {
    return await withSession(context.server, noActivity, async (session) => {
      const sharing = sharingTables(context.models).map(({ table }) => table);
      const tables = [...new Set([...mappedTables(context.models, context.settings.segments), ...sharing])];
      const catalog = await readCatalog(session, tables);
      const databases = new Set([context.settings.database, ...tables.map((table) => tableName(table).schema)]);
      const relations = await readRelations(session, [...databases]);
      const inspection: Inspection = { context, options, session, catalog, relations };
      const found: ConfigError[] = [];
      for (const check of CHECKS) found.push(...(await runCheck(check, inspection, found)));
      return unique(found);
    });
  } catch (error) {
    throw explainFailure(error, context);
  }
}

/** A check that reads rows fails without the right to do so, which an earlier check has reported. */
async function runCheck(
  check: Check,
  inspection: Inspection,
  found: readonly ConfigError[],
): Promise<readonly ConfigError[]> {
  try {
    return await check(inspection);
  } catch (error) {
    if (found.length === 0 || !isMissingRight(error)) throw error;
    return [];
  }
}

/** Rows of a step lose the references between them that allow NULL. What is left must have an order. */
function checkOrder({ context, catalog }: Inspection): ConfigError[] {
  return context.models.flatMap((model) => {
    const { steps, cycle } = deletionPlan(model, catalog, { isPointedLast: true });
    const fixed = steps.flatMap((step) => fixedCycle(step, catalog.foreignKeys));
    const path = `kinds.${model.kind}`;
    return [
      ...(cycle.length === 0
        ? []
        : [
            {
              path,
              message: `the entries of ${cycle.join(', ')} depend on each other, so there is no order of deletion; a row that is kept cannot be found through a row that refers to it`,
            },
          ]),
      ...(fixed.length === 0
        ? []
        : [
            {
              path,
              message: `the rows of ${fixed.join(', ')} refer to each other by columns that are NOT NULL, so none of them can be deleted first; allow NULL in one of these columns`,
            },
          ]),
    ];
  });
}

/** Removes duplicates: two entries for one table can report the same error. */
const unique = (errors: readonly ConfigError[]): ConfigError[] => [
  ...new Map(errors.map((error) => [`${error.path}\n${error.message}`, error])).values(),
];

/** Says what an operator has to do when the server cannot be inspected. Names host and database, never the password. */
function explainFailure(error: unknown, { settings, server }: Context): unknown {
  if (!(error instanceof MariadbError)) return error;
  const { env } = settings.url;
  const message = URL.canParse(server.url)
    ? reasonOf(error.number, new URL(server.url), env, settings.database)
    : `the value of ${env} is not a URL such as mysql://user:password@host:3306/database`;
  const { code, retryable } = error;
  return new ConnectorError(code, `${message}; nothing was inspected`, { retryable });
}

function reasonOf(number: string, { hostname, port, username }: URL, env: string, database: string): string {
  const address = `${hostname || '127.0.0.1'}:${port || '3306'}`;
  switch (number) {
    case 'ERR_INVALID_URL':
      return `the value of ${env} is not a URL such as mysql://user:password@host:3306/database`;
    case 'ERR_OTHER_DATABASE':
      return `${env} names another database than ${database}, which the settings name; correct one of them`;
    case '1045':
    case '1698':
      return `the server at ${address} rejects the user ${username} or the password; correct ${env}`;
    case '1130':
      return `the server at ${address} does not let this machine in; allow the user to connect from it`;
    case '1049':
    case '1044':
      return `the server at ${address} has no database ${database}, or the user has no right on it; correct ${env}, or create it`;
    case UNKNOWN_SETTING:
      return `the server at ${address} is not MariaDB, or is older than 10.11; MySQL is not supported`;
    case 'ECONNREFUSED':
      return `nothing listens at ${address}; start the server, or correct ${env}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name ${hostname} cannot be resolved; correct ${env}, or check the network`;
    case 'HANDSHAKE_NO_SSL_SUPPORT':
    case 'HANDSHAKE_SSL_ERROR':
      return `the connection to ${address} cannot be encrypted; check tls, and the certificates of the server`;
    default:
      return `the server at ${address} cannot be inspected (${/^[0-9A-Za-z_]{2,60}$/.test(number) ? number : 'connection lost'}); check ${env} and the log of the server`;
  }
}
