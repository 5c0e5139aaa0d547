import type { DeletionState, ExportState } from '../../domain/request-state.ts';
import type { WaitReason } from '../../domain/vocabulary.ts';
import { countOf, utcText } from '../../domain/wording/format.ts';

// Describes what a request waits for, to callers and operators. The texts contain counts, names of systems and
// timestamps, never an identity.

/** Steps above this number are counted, not named. */
const MAX_NAMED_STEPS = 3;
const SEPARATOR = ' · ';
const subjectsOf = (count: number): string => countOf(count, 'subject');

/** `leftForNextRun`: subjects that the quota of the latest run did not cover. */
export const describeDeletionWait = (
  state: DeletionState,
  runningSteps: readonly string[],
  leftForNextRun: number,
): string =>
  joinWaits([
    describeSteps(runningSteps),
    describeConfirmation(state.confirmation),
    describeNextClaim(state, leftForNextRun),
    state.awaitingBackup === undefined ? null : `Archive that is not ready yet (${subjectsOf(state.awaitingBackup)})`,
    state.held === 0 ? null : `Release of a legal hold (${subjectsOf(state.held)})`,
    state.attached === 0 ? null : `Another request that owns ${subjectsOf(state.attached)}`,
    ...describeSystemWaits(state),
    describeOperatorAction(state),
  ]);

export const describeExportWait = (state: ExportState, runningSteps: readonly string[]): string =>
  joinWaits([
    describeSteps(runningSteps),
    state.expiresAt === null
      ? null
      : `Expiry of the archive at ${utcText(state.expiresAt)}; can be downloaded until then`,
    ...describeSystemWaits(state),
    describeOperatorAction(state),
  ]);

const joinWaits = (waits: readonly (string | null)[]): string =>
  waits.filter((wait) => wait !== null).join(SEPARATOR) || 'A change of the request';

function describeSteps(running: readonly string[]): string | null {
  if (running.length === 0) return null;
  const others = running.length - MAX_NAMED_STEPS;
  return `Steps in progress: ${running.slice(0, MAX_NAMED_STEPS).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}

function describeConfirmation(confirmation: DeletionState['confirmation']): string | null {
  if (confirmation === undefined || confirmation.until === null) return null;
  const { needsAnotherOwner, until, subjects } = confirmation;
  const by = needsAnotherOwner ? 'another owner' : 'a member';
  return `Confirmation by ${by} until ${utcText(until)}; unconfirmed, ${subjectsOf(subjects)} will be cancelled`;
}

function describeNextClaim(
  { nextClaimAt, inGracePeriod }: Pick<DeletionState, 'nextClaimAt' | 'inGracePeriod'>,
  leftForNextRun: number,
): string | null {
  if (nextClaimAt === null) return null;
  const at = utcText(nextClaimAt);
  if (leftForNextRun > 0)
    return `Quota: next run at ${at} for ${subjectsOf(leftForNextRun)}; can be cancelled until then`;
  return `${inGracePeriod ? 'Grace period until' : 'Next run at'} ${at}; can be cancelled until then`;
}

const describeSystemWaits = ({ waits = [] }: Pick<DeletionState, 'waits'>): readonly string[] =>
  waits.map(({ system, reason, until }) => WAIT_TEXTS[reason](system, until));

const WAIT_TEXTS: Readonly<Record<WaitReason, (system: string, until: number | null) => string>> = {
  rate_limit: (system, until) =>
    `Rate limit of ${system}, which is used up${until === null ? '' : ` until ${utcText(until)}`}`,
  task: (system, until) => `Task of a person in ${system}${until === null ? '' : `, due at ${utcText(until)}`}`,
  paused: (system) => `System ${system}, which an operator has paused`,
  system_unavailable: (system) => `System ${system}, which does not answer`,
  storage_unavailable: () => 'Archive storage, which does not answer',
  system_refused: (system) => `System ${system}, which refuses every call`,
  coverage_broken: (system) => `System ${system}, whose data map does not match its schema`,
};

function describeOperatorAction({ attention, retryAt }: Pick<DeletionState, 'attention' | 'retryAt'>): string | null {
  if (attention.length === 0) return null;
  return `Operator action, see attention${retryAt === null ? '' : `; next automatic retry at ${utcText(retryAt)}`}`;
}
