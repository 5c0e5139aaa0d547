import { sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { slots } from '../schema/projects.ts';

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
