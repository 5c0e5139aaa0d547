import type { RequestKind } from '../vocabulary.ts';

/** A committed change of a request, or of what a project keeps. One line of the log. */
export interface BusinessEvent {
  /** `noun.past_verb`, as in the audit log. */
  readonly action: string;
  readonly project: string;
  /** Null for events that do not belong to one request. */
  readonly requestId: string | null;
  readonly kind: RequestKind | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

interface EventLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Counts, ids, closed codes and names of the configuration. Other details, such as a reason, may contain free text. */
const LOGGED: readonly string[] = [
  'system',
  'step',
  'batch',
  'pass',
  'state',
  'code',
  'count',
  'submitted',
  'subjects',
  'added',
  'removed',
  'unresolved',
  'blocked',
  'survivors',
  'leftForNextRun',
  'rows',
  'bytes',
  'epoch',
  'identities',
  'batches',
  'hold',
  'suppression',
  'attached',
  'tooLate',
  'leftOut',
  'requests',
  'link',
  'links',
  'webhook',
  'task',
  'delivery',
  'deliveries',
  'member',
  'role',
  'token',
  'tokens',
  'export',
  'deletion',
];

/** The texts that are not the words of the action. */
const TEXTS: Readonly<Record<string, string>> = {
  'request.received': 'request accepted',
  'subjects.soft_deleted': 'subjects hidden',
  'request.completed': 'request concluded',
  'request.partially_completed': 'request concluded',
  'request.not_found': 'request concluded',
  'request.cancelled': 'request concluded',
  'request.failed': 'request concluded',
  'export.expired': 'request concluded',
  'export.not_found': 'request concluded',
  'export.cancelled': 'request concluded',
  'export.failed': 'request concluded',
};

/** Logs an event with a fixed text, without free text. The key is `request`: `requestId` is a call to the API. */
export function logEvent(log: EventLog, { action, project, requestId, kind, detail }: BusinessEvent): void {
  const logged = Object.entries(detail).filter(([name, value]) => LOGGED.includes(name) && value !== null);
  const request = requestId === null ? {} : { request: requestId };
  const fields = { event: action, project, ...request, ...(kind === null ? {} : { kind }) };
  log.info({ ...fields, ...Object.fromEntries(logged) }, TEXTS[action] ?? action.replaceAll(/[._]/g, ' '));
}
