import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import type {
  ArchiveActivities,
  LedgerActivities,
  NotificationActivities,
  SystemActivities,
} from '../../activities/index.ts';
import type { Activities } from '../../activities/middleware.ts';

/** One summary per activity for Temporal's UI: words, system names and numbers, never an identity. */
type Summaries<T extends Activities> = { readonly [Name in keyof T]: (input: Parameters<T[Name]>[0]) => string };

export const LEDGER_SUMMARIES: Summaries<LedgerActivities> = {
  readRequest: () => 'Read the request',
  reconcileDeletion: () => 'Read the rows and determine the next steps',
  reconcileExport: () => 'Read the rows and determine the next steps',
  checkPinnedSystems: () => 'Check that every system of the request is configured',
  claimSubjects: () => 'Claim the due subjects: the point of no return',
  settleUnresolved: () => 'Record which unknown identities have data',
  readNextBatchStep: ({ batch, system }) => `Read the next step of batch ${batch} in ${system}`,
  deferStep: ({ step, system }) => `Raise attention for ${system} and defer the step ${step}`,
  deferBatch: ({ batch, system }) => `Raise attention for ${system} and defer batch ${batch}`,
  startBackup: () => 'Start the export that the deletion waits for',
  cancelUnclaimedSubjects: () => 'Cancel all subjects that are not claimed',
  openSuppressions: () => 'Store the suppressions of the deleted subjects',
  purgeSubjects: () => 'Purge the identities of finished subjects',
  concludeDeletion: () => 'Write the receipt and purge the identities',
  concludeExport: () => 'End the export and purge the identities',
  expireArchive: () => 'Destroy the key of the expired archive',
  readPendingSuppression: () => 'Read which systems lack the suppression',
  markSuppressionPropagated: () => 'Record that every system has the suppression',
  probeSystem: ({ system }) => `Probe ${system}, whose calls fail`,
  recoverStalledWork: () => 'Start missing workflows and repeat lost signals',
};

export const SYSTEM_SUMMARIES: Summaries<SystemActivities> = {
  resolveSubjects: ({ system }) => `Resolve the subjects in ${system}`,
  inspectSystem: ({ system }) => `Inspect permissions and data map of ${system}`,
  applyVisibility: ({ system }) => `Hide and restore subjects in ${system}`,
  searchUnresolved: ({ system }) => `Search ${system} for identities that the directory does not know`,
  countSubjects: ({ system }) => `Count the rows of the subjects in ${system}`,
  cleanUpSystem: ({ system }) => `Remove what ${system} keeps for the request`,
  placeSuppressions: ({ system }) => `Place the suppressions of the deleted subjects in ${system}`,
  purgeSystem: ({ system }) => `Purge the identities of finished subjects in ${system}`,
  applySuppression: ({ system }) => `Place or lift the suppression in ${system}`,
  deleteBatch: ({ batch, system }) => `Delete batch ${batch} from ${system}`,
  verifyBatch: ({ batch, system }) => `Verify that batch ${batch} is deleted from ${system}`,
  collectData: ({ epoch, system }) => `Collect the data in ${system} (epoch ${epoch})`,
};

export const ARCHIVE_SUMMARIES: Summaries<ArchiveActivities> = {
  packageArchive: () => 'Package the collections into one archive',
  removeArchiveObjects: () => 'Remove the archive from the storage',
};

export const NOTIFICATION_SUMMARIES: Summaries<NotificationActivities> = {
  deliverDueNotifications: () => 'Deliver the due notifications',
};

/** Creates a proxy that schedules each activity with its summary. */
export function proxyWithSummaries<T extends Activities>(options: ActivityOptions, summaries: Summaries<T>): T {
  const proxy = proxyActivities(options);
  const activities = Object.entries<(input: never) => string>(summaries).map(([name, summarize]) => [
    name,
    (input: never) => proxy[name]?.executeWithOptions({ summary: summarize(input) }, [input]),
  ]);
  return Object.fromEntries(activities) as T;
}
