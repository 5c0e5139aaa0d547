import { type Mistake, ConnectorError } from '../../connector.ts';
import { mappedTables, readCatalog } from '../data-map/catalog.ts';
import type { Context } from '../context.ts';
import { mistakesOf } from '../definition.ts';
import { columnMistakes } from './columns.ts';
import { coverageMistakes } from './coverage.ts';
import { foreignKeyMistakes } from './foreign-keys.ts';
import { indexMistakes } from './indexes.ts';
import { privilegeMistakes } from './privileges.ts';
import { schemaMistakes } from './schema.ts';
import { triggerMistakes } from './triggers.ts';
import { deletionOrder } from '../data-map/order.ts';
import { type Inspection, type Relation, readRelations, tablePaths } from './inspection.ts';
import { withSession } from '../session.ts';

/** Rights, data map and coverage: all mistakes at once. A server that is away has made none: that is thrown. */
export async function inspect(context: Context): Promise<readonly Mistake[]> {
  const mistakes = mistakesOf(context.settings);
  if (mistakes.length > 0) return mistakes;
  const nobody = { signal: new AbortController().signal, heartbeat: () => {} };
  try {
    return await withSession(context.server, nobody, async (session) => {
      const tables = mappedTables(context.models, context.settings.segments?.table);
      const catalog = await readCatalog(session, tables);
      const relations = await readRelations(session, tables);
      const inspection: Inspection = { context, session, catalog, relations };
      const found: Mistake[] = [];
      for (const fence of FENCES) found.push(...(await fence(inspection)));
      return unique([...found, ...orderMistakes(inspection)]);
    });
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.retryable) throw error;
    return [{ path: 'url', message: `cannot be inspected: ${error.message}` }];
  }
}

const FENCES: readonly ((inspection: Inspection) => Promise<readonly Mistake[]> | readonly Mistake[])[] = [
  serverMistakes,
  schemaMistakes,
  relationMistakes,
  columnMistakes,
  privilegeMistakes,
  indexMistakes,
  coverageMistakes,
  foreignKeyMistakes,
  triggerMistakes,
];

const OLDEST = 150_000;

/** The server itself: new enough, and one that can be written to. */
async function serverMistakes({ session }: Inspection): Promise<readonly Mistake[]> {
  const [server] = await session.rows<{ version: number; standby: boolean; readOnly: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,
            current_setting('transaction_read_only')::boolean AS "readOnly"`,
  );
  const mistakes: Mistake[] = [];
  if (server === undefined || server.version < OLDEST)
    mistakes.push({ path: 'url', message: 'PostgreSQL 15 or newer is needed' });
  if (server?.standby === true)
    mistakes.push({ path: 'url', message: 'leads to a standby, which cannot delete and lags behind what it shows' });
  else if (server?.readOnly === true)
    mistakes.push({ path: 'url', message: 'leads to a server or role that is read-only' });
  return mistakes;
}

const KINDS: Readonly<Record<string, string>> = { v: 'a view', m: 'a materialised view', f: 'a foreign table' };

/** What is mapped is a table whose rows a DELETE really removes, all of them, and nothing else's. */
function relationMistakes(inspection: Inspection): readonly Mistake[] {
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

function orderMistakes({ context, catalog }: Inspection): Mistake[] {
  return context.models.flatMap((model) => {
    const { cycle } = deletionOrder(model, catalog);
    const message = `no order of deletion serves these tables, which wait for each other: ${cycle.join(', ')}`;
    return cycle.length === 0 ? [] : [{ path: `kinds.${model.kind}`, message }];
  });
}

/** A table that two entries name is told once for each path, never twice for one. */
const unique = (mistakes: readonly Mistake[]): Mistake[] => [
  ...new Map(mistakes.map((mistake) => [`${mistake.path}\n${mistake.message}`, mistake])).values(),
];
