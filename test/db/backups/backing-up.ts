import { cancelRequest } from '../../../db/requests/cancel.ts';
import type { Identity } from '../../../domain/identity.ts';
import { backup, endBackup, storeArchiveKey } from '../../support/exports.ts';
import { days, givenHiddenSubjects, type Ledger, POLICY, user } from '../../support/ledger.ts';

export const PROJECTS = Array.from({ length: 40 }, (_, n) => `p${n}`);
let nextProject = 0;
/** A deletion that exports first, in a project of its own. */
export const exportingFirst = () => ({ project: `p${nextProject++}`, exportFirst: true });

export const people = (...names: string[]) => names.map(user);

/** A deletion whose subjects are hidden, and its open backup. */
export async function givenBackup(world: Ledger, identities: readonly Identity[], changes = exportingFirst()) {
  const deletion = await givenHiddenSubjects(world, identities, changes);
  return { project: changes.project, deletion, exporting: await backup(world, deletion) };
}

/** A deletion whose subjects are hidden, and its backup, which is ready on day 1. */
export async function givenReadyBackup(world: Ledger, identities: readonly Identity[], changes = exportingFirst()) {
  const given = await givenBackup(world, identities, changes);
  await storeArchiveKey(world, given.exporting);
  await endBackup(world, given.exporting, { at: days(1) });
  return given;
}

/** A day in hours, the unit of `after`. */
export const DAY_HOURS = 24;

export const cancel = ({ database }: Ledger, requestId: string, positions: readonly number[] | 'all', at: Date) =>
  cancelRequest(database, POLICY.window, { requestId, positions, actor: 'operator', at });
