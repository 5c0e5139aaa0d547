import { describe, expect, test } from 'vitest';
import { REMEDIES } from '../../domain/wording/remedies.ts';
import type { DeletionState, ExportState } from '../../domain/request-state.ts';
import { ATTENTION_CODES } from '../../domain/vocabulary.ts';
import { describeObstacle, utcText } from '../../domain/wording/format.ts';
import { describeDeletionWait, describeExportWait } from '../../workflows/shared/describe-wait.ts';
import { describeProgress } from '../../workflows/shared/progress.ts';

/** Temporal refuses longer texts. */
const SUMMARY_BYTES = 400;
const DETAILS_BYTES = 20_000;

const RUN = Date.parse('2026-12-14T02:00:00Z');
const NO_WAIT: DeletionState = {
  status: 'grace',
  concluded: false,
  needsResolution: false,
  cancelled: false,
  unresolved: 0,
  systemsToSync: [],
  claimable: 0,
  openBatches: [],
  canConclude: false,
  subjects: 1_204,
  held: 0,
  attached: 0,
  open: 1_204,
  attention: [],
  retryAt: null,
  nextClaimAt: null,
  inGracePeriod: false,
  nextDueAt: null,
  requestsToSignal: [],
};
const confirmation = { subjects: 2_500, systemsToCount: [], needsAnotherOwner: true, until: RUN };
const attention = [{ system: 'crm', code: 'system_unavailable' }] as const;
const describeWait = (changes: Partial<DeletionState>, running: readonly string[] = [], leftForNextRun = 0) =>
  describeDeletionWait({ ...NO_WAIT, ...changes }, running, leftForNextRun);

describe('What a deletion waits for', () => {
  test('names the end of the grace period and that the request can be cancelled until then', () => {
    expect(describeWait({ nextClaimAt: RUN, inGracePeriod: true })).toBe(
      'Grace period until 2026-12-14 02:00 UTC; can be cancelled until then',
    );
  });

  test('names the next run when the grace period does not decide', () => {
    expect(describeWait({ nextClaimAt: RUN })).toBe('Next run at 2026-12-14 02:00 UTC; can be cancelled until then');
  });

  test('names the quota when the latest run left subjects for the next one', () => {
    expect(describeWait({ nextClaimAt: RUN }, [], 1_250)).toBe(
      'Quota: next run at 2026-12-14 02:00 UTC for 1,250 subjects; can be cancelled until then',
    );
  });

  test.each([
    [true, 'another owner'],
    [false, 'a member'],
  ])('names who can confirm when needsAnotherOwner is %s', (needsAnotherOwner, by) => {
    expect(describeWait({ confirmation: { ...confirmation, needsAnotherOwner } })).toBe(
      `Confirmation by ${by} until 2026-12-14 02:00 UTC; unconfirmed, 2,500 subjects will be cancelled`,
    );
  });

  test('names legal holds, archives and other requests with the number of their subjects', () => {
    expect(describeWait({ held: 1 })).toBe('Release of a legal hold (1 subject)');
    expect(describeWait({ awaitingBackup: 3 })).toBe('Archive that is not ready yet (3 subjects)');
    expect(describeWait({ attached: 2 })).toBe('Another request that owns 2 subjects');
  });

  test('names the systems that no step calls, with the reason of each', () => {
    const waits = [
      { system: 'mail', reason: 'rate_limit', until: RUN },
      { system: 'app', reason: 'paused', until: null },
      { system: 'crm', reason: 'system_refused', until: null },
      { system: 'app', reason: 'storage_unavailable', until: null },
    ] as const;
    expect(describeWait({ waits }).split(' · ')).toEqual([
      'Rate limit of mail, which is used up until 2026-12-14 02:00 UTC',
      'System app, which an operator has paused',
      'System crm, which refuses every call',
      'Archive storage, which does not answer',
    ]);
  });

  test('names the automatic retry when a step needs an operator', () => {
    expect(describeWait({ attention })).toBe('Operator action, see attention');
    expect(describeWait({ attention, retryAt: RUN })).toBe(
      'Operator action, see attention; next automatic retry at 2026-12-14 02:00 UTC',
    );
  });

  test('names three of the steps in progress and counts the others', () => {
    expect(describeWait({}, ['claim', 'batch 1 in app'])).toBe('Steps in progress: claim, batch 1 in app');
    expect(describeWait({}, ['a', 'b', 'c', 'd', 'e'])).toBe('Steps in progress: a, b, c and 2 more');
  });

  test('joins everything that the request waits for', () => {
    expect(describeWait({ nextClaimAt: RUN, held: 2, attention })).toBe(
      'Next run at 2026-12-14 02:00 UTC; can be cancelled until then · Release of a legal hold (2 subjects) · Operator action, see attention',
    );
    expect(describeWait({})).toBe('A change of the request');
  });
});

test('names the expiry of a ready archive', () => {
  const ready: ExportState = {
    status: 'ready',
    concluded: false,
    needsResolution: false,
    unresolved: 0,
    epoch: 1,
    uncollected: [],
    systemsToCollect: [],
    canPackage: false,
    isExpired: false,
    canConclude: false,
    subjects: 1,
    attention: [],
    retryAt: null,
    expiresAt: RUN + 30_000,
    nextDueAt: RUN + 30_000,
    requestsToSignal: [],
  };
  expect(describeExportWait(ready, [])).toBe(
    'Expiry of the archive at 2026-12-14 02:00:30 UTC; can be downloaded until then',
  );
});

test('omits the seconds of a timestamp when they are zero', () => {
  expect([utcText(RUN), utcText(RUN + 6_000)]).toEqual(['2026-12-14 02:00 UTC', '2026-12-14 02:00:06 UTC']);
});

describe('The current details', () => {
  const progress = {
    status: 'deleting',
    waitingFor: 'Steps in progress: batch 1 in app',
    subjects: 1_204,
    held: 1,
    attention,
    batches: [{ system: 'app', batch: 1, subjects: 1_203 }],
  } as const;

  test('shows status, wait, counts, batches, and each attention code with its remedy', () => {
    expect(describeProgress({ kind: 'deletion', dueAt: RUN, progress, confirmation: undefined }).split('\n')).toEqual([
      '- **Status**: `deleting`',
      '- **Waits for**: Steps in progress: batch 1 in app',
      '- **Due**: 2026-12-14 02:00 UTC',
      '- **Subjects**: 1,204',
      '- **Under legal hold**: 1 subject',
      '- **Batch 1**: 1,203 subjects in app',
      `- **Needs attention**: crm: \`system_unavailable\`. ${REMEDIES.system_unavailable}`,
    ]);
  });

  test('shows the systems that an export still collects, and that an ended request waits for nothing', () => {
    const details = describeProgress({
      kind: 'export',
      dueAt: RUN,
      progress: { ...progress, waitingFor: null },
      confirmation,
    });
    expect(details).toContain('- **To be collected**: app (epoch 1)');
    expect(details).toContain('- **To be confirmed**: 2,500 subjects');
    expect(details).toContain('- **Waits for**: Nothing: the request has ended');
  });

  test('stays below the limits of Temporal when every code is raised and many batches are open', () => {
    const batches = Array.from({ length: 50 }, (_, n) => ({ system: `system-${n}`, batch: n, subjects: 1_000_000 }));
    const all = ATTENTION_CODES.map((code) => ({ system: 'app', code }));
    const details = describeProgress({
      kind: 'deletion',
      dueAt: RUN,
      progress: { ...progress, batches, attention: all },
      confirmation,
    });
    expect(Buffer.byteLength(JSON.stringify(details))).toBeLessThan(DETAILS_BYTES);
    const longest = describeWait({ confirmation, nextClaimAt: RUN, held: 9, attached: 9, attention, retryAt: RUN });
    expect(Buffer.byteLength(JSON.stringify(longest))).toBeLessThan(SUMMARY_BYTES);
  });
});

test('has a remedy of one or two sentences for every attention code', () => {
  expect(Object.keys(REMEDIES).toSorted()).toEqual([...ATTENTION_CODES].toSorted());
  for (const remedy of Object.values(REMEDIES)) expect(remedy).toMatch(/^[A-Z][^|\n]*\.$/);
});

test.each([
  [
    { table: 'public.invoice', constraint: 'invoice_fkey', subjects: 1, positions: [2] },
    '1 subject (position 2) is blocked by public.invoice, constraint invoice_fkey.',
  ],
  [
    { table: 'app.users', constraint: null, subjects: 3, positions: [1, 2] },
    '3 subjects (positions 1, 2, …) are blocked by app.users.',
  ],
  [
    { table: null, constraint: null, subjects: 1, positions: [] },
    '1 subject is blocked by an error that the system does not name, such as one of a trigger.',
  ],
])('describes what blocks subjects by names and positions', (blocked, text) => {
  expect(describeObstacle(blocked)).toBe(text);
});
