import { openManual } from '../../../connectors/manual/index.ts';
import type { ManualSettings } from '../../../connectors/manual/settings.ts';
import { recordAttempt, startAttempt } from '../../../db/deletion/attempts.ts';
import { readBatchWork, recordVerification } from '../../../db/deletion/batches.ts';
import { keepTicket, readRangeLog, recordRange } from '../../../db/deletion/ranges.ts';
import { claimedIdentities } from '../../../db/subjects/identities.ts';
import { answerTask, type TaskAnswer } from '../../../db/tasks/answer.ts';
import { listTasks } from '../../../db/tasks/list.ts';
import { ledgerTasks } from '../../../db/tasks/open.ts';
import type { Tasks } from '../../../domain/tasks/task.ts';
import { testContext } from '../../connectors/calls.ts';
import { after, type Ledger, POLICY, PROJECT } from '../../support/ledger.ts';

/** The system `partner`, in which a person deletes. */
export const SETTINGS: ManualSettings = {
  erase: 'Delete {subjects} in {system} for {request} until {due}.',
  kinds: { user: { identities: { user_id: {} } } },
  within: '5 days',
};
const NAME = { project: PROJECT, system: 'partner' };
export const keyOf = (requestId: string) => ({ ...NAME, requestId, batch: 1 });

export interface Attempted {
  readonly settings?: Partial<ManualSettings>;
  /** Replaces functions of the ledger, for example to fail as if the worker were killed. */
  readonly tasks?: Partial<Tasks>;
  readonly keepTicket?: () => Promise<void>;
}

/** Makes one attempt to delete the batch, as the activity does, and returns the next step. */
export async function attemptIn(
  { database }: Ledger,
  requestId: string,
  at: Date,
  { settings, tasks, keepTicket: keep }: Attempted = {},
) {
  const key = keyOf(requestId);
  const attempt = `attempt at ${at.toISOString()}`;
  const started = await startAttempt(database, key, attempt);
  if (started === null) throw new Error('nothing to delete');
  const { pass, except } = started;
  const work = await readBatchWork(database, key);
  const log = await readRangeLog(database, key, pass);
  const connector = openManual(
    { ...SETTINGS, ...settings },
    { system: 'demo/partner', secret: () => '', tasks: { ...ledgerTasks(database, NAME), ...tasks } },
  );
  const batch = {
    requestId,
    kind: work.kind,
    batch: 'b1',
    except,
    firstSeq: work.firstSeq,
    lastSeq: work.lastSeq,
    size: work.size,
    identities: () => claimedIdentities(database, work, except),
    async *foreignIds() {},
  };
  const deletion = {
    ...log,
    scope: work.scope,
    pass,
    suppress: false,
    at,
    keepTicket: keep ?? ((range, ticket) => keepTicket(database, key, { range, ticket, pass, keptAt: at })),
    idempotencyKey: () => '',
    onRangeFinished: (range) => recordRange(database, key, pass, range),
  } satisfies Parameters<typeof connector.hardDelete>[1];
  const result = await connector.hardDelete(batch, deletion, testContext());
  const recorded = 'done' in result ? { blocked: result.blocked ?? [], attestedAt: result.attestedAt } : result;
  return recordAttempt(database, key, { attempt, pass, at }, recorded);
}

/** Records the statement of the person, as the activity that verifies does. */
export async function verifyIn({ database }: Ledger, requestId: string) {
  const { attestedAt } = await readBatchWork(database, keyOf(requestId));
  const result = { attestedAt: attestedAt?.getTime() ?? 0, by: 'person' } as const;
  return recordVerification(database, keyOf(requestId), result, {
    now: after(48).getTime(),
    settleMs: POLICY.settleMs,
  });
}

export const answer = (
  { database }: Ledger,
  id: string,
  given: TaskAnswer['answer'],
  { actor = 'mem_1', at = after(30) }: { actor?: string; at?: Date } = {},
) => answerTask(database, { project: PROJECT, id, answer: given, actor, at });

export const tasksOf = ({ database }: Ledger, requestId: string) =>
  listTasks(database, { project: PROJECT, filter: { requestId }, after: null, limit: 100, at: after(24) });

/** The only task of a request. */
export async function taskOf(world: Ledger, requestId: string) {
  const [task, ...others] = await tasksOf(world, requestId);
  if (task === undefined || others.length > 0)
    throw new Error(`expected one task, found ${others.length + Number(task !== undefined)}`);
  return task;
}
