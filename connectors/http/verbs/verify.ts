import type { Scope } from '../../../domain/vocabulary.ts';
import type { Batch, ConnectorContext, Verification } from '../../connector.ts';
import { HttpError, runFunction } from '../failure.ts';
import type { Found, Left, Remaining } from '../results.ts';
import { type Call, type Context, apiFor, callOf, tableOf } from './context.ts';
import { groupsOf, rangesOf, requireSeq } from './people.ts';

/** Asks `left` for everyone. Ids under which people are still there are kept, so that the next pass deletes them. */
export async function verify(
  context: Context,
  batch: Batch,
  scope: Scope,
  activity: ConnectorContext,
): Promise<Verification> {
  const call = callOf(context, batch, scope, activity);
  const { left: leftOf } = context.settings;
  if (leftOf === undefined) return { unknown: 'cannot_be_read' };
  const api = apiFor(call, 'read');
  const names = new Set<string>();
  let survivors = 0;
  for await (const { people, kept } of rangesOf(call)) {
    for (const group of groupsOf(people, call.kind)) {
      activity.heartbeat();
      const found = kept.only(group.map(({ seq }) => seq));
      const left = toLeft(await runFunction(activity.signal, () => leftOf(api, group, found, call.about)));
      if ('verifyAgainMs' in left)
        return { verifyAgainAt: new Date((activity.now?.().getTime() ?? Date.now()) + left.verifyAgainMs) };
      for (const name of left.attested) names.add(name);
      for (const each of left.left) survivors += rowsOf(each, (seq) => requireSeq(seq, group));
      await keepNewIds(call, left.left, kept);
    }
  }
  return {
    survivors,
    tables: { [tableOf(call.kind)]: survivors },
    ...(names.size === 0 ? {} : { attested: [...names] }),
  };
}

type ReadLeft = Extract<Left, { readonly left: unknown }> | Extract<Left, { readonly verifyAgainMs: number }>;

function toLeft(left: Left): ReadLeft {
  if (isList(left)) return { left, attested: [] };
  if (typeof left !== 'object' || left === null) throw new HttpError('invalid_result');
  return left;
}

const isList = (left: Left): left is readonly Remaining[] => Array.isArray(left);

function rowsOf(remaining: Remaining, check: (seq: number) => number): number {
  if (typeof remaining === 'number') return check(remaining) > 0 ? 1 : 0;
  check(remaining.seq);
  return Math.max(1, remaining.rows ?? 1);
}

async function keepNewIds({ activity }: Call, left: readonly Remaining[], kept: Found): Promise<void> {
  const found = left.flatMap((each) =>
    typeof each === 'number' || each.ids === undefined ? [] : [{ seq: each.seq, ids: each.ids }],
  );
  const isNew = found.filter(({ seq, ids }) => ids.some((id) => !kept.of(seq).includes(id)));
  if (isNew.length > 0)
    await activity.keepForeignIds(isNew.map(({ seq, ids }) => ({ seq, ids: [...new Set([...kept.of(seq), ...ids])] })));
}
