import type { Step } from './vocabulary.ts';

const PREFIXES = {
  request: 'req',
  hold: 'hold',
  suppression: 'sup',
  member: 'mem',
  token: 'tok',
  link: 'link',
  webhook: 'wh',
  delivery: 'evt',
  task: 'task',
} as const;

/** Creates a prefixed UUIDv7: sortable by time, recognizable in a log, and never derived from a subject. */
export function newId(kind: keyof typeof PREFIXES, now: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(
    0,
    (BigInt(now) << 16n) | 0x7000n | BigInt((((bytes[6] ?? 0) & 0x0f) << 8) | (bytes[7] ?? 0)),
  );
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return `${PREFIXES[kind]}_${Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')}`;
}

/** At least the length of every id. */
export const MAX_ID_LENGTH = 40;
const idPattern = (kind: keyof typeof PREFIXES): RegExp => new RegExp(`^${PREFIXES[kind]}_[0-9a-f]{32}$`);
export const REQUEST_ID = idPattern('request');
export const HOLD_ID = idPattern('hold');
export const SUPPRESSION_ID = idPattern('suppression');
export const MEMBER_ID = idPattern('member');
export const TOKEN_ID = idPattern('token');
export const LINK_ID = idPattern('link');
export const WEBHOOK_ID = idPattern('webhook');
export const DELIVERY_ID = idPattern('delivery');
export const TASK_ID = idPattern('task');
/** Matches an id of any kind anywhere in a text. */
export const ANY_ID = new RegExp(String.raw`\b(?:${Object.values(PREFIXES).join('|')})_[0-9a-f]{32}\b`);

/** The id of the Temporal workflow of a request. A request keeps it for its whole lifetime. */
export const workflowIdFor = (requestId: string): string => `dsr-${requestId}`;

/** The id of the child workflow for one claimed batch in one system, or for one epoch of an export in one system. */
export const childWorkflowIdFor = (requestId: string, system: string, batch: number): string =>
  `${workflowIdFor(requestId)}/${system}/${batch}`;

/** The name under which a system keeps its rows, so that systems of two projects can share a database. */
export const qualifiedSystemName = (project: string, system: string): string => `${project}/${system}`;

/** The id of the workflow that delivers the notifications of one channel of a project. */
export const notificationWorkflowIdFor = (project: string, channel: string): string => `notify-${project}/${channel}`;

/** The id of the workflow that probes a system of a project until it answers. */
export const watchWorkflowIdFor = (project: string, system: string): string => `watch-${project}/${system}`;

/** Identifies a request in workflows, activities and the ledger. */
export interface RequestKey {
  readonly requestId: string;
}

/** Identifies the work of one system for one request. */
export interface SystemKey extends RequestKey {
  readonly project: string;
  readonly system: string;
}

/** Identifies one claimed batch in one system. */
export interface BatchKey extends SystemKey {
  readonly batch: number;
}

/** Identifies the collection of one system in one epoch of an export. */
export interface CollectionKey extends SystemKey {
  readonly epoch: number;
}

/** Identifies a step that needs an operator. `batch` is 0 for a step that does not belong to one batch. */
export interface AttentionKey extends BatchKey {
  readonly step: Step;
}

/** The time of the workflow's clock that an activity decides by, in epoch milliseconds (rule 4). */
export interface AsOf {
  readonly asOf: number;
}
