import { createHash } from 'node:crypto';
import { DAY_MS, durationMs, HOUR_MS, MINUTE_MS } from '../../domain/calendar.ts';
import { SUBJECT_KINDS, type SubjectKind, type VerificationLevel } from '../../domain/vocabulary.ts';
import type { Description } from '../connector.ts';
import type { Window } from '../../domain/retry/pace.ts';
import type { AnyHttpSettings, KindSettings, PaceWindow } from './settings.ts';

/** The name of the lane when `pace` is one list. Calls of lanes that `pace` does not name use it too. */
export const ALL_CALLS = 'all';

export function describe(settings: AnyHttpSettings): Description {
  const kinds = SUBJECT_KINDS.filter((kind) => settings.kinds[kind] !== undefined);
  const settleMs = settings.settle === undefined ? null : durationMs(settings.settle);
  return {
    kinds,
    identityTypes: Object.fromEntries(kinds.map((kind) => [kind, typesOf(settings.kinds[kind])])),
    actions: {
      resolve: false,
      segments: false,
      hide: settings.hide !== undefined && settings.restore !== undefined,
      restore: settings.restore !== undefined,
      export: settings.rows !== undefined,
      count: settings.count !== undefined,
      suppress: settings.suppress !== undefined,
      scopes: settings.scopes ?? ['data'],
    },
    limits: {
      batchSize: Math.max(...kinds.map((kind) => settings.kinds[kind]?.batchSize ?? 1)),
      lanes: lanesOf(settings.pace),
    },
    verification: levelOf(settings),
    ...(settleMs === null ? {} : { settleMs }),
    completesWithinMs: durationMs(settings.completesWithin) ?? 0,
    dataMapHash: dataMapHash(settings, kinds),
  };
}

const typesOf = (kind: KindSettings | undefined): Description['identityTypes'][SubjectKind] =>
  Object.fromEntries(
    Object.entries(kind?.identities ?? {}).map(([type, { match = 'exact', parts = 1 }]) => [
      type,
      { comparison: match, parts },
    ]),
  );

/** What the functions say decides what a receipt may say. */
function levelOf({ left, ask }: AnyHttpSettings): VerificationLevel {
  if (left !== undefined) return 'reads';
  return ask === undefined ? 'none' : 'attested';
}

export const lanesOf = (pace: AnyHttpSettings['pace']): Readonly<Record<string, readonly Window[]>> =>
  pace === undefined
    ? {}
    : mapValues(isOneLane(pace) ? { [ALL_CALLS]: pace } : pace, (windows) => windows.map(windowOf));

const isOneLane = (pace: NonNullable<AnyHttpSettings['pace']>): pace is readonly PaceWindow[] => Array.isArray(pace);

const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));

function windowOf(window: PaceWindow): Window {
  if ('every' in window) return { calls: 1, perMs: durationMs(window.every) ?? 0 };
  if ('perMinute' in window) return { calls: window.perMinute, perMs: MINUTE_MS };
  if ('per10Minutes' in window) return { calls: window.per10Minutes, perMs: 10 * MINUTE_MS };
  if ('perHour' in window) return { calls: window.perHour, perMs: HOUR_MS };
  if ('perDay' in window) return { calls: window.perDay, perMs: DAY_MS };
  return { calls: window.perMonth, perMs: 31 * DAY_MS };
}

/** The text of a function says nothing about what it does elsewhere, so `version` stands for the functions. */
const dataMapHash = (settings: AnyHttpSettings, kinds: readonly SubjectKind[]): string =>
  createHash('sha256')
    .update(JSON.stringify([settings.version, settings.at, kinds.map((kind) => [kind, typesOf(settings.kinds[kind])])]))
    .digest('hex');
