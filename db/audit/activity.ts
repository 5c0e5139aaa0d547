import { and, asc, desc, eq, getColumns, gt, gte, lt, type SQL, sql } from 'drizzle-orm';
import type { RequestKind } from '../../domain/vocabulary.ts';
import type { Queries } from '../client.ts';
import { auditEvents } from '../schema/audit.ts';
import { members } from '../schema/members.ts';
import { requests } from '../schema/requests.ts';
import { textArray } from '../sql.ts';

/** One audit event, with the name of the member that acted. */
export interface Activity extends Readonly<Omit<typeof auditEvents.$inferSelect, 'project'>> {
  /** Null if the actor is not a member. */
  readonly actorName: string | null;
}

/** The conditions of a page of events. Absent conditions exclude nothing. */
export interface ActivityFilter {
  readonly requestId?: string | undefined;
  readonly actor?: string | undefined;
  /** `noun.past_verb`, or `noun.*`. */
  readonly action?: string | undefined;
  readonly from?: Date | undefined;
  readonly before?: Date | undefined;
}

/** The last event of the previous page. */
export type AfterActivity = Pick<Activity, 'id' | 'at'>;

/** A page of a project's audit events. */
export interface ActivityPage {
  readonly project: string;
  /** The request kinds of the caller's token. Events of other requests are left out. Null for all kinds. */
  readonly kinds: readonly RequestKind[] | null;
  readonly filter: ActivityFilter;
  readonly after: AfterActivity | null;
  readonly limit: number;
}

/** Lists the events of a project, newest first. */
export const listActivity = async (queries: Queries, page: ActivityPage): Promise<readonly Activity[]> =>
  selectEvents(queries).where(matchesPage(page)).orderBy(desc(auditEvents.at), desc(auditEvents.id)).limit(page.limit);

/** Lists the events of one request in the order in which they were recorded. */
export const requestLog = async (
  queries: Queries,
  page: { readonly requestId: string; readonly after: AfterActivity | null; readonly limit: number },
): Promise<readonly Activity[]> =>
  selectEvents(queries)
    .where(and(eq(auditEvents.requestId, page.requestId), gt(auditEvents.id, page.after?.id ?? 0)))
    .orderBy(asc(auditEvents.id))
    .limit(page.limit);

function selectEvents(queries: Queries) {
  const { project: _project, ...columns } = getColumns(auditEvents);
  return queries
    .select({ ...columns, actorName: members.name })
    .from(auditEvents)
    .leftJoin(members, eq(members.id, auditEvents.actor));
}

/** Omits absent conditions from the statement, so that one plan fits all pages with the same filters. */
function matchesPage({ project, kinds, filter, after }: ActivityPage): SQL | undefined {
  const { requestId, actor, action, from, before } = filter;
  const { at, id } = auditEvents;
  const [noun = '', verb] = action?.split('.') ?? [];
  return and(
    eq(auditEvents.project, project),
    kinds === null
      ? undefined
      : sql`(${auditEvents.requestId} IS NULL OR EXISTS (
          SELECT FROM ${requests} WHERE ${requests.id} = ${auditEvents.requestId} AND ${requests.kind} = ANY(${textArray(kinds)})))`,
    requestId === undefined ? undefined : eq(auditEvents.requestId, requestId),
    actor === undefined ? undefined : eq(auditEvents.actor, actor),
    verb === undefined ? undefined : sql`split_part(${auditEvents.action}, '.', 1) = ${noun}`,
    verb === undefined || verb === '*' ? undefined : eq(auditEvents.action, `${noun}.${verb}`),
    from === undefined ? undefined : gte(at, from),
    before === undefined ? undefined : lt(at, before),
    after === null ? undefined : sql`(${at}, ${id}) < (${after.at}, ${after.id})`,
  );
}
