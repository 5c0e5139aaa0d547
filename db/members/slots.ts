import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { slots } from '../schema/projects.ts';

/** The slot of a lane of a system. */
export const slotOf = (
  { project, system }: { readonly project: string; readonly system: string },
  lane: string,
): string => `system/${project}/${system}/${lane}`;

/** Allows no call of the slot before a time. */
export async function postponeSlot(database: Database, name: string, until: Date): Promise<void> {
  await database.execute(sql`
    INSERT INTO ${slots} AS slot (name, next_at) VALUES (${name}, ${until})
    ON CONFLICT (name) DO UPDATE SET next_at = greatest(slot.next_at, excluded.next_at)`);
}

/**
 * Reserves the next slot of a system's rate limit and returns its time, until which the caller waits. One statement, so
 * that all processes share the limit.
 */
export async function reserveSlot(
  database: Database,
  name: string,
  input: { readonly now: Date; readonly spacingMs: number },
): Promise<Date> {
  const { now, spacingMs } = input;
  const [slot] = await database.execute<{ at: Date }>(sql`
    INSERT INTO ${slots} AS slot (name, next_at) VALUES (${name}, ${now}::timestamptz + ${spacingMs} * interval '1 millisecond')
    ON CONFLICT (name) DO UPDATE SET next_at = greatest(slot.next_at, ${now}) + ${spacingMs} * interval '1 millisecond'
    RETURNING next_at - ${spacingMs} * interval '1 millisecond' AS at`);
  if (slot === undefined) throw new Error('a slot was not reserved');
  return slot.at;
}
