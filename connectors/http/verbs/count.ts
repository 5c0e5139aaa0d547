import type { Scope } from '../../../domain/vocabulary.ts';
import type { Batch, ConnectorContext, Count } from '../../connector.ts';
import { HttpError, runFunction } from '../failure.ts';
import { type Context, apiFor, callOf, tableOf } from './context.ts';
import { groupsOf, lookUp, rangesOf, requireSeq } from './people.ts';

export async function count(context: Context, batch: Batch, scope: Scope, activity: ConnectorContext): Promise<Count> {
  const call = callOf(context, batch, scope, activity);
  const { count: countOf } = context.settings;
  if (countOf === undefined) throw new HttpError('invalid_result');
  const api = apiFor(call, 'read');
  const present = new Set<number>();
  let rows = 0;
  for await (const { people, kept } of rangesOf(call)) {
    const found = await lookUp(call, api, people, kept);
    for (const group of groupsOf(people, call.kind)) {
      activity.heartbeat();
      const own = found.only(group.map(({ seq }) => seq));
      for (const each of await runFunction(activity.signal, () => countOf(api, group, own, call.about))) {
        const counted = typeof each === 'number' ? { seq: each, rows: 1 } : each;
        if (counted.rows > 0) present.add(requireSeq(counted.seq, group));
        rows += counted.rows;
      }
    }
  }
  return { tables: { [tableOf(call.kind)]: rows }, presentSeqs: [...present].toSorted((a, b) => a - b) };
}
