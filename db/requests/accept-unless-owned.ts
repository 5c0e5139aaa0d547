import { DomainError } from '../../domain/errors.ts';
import { type AcceptedRequest, acceptRequest, type NewRequest } from './create.ts';
import type { Transaction } from '../client.ts';
import { ownedPositions } from './conflicts.ts';
import type { DigestKeys } from '../digests.ts';
import { lockProject } from '../project-lock.ts';

const POSITIONS_NAMED = 100;

/** `onConflict: 'reject'`: nothing at all is stored when another open deletion owns one of the subjects. */
export async function acceptUnlessOwned(
  tx: Transaction,
  keys: DigestKeys,
  request: NewRequest,
): Promise<AcceptedRequest> {
  await lockProject(tx, request.project);
  const positions = await ownedPositions(tx, keys, request);
  if (positions.length === 0) return acceptRequest(tx, request);
  throw new DomainError('subject_conflict', `another open deletion owns ${positions.length} of the subjects`, {
    positions: positions.slice(0, POSITIONS_NAMED),
  });
}
