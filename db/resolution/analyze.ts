import type { Database } from '../client.ts';

/** After a bulk of new rows the planner is told, rather than left to guess until autovacuum comes by. */
export async function analyseAfter(database: Database, subjects: number): Promise<void> {
  if (subjects > MANY) await database.unsafe(ANALYSE);
}

const ANALYSE =
  'ANALYZE lethe.subjects, lethe.matches, lethe.subject_identities, lethe.identity_digests, lethe.submitted_identities';
const MANY = 1_000;
