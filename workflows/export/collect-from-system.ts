import { isCancellation } from '@temporalio/workflow';
import type { CollectionKey } from '../../domain/ids.ts';
import { ledger, systemWaitForCancel } from '../shared/proxies.ts';

/**
 * Collects all data that one system holds on the subjects of one epoch. A retry collects everything again, so that the
 * archive shows the system at one point in time. Idempotent: the rows record a finished collection.
 */
export async function collectFromSystem(key: CollectionKey): Promise<void> {
  try {
    await systemWaitForCancel(key.project, key.system).collectData({ ...key, asOf: Date.now() });
  } catch (error) {
    if (isCancellation(error)) throw error;
    await ledger.deferStep({ ...key, asOf: Date.now(), step: 'collect' });
  }
}
