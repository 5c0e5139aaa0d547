import type { AttentionCode } from '../../../domain/vocabulary.ts';

/** What an operator can do, one sentence per code; docs/operations.md has the long form. */
export const REMEDIES: Readonly<Record<AttentionCode, string>> = {
  processor_unavailable: 'Bring the processor back; it is tried again by itself, or at once by retry.',
  processor_refused: 'Give back the rights or settings that the processor refused for, then retry.',
  processor_missing: 'Put the processor back into lethe.config.ts and retry, or skip it.',
  coverage_broken: 'Run `npm run check`, map or ignore what it names, then retry.',
  resolution_grew: 'Far more subjects match than at first: cancel those that are not meant, or accept all by retry.',
  survivors_remain: 'Find out what writes these rows again, stop it, then retry.',
  verification_unknown: 'Make the processor readable again, then retry; unknown is never taken as empty.',
  blocked_by_other_rows: 'Rows outside the data map refer to these: map or remove them, then retry.',
  storage_unavailable: 'Bring the storage of the archives back; it is tried again by itself, or at once by retry.',
  backup_failing: 'Look at the export that is made first (`backups`): once it is ready, the deletion goes on.',
  backup_missing: 'The export that was to be made first has ended without an archive: retry makes another one.',
};
