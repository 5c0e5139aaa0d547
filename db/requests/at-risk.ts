import { type SQL, sql } from 'drizzle-orm';

/**
 * Of an open request that has not been answered: it cannot meet its due date, or has not. A fragment over the columns of
 * lethe.requests.
 */
export const atRisk = (now: Date): SQL =>
  sql`(concluded_at IS NULL AND status NOT IN ('ready', 'expired') AND (estimated_completion_at > due_at OR due_at < ${now}))`;
