import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Queries } from '../client.ts';
import { archives } from '../schema/exports.ts';
import { requests } from '../schema/requests.ts';
import { subjects } from '../schema/subjects.ts';

/** An export that a deletion waits for, as status and receipt list it. The timestamps are null until it is ready. */
export type Backup = Readonly<Awaited<ReturnType<typeof readBackups>>[number]>;

/** Reads the exports of a deletion, oldest first. */
export const readBackups = async (queries: Queries, deletion: string) =>
  queries
    .select({
      requestId: requests.id,
      status: requests.status,
      readyAt: archives.readyAt,
      expiresAt: archives.expiresAt,
      subjects: queries.$count(
        subjects,
        and(eq(subjects.requestId, requests.id), inArray(subjects.state, ['selected', 'exported'])),
      ),
    })
    .from(requests)
    .leftJoin(
      archives,
      and(
        eq(archives.requestId, requests.id),
        sql`${archives.requestId} = ANY(ARRAY(SELECT id FROM ${requests} backup WHERE backup.backup_of = ${deletion}))`,
      ),
    )
    .where(eq(requests.backupOf, deletion))
    .orderBy(asc(requests.receivedAt), asc(requests.id));
