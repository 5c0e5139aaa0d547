import type { AttentionCode } from '../vocabulary.ts';

/** What an operator can do, per code: for the API's `remedy` and for Temporal's UI. docs/operations.md explains each in detail. */
export const REMEDIES: Readonly<Record<AttentionCode, string>> = {
  system_unavailable: 'Make the system reachable. Lethe retries automatically; retry does so immediately.',
  system_refused: 'Restore the permissions or settings that the system requires, then retry.',
  system_missing: 'Restore the system in lethe.config.ts and retry, or skip it.',
  coverage_broken: 'Run `npm run check`, map or ignore the tables that it lists, then retry.',
  resolution_grew:
    'Far more subjects match than when the request was resolved. Cancel those that should not be deleted, or accept all of them with retry.',
  survivors_remain: 'Find and stop the process that writes these rows again, then retry.',
  verification_unknown: 'Make the system readable, then retry. Lethe does not treat an unreadable system as empty.',
  blocked_by_other_rows:
    'Map or remove the rows that prevent the deletion of these subjects and retry, or cancel their positions.',
  storage_unavailable: 'Make the archive storage reachable. Lethe retries automatically; retry does so immediately.',
  backup_failing: 'Resolve the attention of the export in `backups`. The deletion continues when its archive is ready.',
  backup_missing: 'The export that precedes the deletion ended without an archive. Retry starts a new one.',
};
