import { openManual } from '../../../connectors/manual/index.ts';
import type { ManualSettings } from '../../../connectors/manual/settings.ts';
import { recordAttempt, startAttempt } from '../../../db/deletion/attempts.ts';
import { nextStep, readBatchWork, recordVerification } from '../../../db/deletion/batches.ts';
import { keepTicket, readRangeLog, recordRange } from '../../../db/deletion/ranges.ts';
import { claimedIdentities } from '../../../db/subjects/identities.ts';
import { answerTask, type TaskAnswer } from '../../../db/tasks/answer.ts';
import { listTasks } from '../../../db/tasks/list.ts';
import { ledgerTasks } from '../../../db/tasks/open.ts';
import type { Tasks } from '../../../domain/tasks/task.ts';
import { testContext } from '../../connectors/calls.ts';
import { after, type Ledger, POLICY, PROJECT } from '../../support/ledger.ts';
import { deleteIn, givenClaimed, verifyIn as verifyApp } from '../blocked/blocking.ts';

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

let number = 0;

/** A claimed deletion of `canary-…` subjects of its own, which `app` has deleted already. */
export async function givenTaskIn(world: Ledger, count = 3): Promise<string> {
  const requestId = await givenClaimed(world, canaries(count), ['app', 'partner']);
  await deleteIn(world, requestId);
  await verifyApp(world, requestId);
  return requestId;
}

/** Names of subjects that no other test has. */
export function canaries(count: number): readonly string[] {
  number += 1;
  return Array.from({ length: count }, (_, index) => latestCanary(index + 1));
}
export const latestCanary = (seq: number): string => `canary-${number}-${seq}`;

/** The audit events about tasks: action, actor and number of subjects. */
export async function auditOf({ sql }: Ledger, requestId: string) {
  const rows = await sql<{ action: string; actor: string; detail: Record<string, unknown> }[]>`
    SELECT action, actor, detail FROM lethe.audit_events WHERE request_id = ${requestId} AND action LIKE 'task.%' ORDER BY id`;
  return rows.map(({ action, actor, detail }) => [action, actor, detail['subjects']]);
}

export const rangesOf = ({ sql }: Ledger, requestId: string) =>
  sql<{ firstSeq: number; lastSeq: number; requested: number }[]>`
    SELECT first_seq, last_seq, (tables -> 0 ->> 'requested')::int AS requested FROM lethe.system_ranges
    WHERE request_id = ${requestId} AND system = 'partner' ORDER BY first_seq`;

/** Whether the batch does not wait any more. */
export async function isDueNow({ database }: Ledger, requestId: string, at: Date): Promise<boolean> {
  const next = nextStep(await readBatchWork(database, keyOf(requestId)), at.getTime(), 0);
  return next.step !== 'ended' && next.at === at.getTime();
}
