import { type Batch, type ConnectorContext, ConnectorError, type Count, type Verification } from '../connector.ts';
import type { Context } from './context.ts';
import { groups, search } from './search.ts';
import { modelOf, subjectsOf } from './subjects.ts';

const GROUP = 100;

/** Counts objects, versions, delete markers and uploads. Whose key is unknown counts as present. */
export async function count(context: Context, batch: Batch, activity: ConnectorContext): Promise<Count> {
  const { tables, present } = await countAll(context, batch, activity);
  return { tables, presentSeqs: [...present].toSorted((a, b) => a - b) };
}

/** Lists everything again. A subject whose key cannot be formed is unknown, never empty. */
export async function verify(context: Context, batch: Batch, activity: ConnectorContext): Promise<Verification> {
  try {
    const { tables, hasUnknown } = await countAll(context, batch, activity);
    if (hasUnknown) return { unknown: 'identity_without_key' };
    return { survivors: Object.values(tables).reduce((sum, each) => sum + each, 0), tables };
  } catch (error) {
    if (error instanceof ConnectorError && !error.retryable) return { unknown: error.code };
    throw error;
  }
}

async function countAll({ settings, store }: Context, batch: Batch, activity: ConnectorContext) {
  const model = modelOf(settings, batch.kind);
  const session = await store.begin(activity);
  const tables: Record<string, number> = Object.fromEntries(model.map(({ name }) => [name, 0]));
  const present = new Set<number>();
  let hasUnknown = false;
  for await (const group of groups(subjectsOf(batch, model), GROUP)) {
    for (const { seq, unknown } of group) {
      if (unknown === null) continue;
      hasUnknown = true;
      present.add(seq);
    }
    for (const { seq, place, count: entries } of await search(session, group, activity)) {
      tables[place.table] = (tables[place.table] ?? 0) + entries;
      present.add(seq);
    }
  }
  return { tables, present, hasUnknown };
}
