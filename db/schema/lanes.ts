import { bigint, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { lethe, timestamptz } from './lethe.ts';

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
