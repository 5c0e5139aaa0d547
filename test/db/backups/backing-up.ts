import { cancelRequest } from '../../../db/requests/cancel.ts';
import { claim } from '../../../db/deletion/claim.ts';
import type { Policy } from '../../../domain/policy.ts';
import { type Ledger, POLICY, user } from '../../support/ledger.ts';

/** Deletions that wait for an export of those in them, step by step. */

export const PROJECTS = Array.from({ length: 40 }, (_, n) => `p${n}`);
let number = 0;
/** Of a project that no other deletion is in. */
export const first = () => ({ project: `p${number++}`, exportFirst: true });

export const people = (...names: string[]) => names.map(user);
/** In the hours that `after` counts. */
export const DAY = 24;

export const take = ({ database }: Ledger, requestId: string, asOf: Date, policy: Partial<Policy> = {}) =>
  claim(database, { ...POLICY, ...policy }, { requestId, asOf });
export const cancel = ({ database }: Ledger, requestId: string, positions: readonly number[] | 'all', at: Date) =>
  cancelRequest(database, POLICY.window, { requestId, positions, actor: 'operator', at });
