import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import { subjects } from '../schema/subjects.ts';
import { intArray } from '../sql.ts';

/** A condition on `subjects`. */
export type Selected = SQL | undefined;

// The subjects of a request that one call of a connector is about, as conditions on `subjects`.

/** The subjects of a claimed batch, without those that the call leaves out. */
export const isClaimedIn = (batch: number, except: readonly number[]): SQL =>
  sql`${subjects.batch} = ${batch} AND ${subjects.seq} <> ALL (${intArray(except)})`;

/** The subjects whose rows are counted for a confirmation. */
export const IS_PROPOSED = sql`${subjects.state} = 'proposed' AND (${subjects.known} OR ${subjects.present})`;

/** The subjects of an export. */
export const IS_SELECTED = sql`${subjects.state} = 'selected'`;

/** The subjects that the directory does not know. */
export const IS_UNKNOWN = sql`NOT ${subjects.known} AND ${subjects.state} IN ('proposed', 'resolved', 'selected')`;

export interface VisibilityChange {
  /** The generation that the system has applied. */
  readonly after: number;
  readonly hidden: boolean;
}

/** The subjects whose desired visibility changed after a generation. */
export const isChanged = ({ after, hidden }: VisibilityChange): SQL | undefined =>
  and(
    gt(subjects.generation, after),
    eq(subjects.hidden, hidden),
    sql`${subjects.state} IN ('resolved', 'soft_deleted', 'claimed', 'cancelling')`,
    eq(subjects.present, true),
  );
