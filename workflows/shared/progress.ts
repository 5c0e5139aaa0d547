import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import type { View } from '../../domain/request-state.ts';
import type { RequestKind } from '../../domain/vocabulary.ts';
import { progressQuery, type RequestProgress, searchAttributes } from './messages.ts';

type Shown = Pick<View, 'status' | 'subjects' | 'held' | 'attention' | 'work' | 'confirmation'>;

/** What callers and operators see of a request while it runs: counts, codes and instants, never an identity. */
export function showProgress(
  facts: { readonly project: string; readonly dueAt: number },
  kind: RequestKind,
): (view: Shown, waitingFor: string | null) => void {
  let shown: RequestProgress = {
    status: 'received',
    waitingFor: null,
    subjects: 0,
    held: 0,
    attention: [],
    batches: [],
  };
  let indexed = '';
  setHandler(progressQuery, () => shown);
  return (view, waitingFor) => {
    shown = {
      status: view.status,
      waitingFor,
      subjects: view.subjects,
      held: view.held,
      attention: view.attention,
      batches: view.work,
    };
    const needsAttention = view.attention.length > 0;
    const index = `${view.status}/${needsAttention}/${view.subjects}`;
    if (index !== indexed) {
      indexed = index;
      upsertSearchAttributes([
        { key: searchAttributes.kind, value: kind },
        { key: searchAttributes.project, value: facts.project },
        { key: searchAttributes.dueAt, value: new Date(facts.dueAt) },
        { key: searchAttributes.status, value: view.status },
        { key: searchAttributes.subjects, value: view.subjects },
        { key: searchAttributes.needsAttention, value: needsAttention },
      ]);
    }
    setCurrentDetails(details(shown, view.confirmation));
  };
}

function details(
  { status, waitingFor, subjects, held, attention, batches }: RequestProgress,
  confirmation: Shown['confirmation'],
): string {
  const rows = [
    ['Status', status],
    ['Waits for', waitingFor ?? '–'],
    ['Subjects', String(subjects)],
    ['Held', String(held)],
    ...(confirmation === undefined ? [] : [['To be confirmed', `${confirmation.subjects} subjects`]]),
    ...batches.map(({ processor, batch }) => [`Batch ${batch}`, `in ${processor}`]),
    ...attention.map(({ processor, code }) => ['**Needs attention**', `${processor}: \`${code}\``]),
  ];
  return ['| | |', '|---|---|', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n');
}
