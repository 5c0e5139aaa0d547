import { isCancellation } from '@temporalio/workflow';
import type { CollectionKey } from '../../domain/ids.ts';
import { ledger, systemWaitForCancel } from '../shared/proxies.ts';

/**
 * Collects everything that one system holds on the subjects of one epoch. A retry begins anew, so that the archive
 * shows the system at one point in time. The rows say whether it is collected, so it may be started again at any time.
 */
export async function systemExport(key: CollectionKey): Promise<void> {
  try {
    await systemWaitForCancel(key.project, key.system).collect({ ...key, asOf: Date.now() });
  } catch (error) {
    if (isCancellation(error)) throw error;
    await ledger.deferStep({ ...key, asOf: Date.now(), step: 'collect' });
  }
}
