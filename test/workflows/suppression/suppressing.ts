import type { World } from '../../support/world/world.ts';
import { lookUp } from '../../../db/subjects/lookup.ts';
import { summarizeSuppressions } from '../../../db/suppressions/settle.ts';
import { KEYS, user } from '../../support/ledger.ts';
import { nowOf } from '../../support/world/actions.ts';
import { liftSuppression, placeSuppression } from '../../../db/suppressions/suppressions.ts';
import { newId } from '../../../domain/ids.ts';

export const SYSTEMS = ['app', 'crm'];

/** Whether each of the two systems refuses the user. */
export async function refusals({ app, crm }: World, id: string): Promise<readonly boolean[]> {
  const answers = await Promise.all(
    [app, crm].map((sql) => sql<{ refuses: boolean }[]>`SELECT lethe_system.is_suppressed('user', ${id}) AS refuses`),
  );
  return answers.map(([row]) => row?.refuses === true);
}

/** What a look-up says about the suppressions of the user: the systems that lack each of them. */
export async function missingIn(world: World, id: string, systems = SYSTEMS): Promise<readonly (readonly string[])[]> {
  const search = { project: 'demo', kind: 'user', identity: user(id), systems } as const;
  return (await lookUp(world.database, KEYS, search)).suppressions.map((row) => row.missingIn);
}

export const summaryOf = (world: World, requestId: string) =>
  summarizeSuppressions(world.database, { id: requestId, suppress: true });

const changeOf = async (world: World, id: string) => {
  const at = await nowOf(world);
  const by = { actor: 'operator', at, systems: SYSTEMS };
  return { id: newId('suppression', at.getTime()), project: 'demo', kind: 'user', identity: user(id), ...by } as const;
};

/** Places a suppression as a member, or lifts all. */
export async function place(world: World, id: string) {
  const placed = await placeSuppression(world.database, KEYS, await changeOf(world, id));
  await world.orchestrator.startSuppression(placed.id);
  return placed;
}
export async function lift(world: World, id: string) {
  const lifted = await liftSuppression(world.database, KEYS, await changeOf(world, id));
  await world.orchestrator.startSuppression(lifted.id);
}
