import { randomBytes } from 'node:crypto';
import type { SubjectKind } from '../../../domain/vocabulary.ts';
import type { Batch, Connector, ConnectorContext, HardDeletion } from '../../../connectors/connector.ts';
import type { FinishedRange, RangeKey } from '../../../domain/batch.ts';
import { type AnyHttpSettings, openHttp } from '../../../connectors/http/index.ts';
import type { Tuning } from '../../../connectors/http/open.ts';

/** Settings for a local server, without functions that do anything. */
export const settingsAt = (at: string, changes: Partial<AnyHttpSettings> = {}): AnyHttpSettings => ({
  at,
  allowPrivate: ['127.0.0.0/8', '::1'],
  version: '1',
  kinds: { user: { identities: { user_id: {} }, batchSize: 2 } },
  completesWithin: '1 day',
  check: async () => {},
  erase: async () => {},
  ...changes,
});

export const SECRETS: Readonly<Record<string, string>> = {
  TOKEN: 'secret-token',
  USER: 'secret-user',
  PASSWORD: 'secret-password',
};

/** Reads `SECRETS`, and otherwise fails as the environment does. */
export function secretOf({ env }: { readonly env: string }): string {
  const value = SECRETS[env];
  if (value === undefined) throw new Error(`${env} is not set`);
  return value;
}

export const openAt = (settings: AnyHttpSettings, tuning: Tuning = {}): Connector =>
  openHttp(settings, { system: 'demo/x', secret: secretOf }, { timeoutMs: 2_000, ...tuning });

/** What the caller of a connector keeps, as the ledger does. */
export interface TestContext extends ConnectorContext {
  readonly slots: (string | undefined)[];
  readonly postponed: { readonly lane: string | undefined; readonly until: Date }[];
  readonly foreignIds: Map<number, readonly string[]>;
  heartbeats: number;
}

export function testContext(signal = new AbortController().signal): TestContext {
  const context: TestContext = {
    signal,
    slots: [],
    postponed: [],
    foreignIds: new Map(),
    heartbeats: 0,
    heartbeat: () => {
      context.heartbeats += 1;
    },
    waitForSlot: async (lane) => {
      context.slots.push(lane);
    },
    postponeLane: async (lane, until) => {
      context.postponed.push({ lane, until });
    },
    keepForeignIds: async (found) => {
      for (const { seq, ids } of found) context.foreignIds.set(seq, ids);
    },
  };
  return context;
}

export interface TestDeletion extends HardDeletion {
  readonly ranges: FinishedRange[];
  readonly tickets: { range: RangeKey; ticket: string; keptAt: Date }[];
}

const keyText = ({ firstSeq, lastSeq, part }: RangeKey): string => `${firstSeq} ${lastSeq} ${part}`;

/** A deletion whose ranges and tickets survive from call to call, as in the ledger. */
export function testDeletion(
  changes: Partial<Pick<HardDeletion, 'scope' | 'pass' | 'suppress' | 'at'>> = {},
): TestDeletion {
  const deletion: TestDeletion = {
    scope: 'data',
    pass: 1,
    suppress: false,
    at: new Date('2026-02-01T02:00:00Z'),
    ranges: [],
    tickets: [],
    isFinished: (key) => deletion.ranges.some((range) => keyText(range) === keyText(key)),
    keepTicket: async (range, ticket) => {
      deletion.tickets.push({ range, ticket, keptAt: deletion.at });
    },
    idempotencyKey: (range, call) => `${deletion.pass} ${keyText(range)} ${call}`.replaceAll(' ', '-'),
    onRangeFinished: async (range) => {
      deletion.ranges.push(range);
    },
    ...changes,
  };
  return deletion;
}

/** A batch of subjects `u-1`, `u-2`, … with one `user_id` each, or those given by `seq`. */
export function batchOf(
  subjects: number | Readonly<Record<number, readonly string[]>>,
  context?: TestContext,
  changes: { readonly kind?: SubjectKind; readonly type?: string; readonly except?: readonly number[] } = {},
): Batch {
  const { kind = 'user', type = 'user_id', except = [] } = changes;
  const bySeq =
    typeof subjects === 'number'
      ? Array.from({ length: subjects }, (_, index) => [index + 1, [`u-${index + 1}`]] as const)
      : Object.entries(subjects).map(([seq, values]) => [Number(seq), values] as const);
  const rows = bySeq
    .filter(([seq]) => !except.includes(seq))
    .flatMap(([seq, values]) => values.map((value) => ({ seq, identity: { type, value: [value] } })));
  return {
    requestId: `req_${randomBytes(16).toString('hex')}`,
    kind,
    batch: 'b1',
    firstSeq: 1,
    lastSeq: Math.max(1, ...bySeq.map(([seq]) => seq)),
    size: bySeq.length,
    except,
    identities: async function* () {
      yield* rows.map((row) => [row]);
    },
    foreignIds: async function* () {
      for (const [seq, ids] of [...(context?.foreignIds ?? [])].toSorted(([a], [b]) => a - b))
        yield ids.map((id) => ({ seq, id }));
    },
  };
}
