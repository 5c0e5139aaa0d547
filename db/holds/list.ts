import { and, desc, eq, getColumns, lt, type SQL, sql } from 'drizzle-orm';
import { HOLD_STATES, type SubjectKind } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { HOLD_STATE, holds } from '../schema/holds.ts';
import { kindsAndStates } from '../sql.ts';

/** A legal hold as callers see it, without digests. */
export interface HoldRow extends Readonly<Omit<typeof holds.$inferSelect, 'project'>> {}

/** The conditions of a page of holds. Absent conditions exclude nothing. */
export interface HoldFilter {
  readonly state?: (typeof HOLD_STATES)[number] | undefined;
  readonly kind?: SubjectKind | undefined;
  readonly caseRef?: string | undefined;
}

/** A page of a project's holds. `after` is the last hold of the previous page. */
export interface HoldPage {
  readonly project: string;
  readonly filter: HoldFilter;
  readonly after: string | null;
  readonly limit: number;
}

/** Lists holds, newest first. IDs are in the order of creation. */
export const listHolds = async (queries: Queries, page: HoldPage): Promise<readonly HoldRow[]> => {
  const { filter, limit } = page;
  const { state, kind, caseRef } = filter;
  const pageOf = (...conditions: readonly (SQL | undefined)[]) =>
    queries
      .select(columns)
      .from(holds)
      .where(
        and(eq(holds.project, page.project), page.after === null ? undefined : lt(holds.id, page.after), ...conditions),
      )
      .orderBy(desc(holds.id))
      .limit(limit);
  if (caseRef !== undefined)
    return pageOf(
      eq(holds.caseRef, caseRef),
      kind === undefined ? undefined : eq(holds.kind, kind),
      state === undefined ? undefined : sql`${HOLD_STATE} = ${state}`,
    );
  const found = pageOf(sql`${holds.kind} = kinds.kind`, sql`${HOLD_STATE} = states.state`).as('found');
  return queries
    .select(getColumns(found))
    .from(kindsAndStates(filter, HOLD_STATES))
    .crossJoinLateral(found)
    .orderBy(desc(found.id))
    .limit(limit);
};

/** Reads a hold of the project. Null if the project has no hold with this id. */
export async function readHold(queries: Queries, project: string, id: string): Promise<HoldRow | null> {
  const [row] = await queries
    .select(columns)
    .from(holds)
    .where(and(eq(holds.id, id), eq(holds.project, project)));
  return row ?? null;
}

const { project: _project, ...columns } = getColumns(holds);
