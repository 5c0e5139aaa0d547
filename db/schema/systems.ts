import { bigint, check, integer, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { STEPS, WAIT_CODES } from '../../domain/vocabulary.ts';
import { lethe, oneOf, timestamptz } from './lethe.ts';
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
 * The steps that continue by themselves, such as one whose system has used up its rate limit, without an operator. A row is
 * deleted when the step succeeds or fails.
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
    since: timestamptz('since').notNull(),
    /** When the step continues. Null until its system is called again. */
    until: timestamptz('until'),
  },
  (table) => [
    primaryKey({ name: 'waits_pkey', columns: [table.requestId, table.system, table.step, table.batch] }),
    check('waits_step_check', oneOf('step', STEPS)),
    check('waits_code_check', oneOf('code', WAIT_CODES)),
  ],
);
