import { z } from 'zod';
import type { ConfigError } from '../connectors/connector.ts';
import { DAY_MS, HOUR_MS, durationMs, timeOfDayMs } from '../domain/calendar.ts';
import type { SystemEntry } from '../domain/catalog.ts';
import { DEFAULT_CALLS_PER_MINUTE, DEFAULT_EXPORTS_KEPT_MS, DEFAULT_GROWTH, type Policy } from '../domain/policy.ts';
import { at, unknownKeys } from './shape.ts';

const DURATION = "must be a duration such as '14 days'";
const duration = z.string(DURATION).transform((text, context) => {
  const ms = durationMs(text);
  if (ms === null) context.addIssue({ code: 'custom', message: DURATION });
  return ms ?? 0;
});
const TIME_OF_DAY = "must be a time of day in UTC such as '02:00'";
const timeOfDay = z.string(TIME_OF_DAY).transform((text, context) => {
  const ms = timeOfDayMs(text);
  if (ms === null) context.addIssue({ code: 'custom', message: TIME_OF_DAY });
  return ms ?? 0;
});
const WHOLE = 'must be a whole number of at least 1';
const limit = z.int(WHOLE).min(1, WHOLE);
const DEADLINE = "must name at least one regulation and its deadline, such as { gdpr: '30 days' }";

const schema = z.object(
  {
    gracePeriod: duration.default(14 * DAY_MS),
    hardDeletion: z
      .object(
        { dailyAt: timeOfDay.optional(), quotaPerRun: limit.optional() },
        "must be { dailyAt: 'HH:MM', quotaPerRun: number } or {}",
      )
      .default({ dailyAt: 2 * HOUR_MS, quotaPerRun: 10_000 }),
    settle: duration.default(DAY_MS),
    subjectsPerRequest: limit.default(2_000),
    subjectsPerUpload: limit.default(10_000),
    subjectsPerSegment: limit.default(50_000),
    callsPerMinute: limit.default(DEFAULT_CALLS_PER_MINUTE),
    deadline: z.record(z.string(), duration, DEADLINE).refine((deadline) => Object.keys(deadline).length > 0, DEADLINE),
    exports: z
      .object(
        { keptFor: duration.default(DEFAULT_EXPORTS_KEPT_MS), beforeDeletion: z.boolean().default(false) },
        "must be { keptFor: '7 days', beforeDeletion: false }",
      )
      .prefault({}),
    growth: z.number('must be a part such as 0.1').min(0, 'must not be negative').default(DEFAULT_GROWTH),
  },
  'must be an object with at least a deadline',
);

/** `policy` in milliseconds. Null when it is invalid; the reasons are added to `errors`. */
export function readPolicy(settings: unknown, path: string, errors: ConfigError[]): Policy | null {
  unknownKeys(settings, Object.keys(schema.shape), path, errors);
  const window = z.object({ hardDeletion: z.looseObject({}) }).safeParse(settings).data?.hardDeletion;
  unknownKeys(window, ['dailyAt', 'quotaPerRun'], `${path}.hardDeletion`, errors);
  const { exports } = z.object({ exports: z.looseObject({}) }).safeParse(settings).data ?? {};
  unknownKeys(exports, ['keptFor', 'beforeDeletion'], `${path}.exports`, errors);
  if (window?.['quotaPerRun'] !== undefined && window['dailyAt'] === undefined) {
    errors.push({
      path: `${path}.hardDeletion.quotaPerRun`,
      message: 'is counted per run, and without dailyAt there are no runs',
    });
  }
  const parsed = schema.safeParse(settings);
  if (!parsed.success) {
    errors.push(
      ...parsed.error.issues.map((issue) => ({
        path: issue.path.reduce<string>((p, key) => at(p, String(key)), path),
        message: issue.message,
      })),
    );
    return null;
  }
  const { gracePeriod, hardDeletion, settle, deadline, exports: archives, ...limits } = parsed.data;
  return {
    ...limits,
    graceMs: gracePeriod,
    window: hardDeletion.dailyAt === undefined ? null : { dailyAtMs: hardDeletion.dailyAt },
    quotaPerRun: hardDeletion.quotaPerRun ?? null,
    settleMs: settle,
    deadlineMs: deadline,
    exportsKeptMs: archives.keptFor,
    exportFirst: archives.beforeDeletion,
  };
}

/** Rule 12: a deadline that the policy itself makes impossible is an error of the configuration, not of a request. */
export function checkDeadlines(policy: Policy, systems: readonly SystemEntry[], path: string): ConfigError[] {
  const slowestMs = Math.max(0, ...systems.map((system) => system.completesWithinMs));
  const neededMs = policy.graceMs + slowestMs + policy.settleMs;
  return Object.entries(policy.deadlineMs).flatMap(([regulation, deadlineMs]) =>
    neededMs <= deadlineMs
      ? []
      : [
          {
            path: `${path}.deadline.${regulation}`,
            message: `is ${days(deadlineMs)}, but grace period, slowest system and settle take ${days(neededMs)}`,
          },
        ],
  );
}

const days = (ms: number): string => `${Number((ms / DAY_MS).toFixed(2))} day(s)`;

/** Rule 18: what no system can hand out is in no archive, and would be deleted as if it were. */
export function checkExports(policy: Policy, systems: readonly SystemEntry[], path: string): ConfigError[] {
  if (!policy.exportFirst) return [];
  const kinds = [...new Set(systems.flatMap((system) => system.kinds))];
  return kinds
    .filter((kind) => !systems.some((system) => system.exports && system.kinds.includes(kind)))
    .map((kind) => ({
      path: `${path}.exports.beforeDeletion`,
      message: `cannot be kept for subjects of kind ${kind}: no system can hand them out`,
    }));
}
