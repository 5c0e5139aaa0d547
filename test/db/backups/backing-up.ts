import { cancelRequest } from '../../../db/requests/cancel.ts';
import type { Identity } from '../../../domain/identity.ts';
import { backup, endBackup, storeArchiveKey } from '../../support/exports.ts';
import { days, givenHiddenSubjects, type Ledger, POLICY, user } from '../../support/ledger.ts';

/** Deletions that wait for an export of those in them, step by step. */

export const PROJECTS = Array.from({ length: 40 }, (_, n) => `p${n}`);
let number = 0;
/** Of a project that no other deletion is in. */
export const first = () => ({ project: `p${number++}`, exportFirst: true });

export const people = (...names: string[]) => names.map(user);

/** A deletion whose subjects are hidden, and the export of them that it waits for. */
export async function givenBackup(world: Ledger, identities: readonly Identity[], shape = first()) {
  const deletion = await givenHiddenSubjects(world, identities, shape);
  return { project: shape.project, deletion, exporting: await backup(world, deletion) };
}

/** The same, with the key of the archive made and the archive ready on day 1. */
export async function givenReadyBackup(world: Ledger, identities: readonly Identity[], shape = first()) {
  const given = await givenBackup(world, identities, shape);
  await storeArchiveKey(world, given.exporting);
  await endBackup(world, given.exporting, { at: days(1) });
  return given;
}

/** In the hours that `after` counts. */
export const DAY = 24;

export const cancel = ({ database }: Ledger, requestId: string, positions: readonly number[] | 'all', at: Date) =>
  cancelRequest(database, POLICY.window, { requestId, positions, actor: 'operator', at });
