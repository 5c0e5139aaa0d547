import { type Mistake, ConnectorError } from '../../connector.ts';
import { mappedTables, readCatalog } from '../data-map/catalog.ts';
import type { Context } from '../context.ts';
import { mistakesOf } from '../definition.ts';
import { columnMistakes } from './columns.ts';
import { coverageMistakes } from './coverage.ts';
import { foreignKeyMistakes } from './foreign-keys.ts';
import { indexMistakes } from './indexes.ts';
import { privilegeMistakes } from './privileges.ts';
import { relationMistakes } from './relations.ts';
import { schemaMistakes } from './schema.ts';
import { serverMistakes } from './server.ts';
import { triggerMistakes } from './triggers.ts';
import { deletionOrder } from '../data-map/order.ts';
import { type Inspection, readRelations } from './inspection.ts';
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
