import { createHash } from 'node:crypto';
import type { Scope } from '../../../domain/vocabulary.ts';
import { type ApiOptions, createApi } from '../calls/api.ts';
import type { Api } from '../calls/types.ts';
import type { Batch, ConnectorContext, HardDeletion } from '../../connector.ts';
import { HttpError } from '../failure.ts';
import type { About, AnyHttpSettings, KindSettings } from '../settings.ts';

/** An opened system. Every verb takes it as its first argument. */
export interface Context {
  readonly settings: AnyHttpSettings;
  readonly api: ApiOptions;
}

/** What one call of a verb needs. */
export interface Call {
  readonly context: Context;
  readonly activity: ConnectorContext;
  readonly kind: KindSettings;
  readonly batch: Batch;
  readonly about: About;
}

/** A call of `hardDelete`. `now` is the clock of the deletion, which begins at its `at`. */
export interface Deleting extends Call {
  readonly deletion: HardDeletion;
  now(): number;
}

/** Throws for a kind or a scope that the connector does not have. */
export function callOf(context: Context, batch: Batch, scope: Scope, activity: ConnectorContext): Call {
  activity.signal.throwIfAborted();
  const { kinds, scopes = ['data'] } = context.settings;
  const kind = kinds[batch.kind];
  if (kind === undefined) throw new HttpError('unknown_kind');
  if (!scopes.includes(scope)) throw new HttpError('unsupported_scope');
  return { context, activity, kind, batch, about: { kind: batch.kind, scope, signal: activity.signal } };
}

/** The lane of a call that names none. */
export type Lane = 'read' | 'erase';

/** The api of functions that only read, or that change something outside a deletion. */
export const apiFor = ({ context, activity, batch }: Call, lane: Lane): Api =>
  createApi(context.api, {
    context: activity,
    lane,
    keyOf: (call) => uuidOf(`${batch.requestId} ${batch.batch} ${lane} ${call}`),
  });

/** A UUID (version 8) that is the same for the same text. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return parts.join('-');
}

export const tableOf = ({ table = 'records' }: KindSettings): string => table;
