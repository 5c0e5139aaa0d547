import { z } from 'zod';
import { durationMs } from '../../domain/calendar.ts';
import { parseNetwork } from '../../domain/network/network.ts';
import { SCOPES } from '../../domain/vocabulary.ts';
import { isEnvName } from './auth/schemes.ts';
import type { Auth } from './auth/auth.ts';

const duration = z
  .string("must be a duration such as '30 minutes'")
  .refine((text) => (durationMs(text) ?? 0) > 0, "must be a duration such as '30 minutes'");
const work = z.custom<() => unknown>((value) => typeof value === 'function', 'must be a function');
const calls = z.int('must be a whole number').min(1, 'must be at least 1');
const envName = z.custom(isEnvName, "must be env('NAME')");
const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,40}$/, 'a name has letters, digits, - and _, and begins with a letter');

const WINDOW = 'must be one of { every }, { perMinute }, { per10Minutes }, { perHour }, { perDay } and { perMonth }';
const window = z.union(
  [
    z.strictObject({ every: duration }),
    z.strictObject({ perMinute: calls }),
    z.strictObject({ per10Minutes: calls }),
    z.strictObject({ perHour: calls }),
    z.strictObject({ perDay: calls }),
    z.strictObject({ perMonth: calls }),
  ],
  WINDOW,
);
const windows = z.array(window).min(1, 'must have at least one window');

const match = z.enum(['exact', 'caseInsensitive', 'uuid', 'integer'], {
  error: "must be 'exact', 'caseInsensitive', 'uuid' or 'integer'",
});
const typeName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'an identity type has letters, digits and _, and begins with a letter');

const kind = z
  .strictObject({
    identities: z
      .record(typeName, z.strictObject({ match: match.optional(), parts: calls.max(8).optional() }))
      .refine((types) => Object.keys(types).length > 0, 'must name at least one identity type'),
    batchSize: calls.max(10_000, 'must be at most 10 000'),
    maxBatchSize: calls.optional(),
    at: z.enum(['once', 'each'], { error: "must be 'once' or 'each'" }).optional(),
    table: name.optional(),
  })
  .superRefine(({ batchSize, maxBatchSize, at }, context) => {
    if (maxBatchSize !== undefined && batchSize > maxBatchSize && at !== 'each')
      context.addIssue({
        code: 'custom',
        path: ['batchSize'],
        message: `must be at most ${maxBatchSize}, the most that the system takes in one call`,
      });
  });

export const isAuth = (value: unknown): value is Auth =>
  typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function';
const AUTH =
  "must be made by bearer, basic, header, query, oauth2, jwt, login, sign or hmac, such as bearer(env('TOKEN'))";
const auth = z.union([z.custom<Auth>(isAuth, AUTH), z.array(z.custom<Auth>(isAuth, AUTH))], AUTH);
const headers = z.record(
  z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_|~-]+$/, 'is not the name of a header'),
  z.string().regex(/^[\x20-\x7e]*$/, 'must be a text of ASCII characters'),
);
const url = z.string("must be a URL such as 'https://api.example.com'");

const rowTable = z.strictObject({
  about: z.string().optional(),
  columns: z.record(z.string().min(1), z.string()).optional(),
  read: work,
});

export const settingsSchema = z.strictObject({
  at: url,
  auth: auth.optional(),
  headers: headers.optional(),
  hosts: z.record(name, z.strictObject({ at: url, auth: auth.optional(), headers: headers.optional() })).optional(),
  allowPrivate: z
    .array(
      z.string().refine((text) => parseNetwork(text) !== null, 'must be an IP address or a range such as 10.0.0.0/8'),
    )
    .optional(),
  secrets: z.record(name, envName).optional(),
  version: z.string('must be a text such as a date').min(1, 'must not be empty'),
  pace: z
    .union([windows, z.record(name, windows)], `must be a list of windows, or one list per lane; a window ${WINDOW}`)
    .optional(),
  kinds: z
    .strictObject({ user: kind.optional(), company: kind.optional() })
    .refine(({ user, company }) => user !== undefined || company !== undefined, 'must have user or company'),
  scopes: z
    .array(z.enum(SCOPES, { error: "must be 'data', 'categories' or 'sources'" }))
    .refine((scopes) => scopes.includes('data'), "must contain 'data'")
    .optional(),
  timeout: duration.optional(),
  maxAnswerBytes: calls.optional(),
  idempotencyHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'is not the name of a header')
    .optional(),
  completesWithin: duration,
  settle: duration.optional(),
  check: work,
  find: work.optional(),
  erase: work,
  ask: work.optional(),
  left: work.optional(),
  count: work.optional(),
  rows: z
    .union([work, z.record(name, rowTable)], 'must be a function, or { about, columns, read } per table')
    .optional(),
  hide: work.optional(),
  restore: work.optional(),
  suppress: work.optional(),
});
