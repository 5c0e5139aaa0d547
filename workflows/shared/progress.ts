import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { DeletionState } from '../../domain/request-state.ts';
import type { RequestKind } from '../../domain/vocabulary.ts';
import { progressQuery, type RequestProgress, searchAttributes } from './messages.ts';

type Published = Pick<DeletionState, 'status' | 'subjects' | 'held' | 'attention' | 'openBatches' | 'confirmation'>;

/**
 * Returns what sets the progress that callers and operators see while the request runs: counts, codes and timestamps, never
 * an identity.
 */
export function publishProgress(
  facts: { readonly project: string; readonly dueAt: number },
  kind: RequestKind,
): (state: Published, waitingFor: string | null) => void {
  let progress: RequestProgress = {
    status: 'received',
    waitingFor: null,
    subjects: 0,
    held: 0,
    attention: [],
    batches: [],
  };
  let indexed = '';
  setHandler(progressQuery, () => progress);
  return (state, waitingFor) => {
    progress = {
      status: state.status,
      waitingFor,
      subjects: state.subjects,
      held: state.held,
      attention: state.attention,
      batches: state.openBatches,
    };
    const needsAttention = state.attention.length > 0;
    const index = `${state.status}/${needsAttention}/${state.subjects}`;
    if (index !== indexed) {
      indexed = index;
      upsertSearchAttributes([
        { key: searchAttributes.kind, value: kind },
        { key: searchAttributes.project, value: facts.project },
        { key: searchAttributes.dueAt, value: new Date(facts.dueAt) },
        { key: searchAttributes.status, value: state.status },
        { key: searchAttributes.subjects, value: state.subjects },
        { key: searchAttributes.needsAttention, value: needsAttention },
      ]);
    }
    setCurrentDetails(describe(progress, state.confirmation));
  };
}

function describe(
  { status, waitingFor, subjects, held, attention, batches }: RequestProgress,
  confirmation: Published['confirmation'],
): string {
  const rows = [
    ['Status', status],
    ['Waits for', waitingFor ?? '–'],
    ['Subjects', String(subjects)],
    ['Held', String(held)],
    ...(confirmation === undefined ? [] : [['To be confirmed', `${confirmation.subjects} subjects`]]),
    ...batches.map(({ system, batch }) => [`Batch ${batch}`, `in ${system}`]),
    ...attention.map(({ system, code }) => ['**Needs attention**', `${system}: \`${code}\``]),
  ];
  return ['| | |', '|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}
