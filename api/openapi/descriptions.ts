import type {
  AttentionCode,
  Expedite,
  LinkState,
  OutageCode,
  Outcome,
  Scope,
  Status,
  Step,
  SubjectState,
  SystemState,
  WaitReason,
  WorkState,
} from '../../domain/vocabulary.ts';

/** A Markdown list with one line per value of an enumeration. */
export const valuesDescription = (introduction: string, values: Readonly<Record<string, string>>): string =>
  [introduction, '', ...Object.entries(values).map(([value, meaning]) => `- \`${value}\`: ${meaning}`)].join('\n');

const STATUS_MEANINGS: Readonly<Record<Status, string>> = {
  received: 'stored; the workflow has not started yet.',
  resolving: 'Lethe finds the subjects of the submitted identities.',
  awaiting_confirmation: 'deletion with `confirm`: counted, nothing is hidden yet.',
  grace: 'deletion: the subjects wait for the run that claims them.',
  deleting: 'deletion: claimed subjects are being hard-deleted.',
  verifying: 'deletion: Lethe verifies that the data is gone, and verifies again after the settle period.',
  completed: 'deletion, final: deleted and verified in every system that can be read.',
  not_found: 'final: every system was searched, and none knows any of the subjects.',
  partially_completed: 'deletion, final: completed except in systems that an operator skipped.',
  cancelled: 'final: every subject was cancelled.',
  failed: 'final: `failure` names the cause.',
  collecting: 'export: every system is being read.',
  packaging: 'export: the archive is being written.',
  ready: 'export: the archive can be downloaded.',
  expired: 'export, final: the archive key is destroyed.',
};
export const STATUS_DESCRIPTION = valuesDescription('Status of the request.', STATUS_MEANINGS);

const OUTCOME_MEANINGS: Readonly<Record<Outcome, string>> = {
  matched: 'the identity belongs to at least one subject.',
  invalid:
    'the value cannot be an identity of its type, belongs to several subjects, or has blanks around it with which no system knows it; `reason` says which.',
  not_found: 'every system was searched, and none knows the identity.',
  duplicate: 'an earlier position names the same subjects; see `duplicateOf`.',
  attached: 'another open deletion owns the subject; this request shares its outcome.',
  already_deleted: 'an earlier deletion deleted the subject.',
  unknown: 'the directory does not know the identity, and not every system has been searched for it yet.',
  soft_deleted: 'the subject is hidden and waits for the claim, or is being hard-deleted.',
  held: 'the subject is hidden, and a legal hold blocks the hard deletion.',
  cancelled: 'the subject is cancelled and restored.',
  deleted: 'the subject is deleted in every system, except for its `retained` rows and its `anonymised` own row.',
  partially_deleted: 'the subject is deleted, except in a system that an operator skipped.',
  exported: 'the data of the subject is in the archive.',
  left_out: 'the archive does not contain the subject, because a deletion claimed it.',
};
export const OUTCOME_DESCRIPTION = valuesDescription(
  'Outcome of the submitted identity. Null until it is resolved.',
  OUTCOME_MEANINGS,
);

export const STATE_DESCRIPTIONS: Readonly<Record<SubjectState, string>> = {
  proposed: 'Counted subjects that wait for the confirmation.',
  resolved: 'Subjects that are found and not hidden yet.',
  soft_deleted: 'Hidden subjects that wait for the claim.',
  claimed: 'Subjects that are being hard-deleted. They cannot be cancelled.',
  deleted: 'Subjects whose deletion has ended.',
  partially_deleted: 'Subjects that are deleted except in a system that an operator skipped.',
  cancelling: 'Cancelled subjects that are being restored.',
  cancelled: 'Cancelled subjects that are restored.',
  attached: 'Subjects that another open deletion owns.',
  not_found: 'Subjects that no system knows.',
  scheduled: 'Part deletion: subjects that wait for the claim. They are not hidden.',
  selected: 'Export: subjects that belong in the archive.',
  exported: 'Export: subjects that are in the archive.',
  left_out: 'Export: subjects that a deletion claimed.',
};

const SCOPE_MEANINGS: Readonly<Record<Scope, string>> = {
  data: 'the whole subject.',
  categories: 'the values of all columns except keys (deletion), or which columns hold a value (export).',
  sources: 'the columns that record how personal data was collected.',
};
export const SCOPE_DESCRIPTION = valuesDescription('Part of the data that the request covers.', SCOPE_MEANINGS);

const EXPEDITE_MEANINGS: Readonly<Record<Expedite, string>> = {
  next_run: 'claim at the next run.',
  now: 'claim immediately, without waiting for a run.',
};
export const EXPEDITE_DESCRIPTION = valuesDescription(
  'When subjects are claimed, instead of after the grace period.',
  EXPEDITE_MEANINGS,
);

const STEP_MEANINGS: Readonly<Record<Step, string>> = {
  resolve: 'find the subjects.',
  inspect: 'check the system and its data map before the claim.',
  visibility: 'hide or restore subjects.',
  delete: 'hard-delete a batch.',
  verify: 'verify a batch.',
  suppress: 'place the suppressions of a deletion.',
  conclude: 'remove what the connector stored for the request.',
  collect: 'read the data of an export.',
  package: 'write the archive.',
  backup: 'make the export that precedes the deletion.',
};
export const STEP_DESCRIPTION = valuesDescription('Step that needs an operator.', STEP_MEANINGS);

const ATTENTION_MEANINGS: Readonly<Record<AttentionCode, string>> = {
  system_unavailable: 'the system cannot be reached.',
  system_refused: 'the system rejects the call.',
  system_missing: 'lethe.config.ts no longer contains the system.',
  coverage_broken: 'the data map does not cover the schema of the system.',
  resolution_grew: 'far more subjects match than when the request was resolved.',
  survivors_remain: 'verification still finds rows after repeated deletion.',
  verification_unknown: 'the system cannot be read for verification.',
  blocked_by_other_rows:
    'some subjects cannot be deleted: a constraint or a trigger prevents it, such as a reference from rows outside the data map, an object is locked, or a person says that it is not possible. The others are deleted.',
  storage_unavailable: 'the archive storage cannot be reached.',
  backup_failing: 'the export that precedes the deletion needs an operator.',
  backup_missing: 'the export that precedes the deletion ended without an archive.',
};
const OUTAGE_MEANINGS: Readonly<Record<OutageCode, string>> = {
  system_unavailable: 'it does not answer.',
  storage_unavailable: 'the archive storage does not answer.',
  system_refused: 'it rejects every call.',
  coverage_broken: 'the data map does not cover its schema.',
};
export const OUTAGE_DESCRIPTION = valuesDescription('Why every call of the system fails.', OUTAGE_MEANINGS);

const SYSTEM_STATE_MEANINGS: Readonly<Record<SystemState, string>> = {
  available: 'steps call the system.',
  unavailable: 'the system does not answer. Lethe probes it and continues by itself.',
  refusing:
    'the system rejects every call. Lethe probes it at most once an hour, and at once after `resume` or `retry`.',
  paused: 'an operator has paused the system.',
};
export const SYSTEM_STATE_DESCRIPTION = valuesDescription('Whether steps call the system.', SYSTEM_STATE_MEANINGS);

const WAIT_MEANINGS: Readonly<Record<WaitReason, string>> = {
  rate_limit: 'its rate limit is used up until `until`.',
  task: 'a person has to delete there. `until` is when the task is due.',
  paused: 'an operator has paused it.',
  ...OUTAGE_MEANINGS,
};
export const WAIT_DESCRIPTION = valuesDescription('What the request waits for.', WAIT_MEANINGS);

export const ATTENTION_DESCRIPTION = valuesDescription('Why an operator is needed.', ATTENTION_MEANINGS);

const WORK_MEANINGS: Readonly<Record<WorkState, string>> = {
  pending: 'the deletion has not started.',
  deleting: 'the batch is being hard-deleted.',
  verifying: 'the batch is being verified.',
  verified: 'the system was read again and holds no rows of the subjects.',
  attested: 'the system reports the deletion; Lethe cannot verify it by reading.',
  unverified: 'the system reports nothing.',
  attention: 'the system needs an operator.',
  skipped: 'an operator skipped the system.',
};
export const WORK_DESCRIPTION = valuesDescription('State of the batch in the system.', WORK_MEANINGS);

const LINK_MEANINGS: Readonly<Record<LinkState, string>> = {
  open: 'the link can be used.',
  downloading: 'a download is running.',
  used: 'the download was completed.',
  revoked: 'a member revoked the link.',
  expired: 'the link or its archive has expired.',
};
export const LINK_DESCRIPTION = valuesDescription('State of the link.', LINK_MEANINGS);
