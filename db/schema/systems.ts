import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { OUTAGE_CODES, STEPS, WAIT_CODES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
import { projects } from './projects.ts';
import { requests } from './requests.ts';

/**
 * The reserved calls of every lane of a system. Written to disk, because a window can last a month and a restart of the
 * database must not start it again. The times of reservations are on the lane's own clock, in epoch milliseconds.
 */
export const lanes = lethe.table(
  'lanes',
  {
    project: text('project').notNull(),
    system: text('system').notNull(),
    name: text('name').notNull(),
    /** The time of the latest reservation. Reservations are in order. */
    reservedAt: bigint('reserved_at', { mode: 'number' }).notNull().default(0),
    /** How far the clock of the lane is behind that of the database, because calls started later than reserved. */
    behindMs: bigint('behind_ms', { mode: 'number' }).notNull().default(0),
    /** No call starts before. Null if the system has never asked for it. */
    postponedUntil: timestamptz('postponed_until'),
    /** Per length of a window in milliseconds, `[time, calls]` of the reservations that still count. */
    used: jsonb('used').$type<Readonly<Record<string, readonly (readonly [number, number])[]>>>().notNull().default({}),
  },
  (table) => [primaryKey({ name: 'lanes_pkey', columns: [table.project, table.system, table.name] })],
);

/**
 * The steps that continue by themselves, without an operator: their system has used up its rate limit, or no step calls it
 * now. A row is deleted when the step succeeds or fails.
 */
export const waits = lethe.table(
  'waits',
  {
    requestId: text('request_id')
      .notNull()
      .references(() => requests.id),
    system: text('system').notNull(),
    step: text('step', { enum: STEPS }).notNull(),
    /** 0 for steps that do not belong to one batch. */
    batch: integer('batch').notNull(),
    code: text('code', { enum: WAIT_CODES }).notNull(),
    project: text('project').notNull(),
    /** The system that no step calls now, `lethe` for the archive storage. Null for a rate limit. */
    stopped: text('stopped'),
    since: timestamptz('since').notNull(),
    /** When the step continues. Null until its system is called again. */
    until: timestamptz('until'),
  },
  (table) => [
    primaryKey({ name: 'waits_pkey', columns: [table.requestId, table.system, table.step, table.batch] }),
    check('waits_step_check', oneOf('step', STEPS)),
    check('waits_code_check', oneOf('code', WAIT_CODES)),
    check('waits_stopped_check', sql`(code = 'system_stopped') = (stopped IS NOT NULL)`),
    index('waits_stopped_idx').on(table.project, table.stopped),
  ],
);

/**
 * The systems whose latest calls failed. The system `lethe` is the archive storage. A row is deleted when the system
 * answers. While it is confirmed, no step calls the system, and one watch probes it for all requests.
 */
export const systemOutages = lethe.table(
  'system_outages',
  {
    project: text('project')
      .notNull()
      .references(() => projects.name),
    system: text('system').notNull(),
    /** What the latest failed call says. */
    code: text('code', { enum: OUTAGE_CODES }).notNull(),
    /** When a call first failed. */
    since: timestamptz('since').notNull(),
    /** When it was known that every call fails. Null while the cause may be one statement or one request. */
    confirmedAt: timestamptz('confirmed_at'),
    /** The first requests whose calls failed since the last call that was answered. Inspections and probes do not count. */
    failedRequests: text('failed_requests').array().notNull().default([]),
    /** How often all steps called the system again because it answered a probe, and a call failed again. */
    trials: integer('trials').notNull().default(0),
    /** Null if no watch probes the system, because it has answered a probe. */
    nextProbeAt: timestamptz('next_probe_at'),
  },
  (table) => [
    primaryKey({ name: 'system_outages_pkey', columns: [table.project, table.system] }),
    check('system_outages_code_check', oneOf('code', OUTAGE_CODES)),
    check('system_outages_probe_check', sql`confirmed_at IS NULL OR next_probe_at IS NOT NULL`),
  ],
);

/** The systems that an operator has paused. No step and no probe calls them. */
export const systemPauses = lethe.table(
  'system_pauses',
  {
    project: text('project')
      .notNull()
      .references(() => projects.name),
    system: text('system').notNull(),
    since: timestamptz('since').notNull(),
    reason: text('reason').notNull(),
    /** The id of the member. */
    pausedBy: text('paused_by').notNull(),
  },
  (table) => [primaryKey({ name: 'system_pauses_pkey', columns: [table.project, table.system] })],
);
