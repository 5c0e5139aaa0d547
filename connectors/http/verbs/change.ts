import type { Batch, ConnectorContext, VisibilityChange } from '../../connector.ts';
import { runFunction } from '../failure.ts';
import { type Call, type Context, apiFor, callOf } from './context.ts';
import { groupsOf, lookUp, rangesOf } from './people.ts';
import type { Api } from '../calls/types.ts';
import type { Found } from '../results.ts';
import type { Person } from '../settings.ts';

/** Hides or restores. The system keeps no generation, so the caller's order decides. */
export async function setVisibility(
  context: Context,
  batch: Batch,
  { hidden }: VisibilityChange,
  activity: ConnectorContext,
): Promise<void> {
  const change = hidden ? context.settings.hide : context.settings.restore;
  const call = callOf(context, batch, 'data', activity);
  if (change !== undefined) await changeAll(call, change, call.about);
}

export async function setSuppression(
  context: Context,
  batch: Batch,
  suppressed: boolean,
  activity: ConnectorContext,
): Promise<void> {
  const { suppress } = context.settings;
  const call = callOf(context, batch, 'data', activity);
  if (suppress !== undefined) await changeAll(call, suppress, { ...call.about, suppressed });
}

type Change<Facts> = (api: Api, people: readonly Person[], found: Found, about: Facts) => Promise<unknown>;

async function changeAll<Facts>(call: Call, change: Change<Facts>, facts: Facts): Promise<void> {
  const [api, reading] = [apiFor(call, 'erase'), apiFor(call, 'read')];
  for await (const { people, kept } of rangesOf(call)) {
    const found = await lookUp(call, reading, people, kept);
    for (const group of groupsOf(people, call.kind)) {
      call.activity.heartbeat();
      const own = found.only(group.map(({ seq }) => seq));
      await runFunction(call.activity.signal, () => change(api, group, own, facts));
    }
  }
}
