import type { Step } from './vocabulary.ts';

/** Prefixed UUIDv7: sortable by time, recognisable in a log, and never derived from a subject. */
const PREFIXES = {
  request: 'req',
  hold: 'hold',
  suppression: 'sup',
  member: 'mem',
  token: 'tok',
  link: 'link',
  webhook: 'wh',
  delivery: 'evt',
} as const;

export function newId(kind: keyof typeof PREFIXES, now: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setBigUint64(
    0,
    (BigInt(now) << 16n) | 0x7000n | BigInt((((bytes[6] ?? 0) & 0x0f) << 8) | (bytes[7] ?? 0)),
  );
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return `${PREFIXES[kind]}_${Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')}`;
}

const idOf = (kind: keyof typeof PREFIXES): RegExp => new RegExp(`^${PREFIXES[kind]}_[0-9a-f]{32}$`);
export const REQUEST_ID = idOf('request');
export const HOLD_ID = idOf('hold');
export const MEMBER_ID = idOf('member');
export const TOKEN_ID = idOf('token');
export const LINK_ID = idOf('link');
export const WEBHOOK_ID = idOf('webhook');
export const DELIVERY_ID = idOf('delivery');
/** Any of them, wherever it stands. */
export const OUR_ID = new RegExp(String.raw`\b(?:${Object.values(PREFIXES).join('|')})_[0-9a-f]{32}\b`);

/** The Temporal workflow that runs a request; one per request, for ever. */
export const workflowIdFor = (requestId: string): string => `dsr-${requestId}`;

/** The child workflow that deletes one claimed batch in one system, or collects one epoch of an export from it. */
export const childWorkflowIdFor = (requestId: string, system: string, batch: number): string =>
  `${workflowIdFor(requestId)}/${system}/${batch}`;

/** The workflow that delivers the notifications of one channel (`mail`, or a webhook's id) of a project. */
export const notificationWorkflowIdFor = (project: string, channel: string): string => `notify-${project}/${channel}`;

/** What names a piece of a request's work, in workflows, activities and the ledger alike. Never an identity. */
export interface RequestKey {
  readonly requestId: string;
}

/** One system's part of one request. */
export interface SystemKey extends RequestKey {
  readonly project: string;
  readonly system: string;
}

/** One claimed batch in one system. */
export interface BatchKey extends SystemKey {
  readonly batch: number;
}

/** One system in one epoch of an export. */
export interface CollectionKey extends SystemKey {
  readonly epoch: number;
}

/** The step that needs an operator; `batch` 0: the step does not belong to one batch. */
export interface AttentionKey extends BatchKey {
  readonly step: Step;
}

/** At which timestamp of the workflow's clock an activity works (epoch milliseconds). */
export interface AsOf {
  readonly asOf: number;
}
