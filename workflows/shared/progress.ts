import { setCurrentDetails, setHandler, upsertSearchAttributes } from '@temporalio/workflow';
import { REMEDIES } from '../../domain/wording/remedies.ts';
import type { DeletionState } from '../../domain/request-state.ts';
import type { RequestKind } from '../../domain/vocabulary.ts';
import { countOf, describeObstacle, utcText } from '../../domain/wording/format.ts';
import { progressQuery, type RequestProgress, searchAttributes } from './messages.ts';

type PublishedState = Pick<
  DeletionState,
  'status' | 'subjects' | 'held' | 'attention' | 'openBatches' | 'confirmation'
>;

interface Published {
  readonly kind: RequestKind;
  readonly dueAt: number;
  readonly progress: RequestProgress;
  readonly confirmation: PublishedState['confirmation'];
}

const PROGRESS_DESCRIPTION = 'Returns status, what the request waits for, counts, open batches and attention codes.';

/** Returns a function that publishes the progress for callers and operators: counts, codes and timestamps, never an identity. */
export function publishProgress(
  { project, dueAt }: { readonly project: string; readonly dueAt: number },
  kind: RequestKind,
): (state: PublishedState, waitingFor: string | null) => void {
  let progress: RequestProgress = {
    status: 'received',
    waitingFor: null,
    subjects: 0,
    held: 0,
    attention: [],
    batches: [],
  };
  // A start sets the search attributes to these values.
  let indexed = indexOf(progress);
  setHandler(progressQuery, () => progress, { description: PROGRESS_DESCRIPTION });
  return (state, waitingFor) => {
    const { status, subjects, held, attention, openBatches, confirmation } = state;
    progress = { status, waitingFor, subjects, held, attention, batches: openBatches };
    const needsAttention = attention.length > 0;
    const index = indexOf(progress);
    if (index !== indexed) {
      indexed = index;
      upsertSearchAttributes([
        { key: searchAttributes.kind, value: kind },
        { key: searchAttributes.project, value: project },
        { key: searchAttributes.dueAt, value: new Date(dueAt) },
        { key: searchAttributes.status, value: status },
        { key: searchAttributes.subjects, value: subjects },
        { key: searchAttributes.needsAttention, value: needsAttention },
      ]);
    }
    setCurrentDetails(describeProgress({ kind, dueAt, progress, confirmation }));
  };
}

const indexOf = ({ status, attention, subjects }: RequestProgress): string =>
  `${status}/${attention.length > 0}/${subjects}`;

/** A list in Markdown: Temporal's UI shows tables without space between their columns. */
export function describeProgress({ kind, dueAt, progress, confirmation }: Published): string {
  const { status, waitingFor, subjects, held, attention, batches } = progress;
  const rows = [
    ['Status', `\`${status}\``],
    ['Waits for', waitingFor ?? 'Nothing: the request has ended'],
    ['Due', utcText(dueAt)],
    ['Subjects', subjects.toLocaleString('en-US')],
    ...(held === 0 ? [] : [['Under legal hold', countOf(held, 'subject')]]),
    ...(confirmation === undefined ? [] : [['To be confirmed', countOf(confirmation.subjects, 'subject')]]),
    ...batches.map((batch) =>
      kind === 'deletion'
        ? [`Batch ${batch.batch}`, `${countOf(batch.subjects, 'subject')} in ${batch.system}`]
        : ['To be collected', `${batch.system} (epoch ${batch.batch})`],
    ),
    ...attention.map(({ system, code, blocked = [] }) => [
      'Needs attention',
      [`${system}: \`${code}\`.`, ...blocked.map(describeObstacle), REMEDIES[code]].join(' '),
    ]),
  ];
  return rows.map(([name, text]) => `- **${name}**: ${text}`).join('\n');
}
