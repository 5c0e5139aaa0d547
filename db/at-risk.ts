import type { Queries } from './client.ts';

/** Of an open request: it cannot meet its due date, or has not. A fragment over the columns of lethe.requests. */
export const atRisk = (queries: Queries, now: Date) =>
  queries`(concluded_at IS NULL AND (estimated_completion_at > due_at OR due_at < ${now}))`;
