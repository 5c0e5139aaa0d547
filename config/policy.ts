import { z } from 'zod';
import { configMessage } from '../connectors/config-messages.ts';
import type { ConfigError } from '../connectors/connector.ts';
import { DAY_MS, HOUR_MS, durationMs, timeOfDayMs } from '../domain/calendar.ts';
import { settleMsFor, type SystemEntry } from '../domain/catalog.ts';
import {
  DEFAULT_CALLS_PER_MINUTE,
  DEFAULT_EXPORTS_KEPT_MS,
  DEFAULT_GROWTH,
  normalizeRegulation,
  type Policy,
} from '../domain/policy.ts';
import { checkUnknownKeys, joinPath } from './checks.ts';

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
const POSITIVE_INTEGER = 'must be a whole number of at least 1';
const limit = z.int(POSITIVE_INTEGER).min(1, POSITIVE_INTEGER);
const DEADLINE = "must name at least one regulation and its deadline, such as { gdpr: '30 days' }";

/** Regulations are the same in any case, so each may occur in one spelling only. */
function byRegulation(deadline: Readonly<Record<string, number>>, context: z.RefinementCtx): Record<string, number> {
  const normalized = new Map<string, number>();
  for (const [name, ms] of Object.entries(deadline)) {
    const regulation = normalizeRegulation(name);
    if (normalized.has(regulation))
      context.addIssue({ code: 'custom', path: [name], message: `repeats ${regulation}: case makes no difference` });
    normalized.set(regulation, ms);
  }
  return Object.fromEntries(normalized);
}

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
    deadline: z
      .record(z.string(), duration, DEADLINE)
      .refine((deadline) => Object.keys(deadline).length > 0, DEADLINE)
      .transform(byRegulation),
    exports: z
      .object(
        { keptFor: duration.default(DEFAULT_EXPORTS_KEPT_MS), beforeDeletion: z.boolean().default(false) },
        "must be { keptFor: '7 days', beforeDeletion: false }",
      )
      .prefault({}),
    growth: z.number('must be a fraction such as 0.1').min(0, 'must not be negative').default(DEFAULT_GROWTH),
  },
  'must be an object with at least a deadline',
);

/** Returns the policy in milliseconds, or null when it is invalid. Adds the config errors to `errors`. */
export function readPolicy(settings: unknown, path: string, errors: ConfigError[]): Policy | null {
  checkUnknownKeys(settings, Object.keys(schema.shape), path, errors);
  const hardDeletion = z.object({ hardDeletion: z.looseObject({}) }).safeParse(settings).data?.hardDeletion;
  checkUnknownKeys(hardDeletion, ['dailyAt', 'quotaPerRun'], `${path}.hardDeletion`, errors);
  const { exports } = z.object({ exports: z.looseObject({}) }).safeParse(settings).data ?? {};
  checkUnknownKeys(exports, ['keptFor', 'beforeDeletion'], `${path}.exports`, errors);
  if (hardDeletion?.['quotaPerRun'] !== undefined && hardDeletion['dailyAt'] === undefined) {
    errors.push({
      path: `${path}.hardDeletion.quotaPerRun`,
      message: 'needs hardDeletion.dailyAt: the quota is counted per daily run',
    });
  }
  const parsed = schema.safeParse(settings, { error: configMessage });
  if (!parsed.success) {
    errors.push(
      ...parsed.error.issues.map((issue) => ({
        path: issue.path.reduce<string>((parent, key) => joinPath(parent, String(key)), path),
        message: issue.message,
      })),
    );
    return null;
  }
  const { gracePeriod, hardDeletion: runs, settle, deadline, exports: archives, ...limits } = parsed.data;
  return {
    ...limits,
    graceMs: gracePeriod,
    window: runs.dailyAt === undefined ? null : { dailyAtMs: runs.dailyAt },
    quotaPerRun: runs.quotaPerRun ?? null,
    settleMs: settle,
    deadlineMs: deadline,
    exportsKeptMs: archives.keptFor,
    exportFirst: archives.beforeDeletion,
  };
}

/** Reports deadlines that no request can meet (rule 12). */
export function checkDeadlines(policy: Policy, systems: readonly SystemEntry[], path: string): ConfigError[] {
  const slowestMs = systems.map((system) => system.completesWithinMs + settleMsFor(policy, system));
  const neededMs = policy.graceMs + Math.max(policy.settleMs, ...slowestMs);
  return Object.entries(policy.deadlineMs).flatMap(([regulation, deadlineMs]) =>
    neededMs <= deadlineMs
      ? []
      : [
          {
            path: `${path}.deadline.${regulation}`,
            message: `is ${days(deadlineMs)}, but gracePeriod, the slowest system and settle need ${days(neededMs)}`,
          },
        ],
  );
}

function days(ms: number): string {
  const count = Number((ms / DAY_MS).toFixed(2));
  return count === 1 ? '1 day' : `${count} days`;
}

/** Reports kinds that no system exports when `beforeDeletion` is set: they would be deleted without an archive (rule 18). */
export function checkExports(policy: Policy, systems: readonly SystemEntry[], path: string): ConfigError[] {
  if (!policy.exportFirst) return [];
  const kinds = [...new Set(systems.flatMap((system) => system.kinds))];
  return kinds
    .filter((kind) => !systems.some((system) => system.exports && system.kinds.includes(kind)))
    .map((kind) => ({
      path: `${path}.exports.beforeDeletion`,
      message: `no system can export subjects of kind ${kind}`,
    }));
}
