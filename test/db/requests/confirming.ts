import { confirmRequest } from '../../../db/requests/confirm.ts';
import { withProjectLock } from '../../../db/project-lock.ts';
import type { Project } from '../../../domain/catalog.ts';
import { APP, type Ledger, POLICY, PROJECT, START } from '../../support/ledger.ts';

export const PROJECT_ENTRY: Project = { name: PROJECT, policy: POLICY, directory: 'app', systems: [APP] };

/** Confirms a request. By default the member is an owner other than the submitter. */
export const confirm = (
  { database }: Ledger,
  requestId: string,
  expectedCount: number,
  changes: Partial<Parameters<typeof confirmRequest>[2]> = {},
) =>
  withProjectLock(database, PROJECT, (tx) =>
    confirmRequest(tx, PROJECT_ENTRY, {
      requestId,
      expectedCount,
      acceptUnmatched: false,
      by: { memberId: 'mem_other', role: 'owner' },
      at: START,
      ...changes,
    }),
  );
